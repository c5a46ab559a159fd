#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <initializer_list>
#include <utility>

#include <fmt/core.h>

#include "config/diagnostic.h"
#include "http/canonical.h"

namespace weir::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Nanos kLongest = hours(366 * 24);
constexpr std::uint64_t kLargest = std::uint64_t{1} << 50;            // a pebibyte
constexpr std::uint64_t kFastest = 100'000'000'000;                   // thousandths a second: 100 million a second
constexpr std::size_t kLongestName = 63, kLongestValue = 4096, kLongestPath = 1024, kLongestWord = 256;

std::unexpected<Complaint> complain(std::string message, std::string remedy) {
  return std::unexpected(Complaint{std::move(message), std::move(remedy), Complaint::Kind::value});
}
std::unexpected<Complaint> beyond(std::string message, std::string remedy) {
  return std::unexpected(Complaint{std::move(message), std::move(remedy), Complaint::Kind::range});
}
std::unexpected<Complaint> never(std::string message, std::string remedy) {
  return std::unexpected(Complaint{std::move(message), std::move(remedy), Complaint::Kind::never});
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// RFC 9110 5.6.2 tchar.
bool is_token_char(char c) {
  return is_digit(c) || is_letter(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "12.5ms" -> digits "12.5", unit "ms".
struct Quantity {
  std::string_view number, unit;
};
Quantity split_quantity(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (is_digit(text[i]) || text[i] == '.')) ++i;
  std::size_t unit = i;
  while (unit < text.size() && text[unit] == ' ') ++unit;
  return {text.substr(0, i), text.substr(unit)};
}

// Whole numbers only; nothing for anything else or for more than 18 digits.
std::optional<std::uint64_t> whole(std::string_view digits) {
  std::uint64_t value = 0;
  if (digits.empty() || digits.size() > 18) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// "0.6" -> 600; nothing when finer than a thousandth or not a number.
std::optional<std::uint64_t> thousandths(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto units = whole(text.substr(0, dot));
  if (!units || *units > 1'000'000'000'000) return std::nullopt;
  if (dot == std::string_view::npos) return *units * 1000;
  std::string fraction(text.substr(dot + 1));
  if (fraction.empty() || fraction.size() > 3) return std::nullopt;
  fraction.resize(3, '0');
  const auto part = whole(fraction);
  if (!part) return std::nullopt;
  return *units * 1000 + *part;
}

template <class T>
struct Unit {
  std::string_view name;
  T size;
};
constexpr std::array<Unit<Nanos>, 4> kTimes = {
    {{"h", hours(1)}, {"m", minutes(1)}, {"s", seconds(1)}, {"ms", milliseconds(1)}}};
constexpr std::array<Unit<std::uint64_t>, 4> kSizes = {
    {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}}};
constexpr std::array<Unit<Nanos>, 3> kPeriods = {{{"h", hours(1)}, {"min", minutes(1)}, {"s", seconds(1)}}};

// What people write for a unit, and how it is spelled here.
using Synonyms = std::initializer_list<std::pair<std::string_view, std::string_view>>;
std::string_view meant(std::string_view word, Synonyms synonyms) {
  const std::string folded = lower(word);
  for (const auto& [from, to] : synonyms) {
    if (folded == from) return to;
  }
  return "";
}

std::string_view meant_time(std::string_view unit) {
  return meant(unit, {{"sec", "s"}, {"secs", "s"}, {"second", "s"}, {"seconds", "s"}, {"s", "s"}, {"min", "m"},
                      {"mins", "m"}, {"minute", "m"}, {"minutes", "m"}, {"hour", "h"}, {"hours", "h"}, {"h", "h"},
                      {"hr", "h"}, {"msec", "ms"}, {"millis", "ms"}, {"milliseconds", "ms"}, {"ms", "ms"}});
}

std::string_view meant_size(std::string_view unit) {
  return meant(unit, {{"k", "KiB"}, {"kb", "KiB"}, {"ki", "KiB"}, {"kib", "KiB"}, {"m", "MiB"}, {"mb", "MiB"},
                      {"mi", "MiB"}, {"mib", "MiB"}, {"g", "GiB"}, {"gb", "GiB"}, {"gi", "GiB"}, {"gib", "GiB"},
                      {"bytes", "B"}, {"byte", "B"}, {"b", "B"}});
}

std::string_view meant_period(std::string_view unit) {
  return meant(unit, {{"sec", "s"}, {"second", "s"}, {"seconds", "s"}, {"1s", "s"}, {"s", "s"}, {"m", "min"},
                      {"minute", "min"}, {"minutes", "min"}, {"1m", "min"}, {"min", "min"}, {"hour", "h"},
                      {"hours", "h"}, {"hr", "h"}, {"1h", "h"}, {"h", "h"}});
}

Read<std::uint16_t> read_port(std::string_view text, std::string_view port) {
  const auto number = whole(port);
  if (!number || *number > 65535) {
    return beyond(fmt::format("{} has no port between 1 and 65535", quote(text)),
                  "write the port after the last colon, such as 127.0.0.1:8080");
  }
  if (*number == 0) {
    return beyond(fmt::format("{} has port 0", quote(text)), "write the port that clients are told, such as 8080");
  }
  return static_cast<std::uint16_t>(*number);
}

// The address in front of a port, or the name there. `what` is "listener" or "endpoint".
Read<std::pair<std::string_view, std::uint16_t>> split_port(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://", "h2c://", "grpc://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view host = text.substr(scheme.size(), text.find('/', scheme.size()) - scheme.size());
    const std::string rest = host.find(':') == std::string_view::npos ? fmt::format("{}:80", printable(host)) : printable(host);
    if (scheme != "http://") {
      return complain(fmt::format("{} asks for {}, which is not in this version", quote(text),
                                  scheme.substr(0, scheme.size() - 3)),
                      fmt::format("speak plain HTTP/1.1 there and write host and port: {}", rest));
    }
    return complain(fmt::format("{} is a URL, not an address", quote(text)),
                    fmt::format("write host and port: {}", rest));
  }
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    return complain(fmt::format("{} is not an address with a port", quote(text)),
                    text.front() == '/' ? fmt::format("a unix socket is written unix:{}", printable(text))
                                        : "write host and port only; a path belongs to a route");
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    const bool only_port = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
    return complain(fmt::format("{} has no port", quote(text)),
                    only_port ? fmt::format("write 127.0.0.1:{}", text) : fmt::format("write {}:80, or its real port", printable(text)));
  }
  const std::string_view host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos && !host.starts_with('[')) {
    return complain(fmt::format("{} leaves open where the IPv6 address ends", quote(text)),
                    fmt::format("put the address in brackets: [{}]:{}", printable(host), printable(text.substr(colon + 1))));
  }
  const auto port = read_port(text, text.substr(colon + 1));
  if (!port) return std::unexpected(port.error());
  return std::pair{host, *port};
}

