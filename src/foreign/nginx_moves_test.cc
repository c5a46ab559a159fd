#include "foreign/nginx_moves.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::foreign {
namespace {

const MoveContext kHttp{.scheme = "http", .server_name = "www.example.com"};

std::string below(PathMap map, std::string_view base) {
  const auto mapped = map_below(map, base);
  return mapped ? mapped->path + (mapped->squeezed ? " squeezed" : "") : "none";
}
std::string exact(PathMap map, std::string_view path) {
  const auto mapped = map_exact(map, path);
  return mapped ? mapped->path + (mapped->squeezed ? " squeezed" : "") : "none";
}

// proxy_pass with a URI (ngx_http_proxy_module, "proxy_pass"): "the part of a normalized request
// URI matching the location is replaced by a URI specified in the directive". Worked by hand.
TEST(PathMap, WhatMatchedIsReplacedByCharacters) {
  EXPECT_EQ(below({"/api/", "/v1/"}, "/api"), "/v1");
  EXPECT_EQ(below({"/api/", "/"}, "/api"), "/");
  EXPECT_EQ(below({"/api", "/v1"}, "/api"), "/v1");
  EXPECT_EQ(below({"/api", "/"}, "/api"), "/ squeezed");  // nginx: //x
  EXPECT_EQ(below({"/api/", "/v1"}, "/api"), "none");     // nginx: /v1x
  EXPECT_EQ(below({"/", "/v1/"}, ""), "/v1");
  EXPECT_EQ(below({"", "/new"}, "/old"), "/new/old");  // …$request_uri
  EXPECT_EQ(below({"/v1/", "/api/"}, "/v1/users"), "/api/users");
  EXPECT_EQ(below({"/api/v1/", "/"}, "/api"), "none");
  EXPECT_EQ(exact({"/one", "/two"}, "/one"), "/two");
  EXPECT_EQ(exact({"/api", "/v1/"}, "/api"), "/v1/");
  EXPECT_EQ(exact({"/api", "/v1/"}, "/api/x"), "/v1/x squeezed");
}

Redirect redirect(std::vector<std::string> words, const MoveContext& context = kHttp) {
  const Move move = read_return(words, context);
  const auto* made = std::get_if<Redirect>(&move);
  EXPECT_NE(made, nullptr);
  return made == nullptr ? Redirect{} : *made;
}
bool unable(std::vector<std::string> words) {
  return std::holds_alternative<Unable>(read_return(words, kHttp));
}

TEST(Return, RedirectsKeepWhatTheTargetKeeps) {
  const Redirect https = redirect({"return", "301", "https://$host$request_uri"});
  EXPECT_EQ(https.status, 301);
  EXPECT_EQ(https.scheme, "https");
  EXPECT_EQ(https.host, "");
  EXPECT_FALSE(https.path || https.map);
  EXPECT_TRUE(https.doubts.empty());

  const Redirect www = redirect({"return", "301", "$scheme://www.example.com:8443$request_uri"});
  EXPECT_EQ(www.scheme, "http");
  EXPECT_EQ(www.host, "www.example.com");
  EXPECT_EQ(www.port, "8443");

  const Redirect named = redirect({"return", "302", "https://${server_name}/new$is_args$args"});
  EXPECT_EQ(named.host, "www.example.com");
  EXPECT_EQ(named.path, "/new");
  EXPECT_TRUE(named.doubts.empty());

  EXPECT_EQ(redirect({"return", "301", "/new/"}).doubts.size(), 1u);  // the query
  EXPECT_EQ(redirect({"return", "301", "https://a.test/old$request_uri"}).map->to, "/old");
  EXPECT_EQ(redirect({"return", "https://a.test"}).status, 302);
  EXPECT_EQ(redirect({"return", "https://a.test"}).path, "/");
}

TEST(Return, TargetsThatNoRedirectOfWeirHas) {
  EXPECT_TRUE(unable({"return", "301", "/search?q=1"}));
  EXPECT_TRUE(unable({"return", "301", "https://$cookie_host/"}));
  EXPECT_TRUE(unable({"return", "301", "https://a.test/$1"}));
  EXPECT_TRUE(unable({"return", "301", "$request_uri"}));
  EXPECT_TRUE(unable({"return", "200", "$remote_addr"}));
  EXPECT_TRUE(unable({"return", "99999"}));
}

TEST(Return, AnswersOfItsOwn) {
  const Move ok = read_return({"return", "200", "ok\n"}, kHttp);
  EXPECT_EQ(std::get<Respond>(ok).body, "ok\n");
  EXPECT_TRUE(std::get<Respond>(ok).doubts.empty());
  const Move gone = read_return({"return", "410"}, kHttp);
  EXPECT_EQ(std::get<Respond>(gone).status, 410);
  EXPECT_EQ(std::get<Respond>(gone).doubts.size(), 1u);  // nginx's page
  EXPECT_EQ(std::get<Respond>(read_return({"return", "444"}, kHttp)).status, 444);
}

std::string rewrite(std::string regex, std::string target, std::string flag) {
  const auto read = read_rewrite({"rewrite", regex, target, flag}, kHttp);
  const auto* made = std::get_if<Rewrite>(&read);
  if (made == nullptr) return "none";
  std::string out = (made->below ? "below " : "exactly ") + made->from;
  if (made->map)
    out += (made->map->whole ? " whole " : " map ") + made->map->from + " " + made->map->to;
  if (made->redirect)
    out += " redirect " + std::to_string(made->redirect->status) + " " + made->redirect->host;
  return out + (made->loose ? " loose" : "");
}

TEST(RewriteDirective, SimpleExpressionsAreWhatPathsBeginWith) {
  EXPECT_EQ(rewrite("^/api/(.*)$", "/$1", "break"), "below /api/ map /api/ /");
  EXPECT_EQ(rewrite("^/api(/.*)$", "$1", "break"), "below /api map /api ");
  EXPECT_EQ(rewrite("^/api/?(.*)$", "/$1", "break"), "below /api/ map /api/ / loose");
  EXPECT_EQ(rewrite("^/a b$", "/c", "permanent"), "exactly /a%20b redirect 301 ");
  EXPECT_EQ(rewrite("^", "/index.html", "break"), "below  whole  /index.html");
  EXPECT_EQ(rewrite("^/about\\.html$", "/about", "permanent"), "exactly /about.html redirect 301 ");
  EXPECT_EQ(rewrite("^/docs/(.*)$", "http://docs.test/$1", "redirect"),
            "below /docs/ redirect 302 docs.test");
  EXPECT_EQ(rewrite("^", "https://a.test$request_uri?", "permanent"), "below  redirect 301 a.test");
}

TEST(RewriteDirective, AnythingElseIsLeftAlone) {
  EXPECT_EQ(rewrite("^/item/(\\d+)$", "/p/$1", "break"), "none");
  EXPECT_EQ(rewrite("/api/(.*)", "/$1", "break"), "none");  // not at the beginning
  EXPECT_EQ(rewrite("^/a/(.*)$", "/b/$1", "last"), "none");
  EXPECT_EQ(rewrite("^/a/(.*)$", "/b?x=$1", "break"), "none");
  EXPECT_EQ(rewrite("^/(a|b)/(.*)$", "/$1", "break"), "none");
}

}  // namespace
}  // namespace weir::foreign
