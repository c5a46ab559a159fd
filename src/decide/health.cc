#include "decide/health.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "decide/admission.h"

namespace weir::decide {
namespace {

// A sixteenth more or less is not.
std::uint32_t worth_saying(std::uint32_t now, std::uint32_t said) {
  const std::uint32_t apart = now > said ? now - said : said - now;
  return apart > now / 16 ? now : said;
}

}  // namespace

void Health::take_over(const Health& other) {
  policy_ = other.policy_;
  pools_.clear();
  for (const std::unique_ptr<Kept>& kept : other.pools_) pools_.push_back(std::make_unique<Kept>(*kept));
}

void Health::use(const Policy& policy, Stamp now) {
  std::unordered_map<std::uint32_t, std::unique_ptr<Kept>> known;
  if (policy_ != nullptr) {
    for (std::size_t i = 0; i < pools_.size(); ++i) known[policy_->upstreams[i].name.value] = std::move(pools_[i]);
  }
  policy_ = &policy;
  pools_.clear();
  endpoints_.clear();
  for (const Upstream& upstream : policy.upstreams) {
    auto& same = known[upstream.name.value];
    Kept& kept = *pools_.emplace_back(same == nullptr ? std::make_unique<Kept>() : std::move(same));
    const auto endpoints = std::span(policy.endpoints).subspan(upstream.first_endpoint, upstream.endpoint_count);
    kept.pool.use(upstream, endpoints);
    kept.due = Stamp::min();
    for (std::uint32_t i = 0; i < upstream.endpoint_count; ++i) {
      endpoints_.emplace(key(upstream.name, endpoints[i].name), EndpointId{upstream.first_endpoint + i});
    }
  }
  said_.assign(policy.endpoints.size(), {});
  said_upstreams_.assign(policy.upstreams.size(), {});
  due_ = Stamp::min();
  tick(now);
}

void Health::on_outcomes(const EndpointOutcomes& outcomes, Stamp now) {
  const auto found = endpoints_.find(key(outcomes.upstream, outcomes.endpoint));
  if (found == endpoints_.end()) return;
  const Endpoint& endpoint = policy_->endpoints[found->second.index()];
  const Upstream& upstream = policy_->upstreams[endpoint.upstream.index()];
  Kept& kept = *pools_[endpoint.upstream.index()];
  kept.pool.on_outcomes(found->second.index() - upstream.first_endpoint, outcomes.outcomes, now);
  if (upstream.breaker && kept.breaker.on_outcomes(*upstream.breaker, outcomes.outcomes, now)) tell_breaker(kept);
  if (upstream.adaptive_limit) kept.adaptive.on_outcomes(outcomes.outcomes);
  due_ = kept.due = Stamp::min();
}

void Health::on_probe(EndpointId id, Probe probe, Stamp now) {
  const UpstreamId upstream = policy_->endpoints[id.index()].upstream;
  Kept& kept = *pools_[upstream.index()];
  kept.pool.on_probe(id.index() - policy_->upstreams[upstream.index()].first_endpoint, probe, now);
  due_ = kept.due = Stamp::min();
}

void Health::on_address(EndpointId id, bool has_one) {
  const UpstreamId upstream = policy_->endpoints[id.index()].upstream;
  Kept& kept = *pools_[upstream.index()];
  kept.pool.on_address(id.index() - policy_->upstreams[upstream.index()].first_endpoint, has_one);
  due_ = kept.due = Stamp::min();
}

bool Health::tick(Stamp now) {
  if (now < due_) return false;
  due_ = Stamp::max();
  bool changed = false;
  std::vector<EndpointConditions> fresh;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    Kept& kept = *pools_[i];
    if (kept.due <= now) {
      const Upstream& upstream = policy_->upstreams[i];
      kept.due = kept.pool.tick(now, upstream.adaptive_limit && kept.adaptive.is_short());
      const auto said = std::span(said_).subspan(upstream.first_endpoint, upstream.endpoint_count);
      fresh.resize(said.size());
      kept.pool.write(now, fresh);
      if (!std::ranges::equal(fresh, said)) {
        std::ranges::copy(fresh, said.begin());
        changed = true;
      }
      const UpstreamConditions state = state_of(upstream, kept, said_upstreams_[i], now);
      changed |= state != std::exchange(said_upstreams_[i], state);
      if (state.breaker == BreakerState::open) kept.due = std::min(kept.due, kept.breaker.until());
    }
    due_ = std::min(due_, kept.due);
  }
  return changed;
}

UpstreamConditions Health::state_of(const Upstream& upstream, Kept& kept, const UpstreamConditions& said, Stamp now) const {
  UpstreamConditions state;
  if (kept.breaker.tick(upstream.breaker.value_or(Breaker()), now)) tell_breaker(kept);
  state.breaker = kept.breaker.state();
  if (!upstream.adaptive_limit) return state;
  kept.adaptive.tick(*upstream.adaptive_limit, in_flight_.count(in_flight_identity(upstream)), now);
  state.limit = worth_saying(kept.adaptive.limit(), said.limit);
  state.fastest_ms = worth_saying(static_cast<std::uint32_t>(kept.adaptive.fastest() / std::chrono::milliseconds(1)), said.fastest_ms);
  return state;
}

void Health::tell_breaker(Kept& kept) {
  constexpr std::array kKinds = {PoolEvent::Kind::breaker_closes, PoolEvent::Kind::breaker_half_open, PoolEvent::Kind::breaker_opens};
  kept.events.push_back({.kind = kKinds[static_cast<std::size_t>(kept.breaker.state())], .why = {.own = kept.breaker.failed()},
                         .time = kept.breaker.open_for()});
}

Conditions Health::conditions() const {
  const bool warming = std::ranges::any_of(said_, [](const EndpointConditions& one) { return one.warmth < EndpointConditions::kWarm; });
  return {.number = 0, .endpoints = said_, .upstreams = said_upstreams_, .warming = warming, .resolved = nullptr, .peaks = nullptr, .learned = nullptr};
}

EndpointState Health::state(EndpointId id) const {
  const UpstreamId upstream = policy_->endpoints[id.index()].upstream;
  return pools_[upstream.index()]->pool.state(id.index() - policy_->upstreams[upstream.index()].first_endpoint);
}

std::vector<EndpointState> Health::states() const {
  std::vector<EndpointState> states;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    for (std::uint32_t offset = 0; offset < policy_->upstreams[i].endpoint_count; ++offset) states.push_back(pools_[i]->pool.state(offset));
  }
  return states;
}

void Health::each_event(const std::function<void(UpstreamId, const PoolEvent&)>& told) {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    for (const PoolEvent& event : pools_[i]->pool.events()) told(UpstreamId{static_cast<std::uint32_t>(i)}, event);
    for (const PoolEvent& event : pools_[i]->events) told(UpstreamId{static_cast<std::uint32_t>(i)}, event);
    pools_[i]->pool.forget_events();
    pools_[i]->events.clear();
  }
}

}  // namespace weir::decide
