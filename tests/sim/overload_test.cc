// Overload on the simulated clock, where a service's capacity is known exactly and nothing else
// takes part: what the real workers, keeper of Conditions and admission make of twice and five
// times as much as an upstream can do, and of a storm of retries that feeds itself (metastable
// failure: Bronson and others, HotOS 2021). examples/drill has both with real processes. And of a crowd of connections.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "fmt/core.h"
#include "gateway.h"
#include "io/sim/world.h"
#include "message.h"
#include "peer.h"
#include "proxy/load_watch.h"
#include "service.h"
#include "stage.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One kind of request, offered whether or not earlier ones are answered.
struct Traffic {
  std::string path;
  double rate = 0;  // a second, Poisson; may change at any time
  Nanos patience = seconds(2);
  int retries = 0;  // after a failure, or when patience is over
  Nanos pause{0};   // before each
};

struct Count {
  std::size_t sent = 0, good = 0, attempts = 0;
  double share() const {
    return sent == 0 ? 0 : static_cast<double>(good) / static_cast<double>(sent);
  }
};

class Overload : public testing::TestWithParam<std::uint64_t> {  // of a seed
 protected:
  void start(const std::string& yaml, const std::vector<std::string>& endpoints,
             const ServiceOptions& is) {
    for (const std::string& address : endpoints)
      services_.emplace_back(service_loop_, address, is, mix(GetParam() + services_.size()));
    ASSERT_TRUE(gateway_.publish(yaml));
    loops_ = gateway_.loops();
    loops_.push_back(&client_loop_);
    loops_.push_back(&service_loop_);
    world_.run(loops_, world_.now() + milliseconds(20));
    began_ = world_.now();
    for (Traffic& traffic : traffic_) clients_.spawn([this, &traffic] { return offer(traffic); });
  }
  void run_until(Nanos time) { world_.run(loops_, began_ + time); }
  // Of requests that began in [from, to); good: answered well, at whichever attempt.
  Count count(const Traffic& traffic, Nanos from, Nanos to) const {
    Count all;
    for (const Asked& asked : asks_) {
      if (asked.of != &traffic || asked.began < began_ + from || asked.began >= began_ + to) continue;
      ++all.sent;
      all.good += asked.good;
      all.attempts += asked.attempts;
    }
    return all;
  }
  void TearDown() override {
    clients_.cancel();
    for (Service& service : services_) service.stop();
    gateway_.cut();
    const bool over = world_.run(loops_, world_.now() + seconds(30), [&] {
      return gateway_.over() && clients_.running() == 0 &&
             std::ranges::all_of(services_,
                                 [](Service& each) { return each.scope().running() == 0; });
    });
    EXPECT_TRUE(over);
    gateway_.tear_down();
    for (const std::string& finding : ledger_.findings) ADD_FAILURE() << finding;
  }

  struct Asked {
    const Traffic* of;
    Stamp began;
    bool good = false;
    std::size_t attempts = 0;
  };

  io::Task<> offer(Traffic& traffic) {
    io::sim::Chance chance(mix(GetParam()) + traffic.path.size());
    for (;;) {
      const double uniform = (static_cast<double>(chance.next() >> 11) + 0.5) / 9007199254740992.0;
      if (!co_await client_loop_.sleep_for(
              Nanos(static_cast<std::int64_t>(-std::log(uniform) / traffic.rate * 1e9))))
        co_return;
      clients_.spawn([this, &traffic] { return ask(traffic); });
    }
  }
  io::Task<> ask(const Traffic& traffic) {
    const std::size_t at = asks_.size();
    asks_.push_back({.of = &traffic, .began = client_loop_.now()});
    for (int retry = 0; retry <= traffic.retries; ++retry) {
      if (retry > 0 && !co_await client_loop_.sleep_for(traffic.pause)) co_return;
      ++asks_[at].attempts;
      const bool good = co_await attempt(traffic);
      asks_[at].good = good;
      if (good) co_return;
    }
  }
  io::Task<bool> attempt(const Traffic& traffic) {
    const Stamp until = client_loop_.now() + traffic.patience;
    auto stream = co_await io::Stream::connect(client_loop_,
                                               SocketAddress::parse("10.1.0.1:80").value(), until);
    if (!stream) co_return false;
    Peer peer(std::move(*stream));
    const std::string request =
        fmt::format("GET {} HTTP/1.1\r\nHost: shop.test\r\n\r\n", traffic.path);
    if (!co_await peer.say(request, until)) co_return false;
    MessageReader answer(MessageReader::Want::answer);
    while (answer.read(peer.in) != MessageReader::State::whole) {
      if (!co_await peer.fill(until)) co_return false;
    }
    co_return answer.message().status() == 200;
  }

