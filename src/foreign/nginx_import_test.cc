// What becomes of single directives. That nginx and weir do the same with real requests is tested
// with both of them, in tests/e2e/test_import.py.
#include "foreign/nginx_import.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "foreign/nginx_site.h"

namespace weir::foreign {
namespace {

NginxConf parsed(std::string text) {
  auto conf = NginxConf::read({.name = "nginx.conf", .text = std::move(text)});
  EXPECT_TRUE(conf.has_value()) << to_string(conf.error());
  while (conf->need()) conf->give_up("not here");
  return std::move(*conf);
}

NginxImport imported(std::string text, const std::string& listen = "") {
  auto made = import_nginx(parsed(std::move(text)), listen);
  EXPECT_TRUE(made.has_value()) << to_string(made.error());
  return made ? std::move(*made) : NginxImport{};
}
// Inside of one server that listens on 80.
NginxImport server(std::string_view text) {
  return imported("http {\nserver {\nlisten 80;\n" + std::string(text) + "\n}\n}\n");
}

bool has(const NginxImport& made, std::string_view text) {
  return made.yaml.find(text) != std::string::npos;
}

const ImportLine& line(const NginxImport& made, std::string_view begins) {
  for (const ImportLine& each : made.report.lines) {
    if (each.text.starts_with(begins)) return each;
  }
  ADD_FAILURE() << "no line begins with " << begins;
  return made.report.lines.front();
}
Fate fate(const NginxImport& made, std::string_view begins) { return line(made, begins).fate; }

TEST(NginxImport, NothingIsDroppedInSilence) {
  const auto made =
      server("frobnicate on;\nlocation / { proxy_pass http://a:1; whatever { x 1; } }");
  EXPECT_EQ(fate(made, "frobnicate"), Fate::not_translatable);
  EXPECT_EQ(line(made, "frobnicate").why, "not known to this importer");
  EXPECT_EQ(fate(made, "whatever"), Fate::not_translatable);
  for (const ImportLine& each : made.report.lines)
    EXPECT_TRUE(each.fate == Fate::translated || !each.why.empty()) << each.text;
}

TEST(NginxImport, AnIncludeThatIsMissingIsSaid) {
  const auto made = imported("http { include gone.conf; server { listen 80; } }");
  EXPECT_EQ(fate(made, "include"), Fate::not_translatable);
  EXPECT_NE(line(made, "include").why.find("not here"), std::string::npos);
}

TEST(NginxImport, PrefixesWithASlashGetWhatNginxDoesWithoutIt) {
  const auto made = server(
      "location / { proxy_pass http://a:1; }\nlocation /api/ { proxy_pass http://b:1; }\n"
      "location /txt/ { return 200 x; }");
  EXPECT_TRUE(has(made, "match: {path: /api}\n    redirect: {status: 301, path: /api/}"));
  // /txt belongs to location /.
  EXPECT_TRUE(has(made, "match: {path: /txt}\n    upstream: a-1"));
  EXPECT_EQ(fate(made, "location /api/"), Fate::translated);
}

TEST(NginxImport, PrefixesWithoutASlashAreApproximated) {
  const auto made = server("location /api { proxy_pass http://a:1; }");
  EXPECT_TRUE(has(made, "match: {path: /api/*}"));
  EXPECT_EQ(fate(made, "location /api"), Fate::approximated);
}

TEST(NginxImport, RegularExpressionsAreNotTranslatable) {
  const auto made =
      server("server_name a.test ~^b$;\nlocation ~ \\.php$ { proxy_pass http://a:1; }");
  EXPECT_EQ(fate(made, "location ~"), Fate::not_translatable);
  EXPECT_EQ(fate(made, "server_name"), Fate::not_translatable);
  EXPECT_FALSE(has(made, "a-1"));
}

TEST(NginxImport, NginxsOwnDefaultsAreWrittenOut) {
  const auto made = server("location / { proxy_pass http://a:1; }");
  EXPECT_TRUE(has(made, "timeouts: {connect: 60s, response: 60s, idle: 60s}"));
  EXPECT_TRUE(has(made, "caps: {body: 1MiB}"));
  EXPECT_TRUE(has(made, "timeouts: {head: 60s, body: 60s, idle: 75s}"));
}

TEST(NginxImport, TheHostThatUpstreamsAreSentIsNginxs) {
  const auto made = server(
      "location /a/ { proxy_pass http://app; }\n"
      "location /b/ { proxy_pass http://app; proxy_set_header Host $http_host; }\n"
      "location /c/ { proxy_pass http://app; proxy_set_header Host internal.test; }");
  EXPECT_TRUE(
      has(made, "path: /a/*}\n    upstream: app    # nginx.conf:4\n    rewrite: {host: app}"));
  EXPECT_TRUE(has(made, "path: /b/*}\n    upstream: app    # nginx.conf:5\n  #"));
  EXPECT_TRUE(has(made, "rewrite: {host: internal.test}"));
}

TEST(NginxImport, HeadersAreInheritedAsNginxInheritsThem) {
  const auto made = imported(
      "http { proxy_set_header X-A http; server { listen 80; location /one/ { proxy_pass http://a; "
      "}\n"
      "location /two/ { proxy_set_header X-B two; proxy_pass http://a; } } }");
  EXPECT_TRUE(has(made,
                  "path: /one/*}\n    upstream: a    # nginx.conf:1\n    rewrite: {host: a}\n"
                  "    request_headers:\n      set: {X-A: http}"));
  EXPECT_TRUE(has(made, "      set: {X-B: two}"));
}

TEST(NginxImport, AHeaderMadeOfTheRequestIsTakenAwayRatherThanLeftToClients) {
  const auto made =
      server("location / { proxy_pass http://a; proxy_set_header X-Real-IP $remote_addr; }");
  EXPECT_TRUE(has(made, "remove: [X-Real-IP]"));
  EXPECT_EQ(fate(made, "proxy_set_header"), Fate::not_translatable);
}

TEST(NginxImport, WhatNginxShutsIsNeverOpened) {
  for (const std::string_view shut :
       {"auth_basic x;", "allow 10.0.0.0/8; deny all;", "auth_request /ask;",
        "if ($http_x_key != \"a\") { return 403; }", "if ($arg_token = \"\") { return 401; }",
        "deny all;"}) {
    const auto made = server("location / { " + std::string(shut) + " proxy_pass http://a; }");
    EXPECT_TRUE(has(made, "respond: {status: 403")) << shut;
    EXPECT_FALSE(has(made, "\n    upstream: a")) << shut;
  }
  EXPECT_TRUE(
      has(server("location / { internal; proxy_pass http://a; }"), "respond: {status: 404}"));
  // `return` runs before access is asked.
  EXPECT_TRUE(has(server("location / { deny all; return 204; }"), "respond: {status: 204}"));
  EXPECT_TRUE(
      has(server("location / { auth_basic off; allow all; proxy_pass http://a; }"), "upstream: a"));
  const auto banned = server("location / { deny 192.0.2.1; proxy_pass http://a; }");
  EXPECT_TRUE(has(banned, "upstream: a"));
  EXPECT_EQ(fate(banned, "deny"), Fate::not_translatable);
}

// A limit of 100r/m burst=20 nodelay: a bucket of 21 at 1.666 a second
// (ngx_http_limit_req_module.c).
TEST(NginxImport, LimitReqIsABucketOfOneMoreThanItsBurst) {
  const auto made = imported(
      "http { limit_req_zone $binary_remote_addr zone=a:1m rate=100r/m; limit_req_status 429;\n"
      "server { listen 80; limit_req zone=a burst=20 nodelay; location / { proxy_pass http://x; }\n"
      "location /slow/ { limit_req zone=a; proxy_pass http://x; }\n"
      "location /late/ { limit_req zone=a burst=5; proxy_pass http://x; } } }");
  EXPECT_TRUE(has(made, "name: a\n    key: client_ip\n    rate: 1.666/s\n    burst: 21\n"));
  EXPECT_TRUE(has(made, "burst: 1\n"));
  EXPECT_EQ(fate(made, "limit_req zone=a burst=20"), Fate::translated);
  EXPECT_NE(line(made, "limit_req zone=a burst=5").why.find("does not delay"), std::string::npos);
  EXPECT_EQ(made.report.limits, 3u);
}

TEST(NginxImport, RefusalsWithAnotherStatusAreSaid) {
  const auto made = imported(
      "http { limit_req_zone $http_x_key zone=a:1m rate=1r/s;\n"
      "server { listen 80; location / { limit_req zone=a burst=5 nodelay; proxy_pass http://x; } } "
      "}");
  EXPECT_NE(line(made, "limit_req zone").why.find("429 instead of 503"), std::string::npos);
  EXPECT_TRUE(has(made, "key: header:x-key"));
}

TEST(NginxImport, OneFileIsMadeForAddressesThatAreServedAlike) {
  const std::string text =
      "http {\nserver { listen 80; listen [::]:80; server_name a.test; return 301 "
      "https://$host$request_uri; }\n"
      "server { listen 443 ssl; server_name a.test; location / { proxy_pass http://a; } }\n}\n";
  const auto tls = imported(text);
  EXPECT_EQ(tls.report.listeners, std::vector<std::string>{"127.0.0.1:443"});
  EXPECT_EQ(tls.report.other_listeners, (std::vector<std::string>{"0.0.0.0:80", "[::]:80"}));
  EXPECT_EQ(fate(tls, "return 301"), Fate::not_translatable);
  const auto plain = imported(text, "80");
  EXPECT_EQ(plain.report.listeners, (std::vector<std::string>{"0.0.0.0:80", "[::]:80"}));
  EXPECT_TRUE(has(plain, "redirect: {status: 301, scheme: https}"));
  EXPECT_FALSE(import_nginx(parsed(text), "81"));
}

TEST(NginxImport, EveryServerEndsInARouteForAllItsPaths) {
  const auto made = imported(
      "http { server { listen 80; server_name a.test; location /x/ { proxy_pass http://a; } }\n"
      "server { listen 80; server_name *.test; location / { proxy_pass http://b; } } }");
  EXPECT_TRUE(has(made, "path: /*}\n    respond: {status: 404}"));
  // a.test is the default server's and the other's wildcard would take it.
  EXPECT_TRUE(has(made, "match: {hosts: [a.test], path: /x/*}"));
  EXPECT_TRUE(has(made, "match: {path: /x/*}"));
}

TEST(NginxImport, UpstreamsKeepWeightsAndSayWhatIsMissing) {
  const auto made = imported(
      "http { upstream u { least_conn; server a:1 weight=5; server b:1 backup; server c:1 down; "
      "server a:1; }\n"
      "upstream unused { server x:1; }\n"
      "server { listen 80; location / { proxy_pass http://u; } } }");
  EXPECT_TRUE(has(made, "{address: a:1, weight: 6}"));
  EXPECT_TRUE(has(made, "{address: b:1, weight: 1, tier: 1}"));
  EXPECT_TRUE(has(made, "{address: c:1, weight: 0}"));
  EXPECT_TRUE(has(made, "balance: least_request"));
  EXPECT_EQ(fate(made, "server b:1 backup"), Fate::translated);
  EXPECT_EQ(fate(made, "server c:1 down"), Fate::translated);
  EXPECT_FALSE(has(made, "unused"));
}

TEST(NginxImport, HashesByAddressAreTranslatedOthersAreSaid) {
  const auto with = [](const std::string& hash) {
    return imported("http { upstream u { " + hash +
                    "; server a:1; server b:1; }\n"
                    "server { listen 80; location / { proxy_pass http://u; } } }");
  };
  EXPECT_TRUE(has(with("ip_hash"), "    balance: ring_hash\n    hash: client_net\n"));
  EXPECT_TRUE(
      has(with("hash $remote_addr consistent"), "    balance: ring_hash\n    hash: client_ip\n"));
  EXPECT_EQ(fate(with("ip_hash"), "ip_hash"), Fate::approximated);
  const auto other = with("hash $request_uri");
  EXPECT_FALSE(has(other, "ring_hash"));
  EXPECT_EQ(fate(other, "hash $request_uri"), Fate::not_translatable);
}

TEST(NginxImport, WhatCannotBeServedAnswers501AndNamesItsLine) {
  const auto made =
      server("location /php/ { fastcgi_pass a:9000; }\nlocation /tls/ { proxy_pass https://a; }");
  EXPECT_TRUE(
      has(made, "respond: {status: 501, body: \"not imported: nginx.conf:4 fastcgi_pass\\n\"}"));
  EXPECT_TRUE(has(made, "not imported: nginx.conf:5 proxy_pass"));
  EXPECT_EQ(fate(made, "proxy_pass https"), Fate::not_translatable);
}

TEST(NginxImport, ReportsHoldEveryCountInTextAndJson) {
  const auto made = server("gzip on;\nlocation / { proxy_pass http://a; }");
  const std::string json = render_import_json(made.report, "weir.yaml");
  EXPECT_NE(json.find("\"not_translatable\":1"), std::string::npos);
  const std::string text = render_import_text(made.report, "weir.yaml");
  EXPECT_TRUE(text.starts_with("IMPORTED WITH LOSSES"));
  EXPECT_NE(text.find("1 not translatable"), std::string::npos);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 102u) << text.substr(begin, end - begin);  // … is three bytes
    begin = end + 1;
  }
}

// ngx_http_core_find_location, and what the manual says of the slash ("location", auto redirect).
TEST(NginxSite, LocationsAreFoundAsNginxFindsThem) {
  const NginxConf conf = parsed(
      "http { server { location / { } location = /e { } location /a/ { proxy_pass http://x; } "
      "location /a/b { } location /t/ { } location ^~ /s/ { uwsgi_pass x; } } }");
  const NginxSite site(conf);
  const auto found = [&](std::string_view path) {
    const FoundLocation place = find_place(site.servers.front(), path);
    return (place.location == nullptr ? "none" : place.location->path) +
           (place.adds_slash ? " 301" : "");
  };
  EXPECT_EQ(found("/e"), "/e");
  EXPECT_EQ(found("/ex"), "/");
  EXPECT_EQ(found("/a"), "/a/ 301");
  EXPECT_EQ(found("/a/"), "/a/");
  EXPECT_EQ(found("/a/bc"), "/a/b");
  EXPECT_EQ(found("/t"), "/");
  EXPECT_EQ(found("/s"), "/s/ 301");
}

}  // namespace
}  // namespace weir::foreign
