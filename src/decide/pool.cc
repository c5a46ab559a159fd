#include "decide/pool.h"

#include <algorithm>
#include <map>
#include <utility>

namespace weir::decide {
namespace {

constexpr std::size_t kMostEvents = 256;   // between two readings; later ones are not told
constexpr int kJudgementsPerWindow = 10;

}  // namespace

std::string_view to_string(EndpointState state) {
  switch (state) {
    case EndpointState::healthy: return "healthy";
    case EndpointState::check_down: return "check_down";
    case EndpointState::ejected: return "ejected";
    case EndpointState::no_address: return "no_address";
  }
  return "healthy";
}

void Pool::use(const Upstream& upstream, std::span<const Endpoint> endpoints) {
  rules_ = &upstream;
  std::vector<Member> known = std::exchange(members_, {});
  for (const Endpoint& endpoint : endpoints) {
    const auto same = std::ranges::find(known, endpoint.identity, &Member::identity);
    Member& member = members_.emplace_back(same == known.end() ? Member{.identity = endpoint.identity} : std::move(*same));
    member.takes = endpoint.weight > 0;
    member.tier = endpoint.tier;
    if (!upstream.health_check) member.check = {};
    if (!upstream.ejection) member.ejected = false;
  }
  count();
}

void Pool::on_outcomes(std::size_t offset, const Outcomes& outcomes, Stamp now) {
  Member& member = members_[offset];
  // Alone it cannot be ejected; and what was under way when it was ejected says nothing new.
  if (!rules_->ejection || members_.size() < 2 || member.ejected) return;
  if (!member.window) member.window.make();
  member.window->add(outcomes, rules_->ejection->window, now);
  const std::uint32_t most = std::max(outcomes.longest, member.failures_in_a_row + outcomes.leading);
  const std::uint32_t row = outcomes.ok == 0 ? member.failures_in_a_row + outcomes.trailing : outcomes.trailing;
  member.longest_row = std::max(member.longest_row, most);
  if (most >= rules_->ejection->consecutive_failures) row_seen_ = true;   // judged once its neighbours have been heard of too
  member.failures_in_a_row = row;
}

void Pool::on_probe(std::size_t offset, Probe probe, Stamp now) {
  Member& member = members_[offset];
  if (!rules_->health_check || !member.check.on_probe(*rules_->health_check, probe)) return;
  if (!member.check.down()) member.back = now;
  tell({.kind = member.check.down() ? PoolEvent::Kind::check_down : PoolEvent::Kind::check_up,
        .offset = static_cast<std::uint32_t>(offset)});
  count();
}

void Pool::on_address(std::size_t offset, bool has_one) {
  if (std::exchange(members_[offset].nowhere, !has_one) != has_one) return;
  count();
}

Stamp Pool::tick(Stamp now, bool is_short) {
  is_short_ = is_short;
  Stamp next = Stamp::max();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    const bool recalled = member.ejected && is_missed(member, now);
    if (recalled || (member.ejected && member.until <= now)) {
      if (recalled) {
        --member.times;
        lenient_until_ = now + rules_->ejection->window;
      }
      member.ejected = false;
      if (member.window) member.window->clear();
      member.failures_in_a_row = member.longest_row = 0;
      member.back = now;
      tell({.kind = recalled ? PoolEvent::Kind::recalled : PoolEvent::Kind::returned, .offset = static_cast<std::uint32_t>(i)});
      count();
    }
    if (member.ejected) next = std::min(next, member.until);
    if (warmth(member, now) < EndpointConditions::kWarm) next = std::min(next, now + *rules_->slow_start / EndpointConditions::kWarm);
  }
  if (!rules_->ejection || members_.size() < 2) return next;
  const Nanos pause = rules_->ejection->window / kJudgementsPerWindow;
  if (!row_seen_ && judged_ != Stamp::min() && now < judged_ + pause) return std::min(next, judged_ + pause);
  judged_ = now;
  row_seen_ = false;
  const std::vector<Performance> all = performances(now);
  for (std::size_t i = 0; i < members_.size(); ++i) {
    judge(i, all, now);
    members_[i].longest_row = members_[i].failures_in_a_row;
  }
  const bool quiet = std::ranges::all_of(all, [](const Performance& each) { return each.total() == 0; });
  return quiet ? next : std::min(next, judged_ + pause);
}

// Since `ejected` is out, those who do its work fail too: it is not what was wrong, and they have more to carry. Or it was
// slow, and there is more to carry than they can.
bool Pool::is_missed(const Member& ejected, Stamp now) const {
  if (is_short_ && ejected.reason == EjectReason::latency && now - ejected.since >= rules_->ejection->window / 5) return true;
  std::uint64_t ok = 0, failed = 0;
  for (const Member& other : members_) {
    if (!other.takes || other.ejected || !other.window) continue;
    const OutcomeWindow::Sum sum = other.window->sum(rules_->ejection->window, now, ejected.since);
    ok += sum.ok;
    failed += sum.failed;
  }
  return ok + failed >= rules_->ejection->min_requests && failed >= ok;
}

