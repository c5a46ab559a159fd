#include "foreign/nginx_values.h"

#include <gtest/gtest.h>

#include "foreign/nginx_limits.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

// nginx.org/en/docs/syntax.html: sizes in bytes, k, m, g; times in ms, s, m, h, d, w, M, y, seconds
// without a unit, several of them together.
TEST(NginxValues, TimesAndSizesAreThoseOfTheManual) {
  EXPECT_EQ(nginx_milliseconds("60"), 60'000u);
  EXPECT_EQ(nginx_milliseconds("1h30m"), 5'400'000u);
  EXPECT_EQ(nginx_milliseconds("1h 30m"), 5'400'000u);
  EXPECT_EQ(nginx_milliseconds("250ms"), 250u);
  EXPECT_EQ(nginx_milliseconds("1d"), 86'400'000u);
  EXPECT_EQ(nginx_milliseconds("0"), 0u);
  for (const char* bad : {"", "s", "1x", "-1", "1.5s", "99999999999999999999"})
    EXPECT_FALSE(nginx_milliseconds(bad)) << bad;
  EXPECT_EQ(nginx_bytes("512"), 512u);
  EXPECT_EQ(nginx_bytes("8k"), 8192u);
  EXPECT_EQ(nginx_bytes("20M"), 20u << 20);
  EXPECT_EQ(nginx_bytes("1g"), 1u << 30);
  for (const char* bad : {"", "k", "1kb", "-1", "1.5m"}) EXPECT_FALSE(nginx_bytes(bad)) << bad;
}

TEST(NginxValues, DurationsAndSizesAreWrittenInOneUnit) {
  EXPECT_EQ(weir_duration(60'000), "60s");
  EXPECT_EQ(weir_duration(90'000), "90s");
  EXPECT_EQ(weir_duration(120'000), "2m");
  EXPECT_EQ(weir_duration(3'600'000), "1h");
  EXPECT_EQ(weir_duration(250), "250ms");
  EXPECT_FALSE(weir_duration(0));  // zero never means infinite
  EXPECT_EQ(weir_size(1 << 20), "1MiB");
  EXPECT_EQ(weir_size(1000), "1000B");
}

TEST(NginxValues, AddressesToListenOn) {
  EXPECT_EQ(weir_listen("80"), "0.0.0.0:80");
  EXPECT_EQ(weir_listen("*:8080"), "0.0.0.0:8080");
  EXPECT_EQ(weir_listen("127.0.0.1"), "127.0.0.1:80");
  EXPECT_EQ(weir_listen("[::]:443"), "[::]:443");
  EXPECT_EQ(weir_listen("[::1]"), "[::1]:80");
  EXPECT_EQ(weir_listen("localhost:8000"), "127.0.0.1:8000");
  EXPECT_EQ(weir_listen("unix:/run/a.sock"), "unix:/run/a.sock");
  EXPECT_FALSE(weir_listen("example.com:80"));
  EXPECT_FALSE(weir_listen("70000"));
}

TEST(NginxValues, AddressesToCall) {
  EXPECT_EQ(weir_endpoint("app.internal", "80"), "app.internal:80");
  EXPECT_EQ(weir_endpoint("127.0.0.1:9001", "80"), "127.0.0.1:9001");
  EXPECT_EQ(weir_endpoint("[::1]:9001", "80"), "[::1]:9001");
  EXPECT_EQ(weir_endpoint("unix:/run/a.sock", "80"), "unix:/run/a.sock");
  EXPECT_EQ(weir_endpoint("0.0.0.0:9001", "80"), "127.0.0.1:9001");
  EXPECT_FALSE(weir_endpoint("127.0.0.1:0", "80"));
  EXPECT_FALSE(weir_endpoint("127.1", "80"));
  EXPECT_FALSE(weir_endpoint("063.0.0.1", "80"));
  EXPECT_FALSE(weir_endpoint("unix:relative.sock", "80"));
  EXPECT_FALSE(weir_endpoint("$backend", "80"));
}

TEST(NginxValues, HostsThatARequestMayHave) {
  EXPECT_EQ(weir_host("Example.COM"), "example.com");
  EXPECT_EQ(weir_host("*.example.com"), "*.example.com");
  EXPECT_FALSE(weir_host("_"));
  EXPECT_FALSE(weir_host(""));
  EXPECT_FALSE(weir_host("mail.*"));
  EXPECT_FALSE(weir_host("~^a$"));
  EXPECT_EQ(weir_net("10.1.2.3/8"), "10.0.0.0/8");
  EXPECT_FALSE(weir_net("unix:"));
}

// Paths of locations are decoded ones (nginx decodes before it looks); RFC 3986 3.3 says which
// bytes a request may hold raw.
TEST(NginxValues, PathsAreSpelledAsRequestsAreMatched) {
  EXPECT_EQ(weir_path("/a b/"), "/a%20b/");
  EXPECT_EQ(weir_path("/\xC3\xA4"), "/%C3%A4");
  EXPECT_EQ(weir_path("/a+b=c"), "/a+b=c");
  EXPECT_FALSE(weir_path("api"));
  EXPECT_FALSE(weir_path("/a//b"));
  EXPECT_FALSE(weir_path("/a/../b"));
  EXPECT_FALSE(weir_path("/a*"));
  bool changed = false;
  EXPECT_EQ(weir_sent_path("/a//b", &changed), "/a/b");
  EXPECT_TRUE(changed);
  EXPECT_FALSE(weir_sent_path("/a?b"));
}

TEST(NginxValues, UrlsOfProxyPass) {
  const auto url = nginx_url("http://backend:8080/v1/");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->authority, "backend:8080");
  EXPECT_EQ(url->uri, "/v1/");
  const auto unix = nginx_url("http://unix:/run/a.sock:/uri");
  ASSERT_TRUE(unix);
  EXPECT_EQ(unix->authority, "unix:/run/a.sock");
  EXPECT_EQ(unix->uri, "/uri");
  EXPECT_FALSE(nginx_url("backend"));
}

TEST(NginxValues, NamesHaveWhatNamesMayHave) {
  EXPECT_EQ(weir_name("api.example.com/v1/*", "x"), "api.example.com-v1");
  EXPECT_EQ(weir_name("/", "default"), "default");
  EXPECT_EQ(weir_name("_under", "x"), "under");
  EXPECT_LE(weir_name(std::string(200, 'a'), "x").size(), 59u);
}

// ngx_http_limit_req_module.c: rate = number * 1000 / scale, in whole thousandths a second.
TEST(NginxValues, RatesAreCutAsNginxCutsThem) {
  EXPECT_EQ(weir_rate("10r/s"), "10/s");
  EXPECT_EQ(weir_rate("100r/m"), "1.666/s");
  EXPECT_EQ(weir_rate("30r/m"), "0.5/s");
  EXPECT_EQ(weir_rate("1r/m"), "0.016/s");
  for (const char* bad : {"", "10", "0r/s", "r/s", "10r/h", "1.5r/s"})
    EXPECT_FALSE(weir_rate(bad)) << bad;
}

TEST(NginxValues, KeysOfZones) {
  const auto parts = [](std::string_view key) {
    const auto read = weir_key(key);
    std::string out;
    if (!read) return std::string("none");
    for (const std::string& part : read->parts) out += part + " ";
    return out + (read->per_server ? "per server" : "");
  };
  EXPECT_EQ(parts("$binary_remote_addr"), "client_ip ");
  EXPECT_EQ(parts("$remote_addr"), "client_ip ");
  EXPECT_EQ(parts("$http_x_api_key"), "header:x-api-key ");
  EXPECT_EQ(parts("$arg_user"), "query:user ");
  EXPECT_EQ(parts("$server_name"), "all per server");
  EXPECT_EQ(parts("one"), "all ");
  EXPECT_EQ(parts("$binary_remote_addr$server_name"), "client_ip per server");
  EXPECT_EQ(parts("${binary_remote_addr}:$http_x_a"), "client_ip header:x-a ");
  EXPECT_EQ(parts("$request_uri"), "none");
  EXPECT_EQ(parts("$cookie_id"), "none");
  EXPECT_EQ(parts("prefix$remote_addr"), "none");
}

TEST(Printable, NothingThatATerminalObeysIsLeft) {
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("\xC3\xA4"), "\\xc3\\xa4");
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(Printable, ScalarsAreQuotedWhereAReaderCouldTakeThemForSomethingElse) {
  EXPECT_EQ(yaml_scalar("api.example.com"), "api.example.com");
  EXPECT_EQ(yaml_scalar("/api/*"), "/api/*");
  EXPECT_EQ(yaml_scalar("127.0.0.1:9001"), "127.0.0.1:9001");
  EXPECT_EQ(yaml_scalar("10.0.0.0/8"), "10.0.0.0/8");
  for (const char* text : {"*.example.com", "true", "no", "123", "1.5", "1e5", "0x1f", "2026-11-20",
                           "12:30", "[::]:80", "", "-a", "a b", "a#b", "a: b", "@x", "~"}) {
    EXPECT_EQ(yaml_scalar(text).front(), '"') << text;
  }
  EXPECT_EQ(yaml_scalar("a\"b\\c\nd"), "\"a\\\"b\\\\c\\nd\"");
  EXPECT_TRUE(may_be_quoted("\xC3\xA4 a\tb"));
  for (const char* bad : {"\xC3", "\xFF", "\xC0\xAF", "\xED\xA0\x80", "a\x01", "\x7F", "\xC2\x80"})
    EXPECT_FALSE(may_be_quoted(bad));
}

}  // namespace
}  // namespace weir::foreign
