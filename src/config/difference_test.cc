#include "config/difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/compact_tree.h"
#include "model/names.h"

namespace weir::config {
namespace {

using Kind = Difference::Kind;

Input input(std::string text) { return {.files = {{.name = "gateway.yaml", .text = std::move(text)}}, .directory = "/etc/weir"}; }

const std::string kBase =
    "version: 1\n"
    "listeners: [{name: public, address: 127.0.0.1:8080}]\n"
    "limits:\n"
    "  - {name: per-caller, key: caller, rate: 60/s}\n"
    "  - {name: spike.arrest, key: all, rate: 900/s, burst: 1800}\n"
    "upstreams:\n"
    "  - {name: app, endpoints: [127.0.0.1:9001, 127.0.0.1:9002]}\n"
    "routes:\n"
    "  - {name: a, match: {path: /a/*}, upstream: app, limits: [per-caller]}\n"
    "  - {name: b, match: {path: /b/*}, upstream: app, limits: [spike.arrest]}\n";

std::string with(std::string_view from, std::string_view to) {
  std::string text = kBase;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::shared_ptr<const CompactTree> tree(const std::string& text) {
  NameTable names;
  const Outcome outcome = compile(input(text), names);
  EXPECT_NE(outcome.tree, nullptr);
  return outcome.tree;
}

// From their texts and from what is kept of them.
Comparison compared(const std::string& after) {
  auto comparison = compare(input(kBase), input(after));
  EXPECT_TRUE(comparison.has_value()) << to_string(comparison.error());
  if (!comparison) return {};
  EXPECT_EQ(compare(*tree(kBase), *tree(after)), *comparison);
  return *comparison;
}

TEST(Difference, IsNothingWhereOnlyWritingDiffers) {
  const Comparison same = compared(with("rate: 60/s}", "rate: '60/s', burst: 120}   # as it is"));   // two seconds' worth is the default
  EXPECT_TRUE(same.differences.empty());
  EXPECT_TRUE(same.starts_anew.empty());
}

TEST(Difference, NamesAValueByItsPathAndTheLimitThatStartsAnew) {
  const Comparison found = compared(with("rate: 900/s", "rate: 450/s"));
  ASSERT_EQ(found.differences.size(), 1u);
  EXPECT_EQ(found.differences[0].kind, Kind::changed);
  EXPECT_EQ(found.differences[0].path, "limits.spike.arrest.rate");
  EXPECT_EQ(found.differences[0].before, "900/s");
  EXPECT_EQ(found.differences[0].after, "450/s");
  EXPECT_EQ(found.starts_anew, std::vector<std::string>{"spike.arrest"});
}

// An override has a rate and a burst of its own, and names may have dots.
TEST(Difference, KnowsALimitThatStartsAnewByItsOverridesAndItsWholeName) {
  const auto limit = [](std::string_view own) { return with("{name: per-caller, key: caller, rate: 60/s}", std::string(own)); };
  const auto anew = [&](std::string_view before, std::string_view after) { return compare(*tree(limit(before)), *tree(limit(after))).starts_anew; };
  const std::vector<std::string> itself = {"per-caller"}, nobody;
  EXPECT_EQ(anew("{name: per-caller, key: caller, rate: 60/s, overrides: [{anonymous: true, rate: 100/s}]}",
                 "{name: per-caller, key: caller, rate: 60/s, overrides: [{anonymous: true, rate: 50/s}]}"),
            itself);
  EXPECT_EQ(anew("{name: per-caller, key: caller, rate: 60/s}", "{name: per-caller, key: caller, rate: 60/s, mode: observe}"), nobody);
  const std::string other = "{name: per-caller, key: caller, rate: 60/s}\n  - {name: a.learned-b, key: client_ip, rate: 60/s";
  EXPECT_EQ(anew(other + "}", other + ", mode: observe}"), nobody);
  EXPECT_EQ(anew(other + "}", other + ", burst: 7}"), std::vector<std::string>{"a.learned-b"});
  const std::string gone = "{name: per-caller, key: caller, rate: 60/s}\n  - {name: gone.rate, key: client_ip, rate: 7/s}";
  EXPECT_EQ(anew(gone, "{name: per-caller, key: caller, rate: 60/s}"), nobody);
}

TEST(Difference, OfADefaultShowsToo) {
  const Comparison found = compared(with("rate: 60/s", "rate: 30/s"));   // and with it its burst, of two seconds
  ASSERT_EQ(found.differences.size(), 2u);
  EXPECT_EQ(found.differences[0].path, "limits.per-caller.rate");
  EXPECT_EQ(found.differences[1].path, "limits.per-caller.burst");
  EXPECT_EQ(found.differences[1].before, "120");
  EXPECT_EQ(found.differences[1].after, "60");
  EXPECT_EQ(found.starts_anew, std::vector<std::string>{"per-caller"});
}

TEST(Difference, TellsAddedFromRemovedAndFindsEndpointsByTheirAddress) {
  const Comparison found = compared(with("127.0.0.1:9001, 127.0.0.1:9002", "{address: 127.0.0.1:9002, weight: 3}, 127.0.0.1:9003"));
  ASSERT_EQ(found.differences.size(), 3u);
  EXPECT_EQ(found.differences[0].path, "upstreams.app.endpoints.127.0.0.1:9002.weight");
  EXPECT_EQ(found.differences[0].before, "1");
  EXPECT_EQ(found.differences[0].after, "3");
  EXPECT_EQ(found.differences[1].kind, Kind::added);
  EXPECT_EQ(found.differences[1].path, "upstreams.app.endpoints.127.0.0.1:9003");
  EXPECT_EQ(found.differences[2].kind, Kind::removed);
  EXPECT_EQ(found.differences[2].path, "upstreams.app.endpoints.127.0.0.1:9001");
  EXPECT_TRUE(found.starts_anew.empty());
}

TEST(Difference, OfAnOrderIsOne) {
  std::string text = kBase;
  const std::size_t a = text.find("  - {name: a,"), b = text.find("  - {name: b,");
  text = text.substr(0, a) + text.substr(b) + text.substr(a, b - a);
  const Comparison found = compared(text);
  ASSERT_EQ(found.differences.size(), 1u);
  EXPECT_EQ(found.differences[0].kind, Kind::moved);
  EXPECT_EQ(found.differences[0].path, "routes");
}

TEST(Difference, OfAnOrderIsToldBesideWhatElseChanged) {
  std::string text = with("path: /a/*", "path: /aa/*");
  const std::size_t a = text.find("  - {name: a,"), b = text.find("  - {name: b,");
  text = text.substr(0, a) + text.substr(b) + text.substr(a, b - a);
  const Comparison found = compared(text);
  ASSERT_EQ(found.differences.size(), 2u);
  EXPECT_EQ(found.differences[0].path, "routes.a.match.path");
  EXPECT_EQ(found.differences[1].kind, Kind::moved);
  EXPECT_EQ(found.differences[1].path, "routes");
}

TEST(Difference, OfWhatRoutesInheritShowsInEachThatDoes) {
  const std::string own = "  - {name: c, match: {path: /c/*}, upstream: app, timeouts: {response: 5s}}\n";
  const auto under = [&](std::string_view time) { return kBase + own + std::string("defaults: {timeouts: {response: ") + std::string(time) + "}}\n"; };
  const auto comparison = compare(*tree(under("10s")), *tree(under("20s")));
  std::vector<std::string> paths;
  for (const Difference& each : comparison.differences) paths.push_back(each.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"defaults.timeouts.response", "routes.a.timeouts.response", "routes.b.timeouts.response"}));
}

TEST(Difference, OfAFolderThatMovedIsThatOfItsPaths) {
  const std::string text = kBase + "data_dir: state\n";
  NameTable names;
  const auto here = compile(input(text), names).tree;
  const auto there = compile({.files = input(text).files, .directory = "/srv"}, names).tree;
  const Comparison found = compare(*here, *there);
  ASSERT_EQ(found.differences.size(), 1u);
  EXPECT_EQ(found.differences[0].path, "data_dir");
  EXPECT_EQ(found.differences[0].before, "/etc/weir/state");
  EXPECT_EQ(found.differences[0].after, "/srv/state");
}

TEST(Difference, SaysWhichDoesNotCompile) {
  const auto broken = compare(input(kBase), input(with("upstream: app", "upstream: apt")));
  ASSERT_FALSE(broken.has_value());
  EXPECT_NE(to_string(broken.error()).find("the second does not compile"), std::string::npos);
  EXPECT_NE(to_string(broken.error()).find("apt"), std::string::npos);
}

}  // namespace
}  // namespace weir::config
