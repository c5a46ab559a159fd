// Is a text clean UTF-8 (RFC 3629) without control characters but tab and line ends? Nothing else
// is given to a parser.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/diagnostic.h"

namespace weir::config {

// False after one error, at the first byte that is not.
bool clean_text(std::uint16_t file, std::string_view text, Diagnostics& diagnostics);

}  // namespace weir::config
