#include "control/explain.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "control/exchange_json.h"
#include "control/explain_text.h"
#include "control/live_policy_for_tests.h"
#include "control/text.h"
#include "decide/decide.h"
#include "decide/known_callers.h"
#include "decide/loop.h"
#include "http/violation.h"

namespace weir::control {
namespace {

constexpr const char* kConfiguration = R"(version: 1
listeners:
  - {name: public, address: 127.0.0.1:8080, trusted_proxies: [10.0.0.0/8]}
identity:
  - {name: partner, api_key: {header: X-Api-Key, file: keys.yaml}}
limits:
  - {name: per-ip, key: client_ip, rate: 1/h, burst: 3}
  - {name: per-tenant, key: "header:X-Tenant", rate: 10/s}
  - {name: watch, key: all, rate: 5/s, mode: observe}
upstreams:
  - {name: main, endpoints: [127.0.0.1:9001, 127.0.0.1:9002]}
routes:
  - {name: users, match: {hosts: [a.test], path: /users/*, methods: [GET]}, upstream: main, limits: [per-ip, per-tenant, watch]}
  - {name: user-me, match: {hosts: [a.test], path: /users/me}, upstream: main}
  - {name: closed, match: {hosts: [a.test], path: /closed/*}, upstream: main, auth: {require: [partner]}}
  - {name: moved, match: {hosts: [a.test], path: /old/*}, redirect: {status: 308, prefix: /users}}
)";

struct Explained {
  boost::json::value json;
  std::string text;
};

Explained explain(const ExplainWorld& world, const ExplainQuestion& question) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().field("live", true).key("exchange").null().key("decision");
  write_explanation(writer, question, world);
  writer.end_object();
  const boost::json::value document = boost::json::parse(out);
  return {.json = document.at("decision"), .text = explain_text(document)};
}

ExplainQuestion ask(std::string method, std::string_view url,
                    std::string_view client = "192.0.2.7") {
  ExplainQuestion question{.method = std::move(method), .client = *Address::parse(client)};
  EXPECT_TRUE(read_url(url, question).has_value());
  return question;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Explain, AThousandQuestionsLeaveTheLimitAsItWas) {
  LivePolicy live(kConfiguration);
  const Stamp now = stamp_from_nanos(1'000'000'000);
  const auto left = [&] {
    return explain(live.world(now), ask("GET", "http://a.test/users/1"))
        .json.at("limits")
        .at(0)
        .at("left_after_it")
        .to_number<int>();
  };
  EXPECT_EQ(left(), 2);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(left(), 2);
  // Three requests of this client pass, as if nobody had asked: its burst is 3 and an hour brings
  // one.
  decide::Balancer balancer(WorkerId{0}, live.in_flight);
  decide::AskedLimits asked;
  int passed = 0;
  for (std::uint64_t i = 0; i < 5; ++i) {
    Facts facts;
    facts.method = "GET";
    facts.host = "a.test";
    facts.path = "/users/1";
    facts.client = *Address::parse("192.0.2.7");
    std::vector<WatchedValue> headers(live.policy->watched_headers.size());
    facts.headers = headers;
    const ExplainWorld world = live.world(now);
    decide::Decision decision(*live.policy,
                              {.limits = live.limits,
                               .asked = asked,
                               .balancer = balancer,
                               .conditions = live.conditions,
                               .in_flight = live.in_flight,
                               .seed = world.seed},
                              {WorkerId{0}, i});
    const std::vector<Evidence> evidence(1);
    if (decision.on_head(facts) == decide::Step::need_evidence)
      decision.on_evidence(facts, evidence);
    decision.on_stamp(facts, now);
    passed += decision.verdict().action == Action::forward ? 1 : 0;
  }
  EXPECT_EQ(passed, 3);
  EXPECT_EQ(explain(live.world(now), ask("GET", "http://a.test/users/1"))
                .json.at("verdict")
                .at("cause")
                .as_string(),
            "limit_rejected");
}

TEST(Explain, NamesRouteCallerLimitsEndpointsAndTheirLines) {
  LivePolicy live(kConfiguration);
  const auto [json, text] = explain(live.world(), ask("GET", "http://A.test:8080//users/./1?a=1"));
  EXPECT_EQ(json.at("request").at("path").as_string(), "/users/1");
  EXPECT_EQ(json.at("verdict").at("action").as_string(), "forward");
  EXPECT_EQ(json.at("route").at("name").as_string(), "users");
  EXPECT_EQ(json.at("route").at("at").as_string(), "conf/gateway.yaml:13");
  EXPECT_EQ(json.at("caller").at("name").as_string(), "192.0.2.7");
  EXPECT_EQ(json.at("limits").at(0).at("at").as_string(), "conf/gateway.yaml:7");
  EXPECT_EQ(json.at("limits").at(1).at("applies").as_string(), "no_value");
  EXPECT_EQ(json.at("upstream").at("endpoints").as_array().size(), 2u);
  EXPECT_EQ(json.at("upstream").at("host").as_string(), "a.test:8080");
  for (const char* part : {"WOULD FORWARD", "users", "gateway.yaml:13", "192.0.2.7", "2 of 3 left",
                           "127.0.0.1:9002", "r7", "header:x-tenant", "observes"}) {
    EXPECT_TRUE(has(text, part)) << part << "\n" << text;
  }
}

TEST(Explain, SaysWhyNotTheOtherRoutes) {
  LivePolicy live(kConfiguration);
  const auto precise = explain(live.world(), ask("GET", "http://a.test/users/me"));
  EXPECT_EQ(precise.json.at("route").at("name").as_string(), "user-me");
  EXPECT_EQ(precise.json.at("not_taken").at(0).at("name").as_string(), "users");
  EXPECT_EQ(precise.json.at("not_taken").at(0).at("why").as_string(), "less_precise");
  const auto method = explain(live.world(), ask("POST", "http://a.test/users/1"));
  EXPECT_EQ(method.json.at("verdict").at("status").to_number<int>(), 405);
  EXPECT_EQ(method.json.at("not_taken").at(0).at("why").as_string(), "method");
  EXPECT_TRUE(has(method.text, "GET")) << method.text;
  EXPECT_TRUE(has(explain(live.world(), ask("GET", "http://b.test/")).text, "no_route"));
}

TEST(Explain, SaysHowOftenARequestWasHereAndFromWhenItIsRefused) {
  LivePolicy live(std::string(kConfiguration) + "loop: {depth: 3}\n");
  const decide::LoopMarks marks(live.world().seed);
  ExplainQuestion question = ask("GET", "http://a.test/users/1");
  EXPECT_FALSE(has(explain(live.world(), question).text, "before")) << "never here: nothing to say";
  question.headers = {{"CDN-Loop", "cdn.example"}, {"cdn-loop", std::string(marks.mark(1))}};
  const auto twice = explain(live.world(), question);
  EXPECT_EQ(twice.json.at("loop").at("hops").to_number<int>(), 2);
  EXPECT_EQ(twice.json.at("loop").at("depth").to_number<int>(), 3);
  EXPECT_EQ(twice.json.at("loop").at("at").as_string(), "conf/gateway.yaml:17");
  EXPECT_EQ(twice.json.at("verdict").at("action").as_string(), "forward");
  EXPECT_TRUE(has(twice.text, "here 2 times before")) << twice.text;
  EXPECT_TRUE(has(twice.text, "refused from 3 on")) << twice.text;
  question.headers.emplace_back("Via", "1.1 weir, 1.0 weir, 1.1 weir");
  const auto thrice = explain(live.world(), question);
  EXPECT_EQ(thrice.json.at("verdict").at("cause").as_string(), "loop_detected");
  EXPECT_EQ(thrice.json.at("verdict").at("rule").at("kind").as_string(), "loop");
  EXPECT_TRUE(thrice.json.at("caller").is_null());
  EXPECT_TRUE(has(thrice.text, "it was here 3 times before; loop.depth, gateway.yaml:17")) << thrice.text;
  // Of the past: as recorded, for its fields are gone.
  question.recorded = true;
  question.hops = 1;
  question.headers.clear();
  EXPECT_TRUE(has(explain(live.world(), question).text, "here once before"));
}

TEST(Explain, SaysWhatARefusalForLackOfACredentialNeeds) {
  LivePolicy live(kConfiguration);
  const auto [json, text] = explain(live.world(), ask("GET", "http://a.test/closed/x"));
  EXPECT_EQ(json.at("verdict").at("status").to_number<int>(), 401);
  EXPECT_EQ(json.at("verdict").at("rule").at("kind").as_string(), "auth");
  EXPECT_EQ(json.at("caller").at("required").at(0).as_string(), "partner");
  EXPECT_TRUE(has(text, "NOT met")) << text;
}

TEST(Explain, BelievesForwardedAddressesOfTrustedProxiesOnly) {
  LivePolicy live(kConfiguration);
  ExplainQuestion question = ask("GET", "http://a.test/users/1", "10.0.0.9");
  question.headers.emplace_back("x-forwarded-for", "203.0.113.5");
  EXPECT_EQ(explain(live.world(), question).json.at("request").at("client").as_string(),
            "203.0.113.5");
  question.client = *Address::parse("192.0.2.1");
  EXPECT_EQ(explain(live.world(), question).json.at("request").at("client").as_string(),
            "192.0.2.1");
}

TEST(Explain, ARequestThatIsNoneIsRefusedWithItsClause) {
  LivePolicy live(kConfiguration);
  const auto [json, text] = explain(live.world(), ask("GET", "http://a.test/a/../../b"));
  EXPECT_EQ(json.at("verdict").at("status").to_number<int>(), 400);
  EXPECT_TRUE(has(text, "bad_request")) << text;
}

TEST(Explain, WhatTheCodecRefusesIsRefused) {
  LivePolicy live(kConfiguration);
  const auto refused = [&](const ExplainQuestion& question) {
    const auto json = explain(live.world(), question).json;
    return std::pair(json.at("verdict").at("status").to_number<int>(),
                     std::string(json.at("verdict").at("cause").as_string()));
  };
  const auto with = [](std::vector<std::pair<std::string, std::string>> headers,
                       std::string_view url = "http://a.test/users/me") {
    ExplainQuestion question = ask("GET", url);
    question.headers = std::move(headers);
    return question;
  };
  const std::pair fine(0, std::string("none")), bad(400, std::string("bad_request"));
  EXPECT_EQ(refused(with({})), fine);
  EXPECT_EQ(refused(with({{"X-A", "b"}, {"Host", "b.test"}})), fine)
      << "the URL's host counts, as with curl";
  EXPECT_EQ(refused(with({{"Host", "a.test"}}, "/users/me")), fine);
  EXPECT_EQ(refused(with({{"X-A", ""}, {"X-B", "caf\xc3\xa9"}})), fine);
  EXPECT_EQ(refused(ask("GE T", "http://a.test/users/me")), bad);
  EXPECT_EQ(refused(ask("G\"T", "http://a.test/users/me")), bad);
  EXPECT_EQ(refused(ask("GET", "http://a.test/users/a b")), bad);
  EXPECT_EQ(refused(with({{"X A", "b"}})), bad);
  EXPECT_EQ(refused(with({{"X-A", std::string("b\0c", 3)}})), bad);
  EXPECT_EQ(refused(with({{"X-A", "b\r\nX-B: c"}})), bad);
  EXPECT_EQ(refused(with({{"X-A", "b\r\n\r\n"}})), bad);
  EXPECT_EQ(refused(with({{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}})), bad);
  EXPECT_EQ(refused(with({{"Host", "a.test"}, {"Host", "a.test"}}, "/users/me")), bad);
  EXPECT_EQ(refused(with({{"X-A", std::string(9000, 'x')}})),
            std::pair(431, std::string("head_too_large")))
      << "caps.line is 8 KiB";
  const auto connect = refused(ask("CONNECT", "http://a.test/users/me"));
  EXPECT_EQ(connect.first, http::info(http::Violation::connect_refused).status);
}

TEST(Explain, TheGatewaysOwnLoadRefusesHereToo) {
  LivePolicy live(kConfiguration);
  const auto cause = [&](decide::OwnLoad own) {
    const ExplainWorld usual = live.world();
    const ExplainWorld world{.policy = usual.policy,
                             .names = usual.names,
                             .keys = usual.keys,
                             .conditions = usual.conditions,
                             .limits = usual.limits,
                             .in_flight = usual.in_flight,
                             .seed = usual.seed,
                             .now = usual.now,
                             .wall = usual.wall,
                             .own = own};
    return std::string(explain(world, ask("GET", "http://a.test/users/me"))
                           .json.at("verdict")
                           .at("cause")
                           .as_string());
  };
  const decide::KnownCallers nobody({});
  EXPECT_EQ(cause({}), "none");
  EXPECT_EQ(cause({.level = decide::ShedLevel::all}), "gateway_overloaded");
  // A normal route: of a level that refuses unknown callers of such, who is told apart and not
  // known.
  EXPECT_EQ(cause({.level = decide::ShedLevel::unknown_normal}), "none");
  EXPECT_EQ(cause({.level = decide::ShedLevel::unknown_normal, .known = &nobody}),
            "gateway_overloaded");
}

TEST(Explain, ADeadlineIsBelievedFromTrustedPeersOnly) {
  LivePolicy live(std::string(kConfiguration) + "deadline: {header: X-Left}\n");
  ExplainQuestion question = ask("GET", "http://a.test/users/me", "10.0.0.9");
  question.headers = {{"x-left", "0"}};
  EXPECT_EQ(explain(live.world(), question).json.at("verdict").at("cause").as_string(),
            "deadline_expired");
  question.client = *Address::parse("192.0.2.7");
  EXPECT_EQ(explain(live.world(), question).json.at("verdict").at("cause").as_string(), "none");
}

TEST(Explain, ARedirectSaysWhereTo) {
  LivePolicy live(kConfiguration);
  const auto [json, text] = explain(live.world(), ask("GET", "http://a.test:8080/old/1"));
  EXPECT_EQ(json.at("verdict").at("detail").as_string(), "to http://a.test:8080/users/1");
  EXPECT_TRUE(has(text, "308")) << text;
}

TEST(Explain, WhatTheRecordDoesNotHoldIsSaidToBeUnrecorded) {
  LivePolicy live(kConfiguration);
  exporting::KeptExchange kept;
  kept.method = "GET";
  kept.host = "a.test";
  kept.path = "/users/1";
  kept.record.client = *Address::parse("192.0.2.7");
  const auto question = question_of(kept);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(explain(live.world(), *question).json.at("limits").at(1).at("applies").as_string(),
            "value_unrecorded");
  EXPECT_FALSE(question_of(exporting::KeptExchange{}).has_value());
}

TEST(Explain, OfAQueryThatWasCutOnlyWholePairsAreRead) {
  LivePolicy live(R"(version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
upstreams: [{name: main, endpoints: [127.0.0.1:9001]}]
routes:
  - {name: new, match: {path: /, query: [{name: version, value: "2"}]}, upstream: main}
  - {name: old, match: {path: /}, upstream: main}
)");
  const auto asked = [&](std::string query, bool cut) {
    exporting::KeptExchange kept;
    kept.method = "GET";
    kept.host = "a.test";
    kept.path = "/";
    kept.query = std::move(query);
    kept.query_cut = cut;
    return explain(live.world(), *question_of(kept)).json;
  };
  const auto whole = asked("a=1", false);
  EXPECT_EQ(whole.at("route").at("name").as_string(), "old");
  EXPECT_FALSE(whole.at("not_taken").at(0).at("unrecorded").as_bool());
  EXPECT_EQ(asked("version=2&a=1", true).at("route").at("name").as_string(), "new");
  for (const char* cut : {"", "a=1", "a=1&version=2"}) {  // the last could have been version=20
    const auto json = asked(cut, true);
    EXPECT_EQ(json.at("route").at("name").as_string(), "old") << cut;
    EXPECT_TRUE(json.at("not_taken").at(0).at("unrecorded").as_bool()) << cut;
  }
}

TEST(Explain, SaysWhereAnExchangeOfThePastWasCut) {
  LivePolicy live(kConfiguration);
  exporting::KeptExchange kept;
  kept.method = "GET";
  kept.host = "a.test";
  kept.path = "/users/1";
  kept.query = "a=12";
  const auto text = [&] {
    std::string out;
    JsonWriter writer(out);
    writer.begin_object().field("live", true).key("exchange");
    write_exchange(writer, kept, live.names);
    writer.key("decision");
    write_explanation(writer, *question_of(kept), live.world());
    writer.end_object();
    return explain_text(boost::json::parse(out));
  };
  EXPECT_FALSE(has(text(), "not recorded\n"));
  kept.query_cut = true;
  EXPECT_TRUE(has(text(), "the query at 4 bytes: the rest was not recorded\n")) << text();
  kept.query.clear();
  kept.path_cut = true;
  EXPECT_TRUE(has(text(), "the path at 8 bytes, the query at 0 bytes: the rest")) << text();
}

// The whole path is not known: what was cut within a percent-encoding is none that is broken.
TEST(Explain, OfAPathThatWasCutTheBeginningIsDecidedAbout) {
  LivePolicy live(kConfiguration);
  exporting::KeptExchange kept;
  kept.method = "GET";
  kept.host = "a.test";
  kept.record.client = *Address::parse("192.0.2.7");
  const auto asked = [&](std::string path, bool cut) {
    kept.path = std::move(path);
    kept.path_cut = cut;
    return explain(live.world(), *question_of(kept));
  };
  const std::string_view said = "by the beginning of the path: the rest was not recorded\n";
  for (const auto& [recorded, decided] : {std::pair("/users/a%2", "/users/a"),
                                          {"/users/a%", "/users/a"},
                                          {"/users/a", "/users/a"},
                                          {"/users/a%2C", "/users/a%2C"}}) {
    const auto [json, text] = asked(recorded, true);
    EXPECT_EQ(json.at("route").at("name").as_string(), "users") << recorded;
    EXPECT_EQ(json.at("request").at("path").as_string(), decided);
    EXPECT_TRUE(json.at("request").at("path_cut").as_bool());
    EXPECT_TRUE(has(text, said)) << text;
  }
  EXPECT_EQ(asked("", true).json.at("request").at("path").as_string(), "/");
  const auto broken = asked("/users/a%2", false);  // so it came
  EXPECT_EQ(broken.json.at("verdict").at("cause").as_string(), "bad_request");
  EXPECT_FALSE(has(broken.text, said));
  const auto whole = asked("/users/a", false);
  EXPECT_FALSE(whole.json.at("request").at("path_cut").as_bool());
  EXPECT_FALSE(has(whole.text, said));
}

TEST(Explain, AnExchangeOfAKnownCallerIsJudgedAsThatCaller) {
  LivePolicy live(kConfiguration);
  auto table = auth::KeyTable::make({{.name = "acme",
                                      .groups = {},
                                      .digest = auth::digest_text("secret"),
                                      .expires = std::nullopt}});
  live.keys.tables[0] = std::make_shared<const auth::KeyTable>(std::move(*table));
  ExplainQuestion question = ask("GET", "http://a.test/closed/x");
  question.recorded = true;
  question.caller = "acme";
  const auto json = explain(live.world(), question).json;
  EXPECT_EQ(json.at("verdict").at("action").as_string(), "forward");
  EXPECT_EQ(json.at("caller").at("identity").as_string(), "partner");
}

TEST(Explain, LinesFitAHundredColumnsWhateverIsAsked) {
  LivePolicy live(kConfiguration);
  const std::string text =
      explain(live.world(), ask("GET", "http://a.test/users/" + std::string(900, 'x'))).text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    EXPECT_LE(width(std::string_view(text).substr(at, end - at)), kColumns);
    at = end + 1;
  }
}

TEST(ExplainBody, UrlsAreTakenApart) {
  const auto parts = [](std::string_view url) {
    ExplainQuestion question;
    EXPECT_TRUE(read_url(url, question).has_value());
    return question.authority + "|" + question.path + "|" + question.query;
  };
  EXPECT_EQ(parts("http://a.test:8080/users/1?a=1&b#c"), "a.test:8080|/users/1|a=1&b");
  EXPECT_EQ(parts("https://a.test"), "a.test|/|");
  EXPECT_EQ(parts("http://a.test?x"), "a.test|/|x");
  EXPECT_EQ(parts("/users/1"), "|/users/1|");
  EXPECT_EQ(parts("http://a.test/cb?redirect=https://app.test/"),
            "a.test|/cb|redirect=https://app.test/");
  EXPECT_EQ(parts("/proxy/http://b.test/"), "|/proxy/http://b.test/|");
  ExplainQuestion question;
  EXPECT_FALSE(read_url("ftp://a.test/", question).has_value());
}

TEST(ExplainBody, WhatIsNoQuestionIsRefused) {
  EXPECT_EQ(read_explain(R"({"request_id": "abc"})")->request_id, "abc");
  const auto good =
      read_explain(R"({"method": "GET", "url": "/x", "headers": [["A", "b"]], "client": "::1"})");
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->question.headers.size(), 1u);
  for (const char* bad : {"", "[]", "{}", R"({"method": "GET"})",
                          R"({"method": "GET", "url": "/", "client": "nobody"})",
                          R"({"method": "GET", "url": "/", "headers": {"A": "b"}})",
                          R"({"method": "GET", "url": "/", "headers": [["A"]]})"}) {
    EXPECT_FALSE(read_explain(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace weir::control
