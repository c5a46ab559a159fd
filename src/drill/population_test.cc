#include "drill/population.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace weir::drill {
namespace {

config::Span here() { return {.file = 0, .line = 1, .column = 1, .length = 1}; }

CallersSpec callers(std::uint64_t count, double zipf) {
  CallersSpec spec;
  spec.count = {count, here()};
  if (zipf > 0) spec.zipf = {Factor{zipf}, here()};
  return spec;
}

// 2,000 callers at 240 a second by Zipf 0.9: the first asks 20 times a second (incidents, testbed
// T0).
TEST(Population, TheFirstOfTwoThousandAsksTwentyTimesASecond) {
  const Population population(callers(2000, 0.9), 1);
  EXPECT_NEAR(240 * population.share(0), 20.0, 0.5);
  double sum = 0;
  for (std::size_t i = 0; i < population.size(); ++i) sum += population.share(i);
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_NEAR(population.share(9) / population.share(0), std::pow(10.0, -0.9), 1e-9);
}

TEST(Population, PicksByShare) {
  const Population population(callers(10, 1), 1);  // 1 + 1/2 + … + 1/10 = 2.92897
  const Chance chance(3);
  std::vector<int> picked(10);
  for (std::uint64_t i = 0; i < 100'000; ++i)
    ++picked[population.pick(chance.unit(Draw::caller, i))];
  EXPECT_NEAR(picked[0], 1e5 / 2.92897, 700);
  EXPECT_NEAR(picked[9], 1e5 / 29.2897, 300);
  EXPECT_EQ(population.pick(1e-12), 0u);
  EXPECT_EQ(population.pick(1 - 1e-12), 9u);
}

TEST(Population, AllAlikeUnlessSaid) {
  const Population population(callers(4, 0), 1);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(population.share(i), 0.25);
}

TEST(Population, NamesKeysAndAddressesAreTheirOwn) {
  CallersSpec spec = callers(2000, 0);
  spec.networks = {600, here()};
  const Population population(spec, 1), again(spec, 1), other(spec, 2);
  std::set<std::string> keys, networks, addresses;
  for (std::size_t i = 0; i < population.size(); ++i) {
    keys.insert(population.key(i));
    const Address address = population.address(i);
    addresses.insert(to_string(address));
    networks.insert(to_string(address.masked(24)));
    EXPECT_EQ(population.key(i), again.key(i));
  }
  EXPECT_EQ(keys.size(), 2000u);
  EXPECT_EQ(networks.size(), 600u);
  EXPECT_EQ(addresses.size(), 2000u);
  EXPECT_NE(population.key(0), other.key(0));
  EXPECT_EQ(population.name(1999), "caller-2000");
}

}  // namespace
}  // namespace weir::drill
