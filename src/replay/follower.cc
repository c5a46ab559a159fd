#include "replay/follower.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "base/check.h"
#include "decide/identity.h"

namespace weir::replay {
namespace {

constexpr std::size_t kMostOpen = 1024;

DeciderOptions decider_options(const Follower::Options& options, decide::limits::Table& limits) {
  return {.seed = options.seed, .limit_cells = options.limit_cells, .limits = &limits};
}

bool of_limit(Cause cause) { return cause == Cause::limit_rejected || cause == Cause::caller_capped; }

Event event_of(const Arrival& arrival) { return {.stamp = arrival.stamp, .exchange = arrival.exchange}; }

// A body over the cap by its own announcement.
bool answered_unasked(const Arrival& arrival) { return arrival.cause == Cause::body_too_large && !arrival.route.valid(); }

bool refuses(const decide::AskedLimit& applied, const NameTable& names, const Outcome& outcome) {
  return of_limit(outcome.cause) && names.text(applied.limit->name) == outcome.rule;
}

}  // namespace

std::string_view to_string(Unfollowed why) {
  static constexpr std::array<std::string_view, static_cast<std::size_t>(Unfollowed::count_)> kNames = {
      "missing", "warming", "late", "policy", "not_asked", "facts"};
  return why < Unfollowed::count_ ? kNames[static_cast<std::size_t>(why)] : "";
}

Follower::Judge::Judge(std::shared_ptr<const Policy> of, const NameTable& names, const record::Recording& recording,
                       DeciderOptions options)
    : policy(std::move(of)), decider(*policy, options), rebuilder(*policy, names, recording, options.seed),
      conditions(recording, *policy) {}

Follower::Follower(const NameTable& names, const record::Recording& recording, Options options)
    : names_(names), recording_(recording), options_(options), first_(std::make_unique<Seat>(options.limit_cells)) {}

void PolicyTraces::add(const Policy& policy) {
  unrecorded = unrecorded || !policy.record.enabled;
  const auto owes = [&](Rate rate, std::uint64_t burst) {
    const Pace pace = Pace::of(rate, burst);
    longest = std::max(longest, to_nanos(pace.plus(pace.window, pace.interval)));
  };
  for (const Limit& limit : policy.limits) {
    owes(limit.rate, limit.burst);
    for (const LimitOverride& over : limit.overrides) owes(over.rate, over.burst);
    if (limit.learned) {   // two seconds of its peak, which is one request a second or more, so many times
      owes(Rate{.count = std::min<std::uint64_t>(1000, std::uint64_t{limit.learned->times} * limit.learned->thousandths)}, 2);
    }
  }
}

void PolicyTraces::add(const PolicyTraces& more) {
  longest = std::max(longest, more.longest);
  unrecorded = unrecorded || more.unrecorded;
}

void Follower::passed_over(const PolicyTraces& traces) {
  traces_.add(traces);
  for (Seat* seat : {first_.get(), second_.get()}) {
    if (seat != nullptr) seat->doubt.longest(traces_.longest);
  }
}

void Follower::policy(std::uint32_t revision, std::uint64_t first_conditions, std::shared_ptr<const Policy> policy) {
  PolicyTraces traces;
  traces.add(*policy);
  passed_over(traces);
  // Read again without a change: the same judge, with all that it has built.
  const auto same =
      std::ranges::find_if(revisions_, [&](const Revision& known) { return decide_alike(*known.judge->policy, *policy); });
  auto judge = same != revisions_.end() ? same->judge
                                        : std::make_shared<Judge>(std::move(policy), names_, recording_, decider_options(options_, first_->limits));
  revisions_.push_back({.revision = revision, .first_conditions = first_conditions, .judge = std::move(judge)});
  while (revisions_.size() > kMostRevisions || distinct_judges() > kMostPolicies) revisions_.pop_front();
}

std::size_t Follower::distinct_judges() const {
  std::set<const Judge*> distinct;
  for (const Revision& each : revisions_) distinct.insert(each.judge.get());
  return distinct.size();
}

Follower::Judge* Follower::judge(std::uint32_t revision, std::uint64_t conditions) {
  for (auto each = revisions_.rbegin(); each != revisions_.rend(); ++each) {
    if (each->revision == revision && each->first_conditions <= conditions) return each->judge.get();
  }
  return nullptr;
}

// False: it comes too late to be decided. What should have come before and did not is missing, and puts all in doubt.
bool Follower::in_sequence(const Arrival& arrival) {
  const auto [at, first] = next_.try_emplace(arrival.exchange.worker.value, arrival.exchange.sequence);
  std::uint64_t& missing = counts_.unjudged[static_cast<std::size_t>(Unfollowed::missing)];
  if (arrival.exchange.sequence < at->second) {   // it was counted as missing
    count(Unfollowed::late);
    if (missing > 0) --missing;
    return false;
  }
  missing += arrival.exchange.sequence - at->second;
  const bool late = arrival.stamp < last_;
  last_ = std::max(last_, arrival.stamp);
  const bool unrecorded = std::exchange(traces_.unrecorded, false);
  if (late || unrecorded || arrival.exchange.sequence != at->second) doubt_all(last_);
  at->second = arrival.exchange.sequence + 1;
  if (late) count(Unfollowed::late);
  return !late;
}

void Follower::doubt_all(Stamp now) {
  first_->doubt.begin(now);
  if (second_ != nullptr) second_->doubt.begin(now);
}

// Charges and the copy may have met within a millisecond of their stamps.
void Follower::decides_beside(std::uint32_t revision, Stamp from, Stamp until) {
  from -= Crossings::kNear;
  changes_.push_back({.revision = revision, .from = from, .until = until, .beside = true, .exact = from > last_});
}

void Follower::decides_alone(std::uint32_t revision, Stamp from) {
  changes_.push_back({.revision = revision, .from = from, .until = from, .beside = false, .exact = true});
}

void Follower::take_seats(Stamp now) {
  for (; !changes_.empty() && changes_.front().from <= now; changes_.pop_front()) {
    const Change& change = changes_.front();
    if (change.beside) {
      if (second_ != nullptr) settle(Stamp::max());
      second_ = std::make_unique<Seat>(options_.limit_cells);
      WEIR_CHECK(second_->limits.restore(first_->limits.owed(change.from)));
      second_->doubt = first_->doubt;
      second_->crossings = first_->crossings;
      second_revision_ = change.revision;
      copied_until_ = change.until;
      if (!change.exact) second_->doubt.begin(last_);
      continue;
    }
    settle(Stamp::max());   // differences that refer to a seat
    if (second_ != nullptr && change.revision == second_revision_) std::swap(first_, second_);
    second_.reset();
  }
}

// Of the one whose verdict was not enforced; null: nobody said that it decides.
Follower::Seat* Follower::seat_beside(const Arrival& arrival) {
  if (second_ == nullptr || (arrival.second != second_revision_ && arrival.revision != second_revision_)) return nullptr;
  return &seat_of(arrival.second);
}

void Follower::follow(std::span<const record::RecordedArrival> arrivals) {
  while (!arrivals.empty()) {
    const std::size_t together = take_together(arrivals.first(std::min(arrivals.size(), kBatch)));
    if (together > 0) follow_together(arrivals.first(together));
    else follow_alone(arrivals.front());
    arrivals = arrivals.subspan(std::max<std::size_t>(together, 1));
  }
}

// How many, from the first on, are in sequence, were decided by one policy alone under one set of conditions, and are to be
// decided: nothing that the follower does besides comes between them. They are taken into the sequence.
std::size_t Follower::take_together(std::span<const record::RecordedArrival> arrivals) {
  const Arrival& first = arrivals.front();
  if (second_ != nullptr || traces_.unrecorded || judge(first.revision, first.conditions) == nullptr) return 0;
  const Stamp until = changes_.empty() ? Stamp::max() : changes_.front().from;
  std::size_t count = 0;
  for (const Arrival& each : arrivals) {
    const bool alike = each.revision == first.revision && each.conditions == first.conditions && each.second == 0;
    if (!alike || answered_unasked(each) || each.stamp < last_ || each.stamp >= until) break;
    const auto next = next_.find(each.exchange.worker.value);
    if (next == next_.end() || next->second != each.exchange.sequence) break;
    ++next->second;
    last_ = each.stamp;
    ++count;
  }
  return count;
}

void Follower::follow_together(std::span<const record::RecordedArrival> arrivals) {
  Judge& judge = *this->judge(arrivals.front().revision, arrivals.front().conditions);
  Seat& seat = *first_;
  rebuilt_.resize(kBatch);
  judge.rebuilder.rebuild(arrivals, std::span(rebuilt_).first(arrivals.size()));
  const Conditions& conditions = judge.conditions.of(arrivals.front());
  judge.decider.decide_in(seat.limits);
  judge.decider.decide(
      arrivals.size(),
      [&](std::size_t i) {
        return Decider::Question{.event = event_of(arrivals[i]), .rebuilt = &rebuilt_[i], .conditions = &conditions};
      },
      [&](std::size_t i, const Decider::Seen& seen, std::span<const decide::AskedLimit>) {
        settle(arrivals[i].stamp);
        seat.doubt.end_if_over(arrivals[i].stamp);
        decided(arrivals[i], judge, seat, rebuilt_[i], seen);
      });
}

void Follower::follow_alone(const record::RecordedArrival& arrival) {
  if (!in_sequence(arrival)) return;
  settle(arrival.stamp);
  take_seats(arrival.stamp);
  first_->doubt.end_if_over(arrival.stamp);
  if (second_ != nullptr) second_->doubt.end_if_over(arrival.stamp);
  Judge* const judge = this->judge(arrival.revision, arrival.conditions);
  Seat* const beside = arrival.second == 0 ? nullptr : seat_beside(arrival);
  if (judge == nullptr || (arrival.second != 0 && beside == nullptr)) {
    doubt_all(arrival.stamp);
    return count(Unfollowed::policy);
  }
  if (answered_unasked(arrival)) return count(Unfollowed::not_asked);
  const Rebuilt rebuilt = judge->rebuilder.rebuild(arrival);
  if (beside != nullptr) decide_beside(arrival, *judge, rebuilt, *beside);
  Seat& seat = seat_of(arrival.revision);
  judge->decider.decide_in(seat.limits);
  const Decider::Answer answer = judge->decider.decide(event_of(arrival), rebuilt, judge->conditions.of(arrival));
  decided(arrival, *judge, seat, rebuilt, {.why = answer.why, .verdict = answer.verdict});
}

void Follower::decided(const record::RecordedArrival& arrival, Judge& judge, Seat& seat, const Rebuilt& rebuilt,
                       const Decider::Seen& seen) {
  if (seen.why == Unjudged::none) return compare(arrival, judge, seat, rebuilt, seen.verdict);
  if (seen.why == Unjudged::shape_lost) seat.doubt.begin(arrival.stamp);   // what it charged is not known
  if (copying(arrival) && seen.why != Unjudged::no_facts) second_->doubt.begin(arrival.stamp);
  if (seen.why == Unjudged::identity && of_limit(arrival.cause)) {
    // Live was refused before it asked who; here it passed and came to that question: as far as limits go, auth_denied.
    Verdict verdict = seen.verdict;
    verdict.cause = Cause::auth_denied;
    return compare(arrival, judge, seat, rebuilt, verdict);
  }
  count(seen.why == Unjudged::no_facts ? Unfollowed::not_asked : Unfollowed::facts);
}

// What it said is not recorded: where that cannot be known, what it charged is in doubt.
void Follower::decide_beside(const record::RecordedArrival& arrival, const Judge& enforced, const Rebuilt& seen, Seat& seat) {
  Judge* const judge = this->judge(arrival.second, arrival.conditions);
  if (judge == nullptr || !seen.facts.listener.valid()) return seat.doubt.begin(arrival.stamp);
  const Listener& accepted = enforced.policy->listeners[seen.facts.listener.index()];
  const std::vector<Listener>& listeners = judge->policy->listeners;
  const auto there = std::ranges::find(listeners, accepted.address, &Listener::address);
  if (there == listeners.end()) return;   // live did not ask it either
  const Rebuilt rebuilt = judge->rebuilder.rebuild(arrival);
  judge->decider.decide_in(seat.limits);
  const Decider::Answer answer = judge->decider.decide(event_of(arrival), rebuilt, judge->conditions.of(arrival));
  const bool seen_alike = there->name == accepted.name && there->trusted_proxies == accepted.trusted_proxies;
  if (!seen_alike || (answer.why != Unjudged::none && answer.why != Unjudged::external_auth)) return seat.doubt.begin(arrival.stamp);
  asked_.clear();
  const bool wanted = seat.doubt.active() || next_.size() > 1;
  if (wanted && answer.verdict.route.valid()) gather(arrival, *judge, seat, rebuilt, answer.verdict);
  if (asked_.empty()) return;
  const Outcome decided = outcome_of(*judge->policy, answer.verdict);
  touch(seat, arrival, decided);
  if (!seat.doubt.active()) return;
  if (is_certain(seat, decided, arrival.stamp)) learn(seat, decided, arrival.stamp);
  else learn_of_either(seat, decided, arrival.stamp);
}

Outcome Follower::outcome_of(const Policy& policy, const Verdict& verdict) const {
  const NameId route = verdict.route.valid() ? policy.routes[verdict.route.index()].name : NameId::none();
  return {.cause = verdict.cause, .route = std::string(names_.text(route)), .rule = std::string(names_.text(verdict.rule.name))};
}

void Follower::touch(Seat& seat, const Arrival& arrival, const Outcome& decided) {
  if (next_.size() < 2) return;
  for (const decide::AskedLimit& each : asked_) {
    const Span debt = seat.limits.look(each.key, each.pace, arrival.stamp).debt;
    const bool charged = passed(each, decided);
    seat.crossings.touch(each.key.hash, arrival.exchange.worker, arrival.stamp, debt <= (charged ? each.pace.interval : Span{}));
  }
}

// By their texts, which stay what they are: the same once is the same for ever.
bool Follower::same_name(NameId recorded, NameId live) {
  if (!recorded.valid() || !live.valid()) return names_.text(live) == recording_.names.text(recorded);
  if (recorded.index() >= live_names_.size()) live_names_.resize(recorded.index() + 1);
  NameId& known = live_names_[recorded.index()];
  if (known == live) return true;
  if (names_.text(live) != recording_.names.text(recorded)) return false;
  known = live;
  return true;
}

void Follower::judged(const Arrival& arrival) {
  ++counts_.judged;
  if (decide::is_admission(arrival.cause)) ++counts_.carried_over;
}

void Follower::compare(const record::RecordedArrival& arrival, Judge& judge, Seat& seat, const Rebuilt& rebuilt,
                       const Verdict& verdict) {
  const Policy& policy = *judge.policy;
  const NameId route = verdict.route.valid() ? policy.routes[verdict.route.index()].name : NameId::none();
  const bool same = verdict.cause == arrival.cause && same_name(arrival.route, route) && same_name(arrival.rule, verdict.rule.name);
  asked_.clear();
  applied_.clear();
  const bool wanted = !same || seat.doubt.active() || next_.size() > 1 || copying(arrival);
  if (wanted && verdict.route.valid()) gather(arrival, judge, seat, rebuilt, verdict);
  if (same && applied_.all().empty()) return judged(arrival);
  const Outcome live{.cause = arrival.cause, .route = std::string(recording_.names.text(arrival.route)),
                     .rule = std::string(recording_.names.text(arrival.rule))};
  const Outcome decided = outcome_of(policy, verdict);
  touch(seat, arrival, decided);
  const bool certain = !seat.doubt.active() || is_certain(seat, decided, arrival.stamp);
  if (!same && live.route == decided.route) steer(seat, live, decided, arrival.stamp);
  if (seat.doubt.active()) learn(seat, live, arrival.stamp);
  if (copying(arrival)) copied_or_not(live, arrival.stamp);
  if (!certain) return count(Unfollowed::warming);
  judged(arrival);
  if (same) return;

  Mismatch mismatch{.exchange = arrival.exchange, .stamp = arrival.stamp, .recorded = live, .decided = decided};
  const bool of_a_limit = of_limit(live.cause) || of_limit(decided.cause);
  if (!of_a_limit || next_.size() < 2 || open_.size() == kMostOpen) return add_mismatch(std::move(mismatch));
  Open& open = open_.emplace_back(Open{.stamp = arrival.stamp, .seat = &seat, .keys = {}, .mismatch = std::move(mismatch)});
  for (const decide::AskedLimit& each : asked_) open.keys.push_back(each.key.hash);
}

// Whether a group of limits let the request through, and so charged it: what it came to says so.
bool Follower::passed(const decide::AskedLimit& of_group, const Outcome& outcome) const {
  const bool before_auth = of_group.limit->before_auth;
  if (!before_auth && outcome.cause == Cause::auth_denied) return false;
  if (outcome.cause == Cause::paused) return false;   // before any limit
  if (!of_limit(outcome.cause)) return true;
  const auto refusing = std::ranges::find_if(asked_, [&](const decide::AskedLimit& each) {
    return names_.text(each.limit->name) == outcome.rule;
  });
  if (refusing != asked_.end()) return before_auth && !refusing->limit->before_auth;
  return outcome.cause == Cause::caller_capped && before_auth && blocks_by_name(outcome.rule);
}

// A net is blocked before any limit is asked, a name once those before_auth have let the request pass.
bool Follower::blocks_by_name(std::string_view rule) const {
  return overlay_ != nullptr && std::ranges::any_of(overlay_->restraints, [&](const Restraint& each) {
    return !each.net && !each.cap.valid() && names_.text(each.name) == rule;
  });
}

// The enforcing limits of the route that apply to this request, with their buckets.
void Follower::gather(const record::RecordedArrival& arrival, Judge& judge, Seat& seat, const Rebuilt& rebuilt,
                      const Verdict& verdict) {
  const Policy& policy = *judge.policy;
  overlay_ = policy.overlay.get();
  applied_.clear();
  for (const auto group : {decide::LimitGroup::before_auth, decide::LimitGroup::after_auth}) {
    const bool by_address = group == decide::LimitGroup::before_auth || policy.identities.empty() || !rebuilt.evidence_known ||
                            rebuilt.evidence.empty();
    const decide::Caller caller = by_address ? decide::address_caller(rebuilt.facts.client, options_.seed)
                                             : decide::judge(policy, rebuilt.facts, rebuilt.evidence, options_.seed);
    decide::gather_limits({.policy = policy, .route = policy.routes[verdict.route.index()], .facts = rebuilt.facts,
                           .caller = caller, .table = seat.limits, .seed = options_.seed,
                           .learned = judge.conditions.of(arrival).learned.get()},
                          group, applied_);
  }
  std::ranges::copy_if(applied_.all(), std::back_inserter(asked_), [](const decide::AskedLimit& each) { return !each.observes(); });
}

// The state as live has it: what was charged here alone is given back, what was charged there alone is charged; the limit
// that refused there owes so much that it had to.
void Follower::steer(Seat& seat, const Outcome& live, const Outcome& decided, Stamp now) {
  for (const decide::AskedLimit& each : asked_) {
    const bool there = passed(each, live);
    const bool here = passed(each, decided);
    if (here && !there) seat.limits.give_back(each.key, each.pace);
    if (there && !here) seat.limits.charge_passed(each.key, each.pace, now);
    if (refuses(each, names_, live)) {
      seat.limits.raise(each.key, now + to_nanos(each.pace.minus(each.pace.window, each.pace.interval)));
    }
  }
}

// Whether the verdict would be the same for anything that the buckets in doubt may owe. What passed here passes surely, since
// buckets in doubt owe the most that they can; what a limit refused is sure where that limit owes enough at the least.
bool Follower::is_certain(Seat& seat, const Outcome& decided, Stamp now) {
  bool certain = true;
  fresh_.clear();
  for (const decide::AskedLimit& each : asked_) {
    if (const auto until = seat.doubt.first_seen(each.key.hash, each.pace, now)) {
      certain = false;
      fresh_.emplace_back(each, *until);
    } else if (refuses(each, names_, decided) && seat.doubt.may_pass(each.key.hash, each.pace, now)) {
      certain = false;
    }
  }
  return certain;
}

void Follower::learn(Seat& seat, const Outcome& live, Stamp now) {
  for (const auto& [each, until] : fresh_) {
    seat.limits.raise(each.key, until);
    if (passed(each, live)) seat.limits.charge_passed(each.key, each.pace, now);
  }
  for (const decide::AskedLimit& each : asked_) {
    const std::uint64_t key = each.key.hash;
    const bool let_through = passed(each, live);
    if (let_through && seat.limits.look(each.key, each.pace, now).debt <= each.pace.interval) seat.doubt.full(key);   // it was
    else if (let_through) seat.doubt.passed(key, each.pace, now);
    else if (refuses(each, names_, live)) seat.doubt.refused(key, each.pace, now);
    else if (seat.limits.look(each.key, each.pace, now).debt == Span{}) seat.doubt.full(key);
  }
}

// Nobody knows whether live let it through there: the most that each owes is as if, the least as if not.
void Follower::learn_of_either(Seat& seat, const Outcome& decided, Stamp now) {
  for (const auto& [each, until] : fresh_) seat.limits.raise(each.key, until);
  for (const decide::AskedLimit& each : asked_) {
    const bool fresh = std::ranges::any_of(fresh_, [&](const auto& one) { return one.first.key.hash == each.key.hash; });
    const bool charged = passed(each, decided);
    const Span debt = seat.limits.look(each.key, each.pace, now).debt;
    const Span before = charged ? each.pace.minus(debt, each.pace.interval) : debt;
    seat.doubt.unsure(each.key.hash, each.pace, now + Nanos(static_cast<std::int64_t>(before.nanos)), now);
    if (!charged || fresh) seat.limits.charge_passed(each.key, each.pace, now);
  }
}

// At the moment of a copy: what live charged may be in it.
void Follower::copied_or_not(const Outcome& live, Stamp now) {
  Seat& copy = *second_;
  for (const decide::AskedLimit& each : applied_.all()) {
    if (!each.observes() && !passed(each, live)) continue;
    if (const auto until = copy.doubt.first_seen(each.key.hash, each.pace, now)) copy.limits.raise(each.key, *until);
    const auto owed = Nanos(static_cast<std::int64_t>(copy.limits.look(each.key, each.pace, now).debt.nanos));
    copy.doubt.unsure(each.key.hash, each.pace, now + owed, now);
    copy.limits.charge_passed(each.key, each.pace, now);
  }
}

void Follower::settle(Stamp now) {
  while (!open_.empty() && now - open_.front().stamp > Crossings::kNear) {
    Open open = std::move(open_.front());
    open_.pop_front();
    const bool crossed = std::ranges::any_of(open.keys, [&](std::uint64_t key) { return open.seat->crossings.crossed(key); });
    if (crossed) ++counts_.reordered;
    else add_mismatch(std::move(open.mismatch));
  }
}

void Follower::add_mismatch(Mismatch mismatch) {
  ++counts_.mismatches;
  examples_.push_back(std::move(mismatch));
  if (examples_.size() > kExamples) examples_.pop_front();
}

}  // namespace weir::replay
