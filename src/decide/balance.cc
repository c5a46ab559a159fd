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

#include "decide/hash_slots.h"

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

const Endpoint& endpoint_at(const PickQuestion& question, std::uint16_t offset) {
  return question.policy.endpoints[question.upstream.first_endpoint + offset];
}

// Of two that are drawn by weight, the one with the smaller cost for its weight.
template <class Usable, class Cost>
std::optional<std::uint16_t> better_of_two(const PickQuestion& question, const Tier& tier, const Usable& usable, const Cost& cost) {
  Chance chance(question);
  const auto first = draw_slot(tier.schedule, chance, usable);
  if (!first) return first;
  const auto second = draw_slot(tier.schedule, chance, usable, first);
  if (!second) return first;
  const Endpoint &a = endpoint_at(question, *first), &b = endpoint_at(question, *second);
  return cost(b.identity) * a.weight < cost(a.identity) * b.weight ? second : first;
}

// Room within the bound on load: `load` times the endpoint's share of what is in flight, the request at hand included. Where
// load >= 1 somebody always has room. Up to kHashFreely in flight there is room whatever the share: of so few it says nothing (two
// requests of one caller at once would part an idle pool), and nobody else has to be counted.
template <class Usable>
class Room {
 public:
  Room(const PickQuestion& question, const Tier& tier, const limits::InFlight& in_flight, const Usable& usable)
      : question_(question), tier_(tier), in_flight_(in_flight), usable_(usable) {}

  bool operator()(std::uint16_t offset) {
    if (!question_.upstream.hash.load) return true;
    const Endpoint& endpoint = endpoint_at(question_, offset);
    const std::uint64_t here = in_flight_.count(endpoint.identity);
    if (here < kHashFreely) return true;
    if (weights_ == 0) count();
    // Loads are decimal: 1.14 * 25 * 2 is 57 and not the least above it. Room there is stays: that is a whole 1 / all_ more.
    return static_cast<double>(here) * weights_ < *question_.upstream.hash.load * all_ * endpoint.weight * (1 - 1e-12);
  }

 private:
  void count() {
    all_ = 1;
    for (const std::uint16_t offset : tier_.members) {
      if (!usable_(offset)) continue;
      const Endpoint& endpoint = endpoint_at(question_, offset);
      weights_ += endpoint.weight;
      all_ += static_cast<double>(in_flight_.count(endpoint.identity));
    }
  }

  const PickQuestion& question_;
  const Tier& tier_;
  const limits::InFlight& in_flight_;
  const Usable& usable_;
  double weights_ = 0, all_ = 0;   // of the usable ones, once counted
};

// The owner of the slot, or whoever is first in its race of those that can.
template <class Usable>
std::optional<std::uint16_t> ring_hash(const PickQuestion& question, const Tier& tier, const limits::InFlight& in_flight,
                                       const Usable& usable) {
  const std::size_t slot = slot_of(question.hash);
  const std::uint16_t owner = tier.owners[slot];
  Room room(question, tier, in_flight, usable);
  if (usable(owner) && room(owner)) return owner;
  std::optional<std::uint16_t> first, first_with_room;
  double time = 0, time_with_room = 0;
  for (const std::uint16_t offset : tier.members) {
    if (!usable(offset)) continue;
    const Endpoint& endpoint = endpoint_at(question, offset);
    const double arrives = arrival(endpoint.identity, endpoint.weight, slot);
    if (!first || arrives < time) {
      first = offset;
      time = arrives;
    }
    if ((!first_with_room || arrives < time_with_room) && room(offset)) {
      first_with_room = offset;
      time_with_room = arrives;
    }
  }
  return first_with_room ? first_with_room : first;   // counts move while they are read
}

