// A change brought out second by second, as the tests of its way and of its end play it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "fmt/core.h"
#include "rollout/rollout.h"

namespace weir::rollout {

using namespace std::chrono_literals;

inline Judgement passes() { return {.answer = Answer::pass}; }
inline Judgement lacks(Missing::Kind kind = Missing::Kind::requests) {
  return {.answer = Answer::not_enough_data, .missing = {{.kind = kind, .has = 1, .needs = 2}}};
}
inline Judgement harms(Failure::Kind kind) { return {.answer = Answer::fail, .failure = Failure{.kind = kind}}; }

inline ChangeClass of(Touch touch) {
  ChangeClass out;
  out.add(touch);
  return out;
}

inline Rollout::Change change(Request request = {.author = "ops"}) {
  return {.revision = 43, .before = 42, .request = std::move(request), .touches = of(Touch::limit), .ground = {.last_hour = 100'000}};
}

// Drives a rollout second by second: carries out what is ordered at once, and notes it.
class Play {
 public:
  explicit Play(Rollout::Change what) : rollout(std::move(what), now) {}

  // Until it ends or `seconds` are over.
  Play& run(std::int64_t seconds) {
    for (std::int64_t i = 0; i < seconds && !rollout.ended(); ++i) {
      obey();
      now += 1s;
      seen.since_live += rollout.live() ? a_second : 0;
      rollout.judged(judgement, seen, 5min, now);
      obey();
    }
    return *this;
  }
  void obey() {
    for (;;) {
      const Order order = rollout.next(now);
      if (order.kind == Order::Kind::none) return;
      log += fmt::format("{}{}@{} ", to_string(order.kind),
                         order.kind == Order::Kind::enforce ? fmt::format(" {}%", order.share * 100) : "", now.time_since_epoch() / 1s);
      if (order.kind == Order::Kind::plan) rollout.planned(plan, now);
      else rollout.done(now);
    }
  }
  Status status() const { return rollout.status(now); }

  Stamp now{};
  Rollout rollout;
  Judgement judgement = passes();
  PlanOutcome plan{.answer = PlanOutcome::Answer::harmless, .text = "0 known callers newly refused"};
  Seen seen;
  std::uint64_t a_second = 100;
  std::string log;
};

}  // namespace weir::rollout
