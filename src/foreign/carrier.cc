#include "foreign/carrier.h"

#include <algorithm>
#include <cstddef>

namespace weir::foreign {
namespace {

bool digits_at(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return false;
  return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at),
                     text.begin() + static_cast<std::ptrdiff_t>(at + count),
                     [](char c) { return c >= '0' && c <= '9'; });
}

// Takes the words up to the next space off the front.
std::string_view word(std::string_view& text) {
  const std::size_t space = std::min(text.find(' '), text.size());
  const std::string_view result = text.substr(0, space);
  text.remove_prefix(std::min(text.size(), space + 1));
  return result;
}

bool cri(std::string_view line, Carried& out) {
  if (line.size() < 30) return false;
  (void)word(line);
  const std::string_view stream = word(line);
  if (stream != "stdout" && stream != "stderr") return false;
  const std::string_view tag = word(line);
  if (tag != "F" && tag != "P") return false;
  out = {.carrier = Carrier::cri, .line = line, .partial = tag == "P"};
  return true;
}

bool compose(std::string_view line, Carried& out) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  std::size_t at = 0;
  while (at < line.size() && fits(line[at])) ++at;
  if (at == 0 || at == line.size() || line[at] != ' ') return false;
  while (at < line.size() && line[at] == ' ') ++at;
  if (!line.substr(at).starts_with("| ")) return false;
  out = {.carrier = Carrier::compose, .line = line.substr(at + 2)};
  return true;
}

bool priority(std::string_view& line) {
  if (!line.starts_with('<')) return false;
  const std::size_t close = line.substr(0, 6).find('>');
  if (close == std::string_view::npos || close < 2 || !digits_at(line, 1, close - 1)) return false;
  line.remove_prefix(close + 1);
  return true;
}

// "Feb 25 16:19:49 " or "2019-02-25T16:19:49.123+01:00 "
bool has_syslog_time(std::string_view line) {
  return line.size() > 16 && line[3] == ' ' && line[6] == ' ' && line[9] == ':' &&
         line[12] == ':' && line[15] == ' ';
}
bool has_iso_time(std::string_view line) {
  return line.size() > 20 && digits_at(line, 0, 4) && line[4] == '-' && line[10] == 'T';
}

bool syslog(std::string_view line, Carried& out) {
  if (has_syslog_time(line)) {
    line.remove_prefix(16);
  } else if (has_iso_time(line)) {
    (void)word(line);
  } else {
    return false;
  }
  // The host may be left out: the tag ends with a colon.
  for (int i = 0; i < 2; ++i) {
    const std::string_view part = word(line);
    if (part.empty()) return false;
    if (!part.ends_with(':')) continue;
    out = {.carrier = Carrier::syslog, .line = line};
    return true;
  }
  return false;
}

bool syslog5(std::string_view line, Carried& out) {
  for (int i = 0; i < 5; ++i) {  // time, host, program, process, message id
    if (word(line).empty()) return false;
  }
  if (line.starts_with("- ")) {
    out = {.carrier = Carrier::syslog, .line = line.substr(2)};
    return true;
  }
  while (
      line.starts_with('[')) {  // structured data; a ] inside a value is escaped (RFC 5424 6.3.3)
    std::size_t close = 1;
    while (close < line.size() && (line[close] != ']' || line[close - 1] == '\\')) ++close;
    if (close >= line.size()) return false;
    line.remove_prefix(close + 1);
  }
  if (!line.starts_with(' ')) return false;
  out = {.carrier = Carrier::syslog, .line = line.substr(1)};
  return true;
}

}  // namespace

Carried carried(std::string_view line) {
  Carried out{.carrier = Carrier::none, .line = line};
  if (line.size() < 2) return out;
  const char first = line.front();
  if (first >= '0' && first <= '9') {
    if (has_iso_time(line) && !cri(line, out)) (void)syslog(line, out);
  } else if (first == '"') {
    if (line.back() == '"')
      out = {.carrier = Carrier::quoted, .line = line.substr(1, line.size() - 2)};
  } else if (first == '<') {
    std::string_view rest = line;
    if (priority(rest))
      (void)(rest.starts_with("1 ") ? syslog5(rest.substr(2), out) : syslog(rest, out));
  } else if (has_syslog_time(line)) {
    (void)syslog(line, out);
  } else if (first != '{' && first != '[') {
    (void)compose(line, out);
  }
  return out;
}

}  // namespace weir::foreign
