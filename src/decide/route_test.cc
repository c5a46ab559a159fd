#include "decide/route.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "decide/policy_for_tests.h"

namespace weir::decide {
namespace {

constexpr HashKey kSeed{1, 2};

struct Table : PolicyBuilder {
  Table() { upstream("u", {1}); }
  std::string ask(const Facts& facts) {
    const Matched matched = match_route(policy, facts, kSeed);
    if (!matched.route.valid()) return std::string(info(matched.cause).name);
    return std::string(names.text(policy.routes[matched.route.index()].name));
  }
  std::string ask(std::string_view host, std::string_view path, std::string_view method = "GET") {
    return ask(request(method, host, path));
  }
};

TEST(Route, APrefixMatchesWholeElementsOnly) {   // Gateway API, PathPrefix: /abc, /abc/ and /abc/def, not /abcd
  Table table;
  table.route("catalog", prefix("/catalog"));
  table.prepared();
  EXPECT_EQ(table.ask("h", "/catalog"), "catalog");
  EXPECT_EQ(table.ask("h", "/catalog/"), "catalog");
  EXPECT_EQ(table.ask("h", "/catalog/a/b"), "catalog");
  EXPECT_EQ(table.ask("h", "/catalogs"), "no_route");
  EXPECT_EQ(table.ask("h", "/catalo"), "no_route");
  EXPECT_EQ(table.ask("h", "/"), "no_route");
}

TEST(Route, TheSlashAtTheEndOfAPrefixSaysNothing) {
  Table table;
  table.route("a", prefix("/a/"));
  table.route("root", prefix("/"));
  table.prepared();
  EXPECT_EQ(table.ask("h", "/a"), "a");
  EXPECT_EQ(table.ask("h", "/a/b"), "a");
  EXPECT_EQ(table.ask("h", "/ab"), "root");
  EXPECT_EQ(table.ask("h", "*"), "no_route");   // OPTIONS * is no path
}

TEST(Route, ExactBeatsPrefixAndLongBeatsShort) {
  Table table;
  table.route("root", prefix("/"));
  table.route("short", prefix("/a"));
  table.route("long", prefix("/a/b"));
  table.route("exact", exact("/a/b"));
  table.route("exact-slash", exact("/a/b/"));
  table.prepared();
  EXPECT_EQ(table.ask("h", "/a/b"), "exact");
  EXPECT_EQ(table.ask("h", "/a/b/"), "exact-slash");
  EXPECT_EQ(table.ask("h", "/a/b/c"), "long");
  EXPECT_EQ(table.ask("h", "/a/bc"), "short");
  EXPECT_EQ(table.ask("h", "/b"), "root");
}

TEST(Route, ExactHostBeatsLongerWildcardBeatsShorterBeatsNone) {
  Table table;
  table.route("any", prefix("/"));
  table.route("com", prefix("/", {"*.com"}));
  table.route("example", prefix("/", {"*.example.com"}));
  table.route("exact", prefix("/", {"a.example.com"}));
  table.prepared();
  EXPECT_EQ(table.ask("a.example.com", "/"), "exact");
  EXPECT_EQ(table.ask("b.example.com", "/"), "example");
  EXPECT_EQ(table.ask("c.b.example.com", "/"), "example");   // a wildcard stands for one label or more
  EXPECT_EQ(table.ask("example.com", "/"), "com");           // ... and not for none
  EXPECT_EQ(table.ask("com", "/"), "any");
  EXPECT_EQ(table.ask("", "/"), "any");
  EXPECT_EQ(table.ask(".example.com", "/"), "com");           // an empty label is one
}

TEST(Route, TheHostCountsBeforeThePathAndFallsThroughWhereNothingMatches) {
  Table table;
  table.route("any-exact", exact("/x"));
  table.route("wild", prefix("/w", {"*.example.com"}));
  table.route("host", prefix("/", {"h.example.com"}, {"POST"}));
  table.route("health", exact("/health"));
  table.prepared();
  EXPECT_EQ(table.ask("h.example.com", "/x", "POST"), "host");    // "Characters in a matching hostname" come first
  EXPECT_EQ(table.ask("h.example.com", "/w", "GET"), "wild");
  EXPECT_EQ(table.ask("h.example.com", "/health", "GET"), "health");
  EXPECT_EQ(table.ask("h.example.com", "/other", "GET"), "method_not_allowed");
}

TEST(Route, MethodThenHeadersThenQueriesThenTheOrderOfTheFile) {
  Table table;
  table.policy.watched_headers = {"a", "b"};
  table.policy.watched_queries = {"q"};
  RouteMatch one_header = prefix("/"), two_headers = prefix("/"), query = prefix("/");
  one_header.headers = {{.watched = 0, .value = "1"}};
  two_headers.headers = {{.watched = 0, .value = "1"}, {.watched = 1, .present_only = true}};
  query.queries = {{.watched = 0, .value = "x"}};
  table.route("plain", prefix("/"));
  table.route("plain-again", prefix("/"));
  table.route("query", query);
  table.route("one", one_header);
  table.route("two", two_headers);
  table.route("method", prefix("/", {}, {"PUT", "POST"}));
  table.prepared();

  std::array<WatchedValue, 2> headers{};
  std::array<WatchedValue, 1> queries{};
  Facts facts = request("GET", "h", "/");
  facts.headers = headers;
  facts.queries = queries;
  EXPECT_EQ(table.ask(facts), "plain");
  queries[0] = text_value("x");
  EXPECT_EQ(table.ask(facts), "query");
  headers[0] = text_value("1");
  EXPECT_EQ(table.ask(facts), "one");
  headers[1] = text_value("");
  EXPECT_EQ(table.ask(facts), "two");
  headers[0] = text_value("2");
  EXPECT_EQ(table.ask(facts), "query");
  facts.method = "POST";
  EXPECT_EQ(table.ask(facts), "method");
}

TEST(Route, ADigestIsAsGoodAsTheText) {
  Table table;
  table.policy.watched_headers = {"a"};
  RouteMatch match = prefix("/");
  match.headers = {{.watched = 0, .value = "secret"}};
  table.route("r", match);
  table.prepared();
  std::array<WatchedValue, 1> headers{{{.state = WatchedValue::State::digest, .digest = keyed_hash(kSeed, "secret")}}};
  Facts facts = request("GET", "h", "/");
  facts.headers = headers;
  EXPECT_EQ(table.ask(facts), "r");
  headers[0].digest ^= 1;
  EXPECT_EQ(table.ask(facts), "no_route");
  headers[0].state = WatchedValue::State::unrecorded;
  EXPECT_EQ(table.ask(facts), "no_route");
  EXPECT_TRUE(fit_of(table.policy, RouteId{0}, facts, kSeed).unrecorded);
}

TEST(Route, MethodNotAllowedNamesTheMethodsOfAllThatWouldMatch) {
  Table table;
  table.policy.watched_headers = {"a"};
  table.route("r", prefix("/r", {"h"}, {"PUT", "GET"}));
  table.route("any", prefix("/", {}, {"POST", "GET"}));
  RouteMatch other = prefix("/r", {}, {"PATCH"});
  other.headers = {{.watched = 0, .present_only = true}};
  table.route("other", other);
  table.prepared();
  const Facts facts = request("DELETE", "h", "/r/1");
  EXPECT_EQ(table.ask(facts), "method_not_allowed");
  EXPECT_EQ(allowed_methods(table.policy, facts, kSeed), "GET, POST, PUT");
  EXPECT_EQ(table.ask("h", "/x", "DELETE"), "method_not_allowed");
  EXPECT_EQ(allowed_methods(table.policy, request("DELETE", "g", "/x"), kSeed), "GET, POST");
}

TEST(Route, WithoutRoutesThereIsNone) {
  Table table;
  table.prepared();
  EXPECT_EQ(table.ask("h", "/"), "no_route");
}

TEST(Route, TraceTellsWhyEachOtherWasNotTaken) {
  Table table;
  table.route("short", prefix("/"));
  table.route("taken", prefix("/a"));
  table.route("host", prefix("/a", {"x"}));
  table.route("method", prefix("/a", {}, {"POST"}));
  table.route("path", prefix("/b"));
  table.prepared();
  struct Collect : Trace {
    std::vector<RouteFit> fits;
    void on_route(const RouteStep& step) override { fits.push_back(step.fit); }
  } collect;
  match_route(table.policy, request("GET", "h", "/a"), kSeed, &collect);
  EXPECT_EQ(collect.fits, (std::vector{RouteFit::less_precise, RouteFit::chosen, RouteFit::host, RouteFit::method,
                                       RouteFit::path}));
}

// ---- the index against a reader of the specification that knows no index ----

std::vector<std::string> elements(std::string_view path) {
  std::vector<std::string> parts{""};
  for (const char c : path) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// Characters of the host that matches; -1: none does. "precedence ... largest number of characters in a matching
// non-wildcard hostname, then characters in a matching hostname".
std::pair<int, int> host_rank(const RouteMatch& match, const std::string& host) {
  if (match.hosts.empty()) return {0, 0};
  std::pair<int, int> best{-1, -1};
  for (const std::string& wanted : match.hosts) {
    const int size = static_cast<int>(wanted.size());
    if (wanted == host) best = std::max(best, {size, size});
    if (wanted[0] != '*') continue;
    // At least one label in place of the star.
    for (std::size_t dot = host.find('.'); dot != std::string::npos && dot > 0; dot = host.find('.', dot + 1)) {
      if (host.substr(dot) == wanted.substr(1)) best = std::max(best, {0, size});
    }
  }
  return best;
}

std::pair<int, int> path_rank(const RouteMatch& match, const std::string& path) {
  if (match.path_kind == RouteMatch::PathKind::exact) {
    return match.path == path ? std::pair{1, 0} : std::pair{-1, -1};
  }
  auto wanted = elements(match.path), given = elements(path);
  if (wanted.back().empty()) wanted.pop_back();
  if (wanted.size() > given.size() || !std::equal(wanted.begin(), wanted.end(), given.begin())) return {-1, -1};
  int size = 0;
  for (const std::string& element : wanted) size += static_cast<int>(element.size()) + 1;
  return {0, size};
}

Matched naive_match(const Policy& policy, const Facts& facts) {
  using Rank = std::tuple<std::pair<int, int>, std::pair<int, int>, bool, std::size_t, std::size_t, int>;
  std::vector<std::pair<Rank, RouteId>> fitting;
  bool method_only = false;
  for (std::uint32_t i = 0; i < policy.routes.size(); ++i) {
    const RouteMatch& match = policy.routes[i].match;
    const auto host = host_rank(match, std::string(facts.host));
    const auto path = path_rank(match, std::string(facts.path));
    if (host.first < 0 || path.first < 0) continue;
    bool values = true;
    for (const auto& h : match.headers) {
      const WatchedValue& value = facts.headers[h.watched];
      values = values && value.state == WatchedValue::State::text && (h.present_only || value.text == h.value);
    }
    for (const auto& q : match.queries) {
      const WatchedValue& value = facts.queries[q.watched];
      values = values && value.state == WatchedValue::State::text && (q.present_only || value.text == q.value);
    }
    if (!values) continue;
    if (!match.methods.empty() && std::ranges::find(match.methods, facts.method) == match.methods.end()) {
      method_only = true;
      continue;
    }
    fitting.push_back({Rank{host, path, !match.methods.empty(), match.headers.size(), match.queries.size(),
                            -static_cast<int>(i)}, RouteId{i}});
  }
  if (fitting.empty()) return {.cause = method_only ? Cause::method_not_allowed : Cause::no_route};
  return {.route = std::ranges::max(fitting).second, .cause = Cause::none};
}

// Few letters, so that random routes and requests meet.
rc::Gen<std::string> arbitrary_path() {
  return rc::gen::map(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5)), [](std::vector<int> parts) {
    std::string path;
    if (parts.size() > 6) parts.resize(6);
    for (const int part : parts) path += std::array{"/a", "/b", "/ab", "/aa", "/abc"}[static_cast<std::size_t>(part)];
    return path.empty() ? "/" : path;
  });
}

TEST(RouteProperty, TheIndexAgreesWithANaiveReaderOfTheSpecification) {
  const std::vector<std::string> hosts = {"a.com", "*.a.com", "b.a.com", "*.com", "x.b.a.com", "*.b.a.com", "com"};
  const std::vector<std::string> methods = {"GET", "POST", "PUT"};
  EXPECT_TRUE(rc::check([&] {
    Table table;
    table.policy.watched_headers = {"h0", "h1"};
    table.policy.watched_queries = {"q0"};
    const auto routes = *rc::gen::inRange(0, 40);
    for (int i = 0; i < routes; ++i) {
      RouteMatch match = prefix(*arbitrary_path());
      if (*rc::gen::inRange(0, 3) == 0) match.path_kind = RouteMatch::PathKind::exact;
      if (match.path_kind == RouteMatch::PathKind::exact && *rc::gen::inRange(0, 4) == 0) match.path += "/";
      if (*rc::gen::inRange(0, 3) != 0) {
        match.hosts = *rc::gen::container<std::vector<std::string>>(*rc::gen::inRange<std::size_t>(1, 4),
                                                                    rc::gen::elementOf(hosts));
      }
      if (*rc::gen::inRange(0, 3) == 0) match.methods = {*rc::gen::elementOf(methods)};
      for (std::uint16_t h = 0; h < 2; ++h) {
        if (*rc::gen::inRange(0, 4) == 0) {
          match.headers.push_back({.watched = h, .value = std::string(1, "xy"[*rc::gen::inRange(0, 2)]),
                                   .present_only = *rc::gen::arbitrary<bool>()});
        }
      }
      if (*rc::gen::inRange(0, 4) == 0) match.queries.push_back({.watched = 0, .value = "x"});
      table.route("r" + std::to_string(i), match);
    }
    table.prepared();
    for (int i = 0; i < 20; ++i) {
      const std::string host = *rc::gen::elementOf(
          std::vector<std::string>{"", "a.com", "b.a.com", "c.a.com", "x.b.a.com", "y.b.a.com", "com", "z.org"});
      std::string path = *arbitrary_path();
      if (*rc::gen::inRange(0, 4) == 0) path += "/";
      if (*rc::gen::inRange(0, 4) == 0) path += "c";
      const std::string method = *rc::gen::elementOf(methods);
      std::array<WatchedValue, 2> headers{};
      for (auto& value : headers) {
        const int kind = *rc::gen::inRange(0, 3);
        if (kind > 0) value = text_value(kind == 1 ? "x" : "y");
      }
      std::array<WatchedValue, 1> queries{};
      if (*rc::gen::arbitrary<bool>()) queries[0] = text_value("x");
      Facts facts = request(method, host, path);
      facts.headers = headers;
      facts.queries = queries;
      const Matched wanted = naive_match(table.policy, facts);
      const Matched got = match_route(table.policy, facts, kSeed);
      RC_ASSERT(got.route == wanted.route);
      RC_ASSERT(got.cause == wanted.cause);
    }
  }));
}

}  // namespace
}  // namespace weir::decide