Read<SocketAddress> read_unix(std::string_view text) {
  const auto parsed = SocketAddress::parse(text);
  if (parsed && text.size() > 5 && text[5] == '/') return *parsed;
  return complain(fmt::format("{} is not a unix socket", quote(text)),
                  "write unix: and an absolute path of at most 107 bytes, such as unix:/run/weir.sock");
}

}  // namespace

Read<Nanos> read_duration(std::string_view text) {
  const auto [digits, unit] = split_quantity(text);
  const auto named = std::find_if(kTimes.begin(), kTimes.end(), [&](const auto& u) { return u.name == unit; });
  const auto number = whole(digits);
  if (number && named != kTimes.end() && digits.size() + unit.size() == text.size()) {
    if (*number == 0) {
      return beyond(fmt::format("{} is no time at all, and zero never means infinite", quote(text)),
                    "write a time above zero, such as 250ms, or none where the key may go without");
    }
    if (*number > static_cast<std::uint64_t>(kLongest / named->size)) {
      return beyond(fmt::format("{} is longer than a year", quote(text)), "write at most 8784h");
    }
    return named->size * static_cast<std::int64_t>(*number);
  }
  if (text == "none" || text == "never" || text == "infinite" || text == "off") {
    return complain(fmt::format("{} is not a duration, and this one cannot be left out", quote(text)),
                    "write a time, such as 2s; long ones end at 8784h");
  }
  if (number && unit.empty()) {
    return complain(fmt::format("{} has no unit", quote(text)),
                    *number == 0 ? "write a time above zero, such as 250ms; zero never means infinite"
                                 : fmt::format("write {0}s or {0}ms", digits));
  }
  if (number && named == kTimes.end() && !meant_time(unit).empty()) {
    return complain(fmt::format("{} is not written as a duration", quote(text)),
                    fmt::format("write {}{}", digits, meant_time(unit)));
  }
  if (const auto fine = thousandths(digits); fine && !number && named != kTimes.end() && named->name != "ms") {
    return complain(fmt::format("{} is not a whole number of {}", quote(text), named->name),
                    "write " + print_duration(named->size / 1000 * static_cast<std::int64_t>(std::min(*fine, std::uint64_t{31'000'000}))));
  }
  return complain(fmt::format("{} is not a duration", quote(text)),
                  "write one whole number and one unit of ms, s, m, h, such as 250ms or 90s");
}

