// A YAML scalar in double quotes (YAML 1.2.2, 5.7 and 7.3.1) of any bytes: quotes, backslashes and control characters are
// escaped, all others stand as they are.
#pragma once

#include <string>
#include <string_view>

namespace weir {

std::string yaml_quoted(std::string_view text);

}  // namespace weir
