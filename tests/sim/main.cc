// weir_sim: runs the proxy on the simulated network, one run per seed, and checks each (run.h). A run that finds
// something prints it with the line that reproduces it.
//   weir_sim --seeds N [--from SEED]     N runs; exit code 1 when any found something
//   weir_sim --seed S [--trace]          one run, twice for determinism; --trace prints every event
//   weir_sim --pushes N [--from SEED]    N harmless changes and N harmful ones, brought out in stages (pushes.h), a line each; exit code 1
//                                        when a harmless one was taken back, a harmful one was not, or something was found
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fmt/core.h"
#include "pushes.h"
#include "run.h"

namespace {

using weir::simulated::RunResult;

bool number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

int usage() {
  fmt::print(stderr, "weir_sim --seeds N [--from SEED] | --seed S [--trace] | --pushes N [--from SEED]\n");
  return 2;
}

void report(std::uint64_t seed, const RunResult& result) {
  fmt::print("seed {} ({}):\n", seed, result.weather);
  for (const std::string& finding : result.findings) fmt::print("  {}\n", finding);
  fmt::print("  reproduce: ./dev sim --seed {} --trace\n", seed);
}

int one(std::uint64_t seed, bool trace) {
  const RunResult result = weir::simulated::simulate({.seed = seed, .trace = trace ? [](std::string_view line) {
    fmt::print("{}\n", line);
  } : std::function<void(std::string_view)>()});
  const RunResult again = weir::simulated::simulate({.seed = seed, .trace = {}});
  fmt::print("seed {}: {}\n{} exchanges, {} answered ({} by the gateway itself), {} cut, {} unanswered, {:.1f} s simulated, hash {:016x}\n", seed,
             result.weather, result.exchanges, result.answered, result.refused, result.cut, result.unanswered, result.seconds, result.hash);
  if (result.hash != again.hash) fmt::print("NOT DETERMINISTIC: the second run gave {:016x}\n", again.hash);
  if (!result.findings.empty()) report(seed, result);
  return result.findings.empty() && result.hash == again.hash ? 0 : 1;
}

int many(std::uint64_t from, std::uint64_t count) {
  const auto start = std::chrono::steady_clock::now();
  std::size_t failed = 0, exchanges = 0, answered = 0, cut = 0;
  std::map<std::string, std::size_t> causes;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const RunResult result = weir::simulated::simulate({.seed = seed, .trace = {}});
    exchanges += result.exchanges;
    answered += result.answered;
    cut += result.cut;
    for (const auto& [cause, times] : result.causes) causes[cause] += times;
    if (result.findings.empty()) continue;
    ++failed;
    report(seed, result);
    std::fflush(stdout);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  fmt::print("causes:");
  for (const auto& [cause, times] : causes) fmt::print(" {} {}", cause, times);
  fmt::print("\n{} seeds from {}: {} with findings; {} exchanges, {} answered whole, {} cut; {:.1f} s, {:.0f} exchanges a second\n", count, from,
             failed, exchanges, answered, cut, seconds, static_cast<double>(exchanges) / seconds);
  return failed == 0 ? 0 : 1;
}

// Eight in turn are in a hurry; one in thirty has the stages of 300 requests a second.
bool push_one(std::uint64_t seed, const weir::simulated::Push& what) {
  using namespace weir::simulated;
  const bool as_shipped = seed % 30 == 0;
  const PushOptions options{.seed = seed, .fast = !as_shipped && seed / 8 % 2 == 1, .as_shipped = as_shipped};
  const Harm harm = what.harmful ? unjudged(what, options) : Harm{};
  const PushResult result = push(what, options);
  const bool as_wanted = what.harmful ? result.stopped() && harm.is_harmful() : result.status.outcome == weir::rollout::Outcome::settled;
  const bool right = as_wanted && result.findings.empty();
  fmt::print("{:4} {} {:36}{} ", seed, right ? "ok   " : "WRONG", what.name, options.fast ? " fast" : options.as_shipped ? " as shipped" : "");
  fmt::print("{} in {} after {:.0f} s", to_string(result.status.outcome), to_string(result.status.stage), std::chrono::duration<double>(result.took).count());
  if (result.stopped()) fmt::print(" ({}): {}", to_string(result.status.mechanism), result.status.why);
  fmt::print("; hurt {} of {}", result.hurt.hurt, result.hurt.requests);
  if (what.harmful) fmt::print(", {:.3f} % of an hour's", 100 * result.hour_hurt);
  if (what.harmful) fmt::print(", unjudged {:.1f} %, one caller {:.0f} %", 100 * harm.all.share(), 100 * harm.most.share());
  fmt::print("\n");
  for (const std::string& finding : result.findings) fmt::print("       {}\n", finding);
  std::fflush(stdout);
  return right;
}

int pushes(std::uint64_t from, std::uint64_t count) {
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = from; seed < from + count; ++seed) wrong += push_one(seed, weir::simulated::harmful_push(seed)) ? 0 : 1;
  for (std::uint64_t seed = from; seed < from + count; ++seed) wrong += push_one(seed, weir::simulated::benign_push(seed)) ? 0 : 1;
  fmt::print("{} harmless and {} harmful changes from seed {}: {} wrong\n", count, count, from, wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  std::optional<std::uint64_t> seed, seeds, changes;
  std::uint64_t from = 1;
  bool trace = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    std::uint64_t value = 0;
    if (word == "--trace") {
      trace = true;
    } else if (i + 1 < count && number(words[i + 1], value)) {
      ++i;
      if (word == "--seed") seed = value;
      else if (word == "--seeds") seeds = value;
      else if (word == "--from") from = value;
      else if (word == "--pushes") changes = value;
      else return usage();
    } else {
      return usage();
    }
  }
  if (changes) return pushes(from, *changes);
  if (seed && seeds) return many(*seed, *seeds);
  if (seed) return one(*seed, trace);
  return many(from, seeds.value_or(100));
}
