#include "config/change_class.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "fmt/core.h"

namespace weir::config {
namespace {

using Entry = std::pair<std::string_view, Touch>;

std::optional<Touch> find(std::span<const Entry> table, std::string_view key) {
  const auto found = std::ranges::find(table, key, &Entry::first);
  return found == table.end() ? std::nullopt : std::optional(found->second);
}

constexpr std::array kRoot = std::to_array<Entry>({
    {"version", Touch::other},   {"listeners", Touch::listener}, {"admin", Touch::other},     {"data_dir", Touch::other},
    {"identity", Touch::identity}, {"limits", Touch::limit},     {"concurrency", Touch::limit}, {"upstreams", Touch::upstream},
    {"routes", Touch::route},    {"access_log", Touch::other},   {"refusals", Touch::other},  {"rate_limit_fields", Touch::other},
    {"loop", Touch::limit},      {"deadline", Touch::timeout},   {"dns", Touch::upstream},    {"overload", Touch::limit},
    {"record", Touch::other},    {"rollout", Touch::other},      {"workers", Touch::other},   {"drain", Touch::other},
    {"via_name", Touch::other},  {"defaults", Touch::route},
});
// Of a route, and of what routes get by default.
constexpr std::array kRoute = std::to_array<Entry>(
    {{"auth", Touch::auth}, {"timeouts", Touch::timeout}, {"limits", Touch::limit}, {"concurrency", Touch::limit}, {"split", Touch::balance}});
constexpr std::array kUpstream = std::to_array<Entry>({{"endpoints", Touch::balance}, {"balance", Touch::balance}, {"hash", Touch::balance},
                                                       {"slow_start", Touch::balance}, {"panic_below", Touch::balance},
                                                       {"breaker", Touch::limit}, {"adaptive_limit", Touch::limit}});

// Names may hold dots, keys do not: a table's key that stands anywhere behind the name.
std::optional<Touch> within(std::span<const Entry> table, std::string_view path) {
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    if (const auto touch = find(table, path.substr(0, dot))) return touch;
    path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
  }
  return std::nullopt;
}

// Whether every host that `narrow` stands for is one of `wide`; "" is any host.
bool covers(std::string_view wide, std::string_view narrow) {
  if (wide.empty() || wide == narrow) return true;
  return !narrow.empty() && wide.starts_with("*.") && narrow.size() > wide.size() - 1 && narrow.ends_with(wide.substr(1));
}

std::vector<std::string> hosts_of(const Policy& policy) {
  std::vector<std::string> hosts;
  for (const Route& route : policy.routes) {
    if (route.match.hosts.empty()) hosts.emplace_back();
    hosts.insert(hosts.end(), route.match.hosts.begin(), route.match.hosts.end());
  }
  std::ranges::sort(hosts);
  const auto rest = std::ranges::unique(hosts);
  hosts.erase(rest.begin(), rest.end());
  return hosts;
}

void add_lockout(const Policy& before, const Policy& after, ChangeClass& out) {
  if (before.admin && !after.admin) out.lockout.push_back(fmt::format("the admin API at {} is closed", to_string(*before.admin)));
  const std::vector<std::string> left = hosts_of(after);
  for (const std::string& host : hosts_of(before)) {
    if (std::ranges::binary_search(left, host)) continue;   // nearly all of 10,000 are there still
    if (std::ranges::any_of(left, [&](const std::string& each) { return covers(each, host); })) continue;
    out.lockout.push_back(host.empty() ? std::string("no route is left for hosts that none names") : fmt::format("no route is left for {}", host));
  }
}

}  // namespace

Touch touch_of(std::string_view path) {
  const std::size_t dot = path.find('.');
  const std::string_view root = path.substr(0, dot);
  const std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  const std::string_view behind_name = rest.substr(std::min(rest.size(), rest.find('.')));
  if (root == "defaults") return within(kRoute, rest).value_or(Touch::route);
  if (root == "routes") return within(kRoute, behind_name).value_or(Touch::route);
  if (root == "upstreams") return within(kUpstream, behind_name).value_or(Touch::upstream);
  return find(kRoot, root).value_or(Touch::route);
}

ChangeClass change_class(const Comparison& comparison, const Policy& before, const Policy& after) {
  ChangeClass out;
  for (const Difference& each : comparison.differences) {
    const Touch touch = touch_of(each.path);
    out.add(touch);
    if (touch == Touch::listener || touch == Touch::identity) out.early.push_back(each.path);
  }
  ChangeClass late = out;
  late.touches &= static_cast<std::uint16_t>(~(1u << static_cast<unsigned>(Touch::listener) | 1u << static_cast<unsigned>(Touch::identity)));
  out.only_early = out.risk() && !late.risk();
  add_lockout(before, after, out);
  return out;
}

}  // namespace weir::config
