#include "control/health_text.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "fmt/format.h"

namespace weir::control {
namespace {

std::string why(const decide::EjectFinding& fault) {
  switch (fault.reason) {
    case decide::EjectReason::consecutive: return fmt::format("{:.0f} failures in a row", fault.own);
    case decide::EjectReason::ratio:
      return fmt::format("{:.0f} % of its requests failed, {:.0f} % at the others", 100 * fault.own, 100 * fault.others);
    case decide::EjectReason::latency:
      return fmt::format("it answers in {:.0f} ms, the others in {:.0f} ms (medians)", 1000 * fault.own, 1000 * fault.others);
  }
  return {};
}

// Those that take requests, among whom the healthy ones are counted.
std::size_t takers(const Policy& policy, const Upstream& upstream) {
  const std::span endpoints = std::span(policy.endpoints).subspan(upstream.first_endpoint, upstream.endpoint_count);
  return static_cast<std::size_t>(std::ranges::count_if(endpoints, [](const Endpoint& each) { return each.weight > 0; }));
}

}  // namespace

std::string health_line(const Policy& policy, const NameTable& names, UpstreamId id, const decide::PoolEvent& event) {
  using Kind = decide::PoolEvent::Kind;
  const Upstream& upstream = policy.upstreams[id.index()];
  const std::string_view pool = names.text(upstream.name);
  if (event.kind == Kind::panic_begins) {
    return fmt::format("upstream {}: only {} of {} endpoints are healthy, so checks are not believed: whoever takes a connection is used",
                       pool, event.offset, takers(policy, upstream));
  }
  if (event.kind == Kind::panic_ends) {
    return fmt::format("upstream {}: {} of {} endpoints are healthy, checks are believed again", pool, event.offset, takers(policy, upstream));
  }
  const double seconds = std::chrono::duration<double>(event.time).count();
  switch (event.kind) {
    case Kind::breaker_opens:
      return fmt::format("upstream {}: its breaker is open for {:.0f} s: {:.0f} % of its requests failed", pool, seconds, 100 * event.why.own);
    case Kind::breaker_half_open: return fmt::format("upstream {}: its breaker lets some requests pass to see", pool);
    case Kind::breaker_closes: return fmt::format("upstream {}: its breaker is closed again", pool);
    default: break;
  }
  const std::string who = fmt::format("endpoint {} of {}", names.text(policy.endpoints[upstream.first_endpoint + event.offset].name), pool);
  switch (event.kind) {
    case Kind::check_down: return who + " fails its health check";
    case Kind::check_up: return who + " passes its health check again";
    case Kind::ejected: return fmt::format("{} is out for {:.0f} s: {}", who, seconds, why(event.why));
    case Kind::returned: return who + " is back";
    case Kind::recalled: return who + " is back already: since it was out the others fail too";
    case Kind::spared: return fmt::format("{} stays in, as many are out as may be: {}", who, why(event.why));
    default: return who;
  }
}

std::string name_line(const proxy::NameEvent& event) {
  std::string addresses;
  for (const Address& address : event.addresses) addresses += (addresses.empty() ? "" : ", ") + to_string(address);
  switch (event.kind) {
    case proxy::NameEvent::Kind::moved: return fmt::format("{} has moved to {}", event.host, addresses);
    case proxy::NameEvent::Kind::back: return fmt::format("{} resolves again: {}", event.host, addresses);
    case proxy::NameEvent::Kind::failed:
      return addresses.empty() ? fmt::format("{}; it has no address yet", event.why)
                               : fmt::format("{}; its addresses stay {}", event.why, addresses);
  }
  return {};
}

}  // namespace weir::control
