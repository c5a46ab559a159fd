// Each format by invented lines in its documented notation, with its escapes; expected values are
// read off the line.
#include <gtest/gtest.h>

#include <string>

#include "foreign/reading_for_tests.h"

namespace weir::foreign {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kThen = 1643043062;  // date -u -d 2022-01-24T16:51:02Z +%s

FormatOptions fields(std::initializer_list<const char*> maps) {
  FormatOptions options;
  for (const char* map : maps) options.fields.push_back(*parse_field_map(map));
  return options;
}

TEST(Nginx, Combined) {
  const Kept e = one(
      "nginx",
      R"(192.0.2.7 - frida [24/Jan/2022:16:51:02 +0000] "POST /a/b?c=d HTTP/1.1" 201 512 "https://x.example/\x22q\x22" "agent \xC3\xA9")");
  EXPECT_EQ(e.time, at_seconds(kThen));
  EXPECT_EQ(e.precision, 1s);
  EXPECT_TRUE(e.time_is_end);
  EXPECT_EQ(e.client, "192.0.2.7");
  EXPECT_EQ(e.address, Address::v4(192, 0, 2, 7));
  EXPECT_EQ(e.user, "frida");
  EXPECT_EQ(e.form, RequestForm::origin);
  EXPECT_EQ(e.method, "POST");
  EXPECT_EQ(e.target, "/a/b?c=d");
  EXPECT_EQ(e.protocol, "HTTP/1.1");
  EXPECT_EQ(e.status, 201);
  EXPECT_EQ(e.bytes_out, 512u);
  EXPECT_EQ(e.referer, "https://x.example/\"q\"");
  EXPECT_EQ(e.agent, "agent \xc3\xa9");
  EXPECT_FALSE(e.duration || e.upstream_duration || e.bytes_in);
  EXPECT_EQ(e.host, "");
}

TEST(Nginx, UserNamesHoldSpacesAndVirtualHostsStandBefore) {
  EXPECT_EQ(
      one("nginx",
          R"(192.0.2.7 - anna maria [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" 200 1 "-" "-")")
          .user,
      "anna maria");
  const Kept e = one(
      "nginx",
      R"(shop.example:443 192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" 200 1 "-" "-")");
  EXPECT_EQ(e.host, "shop.example:443");
  EXPECT_EQ(e.client, "192.0.2.7");
  EXPECT_EQ(e.user, "");
  const Kept named = one(
      "apache",
      R"(shop.example pc7.campus.example - - [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.0" 200 1)");
  EXPECT_EQ(named.host, "shop.example");
  EXPECT_EQ(named.client, "pc7.campus.example");
}

TEST(Nginx, OddRequestsKeepTimeAndClient) {
  const auto line = [](const char* request) {
    return one("nginx", std::string(R"(192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] ")") + request +
                            R"(" 400 157 "-" "-")");
  };
  EXPECT_EQ(line("-").form, RequestForm::none);
  EXPECT_EQ(line("").form, RequestForm::none);
  EXPECT_EQ(line("GET /old").form, RequestForm::no_protocol);
  EXPECT_EQ(line("GET /old").target, "/old");
  EXPECT_EQ(line("HELP").form, RequestForm::not_http);
  EXPECT_EQ(line("GET  HTTP/1.1").form, RequestForm::not_http);
  EXPECT_EQ(line(R"(\x16\x03\x01\x00t)").form, RequestForm::not_http);
  EXPECT_EQ(line(R"(\x16\x03\x01\x00t)").request_line, std::string_view("\x16\x03\x01\x00t", 5));
  EXPECT_EQ(line("-").client, "192.0.2.7");
  EXPECT_EQ(line("OPTIONS * HTTP/1.1").target, "*");
  const Kept absolute = line("GET http://api.example:8080/x?y HTTP/1.1");
  EXPECT_EQ(absolute.form, RequestForm::absolute);
  EXPECT_EQ(absolute.host, "api.example:8080");
  EXPECT_EQ(absolute.target, "/x?y");
  EXPECT_EQ(line("GET http://api.example HTTP/1.1").target, "/");
  const Kept connect = line("CONNECT api.example:443 HTTP/1.1");
  EXPECT_EQ(connect.form, RequestForm::authority);
  EXPECT_EQ(connect.host, "api.example:443");
}

constexpr const char* kTimed =
    R"(nginx:log_format timed '$remote_addr - $remote_user [$time_local] $host "$request" $status $body_bytes_sent $request_time '
       '$msec "$upstream_addr" "$upstream_response_time" $request_length "$http_x_forwarded_for" $http_x_tenant ${request_id}';)";

TEST(Nginx, LogFormatByItsText) {
  const Kept e = one(
      kTimed,
      R"(192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] api.example "GET /a HTTP/2.0" 502 31 0.250 1643043062.345 )"
      R"("10.0.0.1:80, 10.0.0.2:80" "0.100, 0.120" 77 "203.0.113.9, 10.0.0.7" acme 9f8e)",
      fields({"header:X-Tenant=http_x_tenant", "client=http_x_forwarded_for",
              "identity:partner=request_id"}));
  EXPECT_EQ(e.time, at_seconds(kThen, 345'000'000));  // $msec is finer than $time_local
  EXPECT_EQ(e.precision, 1ms);
  EXPECT_EQ(e.start, at_seconds(kThen, 95'000'000));  // 0.345 - 0.250
  EXPECT_EQ(e.duration, 250ms);
  EXPECT_EQ(e.upstream_duration, 220ms);
  EXPECT_EQ(e.upstream, "10.0.0.2:80");
  EXPECT_EQ(e.host, "api.example");
  EXPECT_EQ(e.bytes_in, 77u);
  EXPECT_EQ(e.client, "203.0.113.9");  // the mapped one, the first of the list
  EXPECT_EQ(e.forwarded_for, "203.0.113.9, 10.0.0.7");
  EXPECT_EQ(e.request_id, "9f8e");
  EXPECT_EQ(e.mapped, (std::vector<std::optional<std::string>>{"acme", "9f8e"}));
}

TEST(Nginx, WhatTheLogSaysIsNotThereIsKnownToBeAbsent) {
  const Kept e = one("nginx:$remote_addr [$time_local] \"$request\" $http_x_tenant",
                     R"(192.0.2.7 [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" -)",
                     fields({"header:X-Tenant=http_x_tenant"}));
  EXPECT_EQ(e.mapped, (std::vector<std::optional<std::string>>{std::nullopt}));
}

