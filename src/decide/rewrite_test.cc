#include "decide/rewrite.h"

#include <gtest/gtest.h>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

std::string path_after(std::string_view path, std::string prefix_path, PathRewrite rewrite) {
  std::string storage;
  return std::string(rewritten_path(rewrite, prefix(std::move(prefix_path)), path, storage));
}

// The table of the Gateway API, HTTPPathModifier.replacePrefixMatch.
TEST(Rewrite, ReplacesPrefixesAsTheGatewayApiSays) {
  struct Case {
    const char *path, *prefix, *replace, *modified;
  };
  for (const Case& c : {Case{"/foo/bar", "/foo", "/xyz", "/xyz/bar"}, Case{"/foo/bar", "/foo", "/xyz/", "/xyz/bar"},
                        Case{"/foo/bar", "/foo/", "/xyz", "/xyz/bar"}, Case{"/foo/bar", "/foo/", "/xyz/", "/xyz/bar"},
                        Case{"/foo", "/foo", "/xyz", "/xyz"}, Case{"/foo/", "/foo", "/xyz", "/xyz/"},
                        Case{"/foo/bar", "/foo", "", "/bar"}, Case{"/foo/", "/foo", "", "/"},
                        Case{"/foo", "/foo", "", "/"}, Case{"/foo/", "/foo", "/", "/"}, Case{"/foo", "/foo", "/", "/"},
                        Case{"/foo/bar", "/", "/xyz", "/xyz/foo/bar"}}) {
    EXPECT_EQ(path_after(c.path, c.prefix, {.kind = PathRewrite::Kind::replace_prefix, .value = c.replace}), c.modified)
        << c.path << " " << c.prefix << " " << c.replace;
  }
}

TEST(Rewrite, ReplacesTheWholePathOrNothing) {
  EXPECT_EQ(path_after("/foo/bar", "/foo", {.kind = PathRewrite::Kind::replace_full, .value = "/x"}), "/x");
  EXPECT_EQ(path_after("/foo/bar", "/foo", {}), "/foo/bar");
}

TEST(Rewrite, TheTargetKeepsTheQueryAndTheAuthorityUnlessTheRouteSaysOtherwise) {
  PolicyBuilder builder;
  Route& route = builder.route("r", prefix("/a"));
  Facts facts = request("GET", "h", "/a/b");
  EXPECT_EQ(target(route, facts, "h:8080").authority, "h:8080");
  EXPECT_EQ(target(route, facts, "h:8080").path_and_query, "/a/b");
  facts.query = "x=1&y";
  std::get<Forward>(route.action).rewrite =
      Boxed(TargetRewrite{.path = {.kind = PathRewrite::Kind::replace_prefix, .value = "/v2"}, .host = "inner"});
  EXPECT_EQ(target(route, facts, "h:8080").authority, "inner");
  EXPECT_EQ(target(route, facts, "h:8080").path_and_query, "/v2/b?x=1&y");
}

TEST(Rewrite, LocationKeepsWhatTheRedirectDoesNotSay) {
  PolicyBuilder builder;
  Route& route = builder.route("r", prefix("/a"));
  Facts facts = request("GET", "h.example.com", "/a/b");
  facts.query = "q=1";
  const auto with = [&](Redirect redirect, std::optional<std::uint16_t> port) {
    route.action = Boxed(std::move(redirect));
    return location(route, facts, port);
  };
  EXPECT_EQ(with({}, 8080), "http://h.example.com:8080/a/b?q=1");
  EXPECT_EQ(with({}, std::nullopt), "http://h.example.com/a/b?q=1");
  EXPECT_EQ(with({.scheme = "https", .host = {}, .port = {}, .path = {}}, 8080), "https://h.example.com/a/b?q=1");
  EXPECT_EQ(with({.scheme = {}, .host = "new.example", .port = 80, .path = {}}, 8080), "http://new.example/a/b?q=1");
  EXPECT_EQ(with({.scheme = "https", .host = {}, .port = 8443, .path = {}}, {}), "https://h.example.com:8443/a/b?q=1");
  EXPECT_EQ(with({.scheme = {}, .host = {}, .port = {},
                  .path = {.kind = PathRewrite::Kind::replace_prefix, .value = "/z"}}, {}),
            "http://h.example.com/z/b?q=1");
}

}  // namespace
}  // namespace weir::decide
