// From real batches (decided, encoded as workers do) to entries of callers.
#include "record/caller_batches.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "record/arrivals.h"
#include "record/shape.h"

namespace weir::record {
namespace {

using namespace std::chrono_literals;

constexpr HashKey kKey{.k0 = 3, .k1 = 5};
constexpr Nanos kShift = 20'000 * 24h;

class CallerBatchesTest : public testing::Test {
 protected:
  CallerBatchesTest() {
    policy_.revision = 7;
    policy_.listeners.push_back({.name = names_.intern("public")});
    policy_.identities.push_back({.name = names_.intern("partner")});
    policy_.routes.resize(1);
    policy_.routes[0].name = names_.intern("catalog");
    shaper_.emplace(policy_, names_, kKey);
  }

  struct Request {
    Nanos at{0};
    Address client = Address::v4(192, 0, 2, 1);
    std::string subject;  // "": no credential
    bool refused = false;
  };
  std::vector<std::byte> batch(const std::vector<Request>& requests) {
    std::vector<std::byte> out(64 * 1024);
    std::size_t used = 0;
    for (const Request& request : requests) {
      const Verdict verdict{.route = RouteId{0}};
      const Facts facts{.method = "GET", .host = "h", .path = "/", .client = request.client};
      const std::array<Evidence, 1> evidence{Evidence{
          .result = request.subject.empty() ? EvidenceResult::absent : EvidenceResult::valid,
          .subject = request.subject}};
      Arrival arrival{.stamp = Stamp(request.at),
                      .exchange = {.worker = WorkerId{0}, .sequence = ++sequence_},
                      .revision = 7,
                      .route = policy_.routes[0].name};
      if (request.refused) {
        arrival.action = Action::refuse;
        arrival.cause = Cause::limit_rejected;
        arrival.rule = names_.intern("per-caller");
      }
      const std::size_t size = encoder_.encode(
          arrival, {.policy = policy_, .verdict = verdict, .facts = &facts, .evidence = evidence},
          *shaper_, std::span(out).subspan(used));
      EXPECT_GT(size, 0u);
      used += size;
    }
    out.resize(used);
    return out;
  }
  static const CallerEntry* find(const std::vector<CallerEntry>& all, std::string_view name) {
    const auto found =
        std::ranges::find_if(all, [&](const auto& each) { return each.name.name == name; });
    return found == all.end() ? nullptr : &*found;
  }

  NameTable names_;
  Policy policy_;
  std::optional<Shaper> shaper_;
  ArrivalEncoder encoder_;
  std::uint64_t sequence_ = 0;
};

TEST_F(CallerBatchesTest, NamesWhoAskedByItsCredentialElseItsAddress) {
  CallerBatches batches(names_, kKey, kShift, 100);
  const auto v6 = *Address::parse("2001:db8:1:2:3:4:5:6");
  batches.add(batch({{.at = 1s, .subject = "acme"},
                     {.at = 2s, .client = Address::v4(192, 0, 2, 2), .subject = "acme"},
                     {.at = 3s, .client = v6},
                     {.at = 4s, .client = v6, .refused = true}}),
              1, {});
  batches.settle(0s, {});
  const auto all = batches.tally().take();
  ASSERT_EQ(all.size(), 2u);
  const CallerEntry* const acme = find(all, "acme");
  ASSERT_NE(acme, nullptr);
  EXPECT_EQ(acme->name.kind, CallerKind::credential);
  EXPECT_EQ(acme->standing.requests, 2u);
  EXPECT_EQ(acme->first_seen, WallTime(kShift + 1s));
  EXPECT_EQ(acme->routes.front().route, "catalog");
  const CallerEntry* const net = find(all, "2001:db8:1:2::");
  ASSERT_NE(net, nullptr);
  EXPECT_EQ(net->standing.good, 1u);
  ASSERT_EQ(net->refusals.size(), 1u);
  EXPECT_EQ(net->refusals[0].rule, "per-caller");
  EXPECT_EQ(net->refusals[0].cause, Cause::limit_rejected);
  EXPECT_EQ(net->refusals[0].revision, 7u);
  EXPECT_EQ(net->refusals[0].since, WallTime(kShift + 4s));
}

// Shapes are written once an epoch; buffers of the one before may come after the first of the next.
TEST_F(CallerBatchesTest, EpochsOverlap) {
  CallerBatches batches(names_, kKey, kShift, 100);
  const auto first = batch({{.at = 1s, .subject = "acme"}});
  const auto late = batch({{.at = 3s, .subject = "acme"}});  // without its shapes
  encoder_.begin_segment();
  const auto next = batch({{.at = 2s, .subject = "acme"}});
  batches.add(first, 1, {});
  batches.settle(0s, {});
  EXPECT_EQ(batches.tally().take().size(), 1u);
  batches.add(next, 2, {});
  batches.add(late, 1, {});
  batches.settle(0s, {});
  const auto all = batches.tally().take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].standing.requests, 2u);
  EXPECT_EQ(batches.unnamed(), 0u);
}

