#include "config/compile.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>
#include <string>

#include "config/report.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;

const char* kShop = R"(version: 1
listeners:
  - {name: public, address: 0.0.0.0:8080, trusted_proxies: [10.0.0.0/8], caps: {body: 10MiB}}
admin: {address: 127.0.0.1:9347, hosts: [Gateway.Internal]}
data_dir: state
defaults:
  timeouts: {response: 5s, total: 30s}
  limits: [per-caller]
identity:
  - {name: partner, api_key: {header: X-Api-Key, scheme: ApiKey, file: ../keys.yaml}}
  - {name: services, service: {header: X-Service, from: [10.1.0.0/16]}}
limits:
  - {name: per-caller, key: caller, rate: 60/s, for: {identity: [partner]},
     overrides: [{callers: [acme-*], rate: 200/s}], expect: {callers: [scraper-*], max: 200/s, until: 24h}}
  - {name: per-ip, key: client_ip, rate: 20/s, before_auth: true}
  - {name: tenant, key: [header:X-Tenant, query:v, route], rate: 0.6/s, mode: observe}
upstreams:
  - {name: stable, endpoints: [{address: 127.0.0.1:9001, weight: 3}, 127.0.0.1:9002]}
  - {name: candidate, endpoints: [Candidate.Internal:8080], balance: least_request}