TEST(Nginx, LogFormatsThatCannotBeReadSayWhy) {
  const auto why = [](const char* text, const FormatOptions& options = {}) {
    const auto format = format_named(text, options);
    return format ? std::string("read") : to_string(format.error());
  };
  EXPECT_NE(why("nginx:$remote_addr $request").find("no field holds the time"), std::string::npos);
  EXPECT_NE(why("nginx:[$time_local] \"$request\"").find("no field holds the client"),
            std::string::npos);
  EXPECT_NE(why("nginx:$remote_addr$time_local").find("nothing stands between two fields"),
            std::string::npos);
  EXPECT_NE(why("nginx", fields({"header:X-Tenant=tenant"})).find("no field tenant"),
            std::string::npos);
  EXPECT_NE(why("ngin").find("is no log format"), std::string::npos);
  EXPECT_EQ(why("nginx:[$time_local] \"$request\" $who", fields({"client=who"})), "read");
}

TEST(Nginx, JsonWithStringsForEverything) {
  const Kept e = one(
      "nginx-json",
      R"({"time_local":"24/Jan/2022:16:51:02 +0000","remote_addr":"192.0.2.7","request":"GET \/a?b=\"c\" HTTP\/1.1","status":"304",)"
      R"("body_bytes_sent":"0","request_time":"0.005","upstream_response_time":"","http_host":"api.example","http_user_agent":"caf\u00e9","x_tenant":"acme"})",
      fields({"header:X-Tenant=x_tenant"}));
  EXPECT_EQ(e.time, at_seconds(kThen));
  EXPECT_EQ(e.target, "/a?b=\"c\"");
  EXPECT_EQ(e.status, 304);
  EXPECT_EQ(e.bytes_out, 0u);
  EXPECT_EQ(e.duration, 5ms);
  EXPECT_FALSE(e.upstream_duration);
  EXPECT_EQ(e.host, "api.example");
  EXPECT_EQ(e.agent, "caf\xc3\xa9");
  EXPECT_EQ(e.mapped, (std::vector<std::optional<std::string>>{"acme"}));
}

