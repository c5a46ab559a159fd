// Finding the configuration and, through it, the admin socket of the gateway that runs it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cmd/shared_options.h"
#include "config/compile.h"

namespace weir::cmd {

// `given`, else ./gateway.yaml, else /etc/weir/gateway.yaml; an error that says what to do when
// there is none.
Result<std::string> find_configuration(const std::string& given);

// $STATE_DIRECTORY, "" where it is not set.
std::string state_directory();

// The data_dir that it writes, else the one that a gateway takes where none is written.
std::string data_dir_of(const config::Input& input);

// Where the gateway's admin socket should be. Without any configuration: in ./weir-data, where `run
// --to` puts it.
Result<std::string> find_socket(const Where& where);

// A data_dir: `given`, else that of the configuration `config`.
Result<std::string> find_data_dir(const std::string& given, const std::string& config);

// Where a caller directory may stand: with the recordings that are read, else where the
// configuration that runs or is judged keeps its state.
std::vector<std::string> caller_directories(const std::vector<std::string>& recordings,
                                            const std::string& config);

}  // namespace weir::cmd
