// A change under any order of events.
#include "rollout/rollout.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <utility>

#include "rollout/play_for_tests.h"

namespace weir::rollout {
namespace {

using Kind = Order::Kind;

// Whatever happens in whatever order: one order at a time, forwards only, at most once live, an end that fits, and an end at all.
RC_GTEST_PROP(Rollout, EveryOrderOfEventsKeepsItsPromises, ()) {
  auto what = change({.way = *rc::gen::element(Way::person, Way::pipeline), .author = "ops", .reason = "x", .now = *rc::gen::arbitrary<bool>(),
                      .fast = *rc::gen::arbitrary<bool>(), .protect = *rc::gen::arbitrary<bool>()});
  if (*rc::gen::arbitrary<bool>()) what.request.confirm_within = 10min;
  if (*rc::gen::arbitrary<bool>()) what.rules.shadow.reset();
  if (*rc::gen::arbitrary<bool>()) what.rules.watch.reset();
  if (*rc::gen::arbitrary<bool>()) what.rules.canary.clear();
  if (*rc::gen::arbitrary<bool>()) what.rules.on_not_enough_data = RolloutRules::OnNotEnoughData::promote_watched;
  what.ground.last_hour = *rc::gen::element<std::uint64_t>(10, 100'000);
  Stamp now{};
  Rollout rollout(what, now);
  Order pending;
  bool live = false, harm_seen = false;
  double share = 0;
  const auto take = [&] {
    const Order order = rollout.next(now);
    if (order.kind == Kind::none) return;
    RC_ASSERT(pending.kind == Kind::none);   // one at a time
    RC_ASSERT(!rollout.ended());
    pending = order;
    if (order.kind == Kind::enforce) {
      RC_ASSERT(!live);
      RC_ASSERT(order.share > share);
      share = order.share;
    }
    const bool after = order.kind == Kind::roll_back || order.kind == Kind::settle || order.kind == Kind::compare || order.kind == Kind::end_compare || order.kind == Kind::redraw;
    const bool before = order.kind == Kind::stop || order.kind == Kind::make_live;
    RC_ASSERT((before ? !live : !after || live));
  };
  const auto carry_out = [&](bool well) {
    if (pending.kind == Kind::none) return;
    const Order order = std::exchange(pending, {});
    if (order.kind == Kind::plan) {
      const auto answer = *rc::gen::weightedElement<PlanOutcome::Answer>(
          {{6, PlanOutcome::Answer::harmless}, {1, PlanOutcome::Answer::harm}, {3, PlanOutcome::Answer::not_enough_data}});
      return rollout.planned({.answer = answer, .text = ""}, now);
    }
    if (!well) return rollout.failed("no", now);
    if (order.kind == Kind::make_live) live = true;
    rollout.done(now);
  };
  const auto judge = [&](const Judgement& judgement) {
    harm_seen = harm_seen || judgement.answer == Answer::fail;
    rollout.judged(judgement, {.since_live = 20'000}, 5min, now);
  };
  const int steps = *rc::gen::inRange(0, 120);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::weightedElement<int>({{30, 0}, {20, 1}, {20, 2}, {10, 3}, {1, 4}, {4, 5}, {1, 6}, {2, 7}, {2, 8}, {1, 9}})) {
      case 0: take(); break;
      case 1: carry_out(true); break;
      case 2: judge(passes()); break;
      case 3: judge(lacks(static_cast<Missing::Kind>(*rc::gen::inRange(0, 7)))); break;
      case 4: judge(harms(static_cast<Failure::Kind>(*rc::gen::inRange(0, 5)))); break;
      case 5: {
        const bool planning = pending.kind == Kind::plan;
        if (rollout.promote(Way::person, "ops", now) && planning) pending = {};   // nobody waits for the plan
        break;
      }
      case 6: {
        const bool planning = pending.kind == Kind::plan;
        if (rollout.roll_back(*rc::gen::element(Way::person, Way::pipeline), "ops", "", now) && planning) pending = {};
        break;
      }
      case 7: (void)rollout.confirm(now); break;
      case 8: carry_out(false); break;
      default: break;
    }
    now += Nanos(*rc::gen::inRange<std::int64_t>(0, 200)) * 1'000'000'000;
    const Status status = rollout.status(now);
    RC_ASSERT(status.finished.size() <= RolloutRules::kMostSteps + 4);
    RC_ASSERT(status.share >= 0 && status.share <= 1);
    if (rollout.ended()) RC_ASSERT(status.exit_code.has_value());
    if (status.outcome == Outcome::stopped) RC_ASSERT(!live);
    if (status.outcome == Outcome::rolled_back || status.outcome == Outcome::settled) RC_ASSERT(live);
    if (status.outcome == Outcome::settled) RC_ASSERT(!status.frozen_until);
  }
  // Left to itself, with a judge that passes, it comes to an end; protected harm alone waits for a person.
  for (int i = 0; i < 20'000 && !rollout.ended(); ++i) {
    take();
    carry_out(true);
    judge(passes());
    now += 1s;
    if (!rollout.status(now).alarm.empty()) (void)rollout.promote(Way::person, "ops", now);
  }
  RC_ASSERT(rollout.ended());
  const Status status = rollout.status(now);
  if (status.mechanism == Mechanism::guard || status.mechanism == Mechanism::predictive) RC_ASSERT(harm_seen);
}

}  // namespace
}  // namespace weir::rollout
