#include "config/values.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <chrono>
#include <string>

namespace weir::config {
namespace {

using namespace std::chrono_literals;

TEST(Values, DurationsAreWholeNumbersWithOneUnit) {
  EXPECT_EQ(read_duration("250ms").value(), 250ms);
  EXPECT_EQ(read_duration("10s").value(), 10s);
  EXPECT_EQ(read_duration("5m").value(), 5min);
  EXPECT_EQ(read_duration("24h").value(), 24h);
  EXPECT_EQ(read_duration("8784h").value(), 366 * 24h);
  EXPECT_EQ(read_duration("7d").value(), 7 * 24h);
  for (const char* text :
       {"",      "10",    "s",    "0s",   "0ms", "-1s",  "+1s",   "1.5s",
        "1m30s", "1 s",   "10S",  "10us", "1D",  "none", "8785h", "367d", "99999999999999999999s",
        "1e3s",  "0x10s", " 10s", "10s "}) {
    EXPECT_FALSE(read_duration(text)) << text;
  }
}

TEST(Values, ZeroIsNeverInfinite) {
  for (const auto& complaint : {read_duration("0s").error(), read_rate("0/s").error(),
                                read_size("0B").error(), read_rate("0.000/h").error()}) {
    EXPECT_EQ(complaint.kind, Complaint::Kind::range);
    EXPECT_NE(complaint.message.find("zero never means infinite"), std::string::npos)
        << complaint.message;
  }
}

TEST(Values, RatesAreExactToThousandths) {
  EXPECT_EQ(read_rate("60/s").value(), (Rate{60'000, 1s}));
  EXPECT_EQ(read_rate("0.6/s").value(), (Rate{600, 1s}));
  EXPECT_EQ(read_rate("30/min").value(), (Rate{30'000, 60s}));
  EXPECT_EQ(read_rate("1000/h").value(), (Rate{1'000'000, 3600s}));
  EXPECT_EQ(read_rate("0.001/h").value(), (Rate{1, 3600s}));
  EXPECT_EQ(read_rate("100000000/s").value(), (Rate{100'000'000'000, 1s}));
  for (const char* text :
       {"", "60", "/s", "60/", "60/sec", "60/m", "60/S", "60/d", "0/s", "-1/s", "1.2345/s", "1./s",
        ".5/s", "60/10s", "60 /s", "100000001/s", "1e3/s", "99999999999999999999/s", "1.2.3/s"}) {
    EXPECT_FALSE(read_rate(text)) << text;
  }
}

TEST(Values, SizesAreBinary) {
  EXPECT_EQ(read_size("512B").value(), Bytes{512});
  EXPECT_EQ(read_size("16KiB").value(), Bytes{16384});
  EXPECT_EQ(read_size("4MiB").value(), Bytes{4194304});
  EXPECT_EQ(read_size("2GiB").value(), Bytes{2147483648});
  EXPECT_EQ(read_size_rate("1KiB/s").value(), Bytes{1024});
  for (const char* text :
       {"", "16", "16KB", "16k", "16kib", "0KiB", "1.5MiB", "-1B", "2000000GiB", "16KiB/s"}) {
    EXPECT_FALSE(read_size(text)) << text;
  }
  EXPECT_FALSE(read_size_rate("1KiB"));
}

TEST(Values, RemediesSayWhatToWrite) {
  EXPECT_EQ(read_duration("30").error().remedy, "write 30s or 30ms");
  EXPECT_EQ(read_duration("10sec").error().remedy, "write 10s");
  EXPECT_EQ(read_duration("1.5s").error().remedy, "write 1500ms");
  EXPECT_EQ(read_duration("0.25m").error().remedy, "write 15s");
  EXPECT_EQ(read_rate("100rps").error().remedy, "write 100/s");
  EXPECT_EQ(read_rate("60/m").error().remedy, "write 60/min");
  EXPECT_EQ(read_size("16kb").error().remedy, "write 16KiB (1 KiB is 1,024 bytes)");
  EXPECT_EQ(read_size("65536").error().remedy, "write 64KiB for 65536 bytes");
  EXPECT_EQ(read_listen_address("8080").error().remedy, "write 127.0.0.1:8080");
  EXPECT_EQ(read_listen_address("*:8080").error().remedy, "write 0.0.0.0:8080");
  EXPECT_EQ(read_endpoint_address("http://orders:8080/v1").error().remedy,
            "write host and port: orders:8080");
  EXPECT_EQ(read_endpoint_address(":3000").error().remedy, "write 127.0.0.1:3000");
  EXPECT_EQ(read_endpoint_address("orders").error().remedy, "write orders:80, or its real port");
}

TEST(Values, EndpointsAreAddressesOrNames) {
  EXPECT_EQ(read_endpoint_address("127.0.0.1:9001")->written, "127.0.0.1:9001");
  EXPECT_EQ(read_endpoint_address("127.0.0.1:9001")->host, "");
  EXPECT_EQ(read_endpoint_address("[2001:DB8::1]:80")->written, "[2001:db8::1]:80");
  const auto name = read_endpoint_address("Orders.Internal.:8080").value();
  EXPECT_EQ(name.host, "orders.internal");
  EXPECT_EQ(name.address.port, 8080);
  EXPECT_EQ(name.written, "orders.internal:8080");
  EXPECT_EQ(read_endpoint_address("unix:/run/app.sock")->address.unix_path, "/run/app.sock");
  // 1.2.3 and 010.0.0.1 are names to some resolvers and addresses to others.
  for (const char* text :
       {"1.2.3:80", "010.0.0.1:80", "a b:80", "::1:80", "[::1:80", "host:65536", "host:0",
        "host:", "a..b:80", "0.0.0.0:80", "[::]:80", "unix:", "unix:run", "10.0.0.1/8:80"}) {
    EXPECT_FALSE(read_endpoint_address(text)) << text;
  }
}

TEST(Values, HostsAreLowerCaseAndWithoutPort) {
  EXPECT_EQ(read_host_pattern("API.Example.com").value(), "api.example.com");
  EXPECT_EQ(read_host_pattern("*.Example.com").value(), "*.example.com");
  EXPECT_EQ(read_host_pattern("192.0.2.7").value(), "192.0.2.7");
  EXPECT_EQ(read_host_pattern("[2001:db8::1]").value(), "[2001:db8::1]");
  for (const char* text :
       {"", "*", "*.", "a.*.b", "*a.b", "a.b:80", "http://a.b", "a b", "a..b", "*.*.a"}) {
    EXPECT_FALSE(read_host_pattern(text)) << text;
  }
}

TEST(Values, PathPatternsAreInCanonicalForm) {
  using Kind = RouteMatch::PathKind;
  EXPECT_EQ(read_path_pattern("/*").value(), (PathPattern{Kind::prefix, "/"}));
  EXPECT_EQ(read_path_pattern("/").value(), (PathPattern{Kind::exact, "/"}));
  EXPECT_EQ(read_path_pattern("/catalog/*").value(), (PathPattern{Kind::prefix, "/catalog"}));
  EXPECT_EQ(read_path_pattern("/catalog").value(), (PathPattern{Kind::exact, "/catalog"}));
  EXPECT_EQ(read_path_pattern("/caf%C3%A9").value(), (PathPattern{Kind::exact, "/caf%C3%A9"}));
  for (const char* text : {"",           "*",     "catalog", "/a//b", "/a/../b", "/a/.", "/%61",
                           "/caf%c3%a9", "/a%00", "/a\\b",   "/a?b",  "/a#b",    "/a*",  "/*/b",
                           "/a/*/b",     "/a/**", "/{id}",   "~ ^/a", "//*",     "/a b"}) {
    EXPECT_FALSE(read_path_pattern(text)) << text;
  }
}

TEST(Values, APathToSendIsAPathAndATargetMayHaveAQuery) {
  for (const char* text : {"/", "/a", "/a/b", "/caf%C3%A9"}) {
    EXPECT_EQ(read_path(text).value(), text);
    EXPECT_EQ(read_target(text).value(), text);
  }
  for (const char* text : {"/a?b", "/a?b=1&c=%20", "/?"}) {
    EXPECT_EQ(read_target(text).value(), text);
    ASSERT_FALSE(read_path(text).has_value()) << text;
    EXPECT_EQ(read_path(text).error().kind, Complaint::Kind::value)
        << text;  // not that it never matches
  }
  for (const char* text : {"", "a", "?a", "/a#b", "/a?b#c", "/a?b c", "/a?b\r\nc: d", "/a?\xC3\xA9",
                           "/{id}?a", "/a/../b", "/a//b?c", "/%61"}) {
    EXPECT_FALSE(read_target(text).has_value()) << text;
  }
  EXPECT_TRUE(read_target("/?" + std::string(1022, 'a')).has_value());
  EXPECT_FALSE(read_target("/?" + std::string(1023, 'a')).has_value());
}

TEST(Values, WhatIsPrintedReadsAsTheSame) {
  EXPECT_TRUE(rc::check("durations", [] {
    const Nanos value =
        std::chrono::milliseconds(*rc::gen::inRange<std::int64_t>(1, 366LL * 24 * 3600 * 1000));
    RC_ASSERT(read_duration(print_duration(value)).value() == value);
  }));
  EXPECT_TRUE(rc::check("rates", [] {
    const Rate value{*rc::gen::inRange<std::uint64_t>(1, 100'000'000'000),
                     *rc::gen::element<Nanos>(1s, 1min, 1h)};
    RC_ASSERT(read_rate(print_rate(value)).value() == value);
  }));
  EXPECT_TRUE(rc::check("sizes", [] {
    const Bytes value{*rc::gen::inRange<std::uint64_t>(1, std::uint64_t{1} << 50)};
    RC_ASSERT(read_size(print_size(value)).value() == value);
  }));
}

TEST(Values, NoTextBreaksAReader) {
  EXPECT_TRUE(rc::check([](const std::string& text) {
    (void)read_duration(text);
    (void)read_rate(text);
    (void)read_size(text);
    (void)read_count(text, 1, 10);
    (void)read_listen_address(text);
    (void)read_endpoint_address(text);
    (void)read_net(text);
    (void)read_host_pattern(text);
    (void)read_path_pattern(text);
    (void)read_target(text);
  }));
}

}  // namespace
}  // namespace weir::config