std::vector<Performance> Pool::performances(Stamp now) const {
  std::vector<Performance> all;
  for (const Member& member : members_) {
    if (!member.window) {
      all.push_back({.counts = false});
      continue;
    }
    const OutcomeWindow::Sum sum = member.window->sum(rules_->ejection->window, now);
    all.push_back({.counts = member.takes && !member.ejected, .failures_in_a_row = member.failures_in_a_row,
                   .longest_row = member.longest_row, .ok = sum.ok, .failed = sum.failed, .median = sum.latency.median()});
  }
  return all;
}

void Pool::judge(std::size_t offset, std::span<const Performance> all, Stamp now) {
  Member& member = members_[offset];
  if (member.ejected || !member.takes || all[offset].total() == 0 || now < lenient_until_) return;
  const auto fault = find_fault(*rules_->ejection, all, offset);
  if (!fault || (is_short_ && fault->reason == EjectReason::latency)) {
    member.spared = false;
    return;
  }
  const auto allowed = static_cast<std::size_t>(rules_->ejection->max_share * static_cast<double>(takers_));
  if (takers_ - healthy_ + (healthy(member) ? 1 : 0) <= allowed) return eject(offset, *fault, now);
  if (!std::exchange(member.spared, true)) {
    tell({.kind = PoolEvent::Kind::spared, .offset = static_cast<std::uint32_t>(offset), .why = *fault});
  }
}

void Pool::eject(std::size_t offset, const EjectFinding& why, Stamp now) {
  Member& member = members_[offset];
  if (member.back > Stamp::min()) {   // well for as long as it would have been out: once forgotten
    const auto well = static_cast<std::uint32_t>(std::clamp<std::int64_t>((now - member.back) / rules_->ejection->time, 0, member.times));
    member.times -= well;
  }
  ++member.times;
  const Nanos time = std::min<Nanos>(rules_->ejection->max_time, rules_->ejection->time * member.times);
  member.ejected = true;
  member.reason = why.reason;
  member.spared = false;
  member.since = now;
  member.until = now + time;
  tell({.kind = PoolEvent::Kind::ejected, .offset = static_cast<std::uint32_t>(offset), .why = why, .time = time});
  count();
}

// Who is healthy has changed, or may have.
void Pool::count() {
  takers_ = healthy_ = 0;
  for (const Member& member : members_) {
    takers_ += member.takes ? 1 : 0;
    healthy_ += member.takes && healthy(member) ? 1 : 0;
  }
  const bool panics = !some_tier_is_well();
  if (std::exchange(panics_, panics) == panics) return;
  tell({.kind = panics ? PoolEvent::Kind::panic_begins : PoolEvent::Kind::panic_ends, .offset = static_cast<std::uint32_t>(healthy_)});
}

bool Pool::some_tier_is_well() const {
  struct Count {
    std::size_t takers = 0, healthy = 0;
  };
  std::map<std::uint8_t, Count> tiers;
  for (const Member& member : members_) {
    if (!member.takes) continue;
    Count& tier = tiers[member.tier];
    ++tier.takers;
    tier.healthy += healthy(member) ? 1 : 0;
  }
  return tiers.empty() || std::ranges::any_of(tiers, [&](const auto& each) {
    return static_cast<double>(each.second.healthy) >= rules_->panic_below * static_cast<double>(each.second.takers);
  });
}

std::uint8_t Pool::warmth(const Member& member, Stamp now) const {
  if (!rules_->slow_start || member.back == Stamp::min() || now - member.back >= *rules_->slow_start) return EndpointConditions::kWarm;
  const auto parts = (now - member.back) * EndpointConditions::kWarm / *rules_->slow_start;
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(parts, 1, EndpointConditions::kWarm));
}

void Pool::write(Stamp now, std::span<EndpointConditions> out) const {
  const auto used = [&](const Member& member) {
    if (healthy(member)) return true;
    return panics_ && !member.ejected && !member.nowhere && member.check.reached();
  };
  const bool nobody = std::ranges::none_of(members_, [&](const Member& member) { return member.takes && used(member); });
  for (std::size_t i = 0; i < members_.size(); ++i) {
    out[i] = {.usable = nobody || used(members_[i]), .warmth = warmth(members_[i], now)};
  }
}

EndpointState Pool::state(std::size_t offset) const {
  const Member& member = members_[offset];
  if (member.nowhere) return EndpointState::no_address;
  return member.ejected ? EndpointState::ejected : member.check.down() ? EndpointState::check_down : EndpointState::healthy;
}

void Pool::tell(PoolEvent event) {
  if (events_.size() < kMostEvents) events_.push_back(event);
}

}  // namespace weir::decide
