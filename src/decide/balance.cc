// Round robin over several workers. A worker that walked only part of a cycle has favoured the endpoints of that part
// by at most one turn each. Workers that all start at the first slot add their favours up: 16 workers with 625 turns
// over 10 endpoints give 16 extra turns to the same five endpoints, 1.6 % of a thousand. So worker w starts w x 0.618 of
// a cycle further on: multiples of the golden section fill the circle evenly however many workers there are. When the
// schedule changes, all start anew, another 0.414 of a cycle on each time, so that a gateway which is reconfigured
// every few requests still visits all.
//
// A turn of an endpoint that cannot take it goes to the next usable slot after a second cursor, `spare`. To give it to
// the next slot in place would double the load of whoever stands behind the dead endpoint. Retries go after it as well: if
// they took turns, an endpoint that fails every second request would be every request's first one.
#include "decide/balance.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

namespace weir::decide {
namespace {

constexpr int kDraws = 16;   // blind draws before the slots are searched in order

class Chance {
 public:
  Chance(const PickQuestion& question) : question_(question) {}
  std::size_t below(std::size_t bound) {
    return scale(draw(question_.seed, question_.exchange, Purpose::balance, question_.attempt << 8 | count_++), bound);
  }

 private:
  const PickQuestion& question_;
  std::uint32_t count_ = 0;
};

// A slot drawn among the usable ones; `except` is an offset that is not wanted.
template <class Usable>
std::optional<std::uint16_t> draw_slot(const std::vector<std::uint16_t>& schedule, Chance& chance,
                                       const Usable& usable, std::optional<std::uint16_t> except = {}) {
  std::size_t slot = 0;
  for (int i = 0; i < kDraws; ++i) {
    slot = chance.below(schedule.size());
    if (schedule[slot] != except && usable(schedule[slot])) return schedule[slot];
  }
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const std::uint16_t offset = schedule[(slot + i) % schedule.size()];
    if (offset != except && usable(offset)) return offset;
  }
  return std::nullopt;
}

template <class Usable>
std::optional<std::uint16_t> least_request(const PickQuestion& question, const limits::InFlight& in_flight,
                                           const Usable& usable) {
  Chance chance(question);
  const auto& schedule = question.upstream.schedule;
  const auto first = draw_slot(schedule, chance, usable);
  if (!first) return first;
  const auto second = draw_slot(schedule, chance, usable, first);
  if (!second) return first;
  const auto load = [&](std::uint16_t offset) {
    return in_flight.count(question.policy.endpoints[question.upstream.first_endpoint + offset].identity);
  };
  const auto weight = [&](std::uint16_t offset) -> std::uint64_t {
    return question.policy.endpoints[question.upstream.first_endpoint + offset].weight;
  };
  return load(*second) * weight(*first) < load(*first) * weight(*second) ? second : first;
}

void tell(const PickQuestion& question, const Balancer& balancer, const limits::InFlight& in_flight,
          std::optional<std::uint16_t> chosen) {
  const Upstream& upstream = question.upstream;
  for (std::uint32_t offset = 0; offset < upstream.endpoint_count; ++offset) {
    const EndpointId id{upstream.first_endpoint + offset};
    const Endpoint& endpoint = question.policy.endpoints[id.index()];
    EndpointStep step{.endpoint = id, .in_flight = in_flight.count(endpoint.identity)};
    const auto& conditions = question.conditions.endpoints;
    if (chosen == offset) {
      step.fit = EndpointFit::chosen;
    } else if (endpoint.weight == 0) {
      step.fit = EndpointFit::no_weight;
    } else if (id.index() < conditions.size() && !conditions[id.index()].usable) {
      step.fit = EndpointFit::unusable;
    } else if (balancer.avoids(endpoint.identity, question.now)) {
      step.fit = EndpointFit::avoided;
    }
    question.trace->on_endpoint(step);
  }
}

}  // namespace

std::vector<std::uint16_t> smooth_schedule(std::span<const std::uint32_t> weights) {
  std::uint64_t divisor = 0, sum = 0;
  for (const std::uint32_t weight : weights) {
    divisor = std::gcd(divisor, weight);
    sum += weight;
  }
  if (sum == 0) return {};
  const std::uint64_t most = std::max(kMaxCycle, weights.size());
  std::vector<std::int64_t> turns;
  for (const std::uint32_t weight : weights) {
    const std::uint64_t scaled = sum / divisor <= most ? weight / divisor : (weight * most + sum / 2) / sum;
    turns.push_back(static_cast<std::int64_t>(weight == 0 ? 0 : std::max<std::uint64_t>(1, scaled)));
  }
  const std::int64_t cycle = std::accumulate(turns.begin(), turns.end(), std::int64_t{0});
  std::vector<std::uint16_t> schedule;
  schedule.reserve(static_cast<std::size_t>(cycle));
  if (std::ranges::all_of(turns, [](auto t) { return t == 1; })) {
    for (std::size_t i = 0; i < turns.size(); ++i) schedule.push_back(static_cast<std::uint16_t>(i));
    return schedule;
  }
  // Every slot each offset earns its weight; the richest is visited and pays a whole cycle (as nginx does, 2012).
  std::vector<std::int64_t> earned(turns.size(), 0);
  for (std::int64_t slot = 0; slot < cycle; ++slot) {
    std::size_t richest = 0;
    for (std::size_t i = 0; i < turns.size(); ++i) {
      earned[i] += turns[i];
      if (earned[i] > earned[richest]) richest = i;
    }
    earned[richest] -= cycle;
    schedule.push_back(static_cast<std::uint16_t>(richest));
  }
  return schedule;
}

