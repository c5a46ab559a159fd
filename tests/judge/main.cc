// weir_judge: brings changes out before the judge, harmless ones and harmful ones, and counts how it answers.
//   weir_judge [--benign N] [--harmful N] [--slight N] [--from SEED] [--rate PER_S] [--callers N] [--hold] [--all]
//     --rate, --callers   of the traffic: 300 a second, 2,000
//     --hold              what is held for max_hold is given up, as is the default; else it is promoted watched
//     --all               a line for each change
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
  std::uint64_t runs = 0, stopped = 0, held = 0, given_up = 0, unproven = 0, compared = 0;
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
  if (result.unproven) fmt::print(", unproven");
  if (result.ended_held) fmt::print(", given up");
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
  tally.given_up += result.ended_held ? 1 : 0;
  tally.unproven += result.unproven ? 1 : 0;
  tally.compared += result.comparisons > 0 ? 1 : 0;
  if (!result.failure) return;
  ++tally.stopped;
  ++tally.where[failure_text(*result.failure)];
  tally.after.push_back(result.failed_after);
  tally.hurt.push_back(static_cast<double>(result.hurt));
}

void print(const std::map<std::string, Tally>& tallies) {
  for (const auto& [name, tally] : tallies) {
    fmt::print("  {:34} {:4} of {:4} stopped, held {:3}, given up {:3}, unproven {:3}, compared {:3}", name, tally.stopped, tally.runs, tally.held, tally.given_up, tally.unproven, tally.compared);
    if (tally.stopped > 0) fmt::print("; after s: median {:.0f}, most {:.0f}; hurt: median {:.0f}, most {:.0f};", quantile(tally.after, .5), quantile(tally.after, 1), quantile(tally.hurt, .5), quantile(tally.hurt, 1));
    for (const auto& [where, n] : tally.where) fmt::print(" {} {}", where, n);
    fmt::print("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string_view, std::uint64_t> given = {{"--benign", 600}, {"--harmful", 600}, {"--slight", 0}, {"--from", 1}, {"--rate", 300}, {"--callers", 2000}, {"--hold", 0}, {"--all", 0}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--all" || name == "--hold") {
      given[name] = 1;
      continue;
    }
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), given[name]);
    if (error != std::errc() || given.size() != 8) return fmt::print(stderr, "weir_judge [--benign N] [--harmful N] [--slight N] [--from SEED] [--rate PER_S] [--callers N] [--hold] [--all]\n"), 2;
  }
  std::map<std::string, Tally> benign, harmful, slight;
  std::uint64_t rolled_back = 0, missed = 0;
  const std::uint64_t from = given["--from"];
  const judged::Options options{.promote_watched = given["--hold"] == 0};
  const auto setting_of = [&](std::uint64_t seed, const judged::Weather& weather) {
    return judged::Setting{.seed = seed, .callers = given["--callers"], .requests_per_s = static_cast<double>(given["--rate"]), .weather = weather};
  };
  for (std::uint64_t seed = from; seed < from + given["--benign"]; ++seed) {
    const judged::Change change = judged::benign(seed);
    const Result result = judged::run(setting_of(seed, change.weather), change, options);
    rolled_back += result.failure ? 1 : 0;
    count(benign[change.name], result);
    if (result.failure || given["--all"] != 0) print(seed, result);
  }
  for (std::uint64_t seed = from; seed < from + given["--harmful"]; ++seed) {
    const judged::Setting setting = setting_of(seed, {});
    const judged::Change change = judged::harmful(seed, judged::World(setting));
    const Result result = judged::run(setting, change, options);
    missed += result.failure ? 0 : 1;
    count(harmful[change.name], result);
    if (!result.failure || given["--all"] != 0) print(seed, result);
  }
  for (std::uint64_t seed = from; seed < from + given["--slight"]; ++seed) {
    const judged::Change change = judged::slight(seed);
    const Result result = judged::run(setting_of(seed, change.weather), change, options);
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
