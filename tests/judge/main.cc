// weir_judge: brings changes out before the judge, harmless ones and harmful ones, and counts how it answers.
//   weir_judge [--benign N] [--harmful N] [--slight N] [--from SEED] [--all]     --all: a line for each change
// Exit code 1 when a harmless change was rolled back, or more than 2 in 100 harmful ones were not stopped within the hour.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/core.h"
#include "run.h"

namespace {

using judged::Result;
using namespace weir::rollout;

struct Tally {
  std::uint64_t runs = 0, stopped = 0, held = 0, compared = 0;
  std::map<std::string, std::uint64_t> where;
  std::vector<double> after, hurt;
};

std::string stage_text(const Stage& stage) {
  switch (stage.kind) {
    case Stage::Kind::before: return "before";
    case Stage::Kind::shadow: return "shadow";
    case Stage::Kind::canary: return fmt::format("{:.0f} %", stage.share * 100);
    case Stage::Kind::watch: return "watch";
    case Stage::Kind::compare: return "comparison";
  }
  return "";
}

std::string failure_text(const Failure& failure) {
  return std::string(failure.kind == Failure::Kind::guard ? to_string(failure.guard) : to_string(failure.kind)) + " in " + stage_text(failure.stage);
}

void print(std::uint64_t seed, const Result& result) {
  fmt::print("{:6} {:34} ", seed, result.change);
  if (result.failure) fmt::print("stopped by {} after {:.0f} s, {} hurt", failure_text(*result.failure), result.failed_after, result.hurt);
  else fmt::print("not stopped, {} hurt of {}", result.hurt, result.known);
  if (result.held > 0) {
    fmt::print(", held {:.0f} s for", result.held);
    for (const Missing& missing : result.held_for) fmt::print(" {} ({:.4g} of {:.4g})", to_string(missing.kind), missing.has, missing.needs);
  }
  if (result.comparisons > 0) fmt::print(", {} compared", result.comparisons);
  fmt::print("   evidence");
  for (std::size_t i = 0; i < kGuards; ++i) fmt::print(" {:.1f}", result.last.guards[i].log_highest / std::log(10));
  fmt::print("\n");
  std::fflush(stdout);
}

double quantile(std::vector<double> of, double q) {
  if (of.empty()) return 0;
  std::ranges::sort(of);
  return of[static_cast<std::size_t>(q * static_cast<double>(of.size() - 1))];
}

void count(Tally& tally, const Result& result) {
  ++tally.runs;
  tally.held += result.held > 0 ? 1 : 0;
  tally.compared += result.comparisons > 0 ? 1 : 0;
  if (!result.failure) return;
  ++tally.stopped;
  ++tally.where[failure_text(*result.failure)];
  tally.after.push_back(result.failed_after);
  tally.hurt.push_back(static_cast<double>(result.hurt));
}

void print(const std::map<std::string, Tally>& tallies) {
  for (const auto& [name, tally] : tallies) {
    fmt::print("  {:34} {:4} of {:4} stopped, held {:3}, compared {:3}", name, tally.stopped, tally.runs, tally.held, tally.compared);
    if (tally.stopped > 0) fmt::print("; after s: median {:.0f}, most {:.0f}; hurt: median {:.0f}, most {:.0f};", quantile(tally.after, .5), quantile(tally.after, 1), quantile(tally.hurt, .5), quantile(tally.hurt, 1));
    for (const auto& [where, n] : tally.where) fmt::print(" {} {}", where, n);
    fmt::print("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string_view, std::uint64_t> given = {{"--benign", 600}, {"--harmful", 600}, {"--slight", 0}, {"--from", 1}, {"--all", 0}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--all") {
      given[name] = 1;
      continue;
    }
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), given[name]);
    if (error != std::errc() || given.size() != 5) return fmt::print(stderr, "weir_judge [--benign N] [--harmful N] [--slight N] [--from SEED] [--all]\n"), 2;
  }
  std::map<std::string, Tally> benign, harmful, slight;
  std::uint64_t rolled_back = 0, missed = 0;
  const std::uint64_t from = given["--from"];
  for (std::uint64_t seed = from; seed < from + given["--benign"]; ++seed) {
    const judged::Change change = judged::benign(seed);
    const Result result = judged::run({.seed = seed, .weather = change.weather}, change);
    rolled_back += result.failure ? 1 : 0;
    count(benign[change.name], result);
    if (result.failure || given["--all"] != 0) print(seed, result);
  }
  for (std::uint64_t seed = from; seed < from + given["--harmful"]; ++seed) {
    const judged::Setting setting{.seed = seed};
    const judged::Change change = judged::harmful(seed, judged::World(setting));
    const Result result = judged::run(setting, change);
    missed += result.failure ? 0 : 1;
    count(harmful[change.name], result);
    if (!result.failure || given["--all"] != 0) print(seed, result);
  }
  for (std::uint64_t seed = from; seed < from + given["--slight"]; ++seed) {
    const judged::Change change = judged::slight(seed);
    const Result result = judged::run({.seed = seed, .weather = change.weather}, change);
    count(slight[change.name], result);
    if (given["--all"] != 0) print(seed, result);
  }
  fmt::print("harmless: {} of {} rolled back\n", rolled_back, given["--benign"]);
  print(benign);
  fmt::print("harmful: {} of {} stopped within the hour\n", given["--harmful"] - missed, given["--harmful"]);
  print(harmful);
  if (!slight.empty()) fmt::print("in between, neither wanted nor unwanted\n");
  print(slight);
  return rolled_back > 0 || missed * 50 > given["--harmful"] ? 1 : 0;
}