routes:
  - name: catalog
    match: {hosts: [API.example.com, '*.shop.example.com'], path: /catalog/*, methods: [GET], headers: [{name: X-Beta}], query: [{name: v, value: '2'}]}
    split: [{upstream: stable, weight: 95}, {upstream: candidate, weight: 5}]
    rewrite: {prefix: /v2, host: catalog.internal}
    timeouts: {response: 500ms, idle: none}
    limits: [tenant, per-caller, per-ip]
    auth: {require: [partner, services]}
    request_headers: {remove: [X-Debug], set: {X-Tenant: acme}, add: {X-Seen: weir}}
    priority: critical
    encoded_slash: keep
  - {name: old, match: {path: /old}, redirect: {status: 308, scheme: https, port: 8443, path: /new}}
  - {name: ok, match: {path: /ok}, respond: {status: 200, body: "ok\n"}, limits: []}
  - {name: rest, upstream: stable}
refusals: {detail: brief}
rate_limit_fields: legacy
access_log: log/access.log
workers: 2
)";

struct Compiled {
  NameTable names;
  std::vector<SourceFile> files;
  Outcome outcome;
  explicit Compiled(std::string text, std::string name = "conf/gateway.yaml")
      : files{{std::move(name), std::move(text)}},
        outcome(compile({.files = files, .directory = "/srv/weir"}, names)) {
    EXPECT_NE(outcome.policy, nullptr) << render_text(outcome, files);
  }
  const Policy& policy() const { return *outcome.policy; }
};

TEST(Compile, CarriesSettingsIntoThePolicy) {
  const Compiled compiled(kShop);
  const Policy& policy = compiled.policy();
  EXPECT_EQ(to_string(policy.listeners.at(0).address), "0.0.0.0:8080");
  EXPECT_EQ(policy.listeners[0].caps.body, Bytes{10u << 20});
  EXPECT_EQ(policy.listeners[0].caps.head, 32_KiB);
  EXPECT_EQ(policy.listeners[0].caps.connections, 65536u);
  EXPECT_EQ(policy.admin_hosts, std::vector<std::string>{"gateway.internal"});
  EXPECT_EQ(policy.data_dir, "/srv/weir/conf/state");  // relative to the file that names it
  EXPECT_EQ(policy.access_log, "/srv/weir/conf/log/access.log");
  EXPECT_EQ(policy.refusal_detail, RefusalDetail::brief);
  EXPECT_EQ(policy.rate_limit_fields, RateLimitFields::legacy);
  EXPECT_EQ(policy.workers, 2u);
  EXPECT_EQ(policy.drain, 30s);
  EXPECT_EQ(policy.text, kShop);
  EXPECT_EQ(policy.files, std::vector<std::string>{"conf/gateway.yaml"});
  EXPECT_EQ(policy.hash.size(), 32u);
}

TEST(Compile, AsksForTheFilesOfKeys) {
  const Compiled compiled(kShop);
  ASSERT_EQ(compiled.outcome.needs.size(), 1u);
  EXPECT_EQ(compiled.outcome.needs[0].path, "/srv/weir/keys.yaml");
  EXPECT_EQ(compiled.outcome.needs[0].identity, IdentityId{0});
  EXPECT_EQ(compiled.outcome.needs[0].at.line, 10u);
  EXPECT_EQ(compiled.policy().identities[0].keys_file, "/srv/weir/keys.yaml");
  EXPECT_EQ(compiled.policy().identities[0].header, "x-api-key");
  EXPECT_EQ(compiled.policy().identities[0].scheme, "ApiKey");
  EXPECT_EQ(compiled.policy().identities[1].kind, IdentityKind::service);
}

TEST(Compile, FillsBurstsWithTwoSecondsAndNeverOne) {
  const Compiled compiled(kShop);
  const auto& limits = compiled.policy().limits;
  EXPECT_EQ(limits.at(0).burst, 120u);               // 60/s
  EXPECT_EQ(limits[0].overrides.at(0).burst, 400u);  // 200/s
  EXPECT_EQ(limits[1].burst, 40u);                   // 20/s
  EXPECT_EQ(limits[2].burst, 2u);                    // 0.6/s: 1.2 requests in two seconds
  EXPECT_EQ(limits[0].who.identities, std::vector<IdentityId>{IdentityId{0}});
  EXPECT_EQ(limits[0].overrides[0].who.callers.at(0).text, "acme-*");
  EXPECT_EQ(limits[0].expect->until, Nanos(24h));
  EXPECT_EQ(limits[2].mode, LimitMode::observe);
}

TEST(Compile, WatchesWhatIsMatchedOrCountedBy) {
  const Compiled compiled(kShop);
  const Policy& policy = compiled.policy();
  EXPECT_EQ(policy.watched_headers, (std::vector<std::string>{"x-beta", "x-tenant"}));
  EXPECT_EQ(policy.watched_queries, (std::vector<std::string>{"v"}));
  EXPECT_EQ(policy.limits[2].key.at(0).watched, 1u);
  EXPECT_EQ(policy.limits[2].key.at(1).kind, KeyKind::query);
  EXPECT_TRUE(policy.routes[0].match.headers.at(0).present_only);
  EXPECT_EQ(policy.routes[0].match.queries.at(0).value, "2");
}

TEST(Compile, RoutesKeepWhatTheirAuthorSaid) {
  const Compiled compiled(kShop);
  const Policy& policy = compiled.policy();
  const Route& catalog = policy.routes.at(0);
  EXPECT_EQ(catalog.match.hosts,
            (std::vector<std::string>{"api.example.com", "*.shop.example.com"}));
  EXPECT_EQ(catalog.match.path, "/catalog");
  const auto& forward = std::get<Forward>(catalog.action);
  EXPECT_EQ(forward.split.at(0).upstream, UpstreamId{0});
  EXPECT_EQ(forward.split.at(1).weight, 5u);
  ASSERT_TRUE(forward.rewrite);
  EXPECT_EQ(forward.rewrite->path.kind, PathRewrite::Kind::replace_prefix);
  EXPECT_EQ(forward.rewrite->host, "catalog.internal");
  const RouteSettings& settings = policy.settings_of(catalog);
  EXPECT_EQ(settings.auth.require, (std::vector<IdentityId>{IdentityId{0}, IdentityId{1}}));
  EXPECT_TRUE(catalog.encoded_slash_kept);
  EXPECT_EQ(catalog.priority, Priority::critical);
  // First remove, then set, then add.
  ASSERT_EQ(settings.request_headers.size(), 3u);
  EXPECT_EQ(settings.request_headers[0].name, "X-Debug");
  EXPECT_EQ(settings.request_headers[1].value, "acme");
  EXPECT_EQ(settings.request_headers[2].kind, HeaderOperation::Kind::add);
  const Redirect& redirect = *std::get<Boxed<Redirect>>(policy.routes[1].action);
  EXPECT_EQ(redirect.status, 308);
  EXPECT_EQ(redirect.scheme, "https");
  EXPECT_EQ(redirect.port, 8443);
  EXPECT_EQ(redirect.path.value, "/new");
  EXPECT_EQ(std::get<Boxed<DirectResponse>>(policy.routes[2].action)->body, "ok\n");
}

TEST(Compile, ARouteFindsItsAuthService) {
  const auto with = [](std::string_view external) {
    return fmt::format(R"(version: 1
listeners: [{{name: public, address: 0.0.0.0:8080}}]
upstreams: [{{name: app, endpoints: [127.0.0.1:9001]}}, {{name: auth, endpoints: [127.0.0.1:9002]}}]
routes:
  - {{name: open, match: {{path: /open}}, upstream: app}}
  - {{name: asks, upstream: app, auth: {{external: {{{}}}}}}}
)", external);
  };
  const Compiled short_one(with("upstream: auth, on_failure: allow"));
  const Policy& policy = short_one.policy();
  EXPECT_EQ(policy.external_auth_of(policy.routes[0]), nullptr);
  const ExternalAuth* const asked = policy.external_auth_of(policy.routes[1]);
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->upstream, UpstreamId{1});
  EXPECT_EQ(asked->path, "/");
  EXPECT_EQ(asked->timeout.value, std::chrono::seconds(1));
  EXPECT_EQ(asked->on_failure, ExternalAuth::OnFailure::allow);
  EXPECT_EQ(asked->headers, (std::vector<std::string>{"authorization", "cookie", "x-api-key"}));
  EXPECT_TRUE(asked->take.empty());
  EXPECT_FALSE(asked->cache.has_value());

  const Compiled long_one(with("upstream: auth, path: /check, timeout: 250ms, on_failure: refuse, headers: [X-Tenant], "
                               "take: [X-User-Id], cache: {ttl: 10s, max: 7}"));
  const ExternalAuth& other = long_one.policy().external_auths.at(0);
  EXPECT_EQ(other.path, "/check");
  EXPECT_EQ(other.timeout.value, std::chrono::milliseconds(250));
  EXPECT_EQ(other.timeout.source.line, 6u);
  EXPECT_EQ(other.headers, (std::vector<std::string>{"x-tenant"}));
  EXPECT_EQ(other.take, (std::vector<std::string>{"X-User-Id"}));
  EXPECT_EQ(other.cache->ttl, std::chrono::seconds(10));
  EXPECT_EQ(other.cache->max, 7u);
  // What an answer depends on, and nothing else, tells kept answers apart.
  EXPECT_NE(other.digest, asked->digest);
  EXPECT_EQ(Compiled(with("upstream: auth, on_failure: refuse, timeout: 5s, cache: 1s")).policy().external_auths[0].digest,
            asked->digest);
}

TEST(Compile, LimitsBeforeAuthAreAskedFirst) {
  const Compiled compiled(kShop);
  EXPECT_EQ(compiled.policy().routes[0].limits,
            (decltype(Route::limits){LimitId{1}, LimitId{2}, LimitId{0}}));
  EXPECT_EQ(compiled.policy().routes[1].limits,
            (decltype(Route::limits){LimitId{0}}));            // of the defaults
  EXPECT_TRUE(compiled.policy().routes[2].limits.empty());  // [] is none
}

TEST(Compile, TimeoutsComeKeyByKeyFromTheDefaultsWithTheirPlace) {
  const Compiled compiled(kShop);
  const RouteTimeouts& own = compiled.policy().timeouts_of(compiled.policy().routes[0]);
  EXPECT_EQ(own.connect.value, 2s);
  EXPECT_EQ(own.connect.source.line, 0u);  // nobody wrote it
  EXPECT_EQ(own.response->value, 500ms);
  EXPECT_EQ(own.response->source.line, 25u);
  EXPECT_FALSE(own.idle);  // none
  EXPECT_EQ(own.total->value, 30s);
  EXPECT_EQ(own.total->source.line, 7u);  // the line of `defaults`
}

TEST(Compile, EverythingNamesItsLine) {
  const Compiled compiled(kShop);
  const Policy& policy = compiled.policy();
  EXPECT_EQ(policy.listeners[0].source.line, 3u);
  EXPECT_EQ(policy.limits[1].source.line, 15u);
  EXPECT_EQ(policy.upstreams[1].source.line, 19u);
  EXPECT_EQ(policy.endpoints[1].source.line, 18u);
  EXPECT_EQ(policy.routes[0].source.line, 21u);
}

TEST(Compile, EndpointsAreKnownByWhatIsConnectedTo) {
  const Compiled one(kShop);
  const Compiled other(
      "version: 1\nlisteners: [{name: a, address: 0.0.0.0:80}]\nupstreams: [{name: x, endpoints: "
      "[127.0.0.1:9002, candidate.internal:8080]}]\n"
      "routes: [{name: r, upstream: x}]\n");
  EXPECT_EQ(one.policy().endpoints.at(1).identity, other.policy().endpoints.at(0).identity);
  EXPECT_EQ(one.policy().endpoints.at(2).identity, other.policy().endpoints.at(1).identity);
  EXPECT_NE(one.policy().endpoints.at(0).identity, one.policy().endpoints.at(1).identity);
  EXPECT_EQ(one.policy().endpoints.at(2).host, "candidate.internal");
  EXPECT_EQ(one.policy().upstreams.at(1).first_endpoint, 2u);
}

// A limit's cells are its own for as long as name, key, rate and burst stay.
TEST(Compile, ALimitThatChangedStartsWithFreshCells) {
  const auto cells = [](std::string_view limit) {
    const std::string text =
        "version: 1\nlisteners: [{name: a, address: 0.0.0.0:80}]\nroutes: [{name: r, respond: {}, "
        "limits: [l]}]\nlimits: [" +
        std::string(limit) + "]\n";
    const Compiled compiled(text);
    return std::pair(compiled.policy().limits.at(0).cells.k0,
                     compiled.policy().limits.at(0).cells.k1);
  };
  const auto base = cells("{name: l, key: client_ip, rate: 60/s}");
  EXPECT_EQ(cells("{name: l, key: client_ip, rate: 60/s, burst: 120, mode: observe}"), base);
  EXPECT_NE(cells("{name: l, key: client_ip, rate: 60/s, burst: 121}"), base);
  EXPECT_NE(cells("{name: l, key: client_ip, rate: 3600/min, burst: 120}"), base);
  EXPECT_NE(cells("{name: l, key: client_net, rate: 60/s}"), base);
}

TEST(Compile, TheTextOfAFolderIsAConfigurationOfItsOwn) {
  NameTable names;
  const Input folder{
      .files = {
          {"d/10.yaml", "---\nversion: 1\nlisteners: [{name: a, address: 0.0.0.0:80}]"},
          {"d/20.yaml", "# team\nroutes: [{name: r, match: {path: /r}, respond: {}}]\n"},
          {"d/30.json", R"({"routes": [{"name": "s", "match": {"path": "/s"}, "respond": {}}]})"}}};
  const Outcome outcome = compile(folder, names);
  ASSERT_NE(outcome.policy, nullptr) << render_text(outcome, folder.files);
  EXPECT_EQ(outcome.policy->routes.size(), 2u);
  const Outcome again = compile({.files = {{"joined.yaml", outcome.policy->text}}}, names);
  ASSERT_NE(again.policy, nullptr) << outcome.policy->text;
  EXPECT_EQ(again.policy->routes.size(), 2u);
}

std::string listeners(int from, int count) {
  std::string text = "listeners:\n";
  for (int i = from; i < from + count; ++i)
    text += fmt::format("  - {{name: l{}, address: '127.0.0.1:{}'}}\n", i, 8000 + i);
  return text;
}

// 64 listeners are the most, however many files they stand in.
TEST(Compile, ListsThatJoinHaveOneBound) {
  NameTable names;
  const std::string base = "version: 1\nroutes: [{name: r, respond: {}}]\n";
  const auto of = [&](int second) {
    return compile(
        {.files = {{"a.yaml", base + listeners(0, 40)}, {"b.yaml", listeners(40, second)}}}, names);
  };
  EXPECT_NE(of(24).policy, nullptr);
  const Outcome more = of(25);
  ASSERT_EQ(more.errors, 1u);
  EXPECT_EQ(more.diagnostics.at(0).rule, Rule::out_of_range);
  EXPECT_EQ(more.diagnostics[0].at.file, 1u);
  EXPECT_EQ(more.diagnostics[0].at.line, 1u);
  EXPECT_NE(more.diagnostics[0].message.find("65 entries"), std::string::npos);
}

TEST(Compile, ADeadlineIsToldInAHeaderOfItsOwn) {
  NameTable names;
  const auto errors = [&](std::string_view header) {
    const std::string text = fmt::format(
        "version: 1\nlisteners: [{{name: a, address: 0.0.0.0:80}}]\nidentity: [{{name: p, api_key: "
        "{{file: k.yaml}}}}]\nroutes: [{{name: r, respond: {{}}}}]\ndeadline: {}\n",
        header);
    return compile({.files = {{"gateway.yaml", text}}}, names).errors;
  };
  for (const char* header :
       {"Host", "content-length", "Transfer-Encoding", "Connection", "Via", "Traceparent",
        "Authorization", "Proxy-Authorization", "Cookie", "X-API-Key"}) {
    EXPECT_EQ(errors(header), 1u) << header;
  }
  EXPECT_EQ(errors("X-Request-Timeout-Ms"), 0u);
}

// A retry writes what is left over the value that stands there.
TEST(Compile, NoRouteWritesTheHeaderThatTellsTheDeadline) {
  NameTable names;
  const auto of = [&](std::string_view route) {
    const std::string text = fmt::format(
        "version: 1\nlisteners: [{{name: a, address: 0.0.0.0:80}}]\nupstreams: [{{name: u, "
        "endpoints: [127.0.0.1:9001]}}]\nroutes: [{{name: r, upstream: u, {}}}]\n"
        "deadline: X-Left\n",
        route);
    return compile({.files = {{"gateway.yaml", text}}}, names);
  };
  for (const char* route :
       {"request_headers: {set: {x-left: \"1\"}}", "request_headers: {add: {X-LEFT: \"1\"}}",
        "request_headers: {remove: [X-Left]}"}) {
    const Outcome outcome = of(route);
    ASSERT_EQ(outcome.errors, 1u) << route;
    EXPECT_EQ(outcome.diagnostics.at(0).rule, Rule::conflict);
    EXPECT_EQ(outcome.diagnostics[0].at.line, 4u);
    EXPECT_EQ(outcome.diagnostics[0].notes.at(0).at.line, 5u);
  }
  EXPECT_EQ(of("request_headers: {remove: [X-Lefts]}").errors, 0u);
  EXPECT_EQ(of("response_headers: {remove: [X-Left]}").errors, 0u);
}

// Where the text does not say where state is kept, who runs it does.
TEST(Compile, TheAdminSocketOfWhoeverRunsItIsNoEndpoint) {
  NameTable names;
  Input input{.files = {{"gateway.yaml",
                         "version: 1\nlisteners: [{name: a, address: 0.0.0.0:80}]\n"
                         "upstreams: [{name: u, endpoints: [unix:/var/lib/weir/admin.sock]}]\n"
                         "routes: [{name: r, upstream: u}]\n"}}};
  EXPECT_NE(compile(input, names).policy, nullptr);
  input.data_dir = "/var/lib/weir/";
  const Outcome outcome = compile(input, names);
  ASSERT_EQ(outcome.errors, 1u);
  EXPECT_EQ(outcome.policy, nullptr);
  EXPECT_EQ(outcome.diagnostics.at(0).rule, Rule::upstream_is_admin);
  // The place of data_dir is noted where it is what matters.
  input.files[0].text += "data_dir: /srv/weir\n";
  const Outcome elsewhere = compile(input, names);
  ASSERT_EQ(elsewhere.errors, 1u);
  EXPECT_TRUE(elsewhere.diagnostics.at(0).notes.empty());
  input.data_dir.clear();
  input.files[0].text.replace(input.files[0].text.find("/var/lib"), 8, "/srv");
  const Outcome written = compile(input, names);
  ASSERT_EQ(written.errors, 1u);
  ASSERT_EQ(written.diagnostics.at(0).notes.size(), 1u);
  EXPECT_EQ(written.diagnostics[0].notes[0].at.line, 5u);
}

// Thousands of wrong names are not compared with thousands of right ones.
TEST(Compile, EachNameThatStandsForNothingHasARemedy) {
  std::string text = "version: 1\nlisteners: [{name: a, address: 0.0.0.0:80}]\nupstreams:\n";
  for (int i = 0; i < 5000; ++i)
    text += fmt::format("  - {{name: team-{:04}-service, endpoints: [127.0.0.1:9001]}}\n", i);
  text += "routes:\n";
  for (int i = 0; i < 100; ++i) {
    text += fmt::format(
        "  - {{name: r{0}, match: {{path: /{0}}}, upstream: team-{0:04}-servise}}\n", i);
  }
  NameTable names;
  const Outcome outcome = compile({.files = {{"gateway.yaml", text}}}, names);
  EXPECT_EQ(outcome.errors, 100u);
  ASSERT_EQ(outcome.diagnostics.size(), Diagnostics::kMax);
  EXPECT_EQ(outcome.diagnostics.front().remedy, "did you mean team-0000-service?");
  EXPECT_EQ(outcome.diagnostics.back().remedy,
            "define it, or name one that is there, such as team-0000-service");
}

TEST(Compile, AFileThatIsNoYamlKeepsTheRestFromBeingJudged) {
  NameTable names;
  const Outcome outcome =
      compile({.files = {{"a.yaml", "version: ["}, {"b.yaml", "nonsense: 1\n"}}}, names);
  EXPECT_EQ(outcome.errors, 1u);
  EXPECT_EQ(outcome.policy, nullptr);
}

TEST(Compile, TheHashIsOverTextAndFiles) {
  const std::vector<std::pair<std::string, std::string>> one = {{"/keys.yaml", "aa"}},
                                                         two = {{"/keys.yaml", "ab"}};
  EXPECT_EQ(revision_hash("text", {}), revision_hash("text", {}));
  EXPECT_NE(revision_hash("text", {}), revision_hash("text ", {}));
  EXPECT_NE(revision_hash("text", one), revision_hash("text", two));
  EXPECT_NE(revision_hash("text", one), revision_hash("text", {}));
}

// --- show --effective -------------------------------------------------------------------------

TEST(Effective, SaysEveryDefaultAndIsItsOwnEffect) {
  const std::string first =
      effective({.files = {{"conf/gateway.yaml", kShop}}, .directory = "/srv/weir"}).value();
  EXPECT_NE(first.find("burst: 120"), std::string::npos);
  EXPECT_NE(first.find("connect: 2s"), std::string::npos);
  EXPECT_NE(first.find("/srv/weir/keys.yaml"), std::string::npos);
  const std::string second =
      effective({.files = {{"elsewhere/effective.yaml", first}}, .directory = "/tmp"}).value();
  EXPECT_EQ(first, second);
}

TEST(Effective, OfABrokenFileIsTheFirstError) {
  const auto text = effective({.files = {{"gateway.yaml", "version: 1\nfoo: 2\n"}}});
  ASSERT_FALSE(text);
  EXPECT_TRUE(text.error().context.starts_with("gateway.yaml:")) << text.error().context;
}

TEST(Compile, RecordOptionsHaveDefaultsAndCanBeSet) {
  const Compiled plain(kShop);
  EXPECT_TRUE(plain.policy().record.enabled);
  EXPECT_EQ(plain.policy().record.shapes.paths, Paths::classes);
  EXPECT_EQ(plain.policy().record.keep, 7 * 24h);
  EXPECT_EQ(plain.policy().record.max_bytes, Bytes{2ull << 30});
  const Compiled set(std::string(kShop) + "record: {paths: full, addresses: keyed, keep: 30d, max_bytes: 10GiB}\n");
  EXPECT_EQ(set.policy().record.shapes.paths, Paths::full);
  EXPECT_EQ(set.policy().record.shapes.addresses, AddressDetail::keyed);
  EXPECT_EQ(set.policy().record.keep, 30 * 24h);
  EXPECT_EQ(set.policy().record.max_bytes, Bytes{10ull << 30});
}

TEST(Compile, RolloutHasDefaultsAndWhatIsWrittenTakesTheirPlace) {
  const Compiled plain(kShop);
  EXPECT_EQ(plain.policy().rollout, RolloutRules());
  EXPECT_EQ(plain.policy().rollout.canary.size(), 3u);
  const Compiled set(std::string(kShop) + "rollout: {shadow: none, canary: [0.5%: 30s], watch: 2h, max_hold: 1m, on_not_enough_data: promote_watched, busy: queue}\n");
  const RolloutRules& rules = set.policy().rollout;
  EXPECT_FALSE(rules.shadow);
  ASSERT_EQ(rules.canary.size(), 1u);
  EXPECT_DOUBLE_EQ(rules.canary[0].share, 0.005);
  EXPECT_EQ(rules.canary[0].time, 30s);
  EXPECT_EQ(rules.watch, 2h);
  EXPECT_EQ(rules.max_hold, 1min);
  EXPECT_EQ(rules.on_not_enough_data, RolloutRules::OnNotEnoughData::promote_watched);
  EXPECT_EQ(rules.busy, RolloutRules::Busy::queue);
  EXPECT_TRUE(Compiled(std::string(kShop) + "rollout: {shadow: none, canary: [], watch: none}\n").policy().rollout.judges_nothing());
}

}  // namespace
}  // namespace weir::config