TEST(Nginx, JsonThatIsNotUtf8) {
  // escape=json leaves bytes from 0x80 on as the client sent them; a tab may stand raw with
  // escape=none.
  const Kept e = one("nginx-json",
                     "{\"time\":\"2022-01-24T16:51:02+00:00\",\"remote_addr\":\"192.0.2.7\","
                     "\"uri\":\"/\xff\xfe\",\"method\":\"GET\",\"http_user_agent\":\"a\tb\"}");
  EXPECT_EQ(e.target, "/\xff\xfe");
  EXPECT_EQ(e.agent, "a\tb");
}

TEST(Nginx, JsonLogFormatByItsText) {
  const char* format =
      R"(nginx:log_format j escape=json '{"t":"$msec","c":{"addr":"$remote_addr"},"r":"$request","s":$status,"took":"$request_time"}';)";
  const Kept e = one(
      format,
      R"({"t":"1643043062.345","c":{"addr":"192.0.2.7"},"r":"GET / HTTP/1.1","s":200,"took":"0.045"})");
  EXPECT_EQ(e.start, at_seconds(kThen, 300'000'000));
  EXPECT_EQ(e.client, "192.0.2.7");
  EXPECT_EQ(e.status, 200);
}

TEST(Nginx, JsonValuesOfSeveralVariables) {
  const auto read = [](const char* request, const char* value) {
    const std::string format =
        std::string(R"(nginx:{"t":"$msec","a":"$remote_addr","r":")") + request + R"("})";
    return one(format.c_str(),
               std::string(R"({"t":"1643043062.345","a":"192.0.2.7","r":")") + value + R"("})");
  };
  for (const Kept& e :
       {read("$request_method $request_uri", "GET /a?b"),
        read("${request_method} $request_uri $server_protocol", "GET /a?b HTTP/2.0")}) {
    EXPECT_EQ(e.method, "GET");
    EXPECT_EQ(e.target, "/a?b");
  }
  // The whole is neither of its parts.
  const Kept other = read("$request_method $scheme://$host$request_uri", "GET https://a.example/a");
  EXPECT_EQ(other.method, "");
  EXPECT_EQ(other.form, RequestForm::unknown);
  EXPECT_EQ(read("$request_uri at $host", "/a at b").target, "");
  EXPECT_EQ(read("${request_uri}", "/a").target, "/a");
  const Kept local = one(R"(nginx:{"t":"[$time_local]","a":"${remote_addr}"})",
                         R"({"t":"[24/Jan/2022:16:51:02 +0000]","a":"192.0.2.7"})");
  EXPECT_EQ(local.time, at_seconds(kThen));
}

TEST(Apache, CommonAndItsEscapes) {
  const Kept e =
      one("apache",
          R"(pc7.campus.example - - [24/Jan/2022:16:51:02 +0000] "GET /a\"b\\c HTTP/1.0" 200 -)");
  EXPECT_FALSE(e.time_is_end);
  EXPECT_EQ(e.client, "pc7.campus.example");
  EXPECT_FALSE(e.address);
  EXPECT_EQ(e.target, "/a\"b\\c");
  EXPECT_FALSE(e.bytes_out);
}

TEST(Apache, LogFormatByItsText) {
  const Kept e = one(
      R"(apache:LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %{X-Tenant}i %D" timed)",
      R"(shop.example:443 192.0.2.7 - - [24/Jan/2022:17:51:02 +0100] "GET / HTTP/1.1" 200 99 "-" "a \"quoted\" agent" acme 250000)",
      fields({"header:X-Tenant=X-Tenant"}));
  EXPECT_EQ(e.host, "shop.example");
  EXPECT_EQ(e.client, "192.0.2.7");
  EXPECT_EQ(e.agent, "a \"quoted\" agent");
  EXPECT_EQ(e.duration, 250ms);
  EXPECT_EQ(e.start, at_seconds(kThen));  // %t is the start already
  EXPECT_EQ(e.mapped, (std::vector<std::optional<std::string>>{"acme"}));
}

TEST(Apache, TimesInPartsAndAtTheEnd) {
  // netnea: microseconds behind a point.
  const Kept e = one(R"(apache:%h %u [%{%Y-%m-%d %H:%M:%S}t.%{usec_frac}t] "%r" %>s)",
                     R"(192.0.2.7 - [2022-01-24 16:51:02.123456] "GET / HTTP/1.1" 200)");
  EXPECT_EQ(e.time, at_seconds(kThen, 123'456'000));
  EXPECT_EQ(e.precision, 1us);
  const Kept end = one("apache:%h %{end:msec}t %{ms}T %m %U%q %H",
                       "192.0.2.7 1643043062345 45 GET /a?b HTTP/1.1");
  EXPECT_EQ(end.start, at_seconds(kThen, 300'000'000));
  EXPECT_FALSE(format_named("apache:%h %{%c}t", {}));
}

