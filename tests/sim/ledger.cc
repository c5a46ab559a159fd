#include "ledger.h"

#include <algorithm>

namespace weir::simulated {

std::string token_text(std::size_t number) { return fmt::format("t{:06}", number); }

std::size_t token_in(std::string_view text) {
  for (std::size_t at = text.find('t'); at != std::string_view::npos; at = text.find('t', at + 1)) {
    const std::string_view digits = text.substr(at + 1, 6);
    if (digits.size() < 6 || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::size_t number = 0;
    for (const char c : digits) number = number * 10 + static_cast<std::size_t>(c - '0');
    return number;
  }
  return std::string_view::npos;
}

std::string body_of(std::size_t token, char direction, std::size_t size) {
  constexpr std::size_t kCell = 16;   // "t000042a0000001;"
  std::string cell = token_text(token) + direction + "0000000;";
  std::string body;
  body.reserve(size + kCell);
  for (std::size_t number = 0; body.size() < size; ++number) {
    std::size_t rest = number;
    for (std::size_t place = kCell - 2; place >= kCell - 8; --place, rest /= 10) cell[place] = static_cast<char>('0' + rest % 10);
    body += cell;
  }
  body.resize(size);
  return body;
}

}  // namespace weir::simulated
