// An upstream that ends its own work after a fixed time answers 5xx, or closes, near that time and
// hardly ever elsewhere: its failures have a mass at one duration, above what is usual and where
// its good answers end.
//
// The mass is the shortest stretch of time that holds six in ten of the failures (the shorth of the
// Princeton robustness study, Andrews et al. 1972, there with half of them): its middle is where
// they crowd, whatever the others do, and its width says how much. Failures of a service that is
// merely slow are spread: of exponential durations with mean m the stretch is ln(1 / 0.4) m = 0.92
// m wide around 0.46 m; what is allowed is a tenth of the middle to each side.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "replay/advice_parts.h"

namespace weir::replay {
namespace {

struct Mass {
  Nanos near{0}, from{0}, to{0};
  std::uint64_t inside = 0;
};

// `micros` sorted, not empty. Absent: they crowd nowhere.
std::optional<Mass> mass_of(const std::vector<std::uint32_t>& micros) {
  const auto held = static_cast<std::size_t>(
      std::ceil(threshold::kOwnShare * static_cast<double>(micros.size())));
  std::size_t first = 0;
  const auto width = [&](std::size_t at) { return micros[at + held - 1] - micros[at]; };
  for (std::size_t at = 1; at + held <= micros.size(); ++at) {
    if (width(at) < width(first)) first = at;
  }
  const double middle = (static_cast<double>(micros[first]) + micros[first + held - 1]) / 2;
  const double aside = std::max(threshold::kOwnSpread * middle,
                                static_cast<double>(threshold::kOwnWidth.count()) / 1e3);
  if (width(first) > 2 * aside) return std::nullopt;
  const auto from = std::ranges::lower_bound(micros, middle - aside),
             to = std::ranges::upper_bound(micros, middle + aside);
  return Mass{.near = Nanos(static_cast<std::int64_t>(middle * 1e3)),
              .from = std::chrono::microseconds(*from),
              .to = std::chrono::microseconds(*(to - 1)),
              .inside = static_cast<std::uint64_t>(to - from)};
}

// The shortest time after which a route to it gives up.
std::optional<Nanos> gateway_timeout(const Policy& policy, UpstreamId upstream) {
  std::optional<Nanos> shortest;
  for (const Route& route : policy.routes) {
    const auto* const forward = std::get_if<Forward>(&route.action);
    if (forward == nullptr ||
        std::ranges::find(forward->split, upstream, &WeightedUpstream::upstream) ==
            forward->split.end())
      continue;
    for (const OptionalTime& time :
         {policy.timeouts_of(route).response, policy.timeouts_of(route).total}) {
      if (time && (!shortest || time->value < *shortest)) shortest = time->value;
    }
  }
  return shortest;
}

bool is_above_work(Nanos near, Nanos to, const Histogram& good) {
  if (near < threshold::kOwnLeast ||
      static_cast<double>(near.count()) <
          threshold::kOwnTimes * static_cast<double>(good.quantile(0.5).count()))
    return false;
  return static_cast<double>(good.quantile(1 - threshold::kOwnBeyond).count()) <=
         (1 + threshold::kOwnSpread) * static_cast<double>(to.count());
}

}  // namespace

void advise_own_timeouts(const AdviceInput& in, Advice& out) {
  for (std::size_t i = 0; i < in.policy.upstreams.size(); ++i) {
    const Review::UpstreamUse& use = in.counts.upstreams[i];
    if (use.failed.size() < threshold::kOwnFailures || use.good == nullptr ||
        use.good->count() < threshold::kOwnGood)
      continue;
    std::vector<std::uint32_t> micros = use.failed;
    std::ranges::sort(micros);
    const auto mass = mass_of(micros);
    if (!mass || !is_above_work(mass->near, mass->to, *use.good)) continue;
    const auto own = gateway_timeout(in.policy, UpstreamId{static_cast<std::uint32_t>(i)});
    if (own && static_cast<double>(own->count()) <
                   threshold::kOwnApart * static_cast<double>(mass->to.count()))
      continue;
    const Upstream& upstream = in.policy.upstreams[i];
    Finding& found = out.findings.emplace_back();
    found = {
        .check = Check::upstream_timeout,
        .level = Level::hurts,
        .subject = {.kind = Subject::Kind::upstream, .name = name_of(in, upstream.name)},
        .source = upstream.source,
        .measures = {milliseconds_as("near_ms", mass->near), milliseconds_as("from_ms", mass->from),
                     milliseconds_as("to_ms", mass->to), counted_as("near", mass->inside),
                     counted_as("failures", micros.size())},
        .nothing = "it is the service that gives up: its own configuration says when"};
    if (own) found.measures.push_back(milliseconds_as("timeout_ms", *own));
  }
}

}  // namespace weir::replay
