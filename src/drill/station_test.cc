#include "drill/station.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace weir::drill {
namespace {

using namespace std::chrono_literals;

Stamp at(Nanos time) { return Stamp(time); }

struct Bench {  // a station whose jobs all take as long
  Station station;
  Nanos each = 10ms;
  Station::Service service = [this](Station::Job) { return each; };

  bool arrive(Nanos now, Station::Job job) {
    advance(now);
    return station.arrive(at(now), job, service);
  }
  std::vector<Station::Job> advance(Nanos now) {
    std::vector<Station::Job> finished;
    station.advance(at(now), service, finished);
    return finished;
  }
};

TEST(Station, FirstComeFirstServed) {
  Bench bench{.station = Station(1, 2)};
  EXPECT_TRUE(bench.arrive(0ms, 1));
  EXPECT_TRUE(bench.arrive(1ms, 2));
  EXPECT_TRUE(bench.arrive(2ms, 3));
  EXPECT_FALSE(bench.arrive(3ms, 4));  // one worked on, two waiting
  EXPECT_EQ(bench.station.next(), at(10ms));
  EXPECT_TRUE(bench.advance(9ms).empty());
  EXPECT_EQ(bench.advance(10ms), (std::vector<Station::Job>{1}));
  EXPECT_TRUE(bench.arrive(11ms, 5));
  EXPECT_EQ(bench.advance(40ms), (std::vector<Station::Job>{2, 3, 5}));  // at 20, 30 and 40 ms
  EXPECT_EQ(bench.station.next(), Stamp::max());
}

// Looked at once a second it does as much as looked at all the time: 100 jobs of 10 ms on one
// worker are done after 1 s.
TEST(Station, ALateLookCostsNoCapacity) {
  Bench bench{.station = Station(1, 1000)};
  for (Station::Job job = 0; job < 100; ++job) bench.station.arrive(at(0ms), job, bench.service);
  EXPECT_EQ(bench.advance(995ms).size(), 99u);
  EXPECT_EQ(bench.advance(1000ms).size(), 1u);
}

// Two workers, 10 ms each: 200 a second and no more, whatever comes.
TEST(Station, CapacityIsWorkersByServiceTime) {
  Bench bench{.station = Station(2, 8)};
  std::size_t done = 0, refused = 0;
  for (int i = 0; i < 1000; ++i) {  // 1,000 in a second, one a millisecond
    done += bench.advance(i * 1ms).size();
    if (!bench.station.arrive(at(i * 1ms), static_cast<Station::Job>(i), bench.service)) ++refused;
  }
  done += bench.advance(1000ms).size();
  EXPECT_NEAR(static_cast<double>(done), 200, 3);
  EXPECT_EQ(done + refused + bench.station.busy() + bench.station.waiting(), 1000u);
}

TEST(Station, WhoWaitsFeelsASlowdownAndASecondWorker) {
  Bench bench{.station = Station(1, 10)};
  for (Station::Job job = 1; job <= 4; ++job) bench.arrive(0ms, job);
  bench.each = 40ms;                          // from the second on
  EXPECT_EQ(bench.advance(49ms).size(), 1u);  // 10 ms
  EXPECT_EQ(bench.advance(50ms).size(), 1u);  // 10 + 40
  bench.station.resize(2, 10);
  bench.advance(60ms);  // the fourth begins now, on the new worker
  EXPECT_EQ(bench.advance(90ms), (std::vector<Station::Job>{3}));
  EXPECT_EQ(bench.advance(100ms), (std::vector<Station::Job>{4}));
}

TEST(Station, AShorterQueueKeepsWhoIsInIt) {
  Bench bench{.station = Station(1, 4)};
  for (Station::Job job = 1; job <= 5; ++job) EXPECT_TRUE(bench.arrive(0ms, job));
  bench.station.resize(1, 0);
  EXPECT_FALSE(bench.arrive(1ms, 6));
  EXPECT_EQ(bench.advance(50ms).size(), 5u);
  EXPECT_TRUE(bench.arrive(51ms, 7));
}

}  // namespace
}  // namespace weir::drill