// Whether this one has the slot in its tier.
bool owns(const Upstream& upstream, std::uint32_t offset, std::uint64_t hash) {
  return std::ranges::any_of(upstream.tiers, [&](const Tier& tier) { return tier.owners[slot_of(hash)] == offset; });
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
    step.owner = upstream.balance == BalanceKind::ring_hash && owns(upstream, offset, question.hash);
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

void Balancer::learn(std::uint64_t endpoint_identity, AttemptResult result, Nanos took, Stamp now) {
  if (latencies_.size() >= kMaxLatencies) latencies_.clear();   // all are learnt anew
  latencies_[endpoint_identity].add(result, took, now);
}

// Requests in flight, the next one included, times the latency. Of who has answered nothing the first is free, the next one
// costs more than anybody's: it is to be found out with one.
double Balancer::cost(std::uint64_t endpoint_identity, Stamp now) const {
  constexpr double kTooMuch = 1e9;
  const auto in_flight = static_cast<double>(in_flight_.count(endpoint_identity));
  const auto known = latencies_.find(endpoint_identity);
  const double latency = known == latencies_.end() ? 0 : known->second.at(now);
  if (latency > 0) return latency * (in_flight + 1);
  return in_flight == 0 ? 0 : kTooMuch + in_flight;
}

void Balancer::start(Cursor& cursor, const Tier& tier) const {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL, kSilver = 0x6a09e667f3bcc909ULL;   // x 2^64
  const std::uint64_t phase = worker_ * kGolden + cursor.starts++ * kSilver;
  cursor.next = scale(phase, tier.schedule.size());
  cursor.spare = cursor.next;
  cursor.digest = tier.digest;
}

void Balancer::on_policy(const Policy& policy) {
  std::unordered_set<std::uint32_t> names;
  for (const Upstream& upstream : policy.upstreams) names.insert(upstream.name.value);
  erase_if(cursors_, [&](const auto& entry) { return !names.contains(static_cast<std::uint32_t>(entry.first)); });
  if (latencies_.empty()) return;
  std::unordered_set<std::uint64_t> endpoints;
  for (const Endpoint& endpoint : policy.endpoints) endpoints.insert(endpoint.identity);
  erase_if(latencies_, [&](const auto& entry) { return !endpoints.contains(entry.first); });
}

Balancer::Cursor& Balancer::cursor(const Upstream& upstream, const Tier& tier) {
  if (cursors_.size() >= kMaxCursors) cursors_.clear();   // all start anew: uneven for one cycle, never wrong
  const auto place = static_cast<std::uint64_t>(&tier - upstream.tiers.data());
  const auto [entry, fresh] = cursors_.try_emplace(place << 32 | upstream.name.value);
  Cursor& found = entry->second;
  if (fresh || found.digest != tier.digest) start(found, tier);
  return found;
}

template <class Usable>
std::optional<std::uint16_t> Balancer::choose(const PickQuestion& question, const Tier& tier, const Usable& usable) {
  switch (question.upstream.balance) {
    case BalanceKind::round_robin: return round_robin(question, tier, usable);
    case BalanceKind::least_request:
      return better_of_two(question, tier, usable, [&](std::uint64_t identity) { return in_flight_.count(identity); });
    case BalanceKind::random: {
      Chance chance(question);
      return draw_slot(tier.schedule, chance, usable);
    }
    case BalanceKind::ring_hash: return ring_hash(question, tier, in_flight_, usable);
    case BalanceKind::peak_ewma:
      return better_of_two(question, tier, usable, [&](std::uint64_t identity) { return cost(identity, question.now); });
  }
  return std::nullopt;
}

template <class Usable>
std::optional<std::uint16_t> Balancer::round_robin(const PickQuestion& question, const Tier& tier, const Usable& usable) {
  const auto& schedule = tier.schedule;
  Cursor& kept = cursor(question.upstream, tier);
  Cursor peek = kept;
  Cursor& at = question.spend ? kept : peek;
  const auto next = [&](std::uint64_t& slot) {
    const std::uint16_t offset = schedule[slot];
    slot = slot + 1 == schedule.size() ? 0 : slot + 1;
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
  if (upstream.tiers.empty()) return std::nullopt;
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
  const auto choose = [&](const auto& fits) -> std::optional<std::uint16_t> {
    for (const Tier& tier : upstream.tiers) {
      // A tier that is down costs its endpoints, not its schedule.
      if (upstream.tiers.size() > 1 && std::ranges::none_of(tier.members, fits)) continue;
      if (const auto offset = this->choose(question, tier, fits)) return offset;
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
