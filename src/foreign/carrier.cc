#include "foreign/carrier.h"

#include <algorithm>
#include <cstddef>

namespace weir::foreign {
namespace {

bool digits_at(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(at + count),
                     [](char c) { return c >= '0' && c <= '9'; });
}

// Takes the words up to the next space off the front.
std::string_view word(std::string_view& text) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view result = text.substr(0, space);
  text.remove_prefix(std::min(text.size(), space + 1));
  return result;
}

std::optional<Carried> cri(std::string_view line) {
  if (line.size() < 30 || !digits_at(line, 0, 4) || line[4] != '-' || line[10] != 'T') return std::nullopt;
  (void)word(line);
  const std::string_view stream = word(line);
  if (stream != "stdout" && stream != "stderr") return std::nullopt;
  const std::string_view tag = word(line);
  if (tag != "F" && tag != "P") return std::nullopt;
  return Carried{.line = line, .partial = tag == "P"};
}

std::optional<Carried> compose(std::string_view line) {
  const std::size_t bar = line.substr(0, 80).find("| ");
  if (bar == std::string_view::npos || bar < 2 || line[bar - 1] != ' ') return std::nullopt;
  const std::string_view name = line.substr(0, bar);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  const auto name_end = std::find_if_not(name.begin(), name.end(), fits);
  if (name_end == name.begin() || std::any_of(name_end, name.end(), [](char c) { return c != ' '; })) return std::nullopt;
  return Carried{.line = line.substr(bar + 2)};
}

bool priority(std::string_view& line) {
  if (!line.starts_with('<')) return false;
  const std::size_t close = line.substr(0, 6).find('>');
  if (close == std::string_view::npos || close < 2 || !digits_at(line, 1, close - 1)) return false;
  line.remove_prefix(close + 1);
  return true;
}

std::optional<Carried> syslog(std::string_view line) {
  (void)priority(line);
  // "Feb 25 16:19:49 " or "2019-02-25T16:19:49.123+01:00 "
  if (line.size() > 16 && line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && line[15] == ' ') {
    line.remove_prefix(16);
  } else if (line.size() > 20 && digits_at(line, 0, 4) && line[4] == '-' && line[10] == 'T') {
    (void)word(line);
  } else {
    return std::nullopt;
  }
  // The host may be left out: the tag ends with a colon.
  for (int i = 0; i < 2; ++i) {
    const std::string_view part = word(line);
    if (part.empty()) return std::nullopt;
    if (part.ends_with(':')) return Carried{.line = line};
  }
  return std::nullopt;
}

std::optional<Carried> syslog5(std::string_view line) {
  if (!priority(line) || !line.starts_with("1 ")) return std::nullopt;
  line.remove_prefix(2);
  for (int i = 0; i < 5; ++i) {   // time, host, program, process, message id
    if (word(line).empty()) return std::nullopt;
  }
  if (line.starts_with("- ")) return Carried{.line = line.substr(2)};
  while (line.starts_with('[')) {   // structured data; a ] inside a value is escaped (RFC 5424 6.3.3)
    std::size_t close = 1;
    while (close < line.size() && (line[close] != ']' || line[close - 1] == '\\')) ++close;
    if (close >= line.size()) return std::nullopt;
    line.remove_prefix(close + 1);
  }
  if (!line.starts_with(' ')) return std::nullopt;
  return Carried{.line = line.substr(1)};
}

}  // namespace

std::optional<Carried> carried(std::string_view line, Carrier carrier) {
  switch (carrier) {
    case Carrier::none: return Carried{.line = line};
    case Carrier::cri: return cri(line);
    case Carrier::compose: return compose(line);
    case Carrier::syslog: return syslog(line);
    case Carrier::syslog5: return syslog5(line);
    case Carrier::quoted:
      if (line.size() < 2 || line.front() != '"' || line.back() != '"') return std::nullopt;
      return Carried{.line = line.substr(1, line.size() - 2)};
  }
  return std::nullopt;
}

}  // namespace weir::foreign