Read<Rate> read_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view digits = text.substr(0, slash);
  const std::string_view unit = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  const auto named = std::find_if(kPeriods.begin(), kPeriods.end(), [&](const auto& u) { return u.name == unit; });
  const auto count = thousandths(digits);
  if (count && named != kPeriods.end()) {
    if (*count == 0) {
      return beyond(fmt::format("{} would refuse everything, and zero never means infinite", quote(text)),
                    "write a rate above zero; to close a route, let it `respond` with a status");
    }
    if (*count / static_cast<std::uint64_t>(named->size / seconds(1)) > kFastest) {
      return beyond(fmt::format("{} is more than any gateway serves", quote(text)), "write at most 100000000/s");
    }
    return Rate{.count = *count, .period = named->size};
  }
  const auto [number, word] = split_quantity(text);
  if (slash == std::string_view::npos && thousandths(number)) {
    if (word.empty()) {
      return complain(fmt::format("{} has no period", quote(text)),
                      thousandths(number) == 0u ? "write a rate above zero, such as 60/s; zero never means infinite"
                                                : fmt::format("write {0}/s, {0}/min or {0}/h", number));
    }
    if (lower(word) == "rps" || lower(word) == "r") {
      return complain(fmt::format("{} is not written as a rate", quote(text)), fmt::format("write {}/s", number));
    }
  }
  if (count && !meant_period(unit).empty()) {
    return complain(fmt::format("{} is not written as a rate", quote(text)),
                    fmt::format("write {}/{}", digits, meant_period(unit)));
  }
  if (count && (unit == "d" || lower(unit) == "day")) {
    return complain(fmt::format("{} counts by the day, which is a quota; quotas are not in this version", quote(text)),
                    "write a rate by s, min or h");
  }
  if (number.size() > 4 && number.find('.') != std::string_view::npos && !thousandths(number)) {
    return complain(fmt::format("{} is finer than a thousandth", quote(text)),
                    "take a longer period: 1.8/h in place of 0.0005/s, for example");
  }
  return complain(fmt::format("{} is not a rate", quote(text)), "write a number and a period, such as 60/s, 0.6/s, 30/min or 1000/h");
}

Read<Bytes> read_size(std::string_view text) {
  const auto [digits, unit] = split_quantity(text);
  const auto named = std::find_if(kSizes.begin(), kSizes.end(), [&](const auto& u) { return u.name == unit; });
  const auto number = whole(digits);
  if (number && named != kSizes.end() && digits.size() + unit.size() == text.size()) {
    if (*number == 0) {
      return beyond(fmt::format("{} is no size at all, and zero never means infinite", quote(text)),
                    "write a size above zero, such as 16KiB, or none where the key may go without");
    }
    if (*number > kLargest / named->size) {
      return beyond(fmt::format("{} is more than a pebibyte", quote(text)), "write a smaller size");
    }
    return Bytes{*number * named->size};
  }
  if (number && unit.empty()) {
    return complain(fmt::format("{} has no unit", quote(text)),
                    *number >= 1024 ? fmt::format("write {} for {} bytes", print_size({*number}), *number)
                                    : fmt::format("write {0}B for bytes, or {0}KiB", digits));
  }
  if (number && !meant_size(unit).empty()) {
    return complain(fmt::format("{} is not written as a size", quote(text)),
                    fmt::format("write {}{} (1 KiB is 1,024 bytes)", digits, meant_size(unit)));
  }
  return complain(fmt::format("{} is not a size", quote(text)),
                  "write one whole number and one unit of B, KiB, MiB, GiB, such as 16KiB");
}

