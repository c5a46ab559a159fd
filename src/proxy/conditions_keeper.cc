#include "proxy/conditions_keeper.h"

#include <chrono>

#include "decide/learned.h"
#include "io/loop.h"

namespace weir::proxy {
namespace {

constexpr Nanos kPause = std::chrono::milliseconds(50);

}  // namespace

ConditionsKeeper::ConditionsKeeper(io::Scope& scope, const NameTable& names, HashKey seed, const decide::limits::InFlight& in_flight,
                                   To to)
    : scope_(scope), to_(std::move(to)), health_(in_flight), prober_(scope, names, seed, [this](EndpointId endpoint, decide::Probe probe) { on_probe(endpoint, probe); }) {
  scope_.spawn([this] { return keep(); });
}

void ConditionsKeeper::take_over(const ConditionsKeeper& other) {
  health_.take_over(other.health_);
  shares_ = other.shares_;
  counts_ = other.counts_;
}

void ConditionsKeeper::rest() {
  policy_ = nullptr;
  prober_.rest();
}

std::shared_ptr<const Conditions> ConditionsKeeper::use(std::shared_ptr<const Policy> policy,
                                                        std::shared_ptr<const EndpointAddresses> addresses,
                                                        std::shared_ptr<const CallerPeaks> peaks) {
  const std::shared_ptr<const Policy> before = std::move(policy_);   // until health knows the next one
  policy_ = std::move(policy);
  addresses_ = std::move(addresses);
  health_.use(*policy_, scope_.loop().now());
  shares_.use(*policy_);
  learn(std::move(peaks));
  tell_addresses();
  prober_.use(policy_, addresses_);
  return conditions();
}

void ConditionsKeeper::use_addresses(std::shared_ptr<const EndpointAddresses> addresses) {
  addresses_ = std::move(addresses);
  tell_addresses();
  prober_.use(policy_, addresses_);
  to_.publish(conditions());
}

void ConditionsKeeper::use_peaks(std::shared_ptr<const CallerPeaks> peaks) {
  learn(std::move(peaks));
  to_.publish(conditions());
}

void ConditionsKeeper::learn(std::shared_ptr<const CallerPeaks> peaks) {
  learned_ = decide::learned_rates(*policy_, peaks.get());
  peaks_ = std::move(peaks);
}

void ConditionsKeeper::tell_addresses() {
  for (std::uint32_t i = 0; i < policy_->endpoints.size(); ++i) {
    if (!policy_->endpoints[i].host.empty()) health_.on_address(EndpointId{i}, !(*addresses_)[i].empty());
  }
  health_.tick(scope_.loop().now());
}

void ConditionsKeeper::on_outcomes(std::span<const EndpointOutcomes> outcomes) {
  if (policy_ == nullptr) return;
  for (const EndpointOutcomes& each : outcomes) {
    health_.on_outcomes(each, scope_.loop().now());
    shares_.add(each.upstream, each.endpoint, each.outcomes.attempts, scope_.loop().now());
    if (each.outcomes.unreached > 0 && to_.unreached) to_.unreached(each.endpoint);
  }
}

io::Task<> ConditionsKeeper::keep() {
  while (co_await scope_.loop().sleep_to_beat(kPause)) {
    if (policy_ == nullptr || !health_.due(scope_.loop().now())) continue;
    const bool changed = health_.tick(scope_.loop().now());
    health_.each_event([this](UpstreamId upstream, const decide::PoolEvent& event) { on_event(upstream, event); });
    if (changed) to_.publish(conditions());
  }
}

void ConditionsKeeper::on_probe(EndpointId endpoint, decide::Probe probe) {
  HealthCounts& counts = counts_[policy_->upstreams[policy_->endpoints[endpoint.index()].upstream.index()].name.value];
  ++(probe.good ? counts.probes_good : counts.probes_bad);
  if (!probe.reached && to_.unreached) to_.unreached(policy_->endpoints[endpoint.index()].name);
  health_.on_probe(endpoint, probe, scope_.loop().now());
}

void ConditionsKeeper::on_event(UpstreamId upstream, const decide::PoolEvent& event) {
  if (event.kind == decide::PoolEvent::Kind::ejected) {
    ++counts_[policy_->upstreams[upstream.index()].name.value].ejections[static_cast<std::size_t>(event.why.reason)];
  }
  to_.tell(*policy_, upstream, event);
}

std::shared_ptr<const Conditions> ConditionsKeeper::conditions() {
  auto made = std::make_shared<Conditions>(health_.conditions());
  made->number = to_.number ? to_.number() : ++number_;
  made->resolved = addresses_;
  made->peaks = peaks_;
  made->learned = learned_;
  return made;
}

}  // namespace weir::proxy
