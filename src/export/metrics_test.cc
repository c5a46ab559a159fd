#include "export/metrics.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "export/metrics_text.h"
#include "http/violation.h"

namespace weir::exporting {
namespace {

class MetricsTest : public testing::Test {
 protected:
  ExchangeRecord record(std::string_view route, std::uint16_t status, Cause cause = Cause::none) {
    ExchangeRecord r;
    r.route = names_.intern(route);
    r.status = status;
    r.cause = cause;
    r.total_time = std::chrono::milliseconds(3);
    return r;
  }
  ExchangeRecord forwarded(std::string_view route, std::string_view upstream, bool reused) {
    ExchangeRecord r = record(route, 200);
    r.upstream = names_.intern(upstream);
    r.endpoint = names_.intern("127.0.0.1:9001");
    r.attempts = 1;
    r.tries[0] = {.endpoint = r.endpoint, .micros = 2000, .status = 200};
    r.response_time = std::chrono::milliseconds(2);
    r.bytes_in = 10;
    r.bytes_out = 100;
    if (reused) r.flags = ExchangeRecord::kReused;
    return r;
  }
  std::string page(const MetricsShard& shard, MetricsFormat format = MetricsFormat::prometheus) {
    const std::array shards = {&shard};
    return render_metrics(read_metrics(shards), {.names = names_, .version = "0.1", .revision = 42, .revision_hash = "ab\"c\\"}, format);
  }
  static bool has(const std::string& page, std::string_view line) {
    return ("\n" + page).find("\n" + std::string(line) + "\n") != std::string::npos;
  }
  NameTable names_;
};

TEST_F(MetricsTest, CountsLateAnswersByUpstreamAndResult) {
  MetricsShard shard;
  for (const LateResult result : {LateResult::success, LateResult::success, LateResult::dropped, LateResult::not_asked}) {
    ExchangeRecord r = forwarded("orders", "stable", false);
    r.late.result = result;
    shard.on_exchange(r);
  }
  const std::string text = page(shard);
  EXPECT_TRUE(has(text, R"(weir_late_answers_total{upstream="stable",result="success"} 2)"));
  EXPECT_TRUE(has(text, R"(weir_late_answers_total{upstream="stable",result="dropped"} 1)"));
  EXPECT_EQ(text.find("not_asked"), std::string::npos);
}

TEST_F(MetricsTest, CountsExchangesByRouteUpstreamClassAndCause) {
  MetricsShard shard;
  shard.on_exchange(forwarded("orders", "stable", true));
  shard.on_exchange(forwarded("orders", "stable", true));
  shard.on_exchange(forwarded("orders", "stable", false));
  shard.on_exchange(record("orders", 429, Cause::limit_rejected));
  shard.on_exchange(record("", 0, Cause::client_gone));
  const std::string text = page(shard);
  EXPECT_TRUE(has(text, R"(weir_requests_total{route="orders",upstream="stable",code_class="2xx",cause="none"} 3)"));
  EXPECT_TRUE(has(text, R"(weir_requests_total{route="orders",upstream="",code_class="4xx",cause="limit_rejected"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_requests_total{route="",upstream="",code_class="none",cause="client_gone"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_upstream_reuses_total{upstream="stable"} 2)"));
  EXPECT_TRUE(has(text, R"(weir_upstream_connects_total{upstream="stable"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_endpoint_requests_total{upstream="stable",endpoint="127.0.0.1:9001"} 3)"));
  EXPECT_TRUE(has(text, "weir_request_bytes_total 30"));
  EXPECT_TRUE(has(text, "weir_response_bytes_total 300"));
}

TEST_F(MetricsTest, HistogramsAreCumulativeAndExactAtTheirEdges) {
  MetricsShard shard;
  for (const int us : {100, 101, 5000, 5001, 20'000'000}) {
    ExchangeRecord r = record("orders", 200);
    r.total_time = std::chrono::microseconds(us);
    shard.on_exchange(r);
  }
  const std::string text = page(shard);
  EXPECT_TRUE(has(text, R"(weir_request_seconds_bucket{route="orders",le="0.0001"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_bucket{route="orders",le="0.00025"} 2)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_bucket{route="orders",le="0.005"} 3)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_bucket{route="orders",le="0.01"} 4)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_bucket{route="orders",le="10.0"} 4)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_bucket{route="orders",le="+Inf"} 5)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_count{route="orders"} 5)"));
  EXPECT_TRUE(has(text, R"(weir_request_seconds_sum{route="orders"} 20.010202)"));
}

TEST_F(MetricsTest, CountsLimitsViolationsAndConnections) {
  MetricsShard shard;
  const NameId limit = names_.intern("per-caller"), listener = names_.intern("public");
  shard.on_limit(limit, LimitVerdict::passed, LimitMode::enforce);
  shard.on_limit(limit, LimitVerdict::passed, LimitMode::enforce);
  shard.on_limit(limit, LimitVerdict::refused, LimitMode::observe);
  for (int i = 0; i < 3; ++i) shard.on_connection(listener, record::ConnectionEvent::opened);
  shard.on_connection(listener, record::ConnectionEvent::closed);
  shard.on_connection(listener, record::ConnectionEvent::refused);
  ExchangeRecord bad = record("", 400, Cause::bad_request);
  bad.violation = static_cast<std::uint8_t>(http::Violation::obs_fold);
  shard.on_exchange(bad);
  bad.cause = Cause::upstream_protocol_error;
  shard.on_exchange(bad);
  const std::string text = page(shard);
  EXPECT_TRUE(has(text, R"(weir_limit_decisions_total{limit="per-caller",verdict="passed",mode="enforce"} 2)"));
  EXPECT_TRUE(has(text, R"(weir_limit_decisions_total{limit="per-caller",verdict="refused",mode="observe"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_connections{listener="public"} 2)"));
  EXPECT_TRUE(has(text, R"(weir_connection_events_total{listener="public",event="refused"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_violations_total{violation="obs_fold",side="client"} 1)"));
  EXPECT_TRUE(has(text, R"(weir_violations_total{violation="obs_fold",side="upstream"} 1)"));
}

TEST_F(MetricsTest, SeriesBeyondTheBudgetAreCountedAsOther) {
  MetricsShard shard({.request_series = 10, .routes = 4});
  for (int i = 0; i < 100; ++i) shard.on_exchange(record("route-" + std::to_string(i), 200));
  shard.on_exchange(record("route-0", 200));
  const std::string text = page(shard);
  EXPECT_TRUE(has(text, R"(weir_requests_total{route="route-0",upstream="",code_class="2xx",cause="none"} 2)"));
  EXPECT_TRUE(has(text, R"~(weir_requests_total{route="(other)",upstream="(other)",code_class="(other)",cause="(other)"} 90)~"));
  EXPECT_TRUE(has(text, R"~(weir_request_seconds_count{route="(other)"} 96)~"));
  EXPECT_TRUE(has(text, "weir_metric_series_overflow_total 186"));
  EXPECT_EQ(text.find("route-10\""), std::string::npos);
}

TEST_F(MetricsTest, ShardsAddUp) {
  MetricsShard a, b;
  a.on_exchange(record("orders", 200));
  b.on_exchange(record("orders", 200));
  b.on_exchange(record("catalog", 200));
  const std::array<const MetricsShard*, 2> shards = {&a, &b};
  const MetricsSnapshot snapshot = read_metrics(shards);
  ASSERT_EQ(snapshot.requests.size(), 2u);
  EXPECT_EQ(snapshot.requests[0].count + snapshot.requests[1].count, 3u);
  std::uint64_t counted = 0;
  for (const auto& route : snapshot.routes) counted += route.seconds.count();
  EXPECT_EQ(counted, 3u);
}

TEST_F(MetricsTest, LabelValuesAreEscaped) {
  MetricsShard shard;
  EXPECT_TRUE(has(page(shard), R"(weir_revision_info{revision="r42",hash="ab\"c\\"} 1)"));
}

// A reader sees every counter grow and nothing torn, while its owner counts on. (Run under TSan as well.)
TEST_F(MetricsTest, AScrapeRunsBesideItsOwner) {
  MetricsShard shard;
  const NameId limit = names_.intern("limit");
  std::vector<ExchangeRecord> records;
  for (int i = 0; i < 64; ++i) records.push_back(forwarded("route-" + std::to_string(i), "up", true));
  std::atomic<bool> stop{false};
  std::thread owner([&] {
    for (std::size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      shard.on_exchange(records[i % records.size()]);
      shard.on_limit(limit, LimitVerdict::passed, LimitMode::enforce);
    }
  });
  const std::array<const MetricsShard*, 1> shards = {&shard};
  std::uint64_t last = 0;
  for (int i = 0; i < 200; ++i) {
    const MetricsSnapshot snapshot = read_metrics(shards);
    std::uint64_t total = 0;
    for (const auto& r : snapshot.requests) total += r.count;
    EXPECT_GE(total, last);
    last = total;
  }
  stop = true;
  owner.join();
}

// ---- formats ----

TEST(Negotiate, FollowsTheScraper) {
  using enum MetricsFormat;
  // What Prometheus 2.42 sends.
  EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), openmetrics);
  EXPECT_EQ(negotiate("application/openmetrics-text"), openmetrics);
  EXPECT_EQ(negotiate("application/openmetrics-text; version=0.0.1, text/plain; q=0.5"), prometheus);
  EXPECT_EQ(negotiate("application/openmetrics-text;q=0.2, text/plain;q=0.9"), prometheus);
  EXPECT_EQ(negotiate("*/*"), prometheus);
  EXPECT_EQ(negotiate(""), prometheus);
  EXPECT_EQ(negotiate(",;q,;;=,"), prometheus);
}