Read<Bytes> read_size_rate(std::string_view text) {
  if (text.ends_with("/s")) return read_size(text.substr(0, text.size() - 2));
  return complain(fmt::format("{} is not a size in a second", quote(text)), "write it like 1KiB/s");
}

Read<std::uint64_t> read_count(std::string_view text, std::uint64_t low, std::uint64_t high) {
  const auto number = whole(text);
  if (low == high && number != low) return beyond(fmt::format("{} is not {}", quote(text), low), fmt::format("write {}", low));
  if (!number) {
    return complain(fmt::format("{} is not a whole number", quote(text)),
                    fmt::format("write a number from {} to {}", low, high));
  }
  if (*number < low || *number > high) {
    return beyond(fmt::format("{} is not between {} and {}", *number, low, high),
                  fmt::format("write a number from {} to {}{}", low, high,
                              *number == 0 ? "; zero never means infinite" : ""));
  }
  return *number;
}

Read<SocketAddress> read_listen_address(std::string_view text) {
  if (text.starts_with("unix:")) return read_unix(text);
  const auto split = split_port(text);
  if (!split) return std::unexpected(split.error());
  if (const auto parsed = SocketAddress::parse(text)) return *parsed;
  const bool local = split->first == "localhost", any = split->first == "*";
  return complain(fmt::format("{} is not an IP address to listen on", quote(text)),
                  local || any ? fmt::format("write {}:{}", local ? "127.0.0.1" : "0.0.0.0", split->second)
                               : fmt::format("write the address of one of this machine's interfaces, or 0.0.0.0:{} for all of them", split->second));
}

Read<EndpointAddress> read_endpoint_address(std::string_view text) {
  EndpointAddress result;
  if (text.starts_with("unix:")) {
    const auto parsed = read_unix(text);
    if (!parsed) return std::unexpected(parsed.error());
    result.address = *parsed;
    result.written = to_string(*parsed);
    return result;
  }
  const auto split = split_port(text);
  if (!split) return std::unexpected(split.error());
  const auto [host, port] = *split;
  if (host.empty()) {
    return complain(fmt::format("{} has no host", quote(text)), fmt::format("write 127.0.0.1{}", printable(text)));
  }
  if (const auto parsed = SocketAddress::parse(text)) {
    const Address none{.family = parsed->address.family, .bytes = {}};
    if (parsed->address == none) {
      return complain(fmt::format("{} is an address to listen on, not one to call", quote(text)),
                      fmt::format("write 127.0.0.1:{} for a server on this machine", port));
    }
    result.address = *parsed;
    result.written = to_string(*parsed);
    return result;
  }
  std::string storage;
  const auto name = http::canonical_host(host, storage);
  const bool all_numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (name.violation != http::Violation::none || name.port || name.host.empty() || all_numeric || host.starts_with('[')) {
    return complain(fmt::format("{} is not a host with a port", quote(text)),
                    "write an IP address or a host name and a port, such as 127.0.0.1:9001 or orders.internal:8080");
  }
  result.host = name.host;
  result.address.port = port;
  result.written = fmt::format("{}:{}", result.host, port);
  return result;
}

Read<Net> read_net(std::string_view text) {
  const auto net = Net::parse(text);
  if (!net) {
    return complain(fmt::format("{} is not a network", quote(text)),
                    "write an address and the length of its prefix, such as 10.0.0.0/8 or 2001:db8::/32");
  }
  const std::size_t slash = text.find('/');
  const auto given = Address::parse(text.substr(0, slash));
  if (given && slash != std::string_view::npos && *given != net->address) {
    return complain(fmt::format("{} has bits set beyond its prefix", quote(text)),
                    fmt::format("write {} for the network, or {} for the one address", to_string(*net), to_string(*given)));
  }
  return *net;
}

