// Shorthands for those who read values: the three kinds of complaint, and a few questions about
// characters.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/values.h"

namespace weir::config {

inline std::unexpected<Complaint> complain(std::string message, std::string remedy) {
  return std::unexpected(Complaint{std::move(message), std::move(remedy), Complaint::Kind::value});
}
// Well written, but out of bounds.
inline std::unexpected<Complaint> beyond(std::string message, std::string remedy) {
  return std::unexpected(Complaint{std::move(message), std::move(remedy), Complaint::Kind::range});
}
// A pattern that no request can match.
inline std::unexpected<Complaint> never(std::string message, std::string remedy) {
  return std::unexpected(Complaint{std::move(message), std::move(remedy), Complaint::Kind::never});
}

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Whole numbers only; nothing for anything else or for more than 18 digits.
std::optional<std::uint64_t> whole_number(std::string_view digits);

}  // namespace weir::config
