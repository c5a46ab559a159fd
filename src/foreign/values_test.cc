#include "foreign/values.h"

#include <gtest/gtest.h>

#include <string>

#include "foreign/escapes.h"
#include "foreign/times.h"

namespace weir::foreign {
namespace {

using namespace std::chrono_literals;

std::string undone(std::string_view text, Escape escape) {
  std::string out(text.size(), '\0');
  out.resize(static_cast<std::size_t>(unescape(text, escape, out.data()) - out.data()));
  return out;
}

// `date -u -d 2022-01-24T16:51:02Z +%s`
constexpr std::int64_t kThen = 1643043062;

WallTime then(std::int64_t nanos = 0) { return wall_from_nanos(kThen * 1'000'000'000 + nanos); }

TEST(Times, ZonesOfACommandLine) {
  EXPECT_EQ(read_zone("+09:00"), 9h);
  EXPECT_EQ(read_zone("-0530"), -(5h + 30min));
  EXPECT_EQ(read_zone("UTC"), 0h);
  for (const char* wrong : {"", "9", "+9", "Europe/Berlin", "+24:00", "+09:60"})
    EXPECT_FALSE(read_zone(wrong)) << wrong;
  EXPECT_EQ(zone_text(Nanos(0)), "UTC");
  EXPECT_EQ(zone_text(9h), "+09:00");
  EXPECT_EQ(zone_text(-(5h + 30min)), "-05:30");
}

TEST(Times, ReadsClfWithAnyZone) {
  ClfTimes times(Nanos(0));
  EXPECT_EQ(times.read("24/Jan/2022:16:51:02 +0000")->time, then());
  EXPECT_EQ(times.read("24/Jan/2022:20:21:02 +0330")->time, then());
  EXPECT_EQ(times.read("24/Jan/2022:12:51:02 -0400")->time, then());
  EXPECT_EQ(times.read("[25/Jan/2022:03:51:02 +1100]")->time, then());
  EXPECT_EQ(times.read("24/Jan/2022:16:51:02 +0000")->precision, 1s);
  EXPECT_EQ(times.read("24/Jan/2022:16:51:02.123")->time, then(123'000'000));
  EXPECT_EQ(times.read("24/Jan/2022:16:51:02.123")->precision, 1ms);
}

TEST(Times, WithoutAZoneLiesWhereItIsTold) {
  ClfTimes times(1h);
  EXPECT_EQ(times.read("24/Jan/2022:17:51:02.000")->time, then());
  EXPECT_EQ(read_iso_time("2022-01-24 17:51:02", 1h)->time, then());
  EXPECT_EQ(read_iso_time("2022-01-24 16:51:02Z", 1h)->time, then());
}

TEST(Times, ReadsIsoAndErrorLogTimes) {
  EXPECT_EQ(read_iso_time("2022-01-24T16:51:02Z", Nanos(0))->time, then());
  EXPECT_EQ(read_iso_time("2022-01-24T17:51:02.5+01:00", Nanos(0))->time, then(500'000'000));
  EXPECT_EQ(read_iso_time("2022-01-24T16:51:02.123456Z", Nanos(0))->precision, 1us);
  EXPECT_EQ(read_iso_time("2022-01-24T16:51:02.123456789Z", Nanos(0))->time, then(123'456'789));
  EXPECT_EQ(read_iso_time("2022-01-24T16:51:02,123Z", Nanos(0))->time, then(123'000'000));
  EXPECT_EQ(read_iso_time("2022/01/24 16:51:02", Nanos(0))->time, then());
}

TEST(Times, ReadsEpochsByTheirSize) {
  EXPECT_EQ(read_any_time("1643043062", Nanos(0))->time, then());
  EXPECT_EQ(read_any_time("1643043062.123", Nanos(0))->time, then(123'000'000));
  EXPECT_EQ(read_any_time("1643043062123", Nanos(0))->time, then(123'000'000));
  EXPECT_EQ(read_any_time("1643043062123456", Nanos(0))->time, then(123'456'000));
  EXPECT_EQ(read_any_time("1643043062123456789", Nanos(0))->time, then(123'456'789));
  EXPECT_EQ(read_any_time("1643043062.1234567", Nanos(0))->precision, 1us);
  EXPECT_EQ(read_any_time("1643043062.123", Nanos(0))->precision, 1ms);
  EXPECT_EQ(read_any_time("[24/Jan/2022:16:51:02 +0000]", Nanos(0))->time, then());
}

TEST(Times, KnowsLeapDaysAndLeapSeconds) {
  EXPECT_TRUE(read_iso_time("2024-02-29T00:00:00Z", Nanos(0)));
  EXPECT_FALSE(read_iso_time("2023-02-29T00:00:00Z", Nanos(0)));
  EXPECT_EQ(read_iso_time("2016-12-31T23:59:60Z", Nanos(0))->time,
            read_iso_time("2017-01-01T00:00:00Z", Nanos(0))->time);
}

TEST(Times, RefusesWhatIsNone) {
  ClfTimes times(Nanos(0));
  for (const char* text :
       {"", "-", "24/Jan/2022", "24/Foo/2022:16:51:02 +0000", "99/Jan/2022:16:51:02 +0000",
        "24/Jan/2022:25:51:02 +0000", "24/Jan/2022:16:51:02 +00", "24/Jan/2022:16:51:02 0000",
        "24/Jan/1022:16:51:02 +0000", "24/Jan/2022:16:51:02."}) {
    EXPECT_FALSE(times.read(text) && std::string_view(text) != "24/Jan/2022:16:51:02 +00") << text;
    EXPECT_FALSE(read_iso_time(text, Nanos(0))) << text;
  }
  EXPECT_FALSE(times.read(std::string_view("\0\0\0\0\0\0\0\0\0\0\0:16:51:02", 20)));
  EXPECT_FALSE(read_any_time("99999999999999999999999", Nanos(0)));
  EXPECT_FALSE(read_any_time("-5", Nanos(0)));
}

TEST(Durations, AreExact) {
  EXPECT_EQ(read_duration("0.005", TimeUnit::seconds), 5ms);
  EXPECT_EQ(read_duration("1.674508", TimeUnit::seconds), 1'674'508us);
  EXPECT_EQ(read_duration("15", TimeUnit::milliseconds), 15ms);
  EXPECT_EQ(read_duration("0.1234567891", TimeUnit::seconds), 123'456'789ns);
  EXPECT_EQ(read_duration("2.5e-06", TimeUnit::seconds), 2'500ns);
  EXPECT_EQ(read_duration("-1", TimeUnit::milliseconds), std::nullopt);
  EXPECT_EQ(read_duration("", TimeUnit::milliseconds), std::nullopt);
  EXPECT_EQ(read_duration("99999999999999999999", TimeUnit::seconds), std::nullopt);
}

TEST(Durations, OfGo) {
  EXPECT_EQ(read_go_duration("42ms", TimeUnit::seconds), 42ms);
  EXPECT_EQ(read_go_duration("1m2.5s", TimeUnit::seconds), 62'500ms);
  EXPECT_EQ(read_go_duration("357.313\xc2\xb5s", TimeUnit::seconds), 357'313ns);
  EXPECT_EQ(read_go_duration("0.25", TimeUnit::seconds), 250ms);
  EXPECT_EQ(read_go_duration("5x", TimeUnit::seconds), std::nullopt);
}

TEST(Durations, OfSeveralUpstreamsAreSummed) {
  EXPECT_EQ(read_duration_list("0.010, 0.020 : 0.001", TimeUnit::seconds), 31ms);
  EXPECT_EQ(read_duration_list("-, 0.020", TimeUnit::seconds), 20ms);
  EXPECT_EQ(read_duration_list("-", TimeUnit::seconds), std::nullopt);
  EXPECT_EQ(last_of_list("10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80"), "10.0.0.3:80");
  EXPECT_EQ(last_of_list("10.0.0.1:80"), "10.0.0.1:80");
}

TEST(Clients, LoseTheirPort) {
  EXPECT_EQ(without_port("192.0.2.1:443"), "192.0.2.1");
  EXPECT_EQ(without_port("[::1]:443"), "::1");
  EXPECT_EQ(without_port("[::1]"), "::1");
  EXPECT_EQ(without_port("::1"), "::1");
  EXPECT_EQ(without_port("host.example:80"), "host.example");
  EXPECT_EQ(without_port("unix:"), "unix:");
  EXPECT_EQ(without_last_port("::1:443"), "::1");
  EXPECT_EQ(without_last_port("[::1]:443"), "[::1]");
  EXPECT_EQ(without_last_port("::1:"), "::1:");
  EXPECT_EQ(without_last_port("::abcd"), "::abcd");
  EXPECT_EQ(without_last_port("pc7"), "pc7");
  EXPECT_EQ(read_address("192.0.2.1"), Address::v4(192, 0, 2, 1));
  EXPECT_EQ(read_address("12.44.161.fed"), std::nullopt);
  EXPECT_EQ(read_address("host.example"), std::nullopt);
  EXPECT_EQ(read_address("1.2.3.256"), std::nullopt);
  EXPECT_EQ(read_address("01.2.3.4"), std::nullopt);
  EXPECT_TRUE(read_address("fd00:1234:5678::5a24"));
}

TEST(Escapes, OfEachFormat) {
  EXPECT_EQ(undone(R"(a\x22b\x5Cc)", Escape::backslash), "a\"b\\c");
  EXPECT_EQ(undone(R"(a\"b\\c\td\n)", Escape::backslash), "a\"b\\c\td\n");
  EXPECT_EQ(undone(R"(\xE9\x)", Escape::backslash), "\xe9\\x");
  EXPECT_EQ(undone(R"(a\"b\\c)", Escape::quote), "a\"b\\\\c");
  EXPECT_EQ(undone("a#22b#zz", Escape::hash), "a\"b#zz");
  EXPECT_EQ(undone(R"(\u00e9\ud83d\ude00\ud800x\/)", Escape::json),
            "\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbdx/");
  EXPECT_EQ(undone(R"(a""b)", Escape::doubled), "a\"b");
  EXPECT_EQ(undone("tail\\", Escape::backslash), "tail\\");
}

TEST(Counts, AlsoAsCsvExportsWriteThem) {
  EXPECT_EQ(read_count("200"), 200u);
  EXPECT_EQ(read_count("200.0"), 200u);
  EXPECT_EQ(read_count("200.5"), std::nullopt);
  EXPECT_EQ(read_count("-1"), std::nullopt);
  EXPECT_EQ(read_count("12x"), std::nullopt);
}

}  // namespace
}  // namespace weir::foreign