Read<std::string> read_host_pattern(std::string_view text) {
  if (text == "*") {
    return complain("\"*\" is not a host", "leave `hosts` out to match every host");
  }
  if (text.find("://") != std::string_view::npos || text.find('/') != std::string_view::npos) {
    return complain(fmt::format("{} is a URL, not a host", quote(text)), "write the host alone, such as api.example.com");
  }
  const bool wildcard = text.starts_with("*.");
  const std::string_view host = wildcard ? text.substr(2) : text;
  if (host.find('*') != std::string_view::npos) {
    return complain(fmt::format("{} is not a host pattern", quote(text)),
                    "a * stands only at the front, for whole labels: *.example.com");
  }
  std::string storage;
  const auto canonical = http::canonical_host(host, storage);
  if (canonical.violation != http::Violation::none || canonical.host.empty()) {
    return complain(fmt::format("{} is not a host name", quote(text)),
                    "a host has labels of letters, digits and '-' between dots, such as api.example.com");
  }
  if (canonical.port) {
    return complain(fmt::format("{} has a port; hosts are matched without it", quote(text)),
                    fmt::format("write {}{}", wildcard ? "*." : "", canonical.host));
  }
  return (wildcard ? "*." : "") + std::string(canonical.host);
}

Read<std::string> read_path(std::string_view text) {
  if (!text.starts_with('/')) {
    return complain(fmt::format("path {} does not begin with /", quote(text)),
                    text.find("://") != std::string_view::npos ? "write the path alone; the host belongs to `hosts`"
                                                                : fmt::format("write /{}", printable(text)));
  }
  if (text.size() > kLongestPath) {
    return beyond(fmt::format("path {} is longer than {} bytes", quote(text), kLongestPath), "write a shorter path");
  }
  if (const std::size_t query = text.find('?'); query != std::string_view::npos) {
    return never(fmt::format("path {} holds a query, and paths are compared without it", quote(text)),
                 fmt::format("write {} and match the rest with `query`", printable(text.substr(0, query))));
  }
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    return never(fmt::format("path {} holds a fragment, which clients never send", quote(text)),
                 fmt::format("write {}", printable(text.substr(0, hash))));
  }
  if (text.find_first_of("{}<>") != std::string_view::npos) {
    return never(fmt::format("path {} holds a placeholder, and paths are taken literally", quote(text)),
                 fmt::format("match what is below with {}*", printable(text.substr(0, text.find_last_of('/', text.find_first_of("{}<>")) + 1))));
  }
  std::string storage;
  const auto canonical = http::canonical_path(text, http::EncodedSlash::keep, storage);
  if (canonical.violation != http::Violation::none) {
    return never(fmt::format("path {} is refused in requests: {}", quote(text), http::info(canonical.violation).text),
                 "write a path that a request may have");
  }
  if (canonical.path != text) {
    return never(fmt::format("path {} matches nothing: requests are compared in their canonical form", quote(text)),
                 fmt::format("write {}", printable(canonical.path)));
  }
  return std::string(text);
}

Read<PathPattern> read_path_pattern(std::string_view text) {
  PathPattern pattern{.kind = RouteMatch::PathKind::exact, .path = {}};
  std::string_view path = text;
  if (text.ends_with("/*")) {
    pattern.kind = RouteMatch::PathKind::prefix;
    path = text.size() == 2 || text == "//*" ? text.substr(0, text.size() - 1) : text.substr(0, text.size() - 2);
  }
  if (path.starts_with('/') && path.find('*') != std::string_view::npos) {
    const std::string_view before = path.substr(0, path.find('*'));
    return complain(fmt::format("{} has a * that is no last segment of its own", quote(text)),
                    fmt::format("write {}{}* for all below", printable(before), before.ends_with('/') ? "" : "/"));
  }
  if (path.starts_with('~') || path.starts_with('^')) {
    return complain(fmt::format("{} is a regular expression; paths are literal", quote(text)),
                    "write a path, or a path and /* for all below");
  }
  auto read = read_path(path);
  if (!read) return std::unexpected(std::move(read.error()));
  if (pattern.kind == RouteMatch::PathKind::prefix && path.size() > 1 && path.ends_with('/')) {
    return never(fmt::format("path {} matches nothing: requests have no empty segments", quote(text)),
                 fmt::format("write {}*", printable(path)));
  }
  pattern.path = std::move(*read);
  return pattern;
}

