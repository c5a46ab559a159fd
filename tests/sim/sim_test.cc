// A fixed set of seeds of the simulation (run.h), and that a seed is a run. The long set is `./dev sim --seeds 2000`.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "run.h"

namespace weir::simulated {
namespace {

TEST(Simulation, NothingIsFoundInAFixedSetOfRuns) {
  std::size_t exchanges = 0, second = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const RunResult result = simulate({.seed = seed, .trace = {}});
    exchanges += result.exchanges;
    second += result.second;
    for (const std::string& finding : result.findings) {
      ADD_FAILURE() << finding << "\n(" << result.weather << ")\n./dev sim --seed " << seed << " --trace";
    }
  }
  EXPECT_GT(exchanges, 5000u);
  EXPECT_GT(second, 1000u);   // two policies decided them
}

// What is not enforced is seen by nobody: neither a byte nor a moment of the run is another one for it.
TEST(Simulation, APolicyThatIsNeverEnforcedChangesNothing) {
  std::size_t decided = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const RunResult beside = simulate({.seed = seed, .second = Second::never_enforced, .trace = {}});
    const RunResult alone = simulate({.seed = seed, .second = Second::none, .trace = {}});
    EXPECT_EQ(beside.hash, alone.hash) << "seed " << seed;
    EXPECT_EQ(beside.causes, alone.causes) << "seed " << seed;
    EXPECT_TRUE(beside.findings.empty() && alone.findings.empty()) << "seed " << seed;
    EXPECT_EQ(alone.second, 0u);
    decided += beside.second;
  }
  EXPECT_GT(decided, 300u);
}

TEST(Simulation, TheSameSeedIsTheSameRunEventByEvent) {
  for (const std::uint64_t seed : {3u, 17u, 70u}) {
    const RunResult first = simulate({.seed = seed, .trace = {}});
    const RunResult again = simulate({.seed = seed, .trace = {}});
    EXPECT_EQ(first.hash, again.hash) << "seed " << seed;
    EXPECT_EQ(first.answered, again.answered);
  }
  EXPECT_NE(simulate({.seed = 3, .trace = {}}).hash, simulate({.seed = 4, .trace = {}}).hash);
}

}  // namespace
}  // namespace weir::simulated
