// Calls made up: shares of routes and callers, sessions, and the bytes that go out.
#include "load/mix.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace weir::load {
namespace {

using std::chrono::seconds;

Request request(std::string target, double weight = 1) {
  return {.name = target, .head = head_of({.target = target, .host = "a.test"}), .weight = weight};
}

TEST(Pick, zipf_shares_are_one_over_k) {
  const Pick pick = Pick::zipf(3, 1);  // 1 : 1/2 : 1/3
  EXPECT_DOUBLE_EQ(pick.share(0), 6.0 / 11);
  EXPECT_DOUBLE_EQ(pick.share(1), 3.0 / 11);
  EXPECT_NEAR(pick.share(2), 2.0 / 11, 1e-12);
  EXPECT_EQ(pick(0), 0u);
  EXPECT_EQ(pick(6.0 / 11 + 1e-9), 1u);
  EXPECT_EQ(pick(0.999999), 2u);
}

TEST(Pick, an_exponent_of_nothing_makes_all_alike) {
  const Pick pick = Pick::zipf(1000, 0);
  EXPECT_NEAR(pick.share(0), 0.001, 1e-12);
  EXPECT_NEAR(pick.share(999), 0.001, 1e-12);
}

TEST(Mix, the_head_is_that_of_rfc_9112_and_a_caller_is_one_more_field) {
  Mix mix(*Profile::constant(1, seconds(1)), {.requests = {request("/users?x=1")},
                                              .callers = {.count = 1, .field = "X-Forwarded-For"}});
  Call call;
  ASSERT_TRUE(mix.next(call));
  EXPECT_EQ(call.request,
            "GET /users?x=1 HTTP/1.1\r\nhost: a.test\r\nuser-agent: weir-load\r\naccept: "
            "*/*\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n");
  EXPECT_FALSE(mix.next(call));
}

TEST(Mix, a_body_brings_its_length) {
  const std::string head =
      head_of({.method = "POST", .target = "/", .host = "a.test", .body = "12345"});
  EXPECT_NE(head.find("\r\nContent-Length: 5\r\n"), std::string::npos) << head;
}

TEST(Mix, routes_get_what_their_weights_say) {
  Mix mix(*Profile::constant(10'000, seconds(10)),
          {.requests = {request("/a", 3), request("/b", 1)}});
  std::map<std::uint32_t, int> counts;
  for (Call call; mix.next(call);) ++counts[call.route];
  EXPECT_EQ(counts[0] + counts[1], 100'000);
  EXPECT_NEAR(counts[0], 75'000, 4 * 137);  // sqrt(100,000 × 3/4 × 1/4) = 137
}

TEST(Mix, callers_get_what_zipf_says) {
  Mix mix(*Profile::constant(10'000, seconds(10)),
          {.requests = {request("/")},
           .callers = {.count = 3, .zipf = 1, .field = "K", .values = {"x", "y", "z"}}});
  std::map<char, int> counts;
  for (Call call; mix.next(call);) ++counts[call.request[call.request.size() - 5]];
  EXPECT_NEAR(counts['x'], 54'545, 4 * 158);
  EXPECT_NEAR(counts['y'], 27'273, 4 * 141);
  EXPECT_NEAR(counts['z'], 18'182, 4 * 122);
}

TEST(Mix, sessions_keep_the_rate_their_length_and_the_order_of_time) {
  // 1,000/s for 100 s in sessions of 5 calls, 1 s apart: 200 sessions a second, all of whose calls
  // have one caller, and 1,000 × 1 s × 4/5 of them under way at the beginning. So the rate is there
  // from the first second on.
  Mix mix(*Profile::constant(1000, seconds(100)),
          {.requests = {request("/")},
           .callers = {.count = 1'000'000, .field = "X-Forwarded-For"},
           .sessions = {.calls = 5, .pause = seconds(1)}});
  std::map<std::string, int> by_caller;
  std::map<std::int64_t, int> by_second;
  Nanos last{0};
  int calls = 0;
  for (Call call; mix.next(call); ++calls) {
    ASSERT_GE(call.due, last);
    last = call.due;
    ++by_second[call.due / seconds(1)];
    if (call.due < seconds(60)) ++by_caller[call.request];
  }
  EXPECT_NEAR(calls, 100'000, 1500);  // 20,800 sessions: sqrt(20,800 × 20) = 645
  for (int second = 0; second < 5; ++second) EXPECT_NEAR(by_second[second], 1000, 4 * 32);
  // 12,000 sessions began within the first minute and 800 before, hardly any caller had two: 1 of
  // 1,000,000 each.
  EXPECT_NEAR(static_cast<double>(by_caller.size()), 12'800, 150);
}

TEST(Mix, sessions_are_under_way_by_the_first_rate_of_a_ramp_and_the_mean_of_on_off) {
  const auto first_second = [](const Profile& profile) {
    Mix mix(profile,
            {.requests = {request("/")}, .sessions = {.calls = 1000, .pause = seconds(10)}});
    int calls = 0;
    for (Call call; mix.next(call) && call.due < seconds(1);) ++calls;
    return calls;
  };
  // Sessions of 1,000 calls: hardly one begins, 10 s × the rate are under way.
  EXPECT_NEAR(first_second(*Profile::of({{.length = seconds(10), .from = 1000, .to = 0}})), 1000,
              4 * 32);
  EXPECT_NEAR(first_second(*Profile::on_off(1000, seconds(1), seconds(4), seconds(10))), 1000,
              4 * 32);
}

TEST(Mix, the_same_seed_makes_the_same_calls_whatever_else_is_asked) {
  const auto routes = [](std::size_t callers) {
    Mix mix(*Profile::constant(100, seconds(1)), {.requests = {request("/a"), request("/b")},
                                                  .callers = {.count = callers, .field = "K"}});
    std::string text;
    for (Call call; mix.next(call);) text += call.route == 0 ? 'a' : 'b';
    return text;
  };
  EXPECT_EQ(routes(0), routes(100));
}

}  // namespace
}  // namespace weir::load
