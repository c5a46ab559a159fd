// Apache httpd: common and combined, with or without a virtual host, and any LogFormat by its text
// (mod_log_config).
//   LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D" timed
// Unlike nginx, %t is the time at which the request was received, though the line is written at its
// end. Its brackets belong to it. %{…}t may be sec, msec, usec, msec_frac, usec_frac or one of the
// usual strftime formats, after begin: or end:. A `--field` names a directive: %{X-Tenant}i, also
// as X-Tenant alone.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "fmt/core.h"
#include "foreign/recipe.h"

namespace weir::foreign {
namespace {

struct Directive {
  char letter = 0;
  std::string argument;
};

// "%400,501{User-agent}i", "%>s": status lists and < > ! do not change where a value stands.
bool take_directive(std::string_view& text, Directive& out) {
  std::size_t at = 1;
  while (at < text.size() &&
         std::string_view("0123456789,!<>").find(text[at]) != std::string_view::npos)
    ++at;
  if (at < text.size() && text[at] == '{') {
    const std::size_t close = text.find('}', at);
    if (close == std::string_view::npos) return false;
    out.argument = text.substr(at + 1, close - at - 1);
    at = close + 1;
  }
  if (at < text.size() && text[at] == '^') ++at;  // %{…}^ti
  if (at >= text.size()) return false;
  out.letter = text[at];
  text.remove_prefix(at + 1);
  return true;
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Slot header_slot(std::string_view name) {
  if (same_name(name, "Referer")) return Slot::referer;
  if (same_name(name, "User-Agent")) return Slot::agent;
  if (same_name(name, "X-Forwarded-For")) return Slot::forwarded_for;
  if (same_name(name, "X-Request-Id")) return Slot::request_id;
  if (same_name(name, "Host")) return Slot::host;
  return Slot::none;
}

// What %{argument}t writes; none: unknown to us.
Slot time_slot(std::string_view argument) {
  static constexpr std::array<std::pair<std::string_view, Slot>, 14> kFormats = {{
      {"", Slot::time_clf},
      {"sec", Slot::time_s},
      {"msec", Slot::time_ms},
      {"usec", Slot::time_us},
      {"msec_frac", Slot::fraction_ms},
      {"usec_frac", Slot::fraction_us},
      {"%d/%b/%Y:%H:%M:%S %z", Slot::time_clf},
      {"%d/%b/%Y:%T %z", Slot::time_clf},
      {"%Y-%m-%d %H:%M:%S", Slot::time_iso},
      {"%F %T", Slot::time_iso},
      {"%FT%T%z", Slot::time_iso},
      {"%Y-%m-%dT%H:%M:%S%z", Slot::time_iso},
      {"%Y-%m-%dT%H:%M:%S", Slot::time_iso},
      {"%Y-%m-%d %H:%M:%S %z", Slot::time_iso},
  }};
  const auto* const found = std::find_if(kFormats.begin(), kFormats.end(),
                                         [&](const auto& f) { return f.first == argument; });
  return found == kFormats.end() ? Slot::none : found->second;
}

Slot slot_of(const Directive& d) {
  switch (d.letter) {
    case 'h':
      return Slot::client;
    case 'a':
      return d.argument.empty() ? Slot::client : Slot::none;  // %{c}a: the peer, not the client
    case 'u':
      return Slot::user;
    case 'r':
      return Slot::request;
    case 'm':
      return Slot::method;
    case 'U':
      return Slot::path;
    case 'q':
      return Slot::query;
    case 'H':
      return Slot::protocol;
    case 's':
      return Slot::status;
    case 'b':
    case 'B':
    case 'O':
      return Slot::bytes_out;
    case 'I':
      return Slot::bytes_in;
    case 'D':
      return Slot::duration_us;
    case 'T':
      return d.argument == "us"   ? Slot::duration_us
             : d.argument == "ms" ? Slot::duration_ms
                                  : Slot::duration_s;
    case 'v':
    case 'V':
      return Slot::host;
    case 'L':
      return Slot::request_id;
    case 'i':
      return header_slot(d.argument);
    case 'e':
      return d.argument == "UNIQUE_ID" ? Slot::request_id : Slot::none;
    default:
      return Slot::none;
  }
}

// Finer beats coarser, the address beats the name, the Host that was sent beats the server's own
// name.
std::uint8_t rank_of(const Directive& d) {
  switch (d.letter) {
    case 't':
      return d.argument == "usec" ? 3 : d.argument == "msec" ? 2 : 1;
    case 'D':
      return 3;
    case 'T':
      return d.argument == "us" ? 3 : d.argument == "ms" ? 2 : 1;
    case 'a':
    case 'i':
    case 'B':
    case 'b':
      return 2;
    default:
      return 1;
  }
}

// The string of the configuration: without LogFormat and the nickname, its \" and \\ undone.
std::string format_string(std::string_view text) {
  if (text.starts_with("LogFormat"))
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t", 9)));
  if (text.starts_with('"') || text.starts_with('\'')) {
    const char quote = text.front();
    std::size_t close = 1;
    while (close < text.size() && text[close] != quote) close += text[close] == '\\' ? 2 : 1;
    // "%h" "%r": several strings mean that the quotes belong to the format.
    const bool nickname = text.find('"', close + 1) == std::string_view::npos;
    if (close < text.size() && nickname) text = text.substr(1, close - 1);
  }
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char next = text[++i];
      result += next == 't' ? '\t' : next == 'n' ? '\n' : next;
    } else {
      result += text[i];
    }
  }
  return result;
}

// %{end:…}t, taken off: the end of the request.
bool take_end(std::string_view& argument) {
  if (argument.starts_with("begin:")) argument.remove_prefix(6);
  const bool end = argument.starts_with("end:");
  if (end) argument.remove_prefix(4);
  return end;
}

// Whether a format says when a request began: then nothing is asked of when it ended.
bool tells_start(std::string_view rest) {
  for (std::size_t percent = 0; (percent = rest.find('%')) != std::string_view::npos;) {
    rest.remove_prefix(percent);
    Directive d;
    if (rest.starts_with("%%")) {
      rest.remove_prefix(2);
      continue;
    }
    if (!take_directive(rest, d)) return false;
    std::string_view argument = d.argument;
    const bool fraction = argument.ends_with("_frac");
    if (d.letter == 't' && !take_end(argument) && !fraction) return true;
  }
  return false;
}

Result<Layout> layout_of(std::string_view text, const FormatOptions& options) {
  const std::string format = format_string(text);
  std::string_view rest = format;
  const bool starts = tells_start(rest);
  LayoutBuilder builder(options.fields);
  builder.time_is_end(!starts);
  while (!rest.empty()) {
    const std::size_t percent = std::min(rest.find('%'), rest.size());
    builder.literal(rest.substr(0, percent));
    rest.remove_prefix(percent);
    if (rest.empty()) break;
    if (rest.starts_with("%%")) {
      builder.literal("%");
      rest.remove_prefix(2);
      continue;
    }
    Directive d;
    const std::string_view before = rest;
    if (!take_directive(rest, d))
      return fail(ErrorKind::invalid, fmt::format("\"{}\" is no directive", rest), Origin::config);
    const std::string name(before.substr(0, before.size() - rest.size()));
    if (d.letter == 'U' && rest.starts_with("%q")) {  // a query begins with its ?
      rest.remove_prefix(2);
      builder.field({"%U%q", Slot::target}, Escape::backslash);
      continue;
    }
    if (d.letter != 't') {
      builder.field({name, slot_of(d), rank_of(d)}, Escape::backslash, d.argument);
      continue;
    }
    std::string_view argument = d.argument;
    const bool end = take_end(argument);
    const Slot slot = time_slot(argument);
    if (slot == Slot::none)
      return fail(ErrorKind::invalid,
                  fmt::format("times written as %{{{}}}t cannot be read", argument),
                  Origin::config);
    const bool brackets = argument.empty();
    if (brackets) builder.literal("[");
    builder.field({name, end == starts ? Slot::none : slot, rank_of(d)});
    if (brackets) builder.literal("]");
  }
  return builder.build();
}

}  // namespace

Result<Recipe> recipe_apache(std::string_view text, const FormatOptions& options) {
  if (text.empty())
    return recipe_of("Apache combined", options, {clf_layout(options, Escape::backslash, false)});
  return recipe_of("Apache LogFormat", options, {layout_of(text, options)});
}

}  // namespace weir::foreign
