#include "replay/replay.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decide/policy_for_tests.h"
#include "replay/recorded_for_tests.h"

namespace weir::replay {
namespace {

using decide::exact;
using decide::PolicyBuilder;
using decide::prefix;

// One upstream, a route for everything below /, revision 1; tests add to it.
struct Gateway : PolicyBuilder {
  Gateway() {
    policy.revision = 1;
    policy.listeners.emplace_back().name = names.intern("public");
    upstream("up", {1, 1});
    route("all", prefix("/"));
  }
  RouteMatch with_header(std::string path, std::uint16_t watched, std::string value) {
    RouteMatch match = prefix(std::move(path));
    match.headers.push_back({.watched = watched, .value = std::move(value)});
    return match;
  }
  void api_key(std::string_view name, std::string header) {
    identity(name);
    policy.identities.back().header = std::move(header);
  }
};

// The recording of one request under `before`, asked under `after`.
struct Asked {
  Unjudged why;
  std::string route;
  Cause cause;
};
Asked ask(Gateway& before, Gateway& after, const TestRequest& request, ShapeOptions shape = {}) {
  before.policy.record.shapes = shape;
  before.prepared();
  after.prepared();
  Recorder recorder(before.policy, before.names);
  recorder.decide(request);
  const record::Recording recording = recorder.finish();
  Replay replay(after.policy, after.names, recording, {.seed = kSeed, .limit_cells = 4096});
  const Replay::Answer answer = replay.decide(recording.arrivals.at(0));
  const Verdict& v = answer.verdict;
  return {answer.why, v.route.valid() ? std::string(after.names.text(after.policy.routes[v.route.index()].name)) : "", v.cause};
}

TEST(Replay, ALiteralThatCouldHaveStoodInAGeneralisedPathCannotBeJudged) {
  Gateway before, after;
  after.route("of-2024", exact("/orders/2024"));
  EXPECT_EQ(ask(before, after, {.path = "/orders/77"}).why, Unjudged::path);
  EXPECT_EQ(ask(before, after, {.path = "/orders/77"}, {.paths = Paths::full}).route, "all");
  EXPECT_EQ(ask(before, after, {.path = "/orders/2024"}, {.paths = Paths::full}).route, "of-2024");
  // Of another class, at another place, or of another length: it could not have been.
  EXPECT_EQ(ask(before, after, {.path = "/orders/a1b2c3d4e5"}).why, Unjudged::none);
  EXPECT_EQ(ask(before, after, {.path = "/77/orders"}).why, Unjudged::none);
  EXPECT_EQ(ask(before, after, {.path = "/orders/77/items"}).why, Unjudged::none);
  EXPECT_EQ(ask(before, after, {.path = "/orders/word"}).why, Unjudged::none);
}

TEST(Replay, ALiteralThatWasOneBeforeIsJudgedExactly) {
  Gateway before, after;
  before.route("old", exact("/orders/2024"));
  after.route("new", exact("/orders/2024"));
  EXPECT_EQ(ask(before, after, {.path = "/orders/77"}).route, "all");
  EXPECT_EQ(ask(before, after, {.path = "/orders/2024"}).route, "new");
}

TEST(Replay, ANewWordOfTheConfigurationIsAlwaysJudged) {
  Gateway before, after;
  after.route("export", prefix("/orders/export"));
  EXPECT_EQ(ask(before, after, {.path = "/orders/export/all"}).route, "export");
  EXPECT_EQ(ask(before, after, {.path = "/orders/77"}).route, "all");
}

TEST(Replay, APrefixWithANewLiteralIsOpenForEverythingBelow) {
  Gateway before, after;
  after.route("tenant", prefix("/t/1234"));
  EXPECT_EQ(ask(before, after, {.path = "/t/99/orders"}).why, Unjudged::path);
  EXPECT_EQ(ask(before, after, {.host = "other", .path = "/t/99/orders"}).why, Unjudged::path);
  Gateway elsewhere;
  elsewhere.route("tenant", prefix("/t/1234", {"only.example.com"}));
  EXPECT_EQ(ask(before, elsewhere, {.host = "api.example.com", .path = "/t/99/orders"}).why, Unjudged::none);
}

TEST(Replay, APathBeyondTheBoundsIsOpenWhereARouteGoesThatFar) {
  std::string deep = "/a";
  for (int i = 0; i < 70; ++i) deep += "/b";
  Gateway before, after, shallow;
  after.route("deep", exact(deep));
  shallow.route("short", exact("/a/b"));
  EXPECT_EQ(ask(before, after, {.path = deep}).why, Unjudged::path);
  EXPECT_EQ(ask(before, shallow, {.path = deep}).route, "all");
}

TEST(Replay, AHeaderThatWasNotWatchedDecidesOnlyWhereItWasSent) {
  Gateway before, after;
  after.policy.watched_headers = {"x-tier"};
  after.route("gold", after.with_header("/orders", 0, "gold"));
  EXPECT_EQ(ask(before, after, {.path = "/orders", .headers = {{"Host", "h"}}}).route, "all");
  EXPECT_EQ(ask(before, after, {.path = "/orders", .headers = {{"X-Tier", "gold"}}}).why, Unjudged::value);
  EXPECT_EQ(ask(before, after, {.path = "/catalog", .headers = {{"X-Tier", "gold"}}}).route, "all");
}

TEST(Replay, AWatchedValueIsJudgedByItsDigestUnderNewMatches) {
  Gateway before, after;
  before.policy.watched_headers = after.policy.watched_headers = {"x-tier"};
  before.route("gold", before.with_header("/", 0, "gold"));
  after.route("silver", after.with_header("/", 0, "silver"));
  EXPECT_EQ(ask(before, after, {.headers = {{"x-tier", "silver"}}}).route, "silver");
  EXPECT_EQ(ask(before, after, {.headers = {{"x-tier", "gold"}}}).route, "all");
}

// Requests that differ in nothing but the value share their shapes: each must be judged by its own.
TEST(Replay, RequestsOfOneShapeAreJudgedEachByItsOwnValue) {
  Gateway before, after;
  before.policy.watched_headers = after.policy.watched_headers = {"x-tier"};
  before.limit("per-tier", {KeyKind::header}, 1, 1);
  before.policy.routes[0].limits = {LimitId{0}};
  after.limit("per-tier", {KeyKind::header}, 1, 1);
  after.policy.routes[0].limits = {LimitId{0}};
  after.route("silver", after.with_header("/", 0, "silver"));
  before.prepared();
  after.prepared();
  Recorder recorder(before.policy, before.names);
  for (const char* tier : {"gold", "silver", "bronze", "gold"}) recorder.decide({.headers = {{"x-tier", tier}}});
  const record::Recording recording = recorder.finish();
  EXPECT_EQ(recording.arrivals.at(0).head, recording.arrivals.at(1).head);

  Replay replay(after.policy, after.names, recording, {.seed = kSeed, .limit_cells = 4096});
  std::vector<std::string> routes;
  std::vector<Cause> causes;
  for (const record::RecordedArrival& arrival : recording.arrivals) {
    const Verdict verdict = replay.decide(arrival).verdict;
    routes.emplace_back(after.names.text(after.policy.routes[verdict.route.index()].name));
    causes.push_back(verdict.cause);
  }
  EXPECT_EQ(routes, (std::vector<std::string>{"all", "silver", "all", "all"}));
  EXPECT_EQ(causes, (std::vector<Cause>{Cause::none, Cause::none, Cause::none, Cause::limit_rejected}));
}

TEST(Replay, AQueryNameThatWasNotSentIsKnownToBeAbsent) {
  Gateway before, after;
  after.policy.watched_queries = {"plan"};
  RouteMatch match = prefix("/");
  match.queries.push_back({.watched = 0, .value = "pro"});
  after.route("pro", match);
  EXPECT_EQ(ask(before, after, {.query = "page=2"}).route, "all");
  EXPECT_EQ(ask(before, after, {.query = "plan=pro"}).why, Unjudged::value);
  EXPECT_EQ(ask(before, after, {.query = "9f86d081884c7d65=1"}).why, Unjudged::value);   // names were left out
}

TEST(Replay, ALimitOnAValueThatWasNotRecordedCannotBeJudged) {
  Gateway before, after;
  after.policy.watched_headers = {"x-device"};
  after.limit("per-device", {KeyKind::header}, 1, 1);
  after.policy.routes[0].limits = {LimitId{0}};
  EXPECT_EQ(ask(before, after, {.headers = {{"X-Device", "7"}}}).why, Unjudged::value);
  EXPECT_EQ(ask(before, after, {.headers = {{"Host", "7"}}}).why, Unjudged::none);
}

TEST(Replay, ANewIdentityRuleIsJudgedWhereItsHeaderWasNotSent) {
  Gateway before, after;
  after.api_key("partner", "x-api-key");
  after.policy.settings[0].auth.require = {IdentityId{0}};
  EXPECT_EQ(ask(before, after, {.headers = {{"Host", "h"}}}).cause, Cause::auth_denied);
  EXPECT_EQ(ask(before, after, {.headers = {{"X-Api-Key", "k"}}}).why, Unjudged::identity);
}

TEST(Replay, ARenamedIdentityRuleOfTheSameDefinitionKeepsItsEvidence) {
  Gateway before, after;
  before.api_key("partner", "x-api-key");
  after.api_key("partners", "x-api-key");
  after.policy.settings[0].auth.require = {IdentityId{0}};
  const TestRequest request{.headers = {{"X-Api-Key", "k"}}, .evidence = {valid("acme")}};
  EXPECT_EQ(ask(before, after, request).cause, Cause::none);
  after.policy.identities[0].keys_file = "/other.yaml";
  EXPECT_EQ(ask(before, after, request).why, Unjudged::identity);
}

TEST(Replay, AddressesThatWereShortenedCannotFeedALimitOnWholeOnes) {
  Gateway before, after;
  after.limit("per-ip", {KeyKind::client_ip}, 1, 1);
  after.policy.routes[0].limits = {LimitId{0}};
  EXPECT_EQ(ask(before, after, {}, {.addresses = AddressDetail::full}).why, Unjudged::none);
  EXPECT_EQ(ask(before, after, {}, {.addresses = AddressDetail::keyed}).why, Unjudged::none);
  EXPECT_EQ(ask(before, after, {}, {.addresses = AddressDetail::net}).why, Unjudged::address);
  Gateway by_net;
  by_net.limit("per-net", {KeyKind::client_net}, 1, 1);
  by_net.policy.routes[0].limits = {LimitId{0}};
  EXPECT_EQ(ask(before, by_net, {}, {.addresses = AddressDetail::net}).why, Unjudged::none);
  EXPECT_EQ(ask(before, by_net, {}, {.addresses = AddressDetail::keyed}).why, Unjudged::address);
}

TEST(Replay, EndpointsAreDownWhereTheyWereDown) {
  Gateway gateway;
  gateway.prepared();
  Recorder recorder(gateway.policy, gateway.names);
  recorder.conditions({.number = 1, .endpoints = {{.usable = true}, {.usable = false}}});
  EXPECT_EQ(recorder.decide({.at_ns = 1}).cause, Cause::none);
  recorder.conditions({.number = 2, .endpoints = {{.usable = false}, {.usable = false}}});
  EXPECT_EQ(recorder.decide({.at_ns = 2}).cause, Cause::no_healthy_endpoint);
  const record::Recording recording = recorder.finish();
  const ExactReport report = compare_with_recorded(gateway.policy, gateway.names, recording, {.seed = kSeed, .limit_cells = 4096});
  EXPECT_EQ(report.judged, 2u);
  EXPECT_EQ(report.differing, 0u);
}

TEST(Replay, AVerdictThatDiffersIsReportedByName) {
  Gateway gateway;
  gateway.prepared();
  Recorder recorder(gateway.policy, gateway.names);
  recorder.decide({.at_ns = 1, .path = "/a"});
  record::Recording recording = recorder.finish();
  recording.arrivals[0].cause = Cause::limit_rejected;
  recording.arrivals[0].rule = recording.names.intern("per-caller");
  const ExactReport report = compare_with_recorded(gateway.policy, gateway.names, recording, {.seed = kSeed, .limit_cells = 4096});
  ASSERT_EQ(report.differing, 1u);
  EXPECT_EQ(report.examples[0].recorded, (Outcome{.cause = Cause::limit_rejected, .route = "all", .rule = "per-caller"}));
  EXPECT_EQ(report.examples[0].decided, (Outcome{.cause = Cause::none, .route = "all", .rule = "all"}));
}

TEST(Replay, ArrivalsOfOtherRevisionsAndLostShapesAreCountedNotJudged) {
  Gateway gateway;
  gateway.prepared();
  Recorder recorder(gateway.policy, gateway.names);
  for (int i = 0; i < 3; ++i) recorder.decide({.at_ns = i, .path = "/a"});
  record::Recording recording = recorder.finish();
  recording.arrivals[0].revision = 2;
  recording.arrivals[1].target = record::kLostShape;
  const ExactReport report = compare_with_recorded(gateway.policy, gateway.names, recording, {.seed = kSeed, .limit_cells = 4096});
  EXPECT_EQ(report.other_revisions, 1u);
  EXPECT_EQ(report.unjudged[static_cast<std::size_t>(Unjudged::shape_lost)], 1u);
  EXPECT_EQ(report.judged, 1u);
}

TEST(Harm, RequestsThatCannotBeJudgedAreNeverCountedAsHarmless) {
  Gateway before;
  before.prepared();
  Recorder recorder(before.policy, before.names);
  recorder.decide({.at_ns = 1, .path = "/orders/77"});
  recorder.decide({.at_ns = 2, .path = "/catalog"});
  const record::Recording recording = recorder.finish();
  Policy changed = before.policy;
  Route closed = changed.routes[0];
  closed.name = before.names.intern("of-2024");
  closed.match = exact("/orders/2024");
  changed.routes.push_back(closed);
  ASSERT_TRUE(decide::prepare(changed));
  const HarmReport report = compare_policies(before.policy, changed, before.names, recording, {.seed = kSeed, .limit_cells = 4096});
  EXPECT_EQ(report.total.requests, 1u);
  EXPECT_EQ(report.unjudged[static_cast<std::size_t>(Unjudged::path)], 1u);
}

TEST(Replay, LoopsAreDecidedAgainByTheDepthThatIsAsked) {
  Gateway before, after;
  after.policy.loop.depth = 3;
  EXPECT_EQ(ask(before, after, {.hops = 2}).cause, Cause::none);
  EXPECT_EQ(ask(before, after, {.hops = 3}).cause, Cause::loop_detected);
  EXPECT_EQ(ask(before, before, {.hops = 7}).cause, Cause::none);
  EXPECT_EQ(ask(before, before, {.hops = 8}).cause, Cause::loop_detected);
  before.policy.loop.depth = 3;
  after.policy.loop.depth = 32;
  EXPECT_EQ(ask(before, after, {.hops = 31}).cause, Cause::none);   // let pass anew
}

// Recorded by a version that did not count: without Via and CDN-Loop there was nothing to count.
TEST(Replay, HopsThatWereNotRecordedAreNoneWhereNoFieldCouldHaveSaidThem) {
  Gateway gateway;
  gateway.prepared();
  Recorder recorder(gateway.policy, gateway.names, false);
  recorder.decide({.at_ns = 1, .headers = {{"Host", "a"}, {"Accept", "b"}}});
  recorder.decide({.at_ns = 2, .headers = {{"Host", "a"}, {"Via", "1.1 cdn"}}});
  recorder.decide({.at_ns = 3, .headers = {{"CDN-Loop", "cdn"}}});
  const record::Recording recording = recorder.finish();
  const ExactReport report = compare_with_recorded(gateway.policy, gateway.names, recording, {.seed = kSeed, .limit_cells = 4096});
  EXPECT_EQ(report.judged, 1u);
  EXPECT_EQ(report.differing, 0u);
  EXPECT_EQ(report.unjudged[static_cast<std::size_t>(Unjudged::hops)], 2u);
}

TEST(Harm, NamesRoutesThatRefuseAndThatLetPassAnew) {
  Gateway gateway;
  gateway.policy.routes.clear();
  gateway.route("orders", prefix("/orders"));
  gateway.route("catalog", prefix("/catalog"));
  gateway.prepared();
  Recorder recorder(gateway.policy, gateway.names);
  recorder.decide({.at_ns = 1, .path = "/orders"});
  recorder.decide({.at_ns = 2, .path = "/catalog"});
  recorder.decide({.at_ns = 3, .path = "/new"});
  const record::Recording recording = recorder.finish();
  Policy changed = gateway.policy;
  changed.routes[1].match.path = "/new";   // the catalog's route moved
  ASSERT_TRUE(decide::prepare(changed));
  const HarmReport report = compare_policies(gateway.policy, changed, gateway.names, recording, {.seed = kSeed, .limit_cells = 4096});
  EXPECT_EQ(report.total.newly_refused, 1u);
  EXPECT_EQ(report.total.newly_allowed, 1u);
  ASSERT_EQ(report.routes.size(), 3u);
  EXPECT_EQ(report.routes[0].name, "");
  EXPECT_EQ(report.routes[0].harm.newly_allowed, 1u);
  EXPECT_EQ(report.routes[1].name, "catalog");
  EXPECT_EQ(report.routes[1].harm.newly_refused, 1u);
  EXPECT_EQ(report.routes[2].harm.newly_refused, 0u);
  ASSERT_EQ(report.callers.size(), 1u);
  EXPECT_EQ(report.callers[0].name, "192.0.2.1");
  EXPECT_TRUE(report.callers[0].by_address);
}

}  // namespace
}  // namespace weir::replay