Read<std::string> read_name(std::string_view text) {
  const auto good = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; };
  if (!text.empty() && text.size() <= kLongestName && (is_letter(text[0]) || is_digit(text[0])) &&
      std::all_of(text.begin(), text.end(), good)) {
    return std::string(text);
  }
  return complain(fmt::format("{} is not a name", quote(text)),
                  fmt::format("a name has 1 to {} letters, digits, '-', '_' or '.', and begins with a letter or digit", kLongestName));
}

Read<std::string> read_method(std::string_view text) {
  if (text.empty() || text.size() > 32 || !std::all_of(text.begin(), text.end(), is_token_char)) {
    return complain(fmt::format("{} is not a method", quote(text)), "write GET, POST and so on");
  }
  if (text == "CONNECT") {
    return never("CONNECT is refused before routes are asked", "leave it out");
  }
  const std::string folded = lower(text);
  for (const std::string_view known : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"}) {
    if (folded == lower(known) && text != known) {
      return never(fmt::format("{} matches nothing: methods are case-sensitive", quote(text)), fmt::format("write {}", known));
    }
  }
  return std::string(text);
}

Read<std::string> read_header_name(std::string_view text) {
  if (!text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), is_token_char)) return std::string(text);
  return complain(fmt::format("{} is not a header name", quote(text)),
                  "a header name has letters, digits and '-', such as X-Api-Key");
}

Read<std::string> read_header_value(std::string_view text) {
  const auto good = [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); };
  if (text.size() > kLongestValue) {
    return beyond(fmt::format("a header value of {} bytes", text.size()), fmt::format("write at most {} bytes", kLongestValue));
  }
  if (!std::all_of(text.begin(), text.end(), good)) {
    return complain(fmt::format("{} holds a line end or a control byte, which no header may", quote(text)), "write it on one line");
  }
  if (!text.empty() && (text.front() == ' ' || text.back() == ' ' || text.front() == '\t' || text.back() == '\t')) {
    return complain(fmt::format("{} begins or ends with a space, which is not part of a header", quote(text)), "leave the space out");
  }
  return std::string(text);
}

Read<std::string> read_word(std::string_view text) {
  const auto good = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; };
  if (!text.empty() && text.size() <= kLongestWord && std::all_of(text.begin(), text.end(), good)) return std::string(text);
  return complain(fmt::format("{} is not a single word", quote(text)),
                  fmt::format("write 1 to {} characters without spaces", kLongestWord));
}

std::string print_duration(Nanos value) {
  for (const auto& [name, size] : kTimes) {
    if (value % size == Nanos(0) && (value != minutes(1) || size < minutes(1))) return fmt::format("{}{}", value / size, name);
  }
  return fmt::format("{}ms", value / Nanos(milliseconds(1)));
}

std::string print_rate(Rate value) {
  const auto period = std::find_if(kPeriods.begin(), kPeriods.end(), [&](const auto& u) { return u.size == value.period; });
  std::string number = fmt::format("{}", value.count / 1000);
  if (value.count % 1000 != 0) {
    number += fmt::format(".{:03}", value.count % 1000);
    while (number.back() == '0') number.pop_back();
  }
  return fmt::format("{}/{}", number, period == kPeriods.end() ? "s" : period->name);
}

std::string print_size(Bytes value) {
  for (const auto& [name, size] : kSizes) {
    if (value.count % size == 0) return fmt::format("{}{}", value.count / size, name);
  }
  return fmt::format("{}B", value.count);
}

std::string print_path_pattern(const PathPattern& value) {
  if (value.kind == RouteMatch::PathKind::exact) return value.path;
  return value.path == "/" ? "/*" : value.path + "/*";
}

}  // namespace weir::config