TEST(Envoy, DefaultText) {
  const Kept e = one(
      "envoy",
      R"([2022-01-24T16:51:02.310Z] "POST /api?x HTTP/2" 204 - 154 9 226 100 "203.0.113.9, 10.0.0.1" "a "b" c" "cc21" "locations" "tcp://10.0.2.1:80")");
  EXPECT_EQ(e.time, at_seconds(kThen, 310'000'000));
  EXPECT_EQ(e.start, e.time);
  EXPECT_EQ(e.client, "203.0.113.9");
  EXPECT_EQ(e.bytes_in, 154u);
  EXPECT_EQ(e.bytes_out, 9u);
  EXPECT_EQ(e.duration, 226ms);
  EXPECT_EQ(e.upstream_duration, 100ms);
  EXPECT_EQ(e.agent, "a \"b\" c");
  EXPECT_EQ(e.request_id, "cc21");
  EXPECT_EQ(e.host, "locations");
  EXPECT_EQ(e.upstream, "tcp://10.0.2.1:80");
  EXPECT_EQ(e.protocol, "HTTP/2");
}

TEST(Istio, DefaultText) {
  const Kept e = one(
      "istio",
      R"([2022-01-24T16:51:02.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 3 "203.0.113.9" "curl/7" "8496" )"
      R"("httpbin:8000" "10.44.1.27:80" outbound|8000||httpbin 10.44.1.23:37652 10.0.45.184:8000 10.44.1.23:46520 - default)");
  EXPECT_EQ(e.client, "10.44.1.23");  // the downstream address before X-Forwarded-For
  EXPECT_EQ(e.status, 418);
  EXPECT_EQ(e.upstream_duration, 3ms);
  EXPECT_EQ(e.route, "default");
}

TEST(Apache, WithBothTimesTheBeginningCounts) {
  for (const char* format : {R"(apache:%h [%{begin:%d/%b/%Y:%T %z}t] %{end:msec}t "%r" %>s %D)",
                             R"(apache:%h [%{%d/%b/%Y:%T %z}t] %{end:msec}t "%r" %>s %D)"}) {
    const Kept e =
        one(format,
            R"(192.0.2.7 [24/Jan/2022:16:51:02 +0000] 1643043065000 "GET / HTTP/1.1" 200 3000000)");
    EXPECT_FALSE(e.time_is_end);
    EXPECT_EQ(e.start, at_seconds(kThen));
  }
  const Kept before = one(R"(apache:%h %{end:sec}t "%r" %>s %D %{begin:sec}t)",
                          R"(192.0.2.7 1643043065 "GET / HTTP/1.1" 200 3000000 1643043062)");
  EXPECT_FALSE(before.time_is_end);
  EXPECT_EQ(before.start, at_seconds(kThen));
}

TEST(EnvoyGateway, JsonBehindACriPrefix) {
  const Kept e = one(
      "envoy-gateway",
      R"(2022-01-24T16:51:03.000000001Z stdout F {":authority":"www.example.com","bytes_received":0,"bytes_sent":121258,"downstream_remote_address":"[fd00::12]:59292","duration":11,)"
      R"("method":"GET","protocol":"HTTP/2","response_code":200,"route_name":"httproute/app","start_time":"2022-01-24T16:51:02.479Z","upstream_host":null,"x-envoy-origin-path":"/a?b","x-forwarded-for":"203.0.113.9"})");
  EXPECT_EQ(e.client, "fd00::12");
  EXPECT_TRUE(e.address);
  EXPECT_EQ(e.target, "/a?b");
  EXPECT_EQ(e.duration, 11ms);
  EXPECT_EQ(e.time, at_seconds(kThen, 479'000'000));
  EXPECT_EQ(e.upstream, "");
  const ReadLog cut =
      read_as("envoy-gateway", "2022-01-24T16:51:03.000000001Z stdout P {\":authority\":\"www\n");
  EXPECT_EQ(cut.report.of(Skip::partial).lines, 1u);
}

TEST(Haproxy, WithAndWithoutSyslogAndCaptures) {
  const std::string line =
      R"(192.0.2.7:14853 [24/Jan/2022:16:51:02.127] https-in~ orders/node_2 10/0/1/30/73 200 739 - - ---- 1/1/0/0/0 0/0 {api.example|curl#22} {} "GET /a#22b HTTP/1.1")";
  for (const std::string& carried :
       {line, "Jan 24 16:51:02 lb1 haproxy[7]: " + line, "<134>Jan 24 16:51:02 haproxy[7]: " + line,
        "<134>1 2022-01-24T16:51:02.200Z lb1 haproxy 7 - - " + line}) {
    const Kept e = one("haproxy", carried);
    EXPECT_EQ(e.time, at_seconds(kThen, 127'000'000)) << carried;
    EXPECT_EQ(e.client, "192.0.2.7");
    EXPECT_EQ(e.route, "orders");
    EXPECT_EQ(e.upstream, "node_2");
    EXPECT_EQ(e.upstream_duration, 30ms);
    EXPECT_EQ(e.duration, 73ms);
    EXPECT_EQ(e.target, "/a\"b");
  }
}

TEST(Haproxy, ClientsHaveTheirPortBehindThem) {
  const auto client = [](const char* text) {
    return one(
        "haproxy",
        std::string(text) +
            R"( [24/Jan/2022:16:51:02.127] in~ a/b 10/0/1/30/73 200 739 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1")");
  };
  for (const char* text : {"2001:db8::17:8123", "2001:db8::17:51234", "[2001:db8::17]:8123"}) {
    EXPECT_EQ(client(text).client, "2001:db8::17") << text;
    EXPECT_EQ(client(text).address, *Address::parse("2001:db8::17")) << text;
  }
  EXPECT_EQ(client("::ffff:192.0.2.7:80").client, "::ffff:192.0.2.7");
  EXPECT_EQ(client("192.0.2.7:1").client, "192.0.2.7");
  EXPECT_EQ(client("unix:1").client, "unix");
}

TEST(Haproxy, WhatWasNotReached) {
  const Kept e = one(
      "haproxy",
      R"(192.0.2.7:1 [24/Jan/2022:17:51:02.127] in in/<NOSRV> -1/-1/-1/-1/+5002 -1 +212 - - cR-- 1/1/0/0/0 0/0 "<BADREQ>")",
      {.fields = {}, .zone = 1h});
  EXPECT_EQ(e.time, at_seconds(kThen, 127'000'000));
  EXPECT_EQ(e.form, RequestForm::none);
  EXPECT_EQ(e.upstream, "");
  EXPECT_FALSE(e.status || e.upstream_duration || e.duration);
  EXPECT_EQ(e.bytes_out, 212u);
}

TEST(Alb, DurationsAreSummedAndTheUrlIsSplit) {
  const Kept e = one(
      "alb",
      R"(h2 2022-01-24T16:51:02.186641Z app/lb/5 192.0.2.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 12 57 "GET https://www.example.com:443/a?b HTTP/2.0" "a \x22b\x22" )"
      R"(TLS TLSv1.2 arn "Root=1-58" "www.example.com" "arn" 1 2022-01-24T16:51:02.000000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1 "one" "more")");
  EXPECT_EQ(e.duration, 171ms);
  EXPECT_EQ(e.upstream_duration, 48ms);
  EXPECT_EQ(e.start, at_seconds(kThen, 15'641'000));
  EXPECT_EQ(e.precision, 1us);
  EXPECT_EQ(e.host, "www.example.com:443");
  EXPECT_EQ(e.target, "/a?b");
  EXPECT_EQ(e.agent, "a \"b\"");
  EXPECT_EQ(e.request_id, "Root=1-58");
  EXPECT_EQ(e.upstream, "10.0.0.1:80");
}

TEST(Alb, ARequestThatItCouldNotReadIsNone) {
  const Kept e = one(
      "alb",
      R"(http 2022-01-24T16:51:02.186641Z app/lb/5 192.0.2.7:2817 - -1 -1 -1 400 - 0 272 "- http://alb.example.com:80- -" "-" - - - "-" "-" "-" - 2022-01-24T16:51:02.000000Z "-" "-" "-" "-" "-" "-" "-" TID_1)");
  EXPECT_EQ(e.form, RequestForm::none);
  EXPECT_EQ(e.method, "");
  EXPECT_EQ(e.target, "");
  EXPECT_EQ(e.host, "");
  EXPECT_EQ(e.status, 400);
}

TEST(Traefik, Clf) {
  const Kept e = one(
      "traefik",
      R"(192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] "GET /a b\c HTTP/2" 200 352 "-" "Nik\"to\x" 244 "root@file -> leaf@file" "http://172.17.0.3:80" 42ms)");
  EXPECT_EQ(e.target, "/a b\\c");
  EXPECT_EQ(e.agent, "Nik\"to\\x");
  EXPECT_EQ(e.route, "root@file -> leaf@file");
  EXPECT_EQ(e.upstream, "http://172.17.0.3:80");
  EXPECT_EQ(e.duration, 42ms);
  EXPECT_FALSE(e.time_is_end);
}

TEST(Traefik, Json) {
  const Kept e = one(
      "traefik-json",
      R"({"ClientAddr":"10.0.0.9:1","ClientHost":"203.0.113.9,10.0.0.9","DownstreamContentSize":19,"DownstreamStatus":404,"Duration":10158,"OriginDuration":158,)"
      R"("RequestAddr":"a.example","RequestMethod":"GET","RequestPath":"/","RequestProtocol":"HTTP/2.0","RouterName":"r@file","ServiceURL":{"Host":"172.17.0.3:80"},"StartUTC":"2022-01-24T16:51:02.759014877Z"})");
  EXPECT_EQ(e.client, "203.0.113.9");
  EXPECT_EQ(e.time, at_seconds(kThen, 759'014'877));
  EXPECT_EQ(e.duration, 10'158ns);
  EXPECT_EQ(e.upstream_duration, 158ns);
  EXPECT_EQ(e.host, "a.example");
}

TEST(Caddy, TheEndOfARequestAndItsHeaders) {
  const Kept e = one(
      "caddy",
      R"({"level":"info","ts":1643043062.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"10.0.0.1","client_ip":"192.0.2.7","proto":"HTTP/1.1","method":"GET","host":"a.example","uri":"/x?y",)"
      R"("headers":{"User-Agent":["curl/7","other"],"X-Tenant":["acme"]}},"bytes_read":3,"user_id":"Bob","duration":0.25,"size":9,"status":0})",
      fields(
          {"header:X-Tenant=request.headers.X-Tenant", "header:X-Other=request.headers.X-Other"}));
  EXPECT_EQ(e.start, at_seconds(kThen, 250'000'000));
  EXPECT_EQ(e.client, "192.0.2.7");
  EXPECT_EQ(e.user, "Bob");
  EXPECT_EQ(e.agent, "curl/7");
  EXPECT_EQ(e.status, 0);
  EXPECT_EQ(e.mapped, (std::vector<std::optional<std::string>>{"acme", std::nullopt}));
}

TEST(Csv, ColumnsByNameAndByNumber) {
  const char* rows =
      "when,who,what,\"co\"\"de\",junk\n2022-01-24 16:51:02,192.0.2.7,\"GET /a,b \"\"c\"\" "
      "HTTP/1.1\",200.0,,,\n";
  const ReadLog log = read_as("csv:time=when,client=who,request=what,status=#4", rows);
  ASSERT_EQ(log.entries.size(), 1u);
  EXPECT_EQ(log.report.of(Skip::other).lines, 1u);
  EXPECT_EQ(log.entries[0].time, at_seconds(kThen));
  EXPECT_EQ(log.entries[0].target, "/a,b \"c\"");
  EXPECT_EQ(log.entries[0].status, 200);
  const Kept e = one("csv:sep=;,time=#1+#2,client=#3,path=#4,query=#5",
                     "2022-01-24;16:51:02;12.44.161.fed;/a;b=c");
  EXPECT_EQ(e.time, at_seconds(kThen));
  EXPECT_EQ(e.client, "12.44.161.fed");
  EXPECT_EQ(e.target, "/a?b=c");
  EXPECT_FALSE(format_named("csv:client=#1", {}));
  EXPECT_FALSE(format_named("csv:time=#1,client=#0", {}));
  EXPECT_FALSE(format_named("csv", {}));
}

TEST(FieldMaps, SayWhatTheyWant) {
  EXPECT_EQ(parse_field_map("identity:partner=api_key_id")->name, "partner");
  EXPECT_EQ(parse_field_map("client=$http_x_real_ip")->field, "http_x_real_ip");
  for (const char* text : {"", "client", "header=x", "header:=x", "cookie:a=b", "client="})
    EXPECT_FALSE(parse_field_map(text)) << text;
}

}  // namespace
}  // namespace weir::foreign
