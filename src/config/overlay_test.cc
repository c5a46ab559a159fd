#include "config/overlay.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "config/compile.h"
#include "config/override_text.h"
#include "decide/learned.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;

const char* kShop = R"(version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
identity: [{name: partner, api_key: {header: X-Api-Key, file: /tmp/keys.yaml}}]
limits:
  - {name: per-caller, key: caller, rate: 60/s, burst: 100, overrides: [{callers: [acme-*], rate: 200/s, burst: 400}]}
  - {name: watched, key: all, rate: 10/s, mode: observe}
upstreams:
  - {name: orders, endpoints: [{address: 127.0.0.1:9001, weight: 3}, 127.0.0.1:9002]}
  - {name: search, endpoints: [127.0.0.1:9001, 127.0.0.1:9003]}
routes:
  - {name: checkout, match: {path: /checkout/*}, upstream: orders, priority: critical, limits: [per-caller]}
  - {name: orders, match: {path: /orders/*}, upstream: orders, limits: [per-caller, watched]}
  - {name: search, match: {path: /search/*}, upstream: search, priority: sheddable}
)";

OverrideWhat what(std::string_view text) {
  const auto read = read_override(text);
  EXPECT_TRUE(read.has_value()) << text << ": " << (read ? "" : read.error().message);
  return read.value_or(OverrideWhat());
}

struct Shop {
  NameTable names;
  std::shared_ptr<const Policy> configured;
  explicit Shop(std::string text = kShop) {
    configured =
        compile({.files = {{.name = "gateway.yaml", .text = std::move(text)}}, .directory = "/tmp"},
                names)
            .policy;
    EXPECT_NE(configured, nullptr);
  }
  Laid lay(const std::vector<std::string>& texts) {
    std::vector<Override> all;
    for (const std::string& text : texts)
      all.push_back({.number = static_cast<std::uint32_t>(all.size() + 1),
                     .what = what(text),
                     .author = {},
                     .reason = {},
                     .at = {},
                     .until = {}});
    return lay_over(configured, all, names);
  }
  std::string idle(const std::string& text) {
    const Laid laid = lay({text});
    EXPECT_EQ(laid.policy, configured)
        << text;  // what does nothing leaves the configured one itself
    const std::string* const why = laid.why_idle(1);
    return why == nullptr ? "" : *why;
  }
  std::vector<std::uint32_t> weights(const Policy& policy) const {
    std::vector<std::uint32_t> all;
    for (const Endpoint& each : policy.endpoints) all.push_back(each.weight);
    return all;
  }
  std::string text(NameId name) const { return std::string(names.text(name)); }
};

TEST(OverrideText, EachKindReadsWhatItWrote) {
  for (const char* text :
       {"cap caller acme 60/s", "cap caller acme-* 30/min burst 7", "cap net 10.0.0.0/8 0.6/s",
        "block caller acme", "block net 2001:db8::/48", "drain endpoint 127.0.0.1:9001",
        "drain endpoint orders.internal:80 of orders", "weigh endpoint 127.0.0.1:9001 7 of orders",
        "observe limit per-caller", "scale limit per-caller 2", "scale limit per-caller 0.125",
        "shed priority sheddable", "shed priority normal", "pause route checkout",
        "give back route checkout from orders-v42"}) {
    EXPECT_EQ(override_text(what(text)), text);
  }
}

TEST(OverrideText, WritesOneWayWhatMayBeWrittenInSeveral) {
  EXPECT_EQ(override_text(what("  block   caller 192.0.2.7 ")),
            "block net 192.0.2.7/32");  // a caller without a name is its address
  EXPECT_EQ(override_text(what("block caller 2001:db8:1:2::")),
            "block net 2001:db8:1:2::/64");  // as `weir callers` calls it: an IPv6 caller is a /64
  EXPECT_EQ(override_text(what("cap caller 2001:db8:1:2:3::4 5/s")),
            "cap net 2001:db8:1:2::/64 5/s");
  EXPECT_EQ(override_text(what("block net 2001:db8:1:2::")), "block net 2001:db8:1:2::/128");
  EXPECT_EQ(override_text(what("cap net 10.0.0.0/8 5/s burst 10")),
            "cap net 10.0.0.0/8 5/s");  // two seconds of the rate is what a burst is anyway
  EXPECT_EQ(override_text(what("weigh endpoint 127.0.0.1:9001 0")),
            "drain endpoint 127.0.0.1:9001");
  EXPECT_EQ(override_text(what("scale limit a x2")), "scale limit a 2");
}

TEST(OverrideText, RefusesWhatItDoesNotKnowAndSaysWhatToWrite) {
  for (const char* text : {"",
                           "explode",
                           "block",
                           "block caller",
                           "block net 10.0.0.0/99",
                           "block net here",
                           "block net 10.1.2.3/8",
                           "cap caller acme",
                           "cap caller acme 60",
                           "cap caller acme 60/s burst 0",
                           "cap caller acme 60/s bursts 3",
                           "drain endpoint",
                           "drain 127.0.0.1:9001",
                           "drain endpoint 127.0.0.1:9001 of",
                           "weigh endpoint 127.0.0.1:9001",
                           "weigh endpoint 127.0.0.1:9001 1001",
                           "observe per-caller",
                           "observe limit a b",
                           "scale limit a",
                           "scale limit a 0",
                           "scale limit a 101",
                           "scale limit a two",
                           "shed priority critical",
                           "shed sheddable",
                           "pause checkout",
                           "pause route a b",
                           "give route a from b",
                           "give back route a",
                           "give back route a of b",
                           "block caller acme now and for ever and ever more"}) {
    const auto read = read_override(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_FALSE(read.error().message.empty()) << text;
    EXPECT_FALSE(read.error().remedy.empty()) << text;
  }
  EXPECT_FALSE(read_override("block caller " + std::string(600, 'a')).has_value());
}

TEST(Overlay, NothingLaidOverIsTheConfiguredPolicyItself) {
  Shop shop;
  EXPECT_EQ(shop.lay({}).policy, shop.configured);
}

TEST(Overlay, WeighsAndDrainsAndLeavesTheConfiguredPolicyAlone) {
  Shop shop;
  const auto before = shop.weights(*shop.configured);
  EXPECT_EQ(shop.weights(*shop.lay({"drain endpoint 127.0.0.1:9001"}).policy),
            (std::vector<std::uint32_t>{0, 1, 0, 1}));  // of each upstream that names it
  const Laid one = shop.lay({"weigh endpoint 127.0.0.1:9001 9 of search"});
  EXPECT_EQ(shop.weights(*one.policy), (std::vector<std::uint32_t>{3, 1, 9, 1}));
  EXPECT_EQ(one.policy->upstreams[1].tiers[0].schedule.size(),
            10u);  // nine and one: one full cycle
  EXPECT_EQ(shop.weights(*shop.configured), before);
  EXPECT_EQ(one.policy->hash, shop.configured->hash);
  EXPECT_NE(one.policy->laid, 0u);
  EXPECT_EQ(shop.configured->laid, 0u);
  EXPECT_TRUE(shop.lay({"drain endpoint 127.0.0.1:9001", "drain endpoint 127.0.0.1:9003"})
                  .policy->upstreams[1]
                  .tiers.empty());
}

TEST(Overlay, ALimitOnlyObservesOrIsSoManyTimesAsMuch) {
  Shop shop;
  const Laid observing = shop.lay({"observe limit per-caller"});
  EXPECT_EQ(observing.policy->limits[0].mode, LimitMode::observe);
  EXPECT_EQ(observing.policy->limits[0].cells.k0,
            shop.configured->limits[0].cells.k0);  // the same limit: it keeps its buckets
  const Laid doubled = shop.lay({"scale limit per-caller 2"});
  const Limit& limit = doubled.policy->limits[0];
  EXPECT_EQ(limit.rate, (Rate{.count = 120'000, .period = 1s}));
  EXPECT_EQ(limit.burst, 200u);
  EXPECT_EQ(limit.overrides[0].rate, (Rate{.count = 400'000, .period = 1s}));
  EXPECT_EQ(limit.overrides[0].burst, 800u);
  EXPECT_NE(limit.cells.k0, shop.configured->limits[0].cells.k0);
  EXPECT_EQ(limit.pace.interval.nanos, 8'333'333u);  // prepared anew: a 120th of a second
  const Laid twice = shop.lay({"scale limit per-caller 2", "scale limit per-caller 0.001"});
  EXPECT_EQ(twice.policy->limits[0].rate, (Rate{.count = 120, .period = 1s}));
  EXPECT_EQ(twice.policy->limits[0].burst, 1u);  // never none at all
}

TEST(Overlay, WhatIsLearnedIsScaledToTheThousandth) {
  Shop shop(R"(version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
identity: [{name: partner, api_key: {header: X-Api-Key, file: /tmp/keys.yaml}}]
limits: [{name: own, key: caller, learned: {default: 5/s, times: 3, floor: 10/s}}]
upstreams: [{name: orders, endpoints: [127.0.0.1:9001]}]
routes: [{name: all, match: {path: /*}, upstream: orders, limits: [own]}]
)");
  const auto rate_of = [&](const std::vector<std::string>& texts, std::uint32_t peak) {
    return decide::learned_rate(*shop.lay(texts).policy->limits[0].learned, peak).per_second();
  };
  EXPECT_DOUBLE_EQ(rate_of({"scale limit own 1.2"}, 10), 36);    // 3 · 1.2 · 10
  EXPECT_DOUBLE_EQ(rate_of({"scale limit own 0.9"}, 10), 27);
  EXPECT_DOUBLE_EQ(rate_of({"scale limit own 2", "scale limit own 0.25"}, 10), 15);
  EXPECT_DOUBLE_EQ(rate_of({"scale limit own 0.9"}, 1), 9);      // the floor, scaled as well
  EXPECT_DOUBLE_EQ(shop.lay({"scale limit own 0.5"}).policy->limits[0].learned->factor(), 1.5);
}

TEST(Overlay, HoldsBackNetsAndCallersTheNewestFirst) {
  Shop shop;
  const Laid laid = shop.lay(
      {"cap caller acme-* 5/s burst 9", "block net 10.0.0.0/8", "cap net 192.0.2.0/24 2/s"});
  ASSERT_NE(laid.policy->overlay, nullptr);
  const auto& all = laid.policy->overlay->restraints;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(shop.text(all[0].name), "o3");
  EXPECT_EQ(shop.text(all[1].name), "o2");
  EXPECT_EQ(shop.text(all[2].name), "o1");
  EXPECT_FALSE(all[1].cap.valid());
  EXPECT_TRUE(all[1].net->contains(Address::v4(10, 9, 8, 7)));
  ASSERT_EQ(laid.policy->limits.size(), shop.configured->limits.size() + 2);
  const Limit& caller = laid.policy->limits[all[2].cap.index()];
  EXPECT_EQ(caller.cause, Cause::caller_capped);
  EXPECT_EQ(caller.burst, 9u);
  EXPECT_EQ(caller.key.front().kind, KeyKind::caller);  // each by itself
  EXPECT_FALSE(caller.before_auth);
  const Limit& net = laid.policy->limits[all[0].cap.index()];
  EXPECT_EQ(net.key.front().kind, KeyKind::all);  // all of it together
  EXPECT_TRUE(net.before_auth);
  EXPECT_EQ(net.burst, 4u);  // two seconds of the rate
  EXPECT_NE(net.cells.k0, caller.cells.k0);
}

TEST(Overlay, PausesARouteAndShedsAPriorityWithThoseThatMatterLess) {
  Shop shop;
  const auto paused = [&](const std::vector<std::string>& texts) {
    std::vector<std::string> all;
    for (const NameId name : shop.lay(texts).policy->overlay->paused)
      all.push_back(name.valid() ? shop.text(name) : "");
    return all;
  };
  EXPECT_EQ(paused({"pause route checkout"}), (std::vector<std::string>{"o1", "", ""}));
  EXPECT_EQ(paused({"shed priority sheddable"}), (std::vector<std::string>{"", "", "o1"}));
  EXPECT_EQ(paused({"shed priority sheddable", "shed priority normal"}),
            (std::vector<std::string>{"", "o2", "o1"}));
}

TEST(Overlay, GivesBackToTheStablePartWhatItsCandidateHad) {
  Shop shop(R"(version: 1
listeners: [{name: public, address: 127.0.0.1:8080}]
upstreams:
  - {name: v41, endpoints: [127.0.0.1:9001]}
  - {name: v42, endpoints: [127.0.0.1:9002]}
  - {name: old, endpoints: [127.0.0.1:9003]}
routes:
  - name: checkout
    match: {path: /checkout/*}
    split: [{upstream: v41, weight: 90, arm: stable}, {upstream: v42, weight: 7, arm: candidate}, {upstream: old, weight: 3}]
  - {name: plain, match: {path: /plain/*}, split: [{upstream: v41, weight: 90}, {upstream: v42, weight: 10}]}
)");
  const auto weights = [](const Policy& policy, std::size_t route) {
    std::vector<std::uint32_t> all;
    for (const WeightedUpstream& part : std::get<Forward>(policy.routes[route].action).split)
      all.push_back(part.weight);
    return all;
  };
  const auto laid = shop.lay({"give back route checkout from v42"});
  EXPECT_EQ(weights(*laid.policy, 0), (std::vector<std::uint32_t>{97, 0, 3}));
  EXPECT_EQ(weights(*laid.policy, 1), (std::vector<std::uint32_t>{90, 10}));
  EXPECT_EQ(weights(*shop.configured, 0), (std::vector<std::uint32_t>{90, 7, 3}));
  EXPECT_EQ(shop.idle("give back route checkout from v43"), "route checkout has no candidate v43")
      << "the next candidate has done nothing yet";
  EXPECT_EQ(shop.idle("give back route checkout from old"), "route checkout has no candidate old");
  EXPECT_EQ(shop.idle("give back route plain from v42"), "route plain has no candidate v42");
  EXPECT_EQ(shop.idle("give back route chekout from v42"),
            "there is no route chekout; did you mean checkout?");
  const auto twice =
      shop.lay({"give back route checkout from v42", "give back route checkout from v42"});
  ASSERT_NE(twice.why_idle(2), nullptr);
  EXPECT_EQ(*twice.why_idle(2), "v42 has no weight already");
}

TEST(Overlay, WhatIsNotThereIsIdleAndNamesWhatIsMissing) {
  Shop shop;
  EXPECT_EQ(shop.idle("drain endpoint 127.0.0.1:9009"),
            "there is no endpoint 127.0.0.1:9009; did you mean 127.0.0.1:9001?");
  EXPECT_EQ(shop.idle("drain endpoint 127.0.0.1:9002 of serch"),
            "there is no upstream serch; did you mean search?");
  EXPECT_EQ(shop.idle("observe limit per-caler"),
            "there is no limit per-caler; did you mean per-caller?");
  EXPECT_EQ(shop.idle("scale limit nowhere 2"), "there is no limit nowhere");
  EXPECT_EQ(shop.idle("pause route chekout"), "there is no route chekout; did you mean checkout?");
  EXPECT_EQ(shop.idle("observe limit watched"), "limit watched only observes already");
  Shop plain(
      "version: 1\nlisteners: [{name: p, address: 127.0.0.1:8080}]\nroutes: [{name: a, match: "
      "{path: /}, respond: {status: 204}}]\n");
  EXPECT_NE(plain.idle("block caller acme").find("no identity rule"), std::string::npos);
  EXPECT_EQ(plain.idle("shed priority sheddable"), "no route has priority sheddable");
  EXPECT_EQ(plain.lay({"block caller 192.0.2.1"}).idle.size(), 0u);
}

TEST(Overlay, WhatFitsIsLaidThoughAnotherIsIdle) {
  Shop shop;
  const Laid laid = shop.lay({"pause route gone", "pause route search"});
  ASSERT_EQ(laid.idle.size(), 1u);
  EXPECT_EQ(laid.idle[0].number, 1u);
  EXPECT_EQ(laid.why_idle(2), nullptr);
  EXPECT_EQ(shop.text(laid.policy->overlay->paused[2]), "o2");
}

TEST(Overlay, ACapIsNoLimitThatAnotherOverrideMayName) {
  Shop shop;
  const Laid laid = shop.lay({"cap net 10.0.0.0/8 5/s", "scale limit o1 2"});
  EXPECT_NE(laid.why_idle(2), nullptr);
}

TEST(Overlay, TheDigestTellsWhatIsLaid) {
  Shop shop;
  EXPECT_EQ(shop.lay({"pause route search"}).policy->laid,
            shop.lay({"pause route search"}).policy->laid);
  EXPECT_NE(shop.lay({"pause route search"}).policy->laid,
            shop.lay({"pause route orders"}).policy->laid);
}

}  // namespace
}  // namespace weir::config
