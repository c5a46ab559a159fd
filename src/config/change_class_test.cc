#include "config/change_class.h"

#include <gtest/gtest.h>

#include <string>

#include "config/schema.h"

namespace weir::config {
namespace {

constexpr std::string_view kBefore = R"(version: 1
listeners: [{name: public, address: 0.0.0.0:8080}]
admin: {address: 127.0.0.1:9347}
identity: [{name: partner, api_key: {file: keys.yaml}}]
limits: [{name: per-caller, key: caller, rate: 60/s}]
upstreams: [{name: app.v1, endpoints: [127.0.0.1:9001]}]
routes:
  - {name: shop, match: {hosts: [api.example.com, "*.shop.example"], path: /shop}, upstream: app.v1, limits: [per-caller]}
  - {name: rest, match: {hosts: [rest.example], path: /rest}, upstream: app.v1}
)";

ChangeClass after(std::string_view what, std::string_view instead) {
  std::string changed(kBefore);
  const std::size_t at = changed.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  changed.replace(at, what.size(), instead);
  NameTable names;
  const Input first{.files = {{"gateway.yaml", std::string(kBefore)}}}, second{.files = {{"gateway.yaml", changed}}};
  const Outcome live = compile(first, names), candidate = compile(second, names);
  EXPECT_NE(candidate.policy, nullptr) << changed;
  return change_class(compare(first, second).value(), *live.policy, *candidate.policy);
}
ChangeClass adding(std::string_view text) { return after("version: 1\n", "version: 1\n" + std::string(text) + "\n"); }

ChangeClass touches(Touch touch) {
  ChangeClass out;
  out.add(touch);
  return out;
}

TEST(ChangeClass, IsWhatTheChangedKeysTouch) {
  EXPECT_EQ(after("60/s", "45/s").touches & touches(Touch::limit).touches, touches(Touch::limit).touches);
  EXPECT_TRUE(after("60/s", "45/s").risk());
  EXPECT_TRUE(after("path: /rest}", "path: /others}").has(Touch::route));
  EXPECT_TRUE(after("9001]", "9001, 127.0.0.1:9002]").has(Touch::balance));
  EXPECT_TRUE(after("9001]", "9001], breaker: {max_in_flight: 5}").has(Touch::limit));
  EXPECT_TRUE(after("path: /rest}, upstream: app.v1", "path: /rest}, upstream: app.v1, timeouts: {response: 1s}").has(Touch::timeout));
  EXPECT_TRUE(after("path: /rest}, upstream: app.v1", "path: /rest}, upstream: app.v1, auth: {require: [partner]}").has(Touch::auth));
  EXPECT_TRUE(adding("deadline: X-Timeout-Ms").has(Touch::timeout));
  EXPECT_FALSE(adding("drain: 5s").risk());
  EXPECT_FALSE(adding("rollout: {watch: none}").risk());
  EXPECT_TRUE(adding("drain: 5s").has(Touch::other));
  EXPECT_FALSE(after("60/s", "60/s").risk());   // the same text
}

TEST(ChangeClass, WhatActsBeforeACallerIsKnownIsListed) {
  const ChangeClass caps = after("0.0.0.0:8080", "0.0.0.0:8080, caps: {head: 8KiB}");
  EXPECT_TRUE(caps.has(Touch::listener));
  EXPECT_TRUE(caps.only_early);
  ASSERT_EQ(caps.early.size(), 1u);
  EXPECT_EQ(caps.early[0], "listeners.public.caps.head");
  EXPECT_TRUE(after("file: keys.yaml", "file: keys.yaml, header: X-Key").only_early);
  EXPECT_FALSE(after("60/s", "45/s").only_early);
}

TEST(ChangeClass, WhoWouldLockItselfOutIsTold) {
  EXPECT_EQ(after("admin: {address: 127.0.0.1:9347}\n", "").lockout, std::vector<std::string>{"the admin API at 127.0.0.1:9347 is closed"});
  EXPECT_TRUE(after("9347", "9348").lockout.empty());
  EXPECT_EQ(after("api.example.com, \"*.shop.example\"", "\"*.example\"").lockout, std::vector<std::string>{"no route is left for api.example.com"});
  EXPECT_EQ(after("hosts: [api.example.com, \"*.shop.example\"]", "hosts: [api.example.com]").lockout,
            std::vector<std::string>{"no route is left for *.shop.example"});
  // A route for every host is one for each of them.
  EXPECT_TRUE(after("hosts: [api.example.com, \"*.shop.example\"], ", "").lockout.empty());
  EXPECT_EQ(after("hosts: [rest.example], ", "").lockout.size(), 0u);
  EXPECT_TRUE(after("60/s", "45/s").lockout.empty());
}

TEST(ChangeClass, EveryKeyOfTheLanguageIsClassed) {
  // What is not classed counts as a route; a new key of the root belongs into the table of change_class.cc and here.
  for (const Field& field : root_object().fields) {
    if (field.presence == Presence::not_yet) continue;
    const bool route = field.key == "routes" || field.key == "defaults";
    EXPECT_EQ(touch_of(field.key) == Touch::route, route) << field.key;
  }
}

}  // namespace
}  // namespace weir::config
