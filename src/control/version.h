// The version of the program, as `weir version`, reports and metrics say it. The same as in
// CMakeLists.txt.
#pragma once

#include <string_view>

namespace weir::control {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace weir::control
