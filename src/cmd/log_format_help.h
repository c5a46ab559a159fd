// `weir help log-format`.
#pragma once

#include <string>

namespace weir::cmd {

std::string log_format_help();

}  // namespace weir::cmd
