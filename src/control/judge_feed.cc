#include "control/judge_feed.h"

#include <algorithm>
#include <utility>

#include "decide/identity.h"
#include "model/standing.h"
#include "record/flight.h"

namespace weir::control {
namespace {

constexpr std::uint32_t kEstablished = 20;

bool refuses(Cause cause) {
  switch (cause) {
    case Cause::limit_rejected:
    case Cause::concurrency_rejected:
    case Cause::quota_spent:
    case Cause::caller_capped:
    case Cause::paused:
    case Cause::shed_overload:
    case Cause::breaker_open:
    case Cause::no_healthy_endpoint:
    case Cause::deadline_expired:
    case Cause::gateway_overloaded:
    case Cause::loop_detected: return true;
    default: return false;
  }
}

bool denies(Cause cause) { return cause == Cause::no_route || cause == Cause::method_not_allowed || cause == Cause::auth_denied; }

bool is_auth_cut(const ExchangeRecord& record) { return record.auth.result == AuthResult::unavailable && record.auth.call.cause == Cause::response_timeout; }

bool is_cut(const ExchangeRecord& record) { return record.timeout_phase != Phase::none || is_auth_cut(record); }

// Whether the other policy would have cut it.
bool would_cut(const ExchangeRecord& record) {
  const SecondOpinion& other = record.second;
  const Nanos asked = std::chrono::microseconds(record.auth.call.micros);
  if (is_auth_cut(record)) return other.auth > Nanos(0);
  if (other.auth > Nanos(0) && asked > other.auth) return true;
  if (record.late.result == LateResult::success || record.late.result == LateResult::failure) {
    return other.response > Nanos(0) && std::chrono::microseconds(record.late.micros) > other.response;
  }
  if (record.timeout_phase != Phase::none) return true;
  return other.response > Nanos(0) && record.response_time > other.response;
}

rollout::Word own_word(const ExchangeRecord& record) {
  rollout::Word word;
  word.refuses = refuses(record.cause) && (record.flags & ExchangeRecord::kExpected) == 0;
  word.denies = denies(record.cause);
  word.cuts = is_cut(record);
  if (record.attempts > 0) word.endpoint = record.tries[0].endpoint;
  return word;
}

rollout::Word other_word(const ExchangeRecord& record) {
  const SecondOpinion& other = record.second;
  rollout::Word word;
  word.refuses = refuses(other.cause) && !other.expected;
  word.denies = denies(other.cause) || (record.auth.result == AuthResult::denied && other.auth > Nanos(0));
  word.cuts = other.action == Action::forward && would_cut(record);
  if (other.action == Action::forward) word.endpoint = other.endpoint;
  return word;
}

}  // namespace

void JudgeFeed::use(std::shared_ptr<const decide::KnownCallers> known) {
  known_ = std::move(known);
  pasts_.clear();
}

void JudgeFeed::begin(std::uint32_t candidate, Differs differs, Stamp now) {
  candidate_ = candidate;
  differs_ = std::move(differs);
  const rollout::Traffic traffic = recent_.traffic(now);
  const rollout::Staging staging = rollout::staging_of(traffic);
  if (std::exchange(unit_, staging.unit) != staging.unit) learning_ = std::make_unique<rollout::Judge>();   // what it knows is of other units
  learning_->units_return(unit_ != Unit::request);
  judge_ = std::make_unique<rollout::Judge>(*learning_);
  observed_ = {};
  refused_.clear();
  judge_->use(staging.comparable(), traffic.requests_per_s);
}

void JudgeFeed::enter(rollout::Stage stage, Stamp now) {
  stage_ = stage;
  seen_.requests = seen_.units = seen_.differ = 0;
  units_.clear();
  judge().enter(stage, now);
}

void JudgeFeed::end() {
  candidate_ = 0;
  stage_ = {};
  seen_ = {};
  units_.clear();
  judge_.reset();
}

bool JudgeFeed::is_known(const ExchangeRecord& record, std::string_view caller) {
  const auto by_directory = [&] {
    if (known_ == nullptr) return false;
    const bool by_name = !caller.empty();
    const decide::Caller who{.ref = {.kind = by_name ? CallerRef::Kind::credential : CallerRef::Kind::address}, .subject = caller, .groups = {}};
    Facts facts;
    facts.client = record.client;
    return decide::is_known(known_.get(), who, facts, key_);
  };
  auto past = pasts_.find(record.who.caller);
  if (past == pasts_.end()) {
    if (pasts_.size() == kMostCallers) return by_directory();
    past = pasts_.emplace(record.who.caller, Past{.known = by_directory()}).first;
  }
  const Past before = past->second;
  Past& now = past->second;
  const bool judged = candidate_ != 0 && record.revision == candidate_;   // what it does to a caller makes nobody a stranger
  if (!judged) ++now.requests;
  if (!judged && record.status >= 200 && record.status < 400) ++now.fine;
  return before.known || (before.requests >= kEstablished && before.fine * 100 >= before.requests * 95);
}

std::uint64_t JudgeFeed::unit_of(const ExchangeRecord& record) const {
  switch (unit_) {
    case Unit::caller: return record.who.caller;
    case Unit::client: return decide::address_caller(record.client, key_).ref.digest;
    case Unit::request: break;
  }
  return mix(record.exchange.sequence) ^ record.exchange.worker.value;
}

rollout::Event JudgeFeed::event_of(const ExchangeRecord& record, bool known) const {
  const Ending ending{.status = record.status, .refused = info(record.cause).side == Side::gateway, .recorded = true, .cause = record.cause, .total = record.total_time};
  const bool wanted = (record.flags & ExchangeRecord::kExpected) != 0;
  rollout::Event event{.at = record.arrived + record.total_time, .unit = unit_of(record), .caller = record.who.caller, .group = record.who.group,
                       .method = record.who.method, .route = record.route, .identity = record.who.identity, .latency = record.total_time};
  event.known = known;
  event.bad = !wanted && (outcome_of(ending, known) == Outcome::bad || record.cause == Cause::body_truncated);
  const rollout::Word own = own_word(record);
  event.control = own;
  if (candidate_ == 0 || record.second.revision == 0) return event;
  const rollout::Word other = other_word(record);
  event.judged_by_both = true;
  event.arm = record.revision == candidate_ ? rollout::Arm::candidate : rollout::Arm::control;
  event.candidate = event.arm == rollout::Arm::candidate ? own : other;
  event.control = event.arm == rollout::Arm::candidate ? other : own;
  event.touched = differs_.everywhere || differs_.names.contains(record.route.value) || differs_.names.contains(record.upstream.value) ||
                  own.refuses != other.refuses || own.denies != other.denies || own.cuts != other.cuts;
  return event;
}

void JudgeFeed::count(const rollout::Event& event, Stamp now) {
  minute_.add(now.time_since_epoch() / std::chrono::seconds(1), 1, event.bad ? 1 : 0);
  if (!event.judged_by_both) return;
  observe(event);
  const bool counts = stage_.kind == rollout::Stage::Kind::shadow || event.arm == rollout::Arm::candidate;
  if (!counts) return;
  ++seen_.requests;
  if (stage_.kind == rollout::Stage::Kind::watch || stage_.kind == rollout::Stage::Kind::compare) ++seen_.since_live;
  if (units_.size() < kMostCallers && units_.insert(event.unit).second) ++seen_.units;
  const rollout::Word &a = event.candidate, &b = event.control;
  if (a.refuses != b.refuses || a.denies != b.denies || a.cuts != b.cuts) ++seen_.differ;
}

void JudgeFeed::observe(const rollout::Event& event) {
  const bool candidate = event.candidate.refuses || event.candidate.denies, control = event.control.refuses || event.control.denies;
  ++observed_.requests;
  observed_.refused += candidate && !control ? 1 : 0;
  observed_.allowed += control && !candidate ? 1 : 0;
  observed_.cut += event.candidate.cuts && !event.control.cuts ? 1 : 0;
  if (candidate && !control && event.known && refused_.size() < kMostCallers) refused_.insert(event.caller);
  observed_.callers = refused_.size();
}

void JudgeFeed::add(const ExchangeRecord& record, std::string_view caller, Stamp now) {
  if ((record.flags & ExchangeRecord::kInternal) != 0) return;
  recent_.add(record.who.caller, decide::address_caller(record.client, key_).ref.digest, now);
  const rollout::Event event = event_of(record, is_known(record, caller));
  if (!event.judged_by_both || event.arm == rollout::Arm::control) {   // what a candidate does is not usual before it is settled
    rollout::Event alone = event;
    alone.judged_by_both = false;
    learning_->on_exchange(alone);
  }
  count(event, now);
  if (candidate_ == 0) return;
  judge_->on_exchange(event);
  if (!event.judged_by_both) return;
  const bool candidate = event.arm == rollout::Arm::candidate;
  for (const SecondOpinion::Fill& fill : record.second.fills) {
    if (!fill.limit.valid()) break;
    judge_->on_fill(fill.limit, (candidate ? fill.own : fill.other) / 100.0, (candidate ? fill.other : fill.own) / 100.0);
  }
}

rollout::Ground JudgeFeed::ground(Stamp now) {
  const rollout::Judgement judgement = learning_->verdict(now);
  return {.thin = staging(now).thin,
          .last_hour = recent_.last_hour(now),
          .firing = judgement.watch.burns != rollout::BurnRate::Alarm::none,
          .bad_share = minute_.share(60)};
}

rollout::Seen JudgeFeed::seen(Stamp now) {
  // The watch of what booted begins before anybody has come.
  if (judging() && stage_.kind == rollout::Stage::Kind::watch) {
    const rollout::Traffic traffic = recent_.traffic(now);
    if (rollout::staging_of(traffic).comparable()) judge_->use(true, traffic.requests_per_s);
  }
  minute_.add(now.time_since_epoch() / std::chrono::seconds(1), 0, 0);
  seen_.bad_share = minute_.share(60);
  return seen_;
}

}  // namespace weir::control