TEST_F(MetricsTest, OpenMetricsNamesFamiliesWithoutSuffixAndEnds) {
  MetricsShard shard;
  shard.on_exchange(record("orders", 200));
  const std::string text = page(shard, MetricsFormat::openmetrics);
  EXPECT_TRUE(has(text, "# TYPE weir_requests counter"));
  EXPECT_TRUE(has(text, "# TYPE weir_build info"));
  EXPECT_TRUE(has(text, "# TYPE weir_request_seconds histogram"));
  EXPECT_TRUE(has(text, R"(weir_build_info{version="0.1"} 1)"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST_F(MetricsTest, PromtoolHasNoComplaint) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool (package prometheus) is not installed";
  }
  MetricsShard shard({.request_series = 4});
  for (int i = 0; i < 9; ++i) shard.on_exchange(forwarded("route-" + std::to_string(i), "up", i % 2 == 0));
  shard.on_limit(names_.intern("per-caller"), LimitVerdict::refused, LimitMode::enforce);
  shard.on_connection(names_.intern("public"), record::ConnectionEvent::opened);
  const std::string path = testing::TempDir() + "weir-metrics-" + std::to_string(::getpid());
  const std::array<const MetricsShard*, 1> shards = {&shard};
  std::ofstream(path) << render_metrics(read_metrics(shards),
      {.names = names_, .version = "0.1", .process = read_process_stats()}, MetricsFormat::prometheus);
  std::FILE* const pipe = ::popen(("promtool check metrics <" + path + " 2>&1").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string output;
  std::array<char, 4096> room;
  while (const std::size_t n = std::fread(room.data(), 1, room.size(), pipe)) output.append(room.data(), n);
  const int status = ::pclose(pipe);
  EXPECT_EQ(WEXITSTATUS(status), 0) << output;
  EXPECT_EQ(output, "");
  std::remove(path.c_str());
}

TEST(ProcessStats, KnowsThisProcess) {
  const ProcessStats stats = read_process_stats();
  EXPECT_GT(stats.resident_bytes, 1'000'000u);
  EXPECT_GT(stats.virtual_bytes, stats.resident_bytes);
  EXPECT_GE(stats.open_fds, 3u);
  EXPECT_GT(stats.start_time_seconds, 1.5e9);
}

}  // namespace
}  // namespace weir::exporting