TEST_F(CallerBatchesTest, ArrivalsWithoutTheirShapesAreNobodys) {
  CallerBatches batches(names_, kKey, kShift, 100);
  (void)batch({{.subject = "acme"}});
  batches.add(batch({{.subject = "acme"}}), 1, {});  // the batch with the shapes was lost
  EXPECT_EQ(batches.tally().size(), 0u);
  EXPECT_EQ(batches.unnamed(), 1u);
}

// A flight record says how an exchange ended, also after its entry was taken away.
TEST_F(CallerBatchesTest, FlightsTellWhatBecameOfIt) {
  CallerBatches batches(names_, kKey, kShift, 100);
  batches.add(batch({{.at = 1s, .subject = "acme"},
                     {.at = 2s, .subject = "acme"},
                     {.at = 3s, .subject = "acme"}}),
              1, {});
  const auto came = batches.tally().take();
  EXPECT_EQ(came.at(0).standing.requests, 3u);
  EXPECT_EQ(came.at(0).standing.answered, 0u);
  std::vector<std::byte> bytes(1024);
  std::size_t used = 0;
  const auto flown = [&](std::uint64_t sequence, std::uint16_t status) {
    used += put_flight({.exchange = {.worker = WorkerId{0}, .sequence = sequence},
                        .route = policy_.routes[0].name,
                        .status = status},
                       std::span(bytes).subspan(used));
  };
  flown(1, 503);
  flown(2, 404);
  flown(7, 500);  // nobody's
  batches.add(std::span(bytes).first(used), 1, {});
  batches.settle(1min, {});
  const auto ended = batches.tally().take();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].standing.requests, 0u);
  EXPECT_EQ(ended[0].standing.bad, 1u);
  EXPECT_EQ(ended[0].standing.good, 1u);
  EXPECT_EQ(ended[0].standing.answered, 2u);
  EXPECT_EQ(ended[0].standing.fine, 0u);
  // Of the third nothing was heard: it is let pass, once it has waited long enough.
  batches.settle(0s, {});
  EXPECT_EQ(batches.tally().take().at(0).standing.good, 1u);
}

TEST_F(CallerBatchesTest, AClientThatLeavesAfterTwiceTheUsualTimeWasServedBadly) {
  CallerBatches batches(names_, kKey, kShift, 100);
  std::vector<Request> requests(102, {.at = 1s, .subject = "acme"});
  batches.add(batch(requests), 1, {});
  std::vector<std::byte> bytes(32 * 1024);
  std::size_t used = 0;
  for (std::uint64_t i = 1; i <= 102; ++i) {
    Flight flight{.exchange = {.worker = WorkerId{0}, .sequence = i},
                  .total_time = 100ms,
                  .route = policy_.routes[0].name,
                  .status = 200};
    if (i > 100) flight.cause = Cause::client_gone;
    if (i > 100) flight.total_time = i == 101 ? 150ms : 250ms;
    used += put_flight(flight, std::span(bytes).subspan(used));
  }
  batches.add(std::span(bytes).first(used), 1, {});
  const auto all = batches.tally().take();
  EXPECT_EQ(all.at(0).standing.bad, 1u);
  EXPECT_EQ(all.at(0).standing.good, 101u);
}

// A flight stands for as many exchanges as it says.
TEST(UsualTimes, CountWhatAFlightStandsFor) {
  const NameId route{1}, other{2};
  UsualTimes times;
  for (int i = 0; i < 24; ++i) times.add(route, 100ms, 4);
  EXPECT_FALSE(times.p99(route));
  times.add(route, 900ms, 4);
  for (int i = 0; i < 99; ++i) times.add(other, 100ms);
  times.add(other, 900ms);
  ASSERT_TRUE(times.p99(route) && times.p99(other));
  EXPECT_GT(*times.p99(route), 800ms);  // four in a hundred
  EXPECT_LT(*times.p99(other), 200ms);  // one in a hundred
}

TEST_F(CallerBatchesTest, ARefusalOfSomebodyKnownIsBad) {
  CallerBatches batches(names_, kKey, kShift, 100);
  const KnownCallers known = {
      CallerTally::hash_of(kKey, CallerName::of(CallerKind::credential, "acme"))};
  batches.add(batch({{.subject = "acme", .refused = true}, {.subject = "new", .refused = true}}), 1,
              known);
  batches.settle(0s, {});
  const auto all = batches.tally().take();
  EXPECT_EQ(find(all, "acme")->standing.bad, 1u);
  EXPECT_EQ(find(all, "new")->standing.bad, 0u);
  EXPECT_EQ(find(all, "new")->standing.good, 0u);
}

}  // namespace
}  // namespace weir::record
