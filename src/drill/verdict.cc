#include "drill/verdict.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "config/cases.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

using config::Amount;

bool fits(const Amount& wanted, std::uint64_t count, std::uint64_t of, config::Share within) {
  if (!wanted.share) return count >= wanted.low && count <= wanted.high;
  const double share = static_cast<double>(count) / static_cast<double>(of) * config::Share::kWhole;
  // A single share may be missed by a little; the ends of a range are meant as they stand.
  const double slack =
      wanted.low == wanted.high && wanted.low != 0 && wanted.low != config::Share::kWhole
          ? static_cast<double>(within.thousandths)
          : 0;
  constexpr double kRounding = 1e-6;
  return share >= static_cast<double>(wanted.low) - slack - kRounding &&
         share <= static_cast<double>(wanted.high) + slack + kRounding;
}

std::string came(const Amount& wanted, std::uint64_t count, std::uint64_t of) {
  const std::string counts = fmt::format("{} of {}", control::grouped(count), control::grouped(of));
  if (!wanted.share || of == 0) return counts;
  return fmt::format("{:.2f} % ({})", 100 * static_cast<double>(count) / static_cast<double>(of),
                     counts);
}

}  // namespace

std::vector<Judged> judge(const ExpectSpec& expect, const Summary& summary) {
  std::vector<Judged> all;
  const bool any = summary.requests > 0;
  const auto amount = [&](std::string_view what, const Given<Amount>& wanted, std::uint64_t count) {
    all.push_back({.expected = fmt::format("{} {}", what, config::print_amount(wanted.value)),
                   .came = any ? came(wanted.value, count, summary.requests) : "no requests",
                   .at = wanted.at,
                   .met = any && fits(wanted.value, count, summary.requests, expect.within.value)});
  };
  const auto time = [&](std::string_view what, const Given<TimeRange>& wanted, double q) {
    if (!wanted.given()) return;
    const Nanos value = summary.took.quantile(q);
    all.push_back(
        {.expected = fmt::format("{} {}", what, print_time_range(wanted.value)),
         .came = any ? control::milliseconds_text(static_cast<double>(value.count()) / 1e6)
                     : "no requests",
         .at = wanted.at,
         .met = any && value >= wanted.value.low && value <= wanted.value.high});
  };
  if (expect.requests.given()) {
    const Amount& wanted = expect.requests.value;
    all.push_back({.expected = "requests " + config::print_amount(wanted),
                   .came = control::grouped(summary.requests),
                   .at = expect.requests.at,
                   .met = summary.requests >= wanted.low && summary.requests <= wanted.high});
  }
  if (expect.good.given()) amount("good", expect.good, summary.good);
  for (const auto& [word, wanted] : expect.outcomes.value.entries) {
    const auto found = summary.outcomes.find(word.value.text);
    amount(word.value.text, wanted, found == summary.outcomes.end() ? 0 : found->second);
  }
  time("p50", expect.p50, 0.5);
  time("p99", expect.p99, 0.99);
  return all;
}

}  // namespace weir::drill
