#include "load/target.h"

#include <algorithm>
#include <array>

#include "config/diagnostic.h"
#include "fmt/core.h"
#include "http/authority.h"

namespace weir::load {
namespace {

constexpr std::size_t kMostTarget = 8 * 1024;

std::unexpected<Error> wrong(std::string_view url, std::string_view why) {
  return fail(ErrorKind::invalid,
              fmt::format("{} {}: write http://127.0.0.1:8080/path", config::quote(url), why),
              Origin::config);
}

}  // namespace

bool is_sendable_target(std::string_view target) {
  return target.starts_with('/') && target.size() <= kMostTarget &&
         std::ranges::all_of(target, [](char c) { return c > ' ' && c < 0x7F && c != '#'; });
}

Result<Target> read_target(std::string_view url) {
  if (url.starts_with("https://"))
    return wrong(url, "asks for TLS, which load does not speak in this version");
  if (!url.starts_with("http://")) return wrong(url, "is no URL");
  std::string_view rest = url.substr(7);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t path = rest.find_first_of("/?");
  const auto authority = http::split_authority(rest.substr(0, path));
  if (!authority || authority->host.empty()) return wrong(url, "names no host");
  Target target{.authority = std::string(rest.substr(0, path)),
                .host = std::string(authority->host),
                .port = authority->port.value_or(80)};
  if (path != std::string_view::npos)
    target.path = (rest[path] == '?' ? "/" : "") + std::string(rest.substr(path));
  if (!is_sendable_target(target.path))
    return wrong(url, "has a path that cannot be sent (percent-encode it)");
  return target;
}

bool is_private(const Address& address) {
  static constexpr std::array<std::string_view, 9> kNets = {
      "127.0.0.0/8",   "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
      "100.64.0.0/10", "::1/128",    "fc00::/7",      "fe80::/10"};
  return std::ranges::any_of(kNets, [&](std::string_view text) {
    const auto net = Net::parse(text);
    return net && net->contains(address);
  });
}

}  // namespace weir::load
