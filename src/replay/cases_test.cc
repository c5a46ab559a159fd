#include "replay/cases.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "decide/policy_for_tests.h"

namespace weir::replay {
namespace {

using decide::PolicyBuilder;
using decide::prefix;
using namespace std::chrono_literals;

// One upstream of two endpoints, weights 3 and 1; one route with one limit: 5/s, burst 10, by
// address.
struct Gateway : PolicyBuilder {
  explicit Gateway(std::uint64_t per_second = 5, std::uint64_t burst = 10) {
    policy.listeners.emplace_back().name = names.intern("public");
    upstream("up", {3, 1});
    limit("per-ip", {KeyKind::client_ip}, per_second, burst);
    route("orders", prefix("/orders")).limits = {LimitId{0}};
  }
  CaseOutcome run(const Case& what) { return CaseRunner(prepared(), names).run(what); }
  std::uint64_t name(std::string_view text) { return names.intern(text).value; }
};

CaseRow row(Nanos at, std::uint64_t times, Nanos every, std::string path = "/orders") {
  return {.at = at,
          .every = every,
          .times = times,
          .method = "GET",
          .authority = "a.test",
          .path = std::move(path),
          .query = "",
          .headers = {},
          .clients = *Net::parse("192.0.2.1"),
          .credentials = {},
          .expected = {},
          .at_line = {}};
}

CountExpected count(Aspect aspect, std::uint64_t value, AmountExpected amount,
                    std::uint32_t line = 1) {
  return {.aspect = aspect,
          .value = value,
          .amount = amount,
          .text = "expected",
          .at = {.file = 0, .line = line, .column = 1}};
}
AmountExpected exactly(std::uint64_t n) { return {.share = false, .low = n, .high = n}; }

VerdictExpected verdict(VerdictExpected::Whose whose, Aspect aspect, std::uint64_t value) {
  return {.whose = whose, .aspect = aspect, .value = value, .text = "expected", .at = {}};
}

Case with(std::vector<CaseRow> rows, Expected expected = {}) {
  return {.name = "case",
          .at_line = {},
          .rows = std::move(rows),
          .unusable = {},
          .expected = std::move(expected)};
}

// A bucket of 10 holds ten requests at once, and gains one every 200 ms.
TEST(Cases, ABurstPassesAndTheNextIsRefused) {
  Gateway gateway;
  const CaseOutcome outcome = gateway.run(with({row(0s, 12, 0s)}));
  EXPECT_EQ(outcome.requests, 12u);
  EXPECT_EQ(outcome.refused, 2u);
  EXPECT_TRUE(outcome.passed());
  EXPECT_EQ(gateway.run(with({row(0s, 10, 0s), row(199ms, 1, 0s)})).refused, 1u);
  EXPECT_EQ(gateway.run(with({row(0s, 10, 0s), row(200ms, 1, 0s)})).refused, 0u);
  EXPECT_EQ(gateway.run(with({row(0s, 3000, 200ms)})).refused, 0u);
}

TEST(Cases, EachCaseBeginsWithFullLimits) {
  Gateway gateway;
  const CaseRunner runner(gateway.prepared(), gateway.names);
  const Case burst = with({row(0s, 10, 0s)});
  EXPECT_EQ(runner.run(burst).refused, 0u);
  EXPECT_EQ(runner.run(burst).refused, 0u);
}

TEST(Cases, ANetworkIsItsAddressesInTurn) {
  Gateway gateway;
  CaseRow many = row(0s, 40, 0s);
  many.clients = *Net::parse("198.51.100.0/30");  // four, ten requests each
  EXPECT_EQ(gateway.run(with({many})).refused, 0u);
  many.times = 44;
  EXPECT_EQ(gateway.run(with({many})).refused, 4u);
}

TEST(Cases, AFailureNamesWhatCameAndTheLineThatDecided) {
  Gateway gateway;
  const CaseOutcome outcome = gateway.run(with(
      {row(0s, 12, 0s)}, {.counts = {count(Aspect::refused, 1, exactly(1), 17)}, .verdicts = {}}));
  ASSERT_EQ(outcome.failures.size(), 1u);
  const CaseFailure& failure = outcome.failures[0];
  EXPECT_EQ(failure.at.line, 17u);
  EXPECT_EQ(failure.got, "2 of 12 requests");
  ASSERT_EQ(failure.by.size(), 2u);
  EXPECT_EQ(failure.by[0].what, "forwarded by orders");
  EXPECT_EQ(failure.by[0].requests, 10u);
  EXPECT_EQ(failure.by[1].what, "limit_rejected by per-ip");
  EXPECT_EQ(failure.by[1].requests, 2u);
  EXPECT_EQ(failure.by[1].at.line, gateway.policy.limits[0].source.line);
}

TEST(Cases, SharesOfEndpointsAreThoseOfTheirWeights) {
  Gateway gateway(1'000'000, 1'000'000);
  const std::uint64_t first = gateway.name("up/0"), second = gateway.name("up/1");
  const auto share = [](std::uint64_t low, std::uint64_t high) {
    return AmountExpected{.share = true, .low = low, .high = high};
  };
  const auto run = [&](AmountExpected a, AmountExpected b) {
    return gateway.run(with({row(0s, 4000, 1ms)}, {.counts = {count(Aspect::endpoint, first, a),
                                                              count(Aspect::endpoint, second, b)},
                                                   .verdicts = {}}));
  };
  EXPECT_TRUE(run(share(75'000, 75'000), share(25'000, 25'000)).passed());  // 3 of 4, whole cycles
  const CaseOutcome wrong = run(share(50'000, 74'999), share(0, 100'000));
  ASSERT_EQ(wrong.failures.size(), 1u);
  EXPECT_EQ(wrong.failures[0].got, "75.000% (3000 of 4000 requests forwarded)");
}

TEST(Cases, AnUnusableEndpointTakesNothing) {
  Gateway gateway;
  Case one =
      with({row(0s, 8, 0s)}, {.counts = {},
                              .verdicts = {verdict(VerdictExpected::Whose::each, Aspect::endpoint,
                                                   gateway.name("up/1"))}});
  EXPECT_FALSE(gateway.run(one).passed());
  one.unusable = {EndpointId{0}};
  EXPECT_TRUE(gateway.run(one).passed());
}

TEST(Cases, FirstLastAndEachAreToldApart) {
  using enum VerdictExpected::Whose;
  Gateway gateway;
  const auto passes = [&](VerdictExpected::Whose whose, std::uint64_t refused) {
    return gateway
        .run(with({row(0s, 11, 0s)},
                  {.counts = {}, .verdicts = {verdict(whose, Aspect::refused, refused)}}))
        .passed();
  };
  EXPECT_TRUE(passes(first, 0));
  EXPECT_FALSE(passes(first, 1));
  EXPECT_TRUE(passes(last, 1));
  EXPECT_FALSE(passes(last, 0));
  EXPECT_FALSE(passes(each, 0));
  EXPECT_FALSE(passes(each, 1));
}

TEST(Cases, ARowIsJudgedByItsOwnRequestsOnly) {
  Gateway gateway;
  CaseRow early = row(0s, 10, 0s), late = row(1s, 6, 0s);  // one second brings five
  early.expected.counts = {count(Aspect::refused, 1, exactly(0))};
  late.expected.counts = {count(Aspect::refused, 1, exactly(1))};
  EXPECT_TRUE(gateway.run(with({early, late})).passed());
  late.expected.counts = {count(Aspect::refused, 1, exactly(0))};
  EXPECT_FALSE(gateway.run(with({early, late})).passed());
}

TEST(Cases, EvidenceIsWhatTheCaseSays) {
  Gateway gateway;
  const IdentityId partner = gateway.identity("partner");
  gateway.own_settings(gateway.route("closed", prefix("/closed"))).auth.require = {partner};
  const auto refused = [&](std::vector<CaseCredential> credentials) {
    CaseRow one = row(0s, 1, 0s, "/closed");
    one.credentials = std::move(credentials);
    return gateway.run(with({one})).refused;
  };
  EXPECT_EQ(refused({}), 1u);
  EXPECT_EQ(
      refused({{.rule = partner, .result = EvidenceResult::valid, .subject = "a", .groups = {}}}),
      0u);
  EXPECT_EQ(
      refused({{.rule = partner, .result = EvidenceResult::expired, .subject = "a", .groups = {}}}),
      1u);
}

// Two readings of one path: RFC 3986 6.2.2.3 would leave the root, so no policy is asked.
TEST(Cases, RequestsThatWentRoundAreRefusedFromTheDepthOn) {
  Gateway gateway;
  gateway.policy.loop.depth = 2;
  CaseRow once = row(0s, 3, 0s), twice = row(0s, 2, 0s);
  once.hops = 1;
  twice.hops = 2;
  const Expected expected{.counts = {count(Aspect::cause, static_cast<std::uint64_t>(Cause::loop_detected), exactly(2)),
                                     count(Aspect::cause, static_cast<std::uint64_t>(Cause::none), exactly(3))}};
  EXPECT_TRUE(gateway.run(with({once, twice}, expected)).failures.empty());
}

TEST(Cases, ARequestWithoutACanonicalFormIsABadRequest) {
  Gateway gateway;
  const CaseOutcome outcome =
      gateway.run(with({row(0s, 1, 0s, "/../etc")},
                       {.counts = {},
                        .verdicts = {verdict(VerdictExpected::Whose::each, Aspect::status, 400),
                                     verdict(VerdictExpected::Whose::each, Aspect::cause,
                                             static_cast<std::uint64_t>(Cause::bad_request))}}));
  EXPECT_TRUE(outcome.passed());
}

// The token bucket by its definition: `tokens` in thousandths of a request, one bucket an address.
TEST(Cases, RefusalsAreThoseOfATokenBucketForAnyRows) {
  EXPECT_TRUE(rc::check([] {
    const auto per_second = *rc::gen::inRange<std::uint64_t>(1, 50);
    const auto burst = *rc::gen::inRange<std::uint64_t>(1, 20);
    const auto rows = *rc::gen::inRange<std::size_t>(1, 5);
    Gateway gateway(per_second, burst);
    std::vector<CaseRow> made;
    struct Arrival {
      std::int64_t at_ms;
      std::size_t row;
      std::uint64_t number;
    };
    std::vector<Arrival> arrivals;
    for (std::size_t i = 0; i < rows; ++i) {
      const auto at = *rc::gen::inRange<std::int64_t>(0, 3000);
      const auto every = *rc::gen::inRange<std::int64_t>(0, 400);
      const auto times = *rc::gen::inRange<std::uint64_t>(1, 60);
      made.push_back(row(std::chrono::milliseconds(at), times, std::chrono::milliseconds(every)));
      made.back().clients = *Net::parse("192.0.2.0/31");
      for (std::uint64_t k = 0; k < times; ++k)
        arrivals.push_back({at + every * static_cast<std::int64_t>(k), i, k});
    }
    std::ranges::sort(arrivals, {},
                      [](const Arrival& a) { return std::tie(a.at_ms, a.row, a.number); });
    struct Bucket {
      std::int64_t tokens, at_ms;
    };
    std::map<std::uint64_t, Bucket> buckets;
    const auto full = static_cast<std::int64_t>(burst) * 1000;
    std::uint64_t refused = 0;
    for (const Arrival& arrival : arrivals) {
      Bucket& bucket =
          buckets.try_emplace(arrival.number % 2, Bucket{full, arrival.at_ms}).first->second;
      bucket.tokens = std::min(full, bucket.tokens + (arrival.at_ms - bucket.at_ms) *
                                                         static_cast<std::int64_t>(per_second));
      bucket.at_ms = arrival.at_ms;
      if (bucket.tokens >= 1000) {
        bucket.tokens -= 1000;
      } else {
        ++refused;
      }
    }
    RC_ASSERT(gateway.run(with(made)).refused == refused);
  }));
}

}  // namespace
}  // namespace weir::replay