  Stamp began_{};
  io::sim::SimWorld world_{GetParam()};
  Ledger ledger_;
  io::Loop client_loop_{world_.kernel("clients")}, service_loop_{world_.kernel("services")};
  Gateway gateway_{world_, ledger_, {.workers = 2}};
  std::list<Service> services_;
  std::list<Traffic> traffic_;
  std::vector<io::Loop*> loops_;
  std::vector<Asked> asks_;
  io::Scope clients_{client_loop_};
};

// 2 x 4 workers and 25 ms: 320 requests a second, all that can be done. Paying (96 a second) fits
// alone.
TEST_P(Overload, AtTwiceAndFiveTimesWhatAnUpstreamCanDoItsCapacityIsUsedAndWhoPaysIsServed) {
  constexpr double kCapacity = 320;
  Traffic& pay = traffic_.emplace_back(Traffic{.path = "/pay", .rate = 96});
  Traffic& browse = traffic_.emplace_back(Traffic{.path = "/items/17", .rate = 100});
  Traffic& suggest = traffic_.emplace_back(Traffic{.path = "/suggest", .rate = 30});
  start(
      "version: 1\n"
      "listeners: [{name: public, address: 10.1.0.1:80}]\n"
      "defaults: {timeouts: {connect: 500ms, response: 2s, idle: 2s, total: 5s}}\n"
      "upstreams: [{name: shop, endpoints: [10.2.0.1:9001, 10.2.0.1:9002], balance: least_request, "
      "adaptive_limit: true}]\n"
      "routes:\n"
      "  - {name: pay, match: {path: /pay}, upstream: shop, priority: critical}\n"
      "  - {name: browse, match: {path: /items/*}, upstream: shop}\n"
      "  - {name: suggest, match: {path: /suggest}, upstream: shop, priority: sheddable}\n",
      {"10.2.0.1:9001", "10.2.0.1:9002"}, {.workers = 4, .queue = 64, .median = milliseconds(25)});
  run_until(seconds(5));
  for (const auto& [times, from] : {std::pair{2.0, seconds(5)}, {5.0, seconds(20)}}) {
    browse.rate = 0.75 * (times * kCapacity - pay.rate);
    suggest.rate = 0.25 * (times * kCapacity - pay.rate);
    run_until(from + seconds(15));
    const Nanos settled = from + seconds(3), to = from + seconds(15) - pay.patience;
    const Count paid = count(pay, settled, to), browsed = count(browse, settled, to),
                suggested = count(suggest, settled, to);
    const double goodput = static_cast<double>(paid.good + browsed.good + suggested.good) /
                           (static_cast<double>((to - settled).count()) / 1e9);
    fmt::print(
        "{:.0f}x: {:.0f} of {:.0f} a second answered well; pay {} of {}, browse {} of {}, suggest "
        "{} of {}\n",
        times, goodput, kCapacity, paid.good, paid.sent, browsed.good, browsed.sent, suggested.good,
        suggested.sent);
    EXPECT_GE(goodput, 0.9 * kCapacity);
    EXPECT_LE(goodput, 1.01 * kCapacity);  // else the service is not what it says it is
    EXPECT_GE(paid.share(), 0.99);
    EXPECT_LE(suggested.share(), browsed.share());
  }
}

