#include "foreign/printable.h"

#include <algorithm>
#include <array>

#include "base/yaml_quoted.h"
#include "fmt/core.h"

namespace weir::foreign {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What YAML 1.1 readers or people take for something that is no text.
bool is_special_word(std::string_view text) {
  constexpr std::array<std::string_view, 12> kWords = {
      "true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf", "none"};
  std::string folded(text);
  std::ranges::transform(folded, folded.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  return std::ranges::find(kWords, folded) != kWords.end();
}

// 1e5, 0x1f, 0o17: letters that stand in numbers, behind a digit.
bool looks_like_a_number(std::string_view text) {
  return is_digit(text[0]) && std::ranges::all_of(text, [](char c) {
           return is_digit(c) ||
                  std::string_view("abcdefABCDEFxXo._-").find(c) != std::string_view::npos;
         });
}

// Length of the well-formed UTF-8 sequence at the front (Unicode 3.9, table 3-7), 0 for none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool good = (first != 0xE0 || second >= 0xA0) && (first != 0xED || second < 0xA0) &&
                    (first != 0xF0 || second >= 0x90) && (first != 0xF4 || second < 0x90);
  const bool c1 = first == 0xC2 && second < 0xA0;  // control characters
  return good && !c1 ? length : 0;
}

}  // namespace

std::string printable(std::string_view text, std::size_t longest) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= longest) return out + "…";
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F)
      out += c;
    else
      out += fmt::format("\\x{:02x}", byte);
  }
  return out;
}

std::string yaml_scalar(std::string_view text) {
  const bool starts = !text.empty() && (is_letter(text[0]) || is_digit(text[0]) || text[0] == '/');
  bool plain = starts && !is_special_word(text) && !text.ends_with(':');
  for (std::size_t i = 0; plain && i < text.size(); ++i) {
    const bool colon = text[i] == ':' && text[0] != '/';
    plain = is_letter(text[i]) || is_digit(text[i]) || colon ||
            std::string_view("-._/*").find(text[i]) != std::string_view::npos;
  }
  // Nothing that looks like a number, a date or a time: a letter, a path or an address is in it.
  plain = plain && ((std::ranges::any_of(text, is_letter) && !looks_like_a_number(text)) ||
                    text[0] == '/' || std::ranges::count(text, '.') > 1);
  if (plain) return std::string(text);
  return yaml_quoted(text);
}

bool may_be_quoted(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0 || byte == 0x7F || (byte < 0x20 && byte != '\t' && byte != '\n')) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace weir::foreign
