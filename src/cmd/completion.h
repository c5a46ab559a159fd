// Completion scripts, made from the commands as they are declared.
#pragma once

#include <string>
#include <string_view>

#include "cmd/command.h"

namespace weir::cmd {

// For bash, zsh or fish; "" for another shell.
std::string completion_script(const Command& root, std::string_view shell);

}  // namespace weir::cmd
