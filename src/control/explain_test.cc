#include "control/explain.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "control/explain_text.h"
#include "control/live_policy_for_tests.h"
#include "control/text.h"
#include "decide/decide.h"
#include "decide/loop.h"

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
