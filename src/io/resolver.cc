#include "io/resolver.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace weir::io {
namespace {

constexpr Nanos kFixedTtl = std::chrono::hours(1);

bool is_localhost(std::string_view host) {
  constexpr std::string_view kName = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < kName.size()) return false;
  const std::string_view tail = host.substr(host.size() - kName.size());
  const bool same = std::equal(tail.begin(), tail.end(), kName.begin(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
  return same && (host.size() == kName.size() || host[host.size() - kName.size() - 1] == '.');
}

}  // namespace

std::optional<Resolution> known_without_asking(std::string_view host) {
  if (host.size() > 2 && host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  if (const auto address = Address::parse(host))
    return Resolution{.addresses = {*address}, .ttl = kFixedTtl};
  if (!is_localhost(host)) return std::nullopt;
  return Resolution{.addresses = {Address::v4(127, 0, 0, 1), Address::parse("::1").value()},
                    .ttl = kFixedTtl};
}

Task<Result<Resolution>> Resolver::resolve_with_ttl(std::string_view host, Deadline deadline) {
  if (auto known = known_without_asking(host)) co_return std::move(*known);
  co_return co_await look_up(std::string(host), deadline);
}

Task<Result<std::vector<Address>>> Resolver::resolve(std::string_view host, Deadline deadline) {
  auto resolution = co_await resolve_with_ttl(host, deadline);
  if (!resolution) co_return std::unexpected(std::move(resolution.error()));
  co_return std::move(resolution->addresses);
}

}  // namespace weir::io
