// Who may begin a change, and what stands in the way.
#include "rollout/admit.h"

#include <gtest/gtest.h>

#include <string>

#include "rollout/play_for_tests.h"

namespace weir::rollout {
namespace {

TEST(Admit, WhoMayBegin) {
  const ChangeClass limit = of(Touch::limit);
  const Request person{.way = Way::person}, pipeline{.way = Way::pipeline};
  EXPECT_EQ(admit(pipeline, limit, {}, Stamp()), Admission::begin);
  EXPECT_FALSE(admit({.now = true}, limit, {}, Stamp()));   // forced without a reason

  const Present frozen{.frozen_until = Stamp(90s)};
  EXPECT_EQ(admit(pipeline, limit, frozen, Stamp(1s)).error().kind, ErrorKind::busy);
  EXPECT_NE(admit(pipeline, limit, frozen, Stamp(1s)).error().context.find("2 more min"), std::string::npos);   // 89 s
  EXPECT_EQ(admit(pipeline, limit, frozen, Stamp(90s)), Admission::begin);
  EXPECT_EQ(admit(person, limit, frozen, Stamp(1s)), Admission::begin);

  Play play(change());
  play.run(10);
  Present present{.rollout = &play.rollout};
  EXPECT_EQ(admit(person, limit, present, play.now), Admission::supersede);
  EXPECT_EQ(admit(pipeline, limit, present, play.now).error().kind, ErrorKind::busy);
  present.busy = RolloutRules::Busy::queue;
  EXPECT_EQ(admit(pipeline, limit, present, play.now), Admission::queue);
}

TEST(Admit, WhoLocksItselfOutMustForceAndConfirm) {
  ChangeClass lockout = of(Touch::route);
  lockout.lockout = {"no route is left for api.example.com"};
  Request request{.way = Way::person, .reason = "moved"};
  EXPECT_EQ(admit(request, lockout, {}, Stamp()).error().kind, ErrorKind::invalid);
  request.now = true;
  EXPECT_FALSE(admit(request, lockout, {}, Stamp()));
  request.confirm_within = 10min;
  EXPECT_EQ(admit(request, lockout, {}, Stamp()), Admission::begin);
}

}  // namespace
}  // namespace weir::rollout
