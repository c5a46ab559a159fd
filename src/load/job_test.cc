#include "load/job.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace weir::load {
namespace {

Result<Job> job(const std::function<void(Words&)>& change) {
  Words words;
  words.url = "http://127.0.0.1:8080/users";
  change(words);
  return read_job(words);
}

TEST(Target, takes_a_url_apart) {
  const auto target = read_target("http://[::1]:8080?q=1#top");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->authority, "[::1]:8080");
  EXPECT_EQ(target->host, "[::1]");
  EXPECT_EQ(target->port, 8080);
  EXPECT_EQ(target->path, "/?q=1");
  EXPECT_EQ(read_target("http://a.test")->port, 80);
  EXPECT_EQ(read_target("http://a.test")->path, "/");
}

TEST(Target, refuses_what_it_cannot_ask) {
  for (const char* url :
       {"", "127.0.0.1:8080", "https://a.test/", "http://", "http:///x", "http://a.test:99999/",
        "http://a.test/a b", "http://a.test/\x7f", "ftp://a.test/", "http://user@a.test/"}) {
    EXPECT_FALSE(read_target(url)) << url;
  }
}

TEST(Target, knows_private_networks) {
  for (const char* mine : {"127.0.0.1", "::1", "10.1.2.3", "172.31.255.255", "192.168.0.1",
                           "169.254.1.1", "100.64.0.1", "fd00::1", "fe80::1"}) {
    EXPECT_TRUE(is_private(*Address::parse(mine))) << mine;
  }
  for (const char* others :
       {"192.0.2.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "11.0.0.1"}) {
    EXPECT_FALSE(is_private(*Address::parse(others))) << others;
  }
}

TEST(Job, without_a_rate_is_a_closed_loop) {
  const auto read = job([](Words&) {});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->closed_loop);
  EXPECT_EQ(read->connections, 64u);
  EXPECT_EQ(read->length, std::chrono::seconds(10));
}

TEST(Job, lasts_longer_than_nothing_and_at_most_31_days) {
  for (const char* goal : {"", "p99 < 1s"}) {
    const auto lasting = [&](const char* length) {
      return job([&](Words& words) {
        words.length = length;
        words.find_capacity = goal;
      });
    };
    EXPECT_TRUE(lasting("31d"));
    EXPECT_FALSE(lasting("0s"));
    const auto read = lasting("32d");
    ASSERT_FALSE(read);
    EXPECT_EQ(to_string(read.error()), "--for: a run lasts longer than nothing and at most 31 days");
  }
}

TEST(Job, reads_rates_and_ways_to_arrive) {
  const auto read = job([](Words& words) {
    words.rate = "30/min";
    words.length = "2m";
    words.arrivals = "pareto:1.2";
  });
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->closed_loop);
  EXPECT_DOUBLE_EQ(read->profile->calls(), 60);
  EXPECT_EQ(read->schedule.arrivals, Arrivals::pareto);
  EXPECT_DOUBLE_EQ(read->schedule.tail, 1.2);
  EXPECT_DOUBLE_EQ(job([](Words& words) { words.rate = "1000"; })->profile->calls(), 10'000);
  EXPECT_DOUBLE_EQ(job([](Words& words) { words.steps = "100/s,300/s"; })->profile->calls(), 2'000);
}

TEST(Job, routes_have_methods_paths_and_weights) {
  const auto read = job([](Words& words) {
    words.routes = {"/a?x=1=3", "POST /b=0.5"};
    words.headers = {"Host: b.test", "X-A: 1"};
  });
  ASSERT_TRUE(read);
  ASSERT_EQ(read->requests.size(), 2u);
  EXPECT_TRUE(read->requests[0].head.starts_with("GET /a?x=1 HTTP/1.1\r\n"));
  EXPECT_EQ(read->requests[0].weight, 3);
  EXPECT_TRUE(read->requests[1].head.starts_with("POST /b HTTP/1.1\r\n"));
  EXPECT_FALSE(read->requests[1].is_safe);
  EXPECT_EQ(read->requests[0].head.find("127.0.0.1"), std::string::npos);
}

TEST(Job, words_that_make_no_sense_are_named) {
  const auto said = [](const std::function<void(Words&)>& change) {
    const auto read = job(change);
    return read ? std::string("fine") : to_string(read.error());
  };
  const auto names = [&](const std::string& option, const std::function<void(Words&)>& change) {
    EXPECT_NE(said(change).find(option), std::string::npos) << said(change);
  };
  names("--rate", [](Words& w) { w.rate = "fast"; });
  names("--ramp", [](Words& w) { w.ramp = "10/s"; });
  names("--steps", [](Words& w) { w.rate = "1/s", w.steps = "1/s"; });
  names("--for", [](Words& w) { w.length = "10"; });
  names("--arrivals", [](Words& w) { w.rate = "1/s", w.arrivals = "pareto:1"; });
  names("--arrivals", [](Words& w) { w.rate = "1/s", w.arrivals = "sometimes"; });
  names("--arrivals", [](Words& w) { w.rate = "1/s", w.arrivals = "on-off:1s"; });
  names("--route", [](Words& w) { w.routes = {"/a"}; });
  names("--route", [](Words& w) { w.routes = {"a=1"}; });
  names("--header", [](Words& w) { w.headers = {"Content-Length: 5"}; });
  names("--header", [](Words& w) { w.headers = {"X: a\r\nY: b"}; });
  names("--header", [](Words& w) { w.headers.assign(60, "X: " + std::string(4000, 'x')); });
  names("--data", [](Words& w) { w.data.assign(200'000, 'x'); });
  names("--method", [](Words& w) { w.method = "G ET"; });
  names("--zipf", [](Words& w) { w.zipf = 1; });
  names("--caller-header", [](Words& w) { w.caller_header = "X-Key"; });
  names("--caller-header", [](Words& w) { w.callers = 2, w.caller_header = "Transfer-Encoding"; });
  names("--callers", [](Words& w) { w.callers = 2'000'000'000; });
  names("--callers", [](Words& w) { w.callers = 3, w.caller_values = {"a"}; });
  names("--caller-values", [](Words& w) { w.caller_values = {"a\r\nb"}; });
  names("--session", [](Words& w) { w.rate = "1/s", w.session = 0.5; });
  names("--session", [](Words& w) { w.rate = "100000/s", w.session = 9, w.pause = "1h"; });
  names("--connections", [](Words& w) { w.connections = 0; });
  names("--connections", [](Words& w) { w.connections = 30'000; });
  names("--timeout", [](Words& w) { w.timeout = "0s"; });
  names("--speed", [](Words& w) { w.speed = "-1"; });
  names("--fail-if", [](Words& w) { w.fail_if = {"p99"}; });
  names("--find-capacity", [](Words& w) { w.find_capacity = "p99 < 1"; });
  names("--find-capacity", [](Words& w) { w.find_capacity = "p99 < 1s", w.steps = "1/s"; });
  names("--rate", [](Words& w) { w.is_replay = true, w.rate = "1/s"; });
}

}  // namespace
}  // namespace weir::load