UpstreamId draw_upstream(std::span<const WeightedUpstream> split, HashKey seed, ExchangeId exchange) {
  if (split.size() == 1) return split.front().upstream;
  std::uint64_t sum = 0;
  for (const WeightedUpstream& part : split) sum += part.weight;
  std::uint64_t left = scale(draw(seed, exchange, Purpose::split, 0), sum);
  for (const WeightedUpstream& part : split) {
    if (left < part.weight) return part.upstream;
    left -= part.weight;
  }
  return UpstreamId::none();   // all weights zero
}

void Balancer::avoid(std::uint64_t endpoint_identity, Stamp now) {
  avoided_until_ = std::max(avoided_until_, now + kAvoidTime);
  for (Avoided& avoided : avoided_) {
    if (avoided.identity == endpoint_identity) {
      avoided.until = now + kAvoidTime;
      return;
    }
  }
  avoided_[avoided_next_++ % avoided_.size()] = {endpoint_identity, now + kAvoidTime};
}

bool Balancer::avoids(std::uint64_t endpoint_identity, Stamp now) const {
  if (now >= avoided_until_) return false;
  return std::ranges::any_of(avoided_, [&](const Avoided& avoided) {
    return avoided.identity == endpoint_identity && now < avoided.until;
  });
}

void Balancer::start(Cursor& cursor, const Upstream& upstream) const {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL, kSilver = 0x6a09e667f3bcc909ULL;   // x 2^64
  const std::uint64_t phase = worker_ * kGolden + cursor.starts++ * kSilver;
  cursor.next = scale(phase, upstream.schedule.size());
  cursor.spare = cursor.next;
  cursor.digest = upstream.schedule_digest;
}

void Balancer::on_policy(const Policy& policy) {
  std::unordered_set<std::uint32_t> names;
  for (const Upstream& upstream : policy.upstreams) names.insert(upstream.name.value);
  std::erase_if(cursors_, [&](const auto& entry) { return !names.contains(entry.first); });
}

Balancer::Cursor& Balancer::cursor(const Upstream& upstream) {
  if (cursors_.size() >= kMaxCursors) cursors_.clear();   // all start anew: uneven for one cycle, never wrong
  const auto [entry, fresh] = cursors_.try_emplace(upstream.name.value);
  Cursor& found = entry->second;
  if (fresh || found.digest != upstream.schedule_digest) start(found, upstream);
  return found;
}

template <class Usable>
std::optional<std::uint16_t> Balancer::round_robin(const PickQuestion& question, const Usable& usable) {
  const auto& schedule = question.upstream.schedule;
  Cursor& kept = cursor(question.upstream);
  Cursor peek = kept;
  Cursor& at = question.spend ? kept : peek;
  const auto next = [&](std::uint64_t& slot) {
    const std::uint16_t offset = schedule[slot % schedule.size()];
    slot = (slot + 1) % schedule.size();
    return offset;
  };
  if (question.attempt == 0) {
    const std::uint16_t offset = next(at.next);
    if (usable(offset)) return offset;
  }
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    const std::uint16_t other = next(at.spare);
    if (usable(other)) return other;
  }
  return std::nullopt;
}

std::optional<EndpointId> Balancer::pick(const PickQuestion& question) {
  const Upstream& upstream = question.upstream;
  if (upstream.schedule.empty()) return std::nullopt;
  const std::uint32_t most = upstream.breaker ? upstream.breaker->max_in_flight_per_endpoint : 0;
  const auto usable = [&](std::uint16_t offset) {
    const std::size_t index = upstream.first_endpoint + offset;
    return (index >= question.conditions.endpoints.size() || question.conditions.endpoints[index].usable) &&
           (most == 0 || in_flight_.count(question.policy.endpoints[index].identity) < most);
  };
  const auto liked = [&](std::uint16_t offset) {
    return usable(offset) && upstream.first_endpoint + offset != question.except.value &&
           !avoids(question.policy.endpoints[upstream.first_endpoint + offset].identity, question.now);
  };
  const auto choose = [&](const auto& filter) -> std::optional<std::uint16_t> {
    switch (upstream.balance) {
      case BalanceKind::round_robin: return round_robin(question, filter);
      case BalanceKind::least_request: return least_request(question, in_flight_, filter);
      case BalanceKind::random: {
        Chance chance(question);
        return draw_slot(upstream.schedule, chance, filter);
      }
    }
    return std::nullopt;
  };
  // An endpoint that warms up takes a part of its turns.
  const auto ready = [&](std::uint16_t offset) {
    if (!liked(offset)) return false;
    const std::uint8_t warmth = question.conditions.endpoints[upstream.first_endpoint + offset].warmth;
    return warmth >= EndpointConditions::kWarm ||
           scale(draw(question.seed, question.exchange, Purpose::warmth, question.attempt << 16 | offset), EndpointConditions::kWarm) < warmth;
  };
  std::optional<std::uint16_t> offset;
  if (question.conditions.warming) offset = choose(ready);
  if (!offset && (question.now < avoided_until_ || question.except.valid())) offset = choose(liked);
  if (!offset) offset = choose(usable);   // nothing else is left
  if (question.trace != nullptr) tell(question, *this, in_flight_, offset);
  if (!offset) return std::nullopt;
  return EndpointId{upstream.first_endpoint + *offset};
}

}  // namespace weir::decide
