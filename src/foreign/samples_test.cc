// The samples of ../shared/data, read. Counts come from its README and from grep, wc and awk over
// the files, not from this room: `other` are lines of other loggers (error logs, start-up messages,
// connection errors).
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foreign/reading_for_tests.h"
#include "foreign/reorder.h"

namespace weir::foreign {
namespace {

// Nothing when ../shared/data is not there.
std::optional<std::string> data_file(std::string_view name) {
  const std::string path = std::string(WEIR_ROOT) + "/../shared/data/" + std::string(name);
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct Sample {
  const char* file;
  const char* format;      // for format_named
  const char* recognised;  // what auto calls it; empty: nothing fits
  std::uint64_t entries, other, malformed, odd;
};

class Samples : public testing::TestWithParam<Sample> {};

TEST_P(Samples, ParseWithTheirCounts) {
  const Sample& sample = GetParam();
  const auto bytes = data_file(sample.file);
  if (!bytes) GTEST_SKIP() << "../shared/data is not beside this checkout";
  const std::string text = unpacked(*bytes);
  for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{7}}) {
    if (piece == 7 && text.size() > 100'000) continue;
    const auto format = format_named(sample.format, {});
    ASSERT_TRUE(format) << to_string(format.error());
    const ReadLog log = read_log(*format, text, piece);
    EXPECT_EQ(log.report.entries, sample.entries);
    EXPECT_EQ(log.report.of(Skip::other).lines, sample.other);
    EXPECT_EQ(log.malformed(), sample.malformed);
    EXPECT_EQ(log.report.odd_requests, sample.odd);
  }
  const auto found = recognise(text, {});
  if (*sample.recognised == '\0') {
    EXPECT_FALSE(found) << found->reason();
  } else {
    ASSERT_TRUE(found) << to_string(found.error());
    EXPECT_EQ(found->format.name, sample.recognised) << found->reason();
    EXPECT_EQ(read_log(found->format, text, std::size_t{1} << 20).report.entries, sample.entries);
  }
}

constexpr const char* kEdgar = "csv:client=ip,time=date+time,status=code,bytes=size,path=accession";

INSTANTIATE_TEST_SUITE_P(
    Data, Samples,
    testing::Values(
        // http/: rows as the README says.
        Sample{"http/nasa-1995-08-01.clf.log.xz", "nginx", "nginx combined", 33996, 0, 0, 0},
        Sample{"http/semicomplete-2015.combined.log.xz", "nginx", "nginx combined", 10000, 0, 0,
               0},  // one is cut within the agent
        Sample{"http/shop-nginx-2019.main.log.xz", "nginx", "nginx combined", 1000, 0, 0, 0},
        Sample{"http/edgar-2003-02-20.csv.xz", kEdgar, "CSV", 8978, 1, 0, 0},  // the header is no row
        // attacks/
        Sample{"attacks/scan-acunetix-2016.log.xz", "apache", "nginx combined", 6539, 0, 0,
               1},  // one "GET  HTTP/1.1"
        Sample{"attacks/dos-bypass-cache.combined.log", "nginx", "nginx combined", 356, 0, 0, 0},
        Sample{"attacks/dos-random-uri.combined.log", "nginx", "nginx combined", 66, 0, 0, 0},
        Sample{"attacks/dos-switching-ua.combined.log", "nginx", "nginx combined", 15, 0, 0, 0},
        // formats/
        Sample{"formats/apache-combined.log", "apache", "nginx combined", 7, 2, 0,
               0},  // 2 lines of the error log
        Sample{"formats/apache-lnav.log", "apache", "nginx combined", 3, 0, 0, 0},
        Sample{"formats/apache-malformed.log", "apache", "nginx combined", 11, 0, 0,
               11},  // TLS hellos on a plain port
        Sample{"formats/aws-alb.log", "alb", "AWS ALB", 14, 0, 0, 0},
        Sample{"formats/aws-cloudfront.tsv", "cloudfront", "AWS CloudFront", 2, 0, 0, 0},
        Sample{"formats/aws-elb-classic.log", "elb", "AWS classic ELB", 3, 0, 0, 0},
        Sample{"formats/caddy-container.log", "caddy", "Caddy JSON", 4, 35, 0,
               0},  // 35 lines of other loggers
        Sample{"formats/caddy.jsonl", "caddy", "Caddy JSON", 10, 1, 0,
               0},  // 1 of reverse_proxy, 1 blank
        Sample{"formats/envoy-default-text.log", "envoy", "Envoy", 1, 0, 0, 0},
        Sample{"formats/envoy-gateway-json.log", "envoy-gateway", "Envoy Gateway JSON", 10, 0, 0,
               0},  // 6 JSON, 4 text
        Sample{"formats/haproxy-http.log", "haproxy", "HAProxy httplog", 2, 3, 0,
               0},  // 3 TLS errors
        Sample{"formats/haproxy-syslog.log", "haproxy", "HAProxy httplog", 13, 4, 0,
               0},  // 3 start-ups, 1 TLS error
        Sample{"formats/istio-default-text.log", "istio", "Istio", 3, 0, 0, 0},
        Sample{"formats/kong-default.log", "nginx", "nginx combined", 3, 0, 0, 0},
        Sample{"formats/nginx-combined.log", "nginx", "nginx combined", 8, 1, 0,
               0},  // 1 line of the error log
        Sample{"formats/nginx-error-limit-req.log", "nginx", "", 0, 9, 0, 0},
        Sample{"formats/nginx-malformed.log", "nginx", "nginx combined", 12, 0, 0, 12},
        Sample{"formats/nginx-proxy-manager.log", "nginx-proxy-manager", "nginx proxy manager", 12,
               2, 0, 0},
        Sample{"formats/traefik-clf.log", "traefik", "Traefik CLF", 7, 0, 0, 0},  // 2 blank
        Sample{"formats/traefik-json.jsonl", "traefik-json", "Traefik JSON", 6, 1, 0,
               0}),  // 1 of a plugin
    [](const testing::TestParamInfo<Sample>& sample_info) {
      std::string name = sample_info.param.file;
      std::replace_if(
          name.begin(), name.end(),
          [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
      return name;
    });

// README: 2,582 hosts, 00:00:01 to 14:52:01 -0400, 529 MB, 200 90.4 %, 304 7.7 %, 404 0.7 %, peak
// 17 a second.
TEST(Nasa, HasTheFiguresOfItsReadme) {
  const auto bytes = data_file("http/nasa-1995-08-01.clf.log.xz");
  if (!bytes) GTEST_SKIP() << "../shared/data is not beside this checkout";
  const ReadLog log = read_as("nginx", unpacked(*bytes));
  std::set<std::string> clients;
  std::map<WallTime, int> per_second;
  std::uint64_t sent = 0, ok = 0, unmodified = 0, missing = 0;
  for (const Kept& entry : log.entries) {
    clients.insert(entry.client);
    ++per_second[entry.time];
    sent += entry.bytes_out.value_or(0);
    ok += entry.status == 200;
    unmodified += entry.status == 304;
    missing += entry.status == 404;
  }
  EXPECT_EQ(clients.size(), 2582u);
  EXPECT_EQ(log.entries.front().time,
            at_seconds(807249601));  // date -u -d '1995-08-01 00:00:01 -0400' +%s
  EXPECT_EQ(log.entries.back().time, at_seconds(807303121));  // 14:52:01
  EXPECT_EQ(sent / 1'000'000, 529u);
  const auto permille = [&](std::uint64_t n) {
    return (n * 1000 + log.entries.size() / 2) / log.entries.size();
  };
  EXPECT_EQ(permille(ok), 904u);
  EXPECT_EQ(permille(unmodified), 77u);
  EXPECT_EQ(permille(missing), 7u);
  EXPECT_EQ(std::max_element(per_second.begin(), per_second.end(),
                             [](auto& a, auto& b) { return a.second < b.second; })
                ->second,
            17);
}

// README: 1,264 clients (the last octet are letters), peak 19 a second, one client 296 a minute.
TEST(Edgar, HasTheFiguresOfItsReadme) {
  const auto bytes = data_file("http/edgar-2003-02-20.csv.xz");
  if (!bytes) GTEST_SKIP() << "../shared/data is not beside this checkout";
  const ReadLog log = read_as(kEdgar, unpacked(*bytes));
  std::set<std::string> clients;
  std::map<WallTime, int> per_second;
  std::map<std::pair<std::string, std::int64_t>, int> per_minute;
  for (const Kept& entry : log.entries) {
    clients.insert(entry.client);
    ++per_second[entry.time];
    ++per_minute[{entry.client, entry.time.time_since_epoch() / std::chrono::minutes(1)}];
    EXPECT_FALSE(entry.address);
  }
  EXPECT_EQ(clients.size(), 1264u);
  EXPECT_EQ(std::max_element(per_second.begin(), per_second.end(),
                             [](auto& a, auto& b) { return a.second < b.second; })
                ->second,
            19);
  EXPECT_EQ(std::max_element(per_minute.begin(), per_minute.end(),
                             [](auto& a, auto& b) { return a.second < b.second; })
                ->second,
            296);
}

// README: 101 clients in 177 s, peak 23 a second.
TEST(Shop, HasTheFiguresOfItsReadme) {
  const auto bytes = data_file("http/shop-nginx-2019.main.log.xz");
  if (!bytes) GTEST_SKIP() << "../shared/data is not beside this checkout";
  const ReadLog log = read_as("nginx", unpacked(*bytes));
  std::set<std::string> clients;
  for (const Kept& entry : log.entries) clients.insert(entry.client);
  EXPECT_EQ(clients.size(), 101u);
  EXPECT_EQ(log.entries.back().time - log.entries.front().time, std::chrono::seconds(177));
}

// README: one client, 3,250 steps back, 22 a second and 414 a minute at most. awk over its times:
// 3,280 steps on, so it is not newest first but shuffled over its 27 minutes.
TEST(Acunetix, IsSortedAndSaidToBeOutOfOrder) {
  const auto bytes = data_file("attacks/scan-acunetix-2016.log.xz");
  if (!bytes) GTEST_SKIP() << "../shared/data is not beside this checkout";
  const ReadLog log = read_as("apache", unpacked(*bytes));
  ReorderWindow<std::uint64_t> window;
  std::vector<WallTime> times;
  ReorderWindow<std::uint64_t>::Item item;
  for (const Kept& entry : log.entries) {
    window.push(entry.start, entry.line);
    while (window.pop(item)) times.push_back(item.time);
  }
  window.finish();
  while (window.pop(item)) times.push_back(item.time);
  EXPECT_EQ(window.order(), LogOrder::shuffled);
  EXPECT_EQ(window.steps_back(), 3250u);
  EXPECT_EQ(window.late(), 0u);
  EXPECT_EQ(times.size(), 6539u);
  EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  std::map<WallTime, int> per_second;
  for (const WallTime time : times) ++per_second[time];
  EXPECT_EQ(std::max_element(per_second.begin(), per_second.end(),
                             [](auto& a, auto& b) { return a.second < b.second; })
                ->second,
            22);
}

}  // namespace
}  // namespace weir::foreign
