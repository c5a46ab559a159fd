#include "rollout/coverage.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>
#include <utility>

namespace weir::rollout {

void Coverage::add(const Event& event) {
  ++requests_;
  heavy_.add(event.caller);
  const bool felt = event.arm == Arm::candidate;
  if (felt) felt_.add(event.caller);
  const std::uint64_t key = mix(event.method ^ mix(event.route.value ^ mix(event.identity.value)));
  auto found = places_.find(key);
  if (found == places_.end()) {
    if (kinds_.size() >= kMost) return;
    found = places_.emplace(key, kinds_.size()).first;
    kinds_.push_back({.route = event.route, .identity = event.identity, .method = event.method});
  }
  CoverageReading::Kind& kind = kinds_[found->second];
  ++kind.requests;
  kind.decided += felt || event.judged_by_both ? 1 : 0;
  kind.felt += felt ? 1 : 0;
}

double Coverage::covered() const {
  if (requests_ == 0) return 0;
  std::uint64_t covered = 0;
  for (const CoverageReading::Kind& kind : kinds_) covered += kind.decided >= kEnough ? kind.requests : 0;
  return static_cast<double>(covered) / static_cast<double>(requests_);
}

double Coverage::times_until(double share) const {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> kinds;   // decided, requests
  for (const CoverageReading::Kind& kind : kinds_) kinds.emplace_back(kind.decided, kind.requests);
  std::ranges::sort(kinds, std::greater());
  std::uint64_t covered = 0;
  for (const auto& [decided, requests] : kinds) {
    covered += requests;
    if (static_cast<double>(covered) >= share * static_cast<double>(requests_))
      return std::max(1.0, static_cast<double>(kEnough) / static_cast<double>(decided));
  }
  return std::numeric_limits<double>::infinity();
}

CoverageReading Coverage::reading() const {
  CoverageReading out{.covered = covered()};
  for (const CoverageReading::Kind& kind : kinds_)
    if (kind.felt < kEnough) out.unfelt.push_back(kind);
  std::ranges::sort(out.unfelt, {}, [](const CoverageReading::Kind& of) { return std::tuple(~of.requests, of.route, of.method, of.identity); });
  for (const SpaceSaving::Heavy& caller : heavy_.top(kTop))
    if (!felt_.contains(caller.key)) out.callers.push_back(caller.key);
  return out;
}

}  // namespace weir::rollout
