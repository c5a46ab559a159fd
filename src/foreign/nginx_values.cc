#include "foreign/nginx_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/address.h"
#include "fmt/core.h"
#include "http/canonical.h"

namespace weir::foreign {
namespace {

constexpr std::size_t kLongestName = 63, kLongestPath = 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.';
}

// host[:port] with brackets around IPv6; the port "" when there is none.
struct Split {
  std::string_view host, port;
};
Split split_port(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool is_port(std::string_view text) {
  const auto port = decimal(text);
  return port && *port >= 1 && *port <= 65535;
}

}  // namespace

std::optional<std::uint64_t> decimal(std::string_view digits) {
  std::uint64_t value = 0;
  if (digits.empty() || digits.size() > 15) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> nginx_milliseconds(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::uint64_t>, 8> kUnits = {
      {{"y", 31'536'000'000},
       {"M", 2'592'000'000},
       {"w", 604'800'000},
       {"d", 86'400'000},
       {"h", 3'600'000},
       {"m", 60'000},
       {"s", 1'000},
       {"ms", 1}}};
  std::uint64_t total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    const auto number = decimal(text.substr(0, end));
    if (!number) return std::nullopt;
    text.remove_prefix(end);
    std::size_t letters = 0;
    while (letters < text.size() && !is_digit(text[letters]) && text[letters] != ' ') ++letters;
    const std::string_view unit = letters == 0 ? "s" : text.substr(0, letters);
    const auto known =
        std::ranges::find(kUnits, unit, &std::pair<std::string_view, std::uint64_t>::first);
    if (known == kUnits.end() || *number > 100'000'000'000'000 / known->second) return std::nullopt;
    total += *number * known->second;
    text.remove_prefix(letters);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  return total;
}

std::optional<std::uint64_t> nginx_bytes(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t unit = 1;
  switch (text.back() | 0x20) {
    case 'k':
      unit = 1024;
      break;
    case 'm':
      unit = 1024 * 1024;
      break;
    case 'g':
      unit = 1024 * 1024 * 1024;
      break;
    default:
      break;
  }
  if (unit != 1) text.remove_suffix(1);
  const auto number = decimal(text);
  if (!number || *number > (std::uint64_t{1} << 50) / unit) return std::nullopt;
  return *number * unit;
}

std::optional<std::string> weir_duration(std::uint64_t milliseconds) {
  if (milliseconds == 0 || milliseconds > 366ULL * 86'400'000) return std::nullopt;
  if (milliseconds % 3'600'000 == 0) return fmt::format("{}h", milliseconds / 3'600'000);
  if (milliseconds % 60'000 == 0 && milliseconds > 60'000)
    return fmt::format("{}m", milliseconds / 60'000);
  if (milliseconds % 1'000 == 0) return fmt::format("{}s", milliseconds / 1'000);
  return fmt::format("{}ms", milliseconds);
}

std::string weir_size(std::uint64_t bytes) {
  if (bytes % (1u << 30) == 0) return fmt::format("{}GiB", bytes >> 30);
  if (bytes % (1u << 20) == 0) return fmt::format("{}MiB", bytes >> 20);
  if (bytes % (1u << 10) == 0) return fmt::format("{}KiB", bytes >> 10);
  return fmt::format("{}B", bytes);
}

std::optional<std::string> weir_listen(std::string_view text) {
  std::string wanted;
  if (text.starts_with("unix:")) {
    wanted = text;
  } else if (is_port(text)) {
    wanted = fmt::format("0.0.0.0:{}", text);
  } else {
    auto [host, port] = split_port(text);
    if (host == "*") host = "0.0.0.0";
    if (host == "localhost") host = "127.0.0.1";
    wanted = fmt::format("{}:{}", host, port.empty() ? "80" : port);
  }
  const auto address = SocketAddress::parse(wanted);
  if (!address) return std::nullopt;
  if (address->is_unix() ? !address->unix_path.starts_with('/') : address->port == 0)
    return std::nullopt;
  return to_string(*address);
}

std::optional<std::string> weir_endpoint(std::string_view text, std::string_view port) {
  if (text.starts_with("unix:")) {
    const auto address = SocketAddress::parse(text);
    if (!address || !address->unix_path.starts_with('/')) return std::nullopt;
    return to_string(*address);
  }
  const auto [host, own] = split_port(text);
  const std::string_view used = own.empty() ? port : own;
  if (!is_port(used)) return std::nullopt;
  bool had_port = false;
  auto name = weir_one_host(host, &had_port);
  if (!name || had_port) return std::nullopt;
  // Whoever calls "any address" reaches this machine.
  if (*name == "0.0.0.0") name = "127.0.0.1";
  if (*name == "[::]") name = "[::1]";
  // 127.1 and 063.0.0.1 are addresses to some and names to others.
  const bool numeric = name->find_first_not_of("0123456789.") == std::string::npos;
  if (numeric && !Address::parse(*name)) return std::nullopt;
  return fmt::format("{}:{}", *name, used);
}

std::optional<std::string> weir_net(std::string_view text) {
  const auto net = Net::parse(text);
  if (!net) return std::nullopt;
  const unsigned width = net->address.family == Address::Family::v4 ? 32 : 128;
  return net->prefix == width ? to_string(net->address) : to_string(*net);
}

std::optional<std::string> weir_host(std::string_view name) {
  const bool wildcard = name.starts_with("*.");
  bool had_port = false;
  const auto host = weir_one_host(wildcard ? name.substr(2) : name, &had_port);
  if (!host || had_port) return std::nullopt;
  return (wildcard ? "*." : "") + *host;
}

std::optional<std::string> weir_one_host(std::string_view authority, bool* had_port) {
  if (had_port != nullptr) *had_port = false;
  if (authority.empty() || authority.starts_with('_')) {
    // _ is what people write for a name that no request has.
    if (authority.find_first_not_of('_') == std::string_view::npos) return std::nullopt;
  }
  std::string storage;
  const auto canonical = http::canonical_host(authority, storage);
  if (canonical.violation != http::Violation::none || canonical.host.empty()) return std::nullopt;
  if (had_port != nullptr) *had_port = canonical.port.has_value();
  return std::string(canonical.host);
}

std::optional<std::string> weir_path(std::string_view decoded) {
  if (!decoded.starts_with('/')) return std::nullopt;
  std::string encoded;
  for (const char c : decoded) {
    const auto byte = static_cast<unsigned char>(c);
    const bool raw = byte > 0x20 && byte < 0x7F &&
                     std::string_view("\"<>^`{|}[]?#%\\").find(c) == std::string_view::npos;
    if (raw)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", byte);
  }
  bool changed = false;
  auto path = weir_sent_path(encoded, &changed);
  if (changed || encoded.find('*') != std::string::npos) return std::nullopt;
  return path;
}

std::optional<std::string> weir_sent_path(std::string_view raw, bool* changed) {
  if (!raw.starts_with('/') || raw.size() > kLongestPath ||
      raw.find_first_of("?#{}<>") != std::string_view::npos)
    return std::nullopt;
  std::string storage;
  const auto canonical = http::canonical_path(raw, http::EncodedSlash::refuse, storage);
  if (canonical.violation != http::Violation::none) return std::nullopt;
  if (changed != nullptr) *changed = canonical.path != raw;
  return std::string(canonical.path);
}

std::string weir_name(std::string_view text, std::string_view otherwise) {
  std::string name;
  for (const char c : text) {
    if (is_name_char(c))
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && (name.back() == '-' || name.back() == '.')) name.pop_back();
  const auto first = std::ranges::find_if(
      name, [](char c) { return is_name_char(c) && c != '-' && c != '_' && c != '.'; });
  name.erase(name.begin(), first);
  if (name.empty()) name = otherwise;
  if (name.size() > kLongestName - 4) name.resize(kLongestName - 4);  // room for -999
  return name;
}

std::optional<NginxUrl> nginx_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  NginxUrl url{.scheme = lower(text.substr(0, colon)), .authority = {}, .uri = {}};
  text.remove_prefix(colon + 3);
  if (text.starts_with("unix:")) {
    const std::size_t end = std::min(text.find(':', 5), text.size());
    url.authority = text.substr(0, end);
    url.uri = end < text.size() ? text.substr(end + 1) : std::string_view();
    return url;
  }
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  url.authority = text.substr(0, end);
  url.uri = text.substr(end);
  return url;
}

bool has_variable(std::string_view text) { return text.find('$') != std::string_view::npos; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  return out;
}

}  // namespace weir::foreign
