#include "replay/follower.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "decide/identity.h"

namespace weir::replay {
namespace {

constexpr std::size_t kMostOpen = 1024;

DeciderOptions decider_options(const Follower::Options& options, decide::limits::Table& limits) {
  return {.seed = options.seed, .limit_cells = options.limit_cells, .limits = &limits};
}

bool refuses(const decide::AskedLimit& applied, const NameTable& names, const Outcome& outcome) {
  return (outcome.cause == Cause::limit_rejected || outcome.cause == Cause::caller_capped) && names.text(applied.limit->name) == outcome.rule;
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
    : names_(names), recording_(recording), options_(options), limits_(options.limit_cells) {}

void Follower::policy(std::uint32_t revision, std::uint64_t first_conditions, std::shared_ptr<const Policy> policy) {
  if (!policy->record.enabled) unrecorded_ = true;
  const auto owes = [&](Rate rate, std::uint64_t burst) {
    const Pace pace = Pace::of(rate, burst);
    doubt_.longest(to_nanos(pace.plus(pace.window, pace.interval)));
  };
  for (const Limit& limit : policy->limits) {
    owes(limit.rate, limit.burst);
    for (const LimitOverride& over : limit.overrides) owes(over.rate, over.burst);
    if (limit.learned) owes(Rate{.count = 1000}, 2);   // two seconds of one request a second or more
  }
  // Read again without a change: the same judge, with all that it has built.
  const auto same = std::ranges::find_if(
      revisions_, [&](const Revision& known) { return known.judge->policy->hash == policy->hash && known.judge->policy->laid == policy->laid; });
  auto judge = same != revisions_.end() ? same->judge
                                        : std::make_shared<Judge>(std::move(policy), names_, recording_, decider_options(options_, limits_));
  revisions_.push_back({.revision = revision, .first_conditions = first_conditions, .judge = std::move(judge)});
  while (revisions_.size() > kMostRevisions || distinct_judges() > kMostPolicies) revisions_.pop_front();
}

std::size_t Follower::distinct_judges() const {
  std::set<const Judge*> distinct;
  for (const Revision& each : revisions_) distinct.insert(each.judge.get());
  return distinct.size();
}

Follower::Judge* Follower::judge(const Arrival& arrival) {
  for (auto each = revisions_.rbegin(); each != revisions_.rend(); ++each) {
    if (each->revision == arrival.revision && each->first_conditions <= arrival.conditions) return each->judge.get();
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
  if (late || arrival.exchange.sequence != at->second || std::exchange(unrecorded_, false)) doubt_.begin(last_);
  at->second = arrival.exchange.sequence + 1;
  if (late) count(Unfollowed::late);
  return !late;
}

void Follower::follow(const record::RecordedArrival& arrival) {
  if (!in_sequence(arrival)) return;
  settle(arrival.stamp);
  doubt_.end_if_over(arrival.stamp);
  Judge* const judge = this->judge(arrival);
  if (judge == nullptr) {
    doubt_.begin(arrival.stamp);
    return count(Unfollowed::policy);
  }
  if (arrival.cause == Cause::body_too_large && !arrival.route.valid()) return count(Unfollowed::not_asked);
  const Rebuilt rebuilt = judge->rebuilder.rebuild(arrival);
  const Decider::Answer answer = judge->decider.decide({.stamp = arrival.stamp, .exchange = arrival.exchange}, rebuilt,
                                                       judge->conditions.of(arrival));
  if (answer.why == Unjudged::shape_lost) doubt_.begin(arrival.stamp);   // what it charged is not known
  if (answer.why == Unjudged::identity && (arrival.cause == Cause::limit_rejected || arrival.cause == Cause::caller_capped)) {
    // Live was refused before it asked who; here it passed and came to that question: as far as limits go, auth_denied.
    Verdict verdict = answer.verdict;
    verdict.cause = Cause::auth_denied;
    return compare(arrival, *judge, rebuilt, verdict);
  }
  if (answer.why != Unjudged::none) return count(answer.why == Unjudged::no_facts ? Unfollowed::not_asked : Unfollowed::facts);
  compare(arrival, *judge, rebuilt, answer.verdict);
}

void Follower::compare(const record::RecordedArrival& arrival, Judge& judge, const Rebuilt& rebuilt, const Verdict& verdict) {
  const Policy& policy = *judge.policy;
  const auto text = [](const NameTable& names, NameId id) { return std::string(names.text(id)); };
  const NameId route = verdict.route.valid() ? policy.routes[verdict.route.index()].name : NameId::none();
  const bool same = verdict.cause == arrival.cause && names_.text(route) == recording_.names.text(arrival.route) &&
                    names_.text(verdict.rule.name) == recording_.names.text(arrival.rule);
  asked_.clear();
  overlay_ = policy.overlay.get();
  if (verdict.route.valid() && (!same || doubt_.active() || next_.size() > 1)) gather(arrival, judge, rebuilt, verdict);
  if (same && asked_.empty()) {
    ++counts_.judged;
    return;
  }
  const Outcome live{.cause = arrival.cause, .route = text(recording_.names, arrival.route),
                     .rule = text(recording_.names, arrival.rule)};
  const Outcome decided{.cause = verdict.cause, .route = text(names_, route), .rule = text(names_, verdict.rule.name)};

  if (next_.size() > 1) {
    for (const decide::AskedLimit& each : asked_) {
      const Span debt = limits_.look(each.key, each.pace, arrival.stamp).debt;
      const bool charged = passed(each, decided);
      crossings_.touch(each.key.hash, arrival.exchange.worker, arrival.stamp, debt <= (charged ? each.pace.interval : Span{}));
    }
  }
  const bool certain = !doubt_.active() || is_certain(decided, arrival.stamp);
  if (!same && live.route == decided.route) steer(live, decided, arrival.stamp);
  if (doubt_.active()) learn(live, arrival.stamp);
  if (!certain) return count(Unfollowed::warming);
  ++counts_.judged;
  if (same) return;

  Mismatch mismatch{.exchange = arrival.exchange, .stamp = arrival.stamp, .recorded = live, .decided = decided};
  const auto of_limit = [](const Outcome& outcome) { return outcome.cause == Cause::limit_rejected || outcome.cause == Cause::caller_capped; };
  const bool of_a_limit = of_limit(live) || of_limit(decided);
  if (!of_a_limit || next_.size() < 2 || open_.size() == kMostOpen) return add_mismatch(std::move(mismatch));
  Open& open = open_.emplace_back(Open{.stamp = arrival.stamp, .keys = {}, .mismatch = std::move(mismatch)});
  for (const decide::AskedLimit& each : asked_) open.keys.push_back(each.key.hash);
}

// Whether a group of limits let the request through, and so charged it: what it came to says so.
bool Follower::passed(const decide::AskedLimit& of_group, const Outcome& outcome) const {
  const bool before_auth = of_group.limit->before_auth;
  if (!before_auth && outcome.cause == Cause::auth_denied) return false;
  if (outcome.cause == Cause::paused) return false;   // before any limit
  if (outcome.cause != Cause::limit_rejected && outcome.cause != Cause::caller_capped) return true;
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
void Follower::gather(const record::RecordedArrival& arrival, Judge& judge, const Rebuilt& rebuilt, const Verdict& verdict) {
  const Policy& policy = *judge.policy;
  applied_.clear();
  for (const auto group : {decide::LimitGroup::before_auth, decide::LimitGroup::after_auth}) {
    const bool by_address = group == decide::LimitGroup::before_auth || policy.identities.empty() || !rebuilt.evidence_known ||
                            rebuilt.evidence.empty();
    const decide::Caller caller = by_address ? decide::address_caller(rebuilt.facts.client, options_.seed)
                                             : decide::judge(policy, rebuilt.facts, rebuilt.evidence, options_.seed);
    decide::gather_limits({.policy = policy, .route = policy.routes[verdict.route.index()], .facts = rebuilt.facts,
                           .caller = caller, .table = limits_, .seed = options_.seed,
                           .learned = judge.conditions.of(arrival).learned.get()},
                          group, applied_);
  }
  std::ranges::copy_if(applied_.all(), std::back_inserter(asked_), [](const decide::AskedLimit& each) { return !each.observes(); });
}

// The state as live has it: what was charged here alone is given back, what was charged there alone is charged; the limit
// that refused there owes so much that it had to.
void Follower::steer(const Outcome& live, const Outcome& decided, Stamp now) {
  for (const decide::AskedLimit& each : asked_) {
    const bool there = passed(each, live);
    const bool here = passed(each, decided);
    if (here && !there) limits_.give_back(each.key, each.pace);
    if (there && !here) limits_.charge_passed(each.key, each.pace, now);
    if (refuses(each, names_, live)) {
      limits_.raise(each.key, now + to_nanos(each.pace.minus(each.pace.window, each.pace.interval)));
    }
  }
}

// Whether the verdict would be the same for anything that the buckets in doubt may owe. What passed here passes surely, since
// buckets in doubt owe the most that they can; what a limit refused is sure where that limit owes enough at the least.
bool Follower::is_certain(const Outcome& decided, Stamp now) {
  bool certain = true;
  fresh_.clear();
  for (const decide::AskedLimit& each : asked_) {
    if (const auto until = doubt_.first_seen(each.key.hash, each.pace, now)) {
      certain = false;
      fresh_.emplace_back(each, *until);
    } else if (refuses(each, names_, decided) && doubt_.may_pass(each.key.hash, each.pace, now)) {
      certain = false;
    }
  }
  return certain;
}

void Follower::learn(const Outcome& live, Stamp now) {
  for (const auto& [each, until] : fresh_) {
    limits_.raise(each.key, until);
    if (passed(each, live)) limits_.charge_passed(each.key, each.pace, now);
  }
  for (const decide::AskedLimit& each : asked_) {
    const std::uint64_t key = each.key.hash;
    if (passed(each, live)) doubt_.passed(key, each.pace, now);
    else if (refuses(each, names_, live)) doubt_.refused(key, each.pace, now);
    else if (limits_.look(each.key, each.pace, now).debt == Span{}) doubt_.full(key);
  }
}

void Follower::settle(Stamp now) {
  while (!open_.empty() && now - open_.front().stamp > Crossings::kNear) {
    Open open = std::move(open_.front());
    open_.pop_front();
    const bool crossed = std::ranges::any_of(open.keys, [&](std::uint64_t key) { return crossings_.crossed(key); });
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
