#include "config/clean_text.h"

#include <fmt/core.h>

#include <cstddef>

namespace weir::config {
namespace {

// The length of the UTF-8 sequence at the start of `text` (RFC 3629), or 0 when it is none.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2) || (lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F))
      return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3) || (lead == 0xF0 && at(1) < 0x90) ||
        (lead == 0xF4 && at(1) > 0x8F))
      return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool clean_text(std::uint16_t file, std::string_view text, Diagnostics& diagnostics) {
  Span at{.file = file, .line = 1, .column = 1, .length = 1};
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      diagnostics.add(Rule::encoding, at, fmt::format("byte 0x{:02x} is not UTF-8", byte),
                      "save the file as UTF-8");
      return false;
    }
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      diagnostics.add(Rule::encoding, at, fmt::format("control byte 0x{:02x}", byte),
                      fmt::format("remove it, or write \"\\x{:02x}\" in double quotes", byte));
      return false;
    }
    const bool line_end =
        byte == '\n' || (byte == '\r' && (i + 1 >= text.size() || text[i + 1] != '\n'));
    at.line += line_end ? 1 : 0;
    at.column = line_end ? 1 : at.column + 1;
    i += length;
  }
  return true;
}

}  // namespace weir::config
