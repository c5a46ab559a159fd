// Where the state of a gateway lies, worked out from its configuration alone, also from one that
// has errors: the command line must find the admin socket of a running gateway whose file was just
// broken.
#pragma once

#include <string>
#include <string_view>

#include "config/compile.h"

namespace weir::control {

// What `data_dir:` says, made absolute; "" where it says nothing or cannot be read.
std::string written_data_dir(const config::Input& input);

// Where it is left out: the first of `state_directory` (systemd's $STATE_DIRECTORY, separated by
// colons), else weir-data beside the first file, else weir-data in the working directory.
std::string default_data_dir(const config::Input& input, std::string_view state_directory);

}  // namespace weir::control
