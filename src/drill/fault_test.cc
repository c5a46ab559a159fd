#include "drill/fault.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

namespace weir::drill {
namespace {

using namespace std::chrono_literals;

std::vector<Fault> faults(std::initializer_list<const char*> texts) {
  std::vector<Fault> made;
  for (const char* text : texts) {
    auto fault = read_fault(text);
    EXPECT_TRUE(fault) << text << (fault ? "" : fault.error().message);
    made.push_back(*fault);
  }
  return made;
}

TEST(Fault, IsReadAsItIsPrinted) {
  for (const char* text :
       {"delay 200ms", "delay 200ms jitter 50ms", "delay 1s jitter 1s down on 12.5%",
        "rate 10KiB/s", "rate 1B/s up", "trickle 1B every 100ms", "trickle 16B every 1s down",
        "corrupt 0.1%", "corrupt 100% up", "reset", "reset on 5%", "reset after 1KiB on 5%",
        "half-open", "half-open after 512B on 0.5%", "blackhole"}) {
    const auto fault = read_fault(text);
    ASSERT_TRUE(fault) << text << ": " << fault.error().message;
    EXPECT_EQ(print_fault(*fault), text);
  }
  EXPECT_EQ(print_fault(*read_fault("delay  200ms on 5% down jitter 10ms")),
            "delay 200ms jitter 10ms down on 5%");
}

TEST(Fault, AMistakeIsNamedWithWhatToWriteInstead) {
  const auto said = [](const char* text) {
    const auto fault = read_fault(text);
    EXPECT_FALSE(fault) << text;
    return fault ? std::string() : fault.error().message + " | " + fault.error().remedy;
  };
  EXPECT_NE(said("dely 200ms").find("did you mean delay?"), std::string::npos);
  EXPECT_NE(said("delay").find("is not a time"), std::string::npos);
  EXPECT_NE(said("delay 0").find("takes no time"), std::string::npos);
  EXPECT_NE(said("delay 10ms jitter 20ms").find("greater than the delay"), std::string::npos);
  EXPECT_NE(said("blackhole down").find("\"down\" has no place there"), std::string::npos);
  EXPECT_NE(said("blackhole on 5%").find("no place"), std::string::npos);
  EXPECT_NE(said("reset up").find("no place"), std::string::npos);
  EXPECT_NE(said("rate 10KiB").find("/s"), std::string::npos);
  EXPECT_NE(said("trickle 1B 100ms").find("how often"), std::string::npos);
  for (const char* text : {"", "reset after", "reset on", "reset on 5", "corrupt 101%", "rate 0B/s",
                           "delay 2h", "delay 1ms 2ms"})
    said(text);
}

TEST(Fault, DirectionAndOrderDecideWhatATurnMeets) {
  const Chance chance(1);
  const Ordeal met = ordeal(
      faults({"delay 100ms", "delay 300ms down", "rate 1KiB/s up", "trickle 1B every 5ms down",
              "corrupt 50% up", "reset after 2KiB", "half-open"}),
      chance, 1, 1);
  EXPECT_EQ(met.up.delay, 100ms);
  EXPECT_EQ(met.down.delay, 300ms);
  EXPECT_EQ(met.up.rate->count, 1024u);
  EXPECT_FALSE(met.down.rate);
  EXPECT_FALSE(met.up.drop);
  EXPECT_EQ(met.down.drop->count, 1u);
  EXPECT_EQ(met.down.every, 5ms);
  EXPECT_EQ(met.up.corrupt, 0.5);
  EXPECT_EQ(met.down.corrupt, 0);
  EXPECT_EQ(met.reset_after, 2048u);
  EXPECT_EQ(met.silent_after, 0u);
}

// Of n turns a share p is hit, give or take 4 sqrt(p (1 - p) n); with another seed they are others.
TEST(Fault, AShareOfTheTurnsIsHitWhicheverWayTheyAreSpread) {
  const auto list = faults({"reset on 5%"});
  const double deviation = 4 * std::sqrt(0.05 * 0.95 * 20'000);
  std::vector<bool> first, again, other;
  for (const std::uint64_t turns : {1, 200}) {  // one turn a connection, and many
    std::size_t hit = 0;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const bool reset = ordeal(list, Chance(1), i / turns, i % turns).reset_after.has_value();
      hit += reset;
      first.push_back(reset);
      again.push_back(ordeal(list, Chance(1), i / turns, i % turns).reset_after.has_value());
      other.push_back(ordeal(list, Chance(2), i / turns, i % turns).reset_after.has_value());
    }
    EXPECT_NEAR(static_cast<double>(hit), 1000, deviation);
  }
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

TEST(Fault, ZeroPercentNeverHitsAndAllAlwaysDoes) {
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(ordeal(faults({"reset on 0%"}), Chance(3), i, 0).reset_after);
    EXPECT_TRUE(ordeal(faults({"reset"}), Chance(3), i, 0).reset_after);
  }
}

TEST(Fault, ABlackholeIsForAll) {
  EXPECT_TRUE(has_blackhole(faults({"delay 1ms", "blackhole"})));
  EXPECT_FALSE(has_blackhole(faults({"delay 1ms"})));
}

}  // namespace
}  // namespace weir::drill