// S8 of the catalogue: at half of its capacity (2 x 2 workers, 51 ms on average: 78 a second) a
// service is a quarter as fast for 20 s. Clients wait 1.2 s, a full queue takes 1.6 s, and each who
// is not answered asks four more times.
class RetryStorm : public Overload {
 protected:
  // What is answered well in the last ten seconds of the first minute after the cause is over.
  Count a_minute_later(std::string_view admission) {
    Traffic& pay = traffic_.emplace_back(Traffic{.path = "/payments/17",
                                                 .rate = 38,
                                                 .patience = milliseconds(1200),
                                                 .retries = 4,
                                                 .pause = milliseconds(200)});
    start(fmt::format(
              "version: 1\n"
              "listeners: [{{name: public, address: 10.1.0.1:80}}]\n"
              "defaults: {{timeouts: {{connect: 250ms, response: 3s, idle: 10s, total: 15s}}}}\n"
              "upstreams: [{{name: payments, endpoints: [10.2.0.1:9001, 10.2.0.1:9002]{}}}]\n"
              "routes: [{{name: payments, upstream: payments}}]\n",
              admission),
          {"10.2.0.1:9001", "10.2.0.1:9002"},
          {.workers = 2, .queue = 64, .median = milliseconds(40), .sigma = 0.7});
    run_until(seconds(5));
    EXPECT_GE(count(pay, seconds(1), seconds(4)).share(), 0.99);
    for (Service& service : services_) service.options.slowdown = 4;
    run_until(seconds(25));
    for (Service& service : services_) service.options.slowdown = 1;
    run_until(seconds(87));
    const Count after = count(pay, seconds(75), seconds(85));
    fmt::print("{} a second in {} attempts, answered well {:.1f} %: {} of {}\n", after.sent / 10,
               after.attempts / 10, 100 * after.share(), after.good, after.sent);
    return after;
  }
};

TEST_P(RetryStorm, EndsByItselfWithinAMinuteOfItsCauseWhereAnAdaptiveLimitStandsBefore) {
  EXPECT_GE(a_minute_later(", adaptive_limit: {min: 4}").share(), 0.99);
}

TEST_P(RetryStorm, FeedsItselfAsLongAsItIsLetIn) {
  const Count after = a_minute_later(", ejection: false");   // which ends some storms: an endpoint without requests empties its queue
  EXPECT_GE(after.attempts, 1500u);   // 190 a second, less what chance takes
  EXPECT_EQ(after.good, 0u);
}

// Control has said how many connections fit, and is late to count. The last place goes while each worker waits for somebody to
// connect, so one more may come to each.
TEST(SilentCrowd, IsAcceptedUntilNoMoreFitsThoughControlHasNotCounted) {
  Stage stage(plain_policy(), {}, 1, 2);
  stage.gateway.use(proxy::ProcessLoad{.most_connections = 20});
  const auto taken = [&] { return stage.gateway.worker(0).connections() + stage.gateway.worker(1).connections(); };
  std::size_t leave = 0, number = 0;
  for (int i = 0; i < 60; ++i) {
    stage.client([&](Peer&) -> io::Task<> {
      const std::size_t own = number++;
      while (own >= leave) (void)co_await stage.client_loop().sleep_for(milliseconds(1));
    });
  }
  stage.wait(milliseconds(500));
  EXPECT_GE(taken(), 20u);
  EXPECT_LE(taken(), 22u);
  leave = 40;
  stage.wait(milliseconds(500));
  EXPECT_EQ(taken(), 20u) << "who waited in the backlog comes in for who left";
  leave = 60;
  EXPECT_TRUE(stage.run());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Overload, testing::Range<std::uint64_t>(1, 5));
INSTANTIATE_TEST_SUITE_P(Seeds, RetryStorm, testing::Range<std::uint64_t>(1, 5));

}  // namespace
}  // namespace weir::simulated
