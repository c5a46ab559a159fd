#include "rollout/evidence.h"

#include <algorithm>
#include <limits>

namespace weir::rollout {
double log_mean_exp(std::span<const double> logs) {
  if (logs.empty()) return -std::numeric_limits<double>::infinity();
  const double most = std::ranges::max(logs);
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - most);
  return most + std::log(sum / static_cast<double>(logs.size()));
}

void SideBySide::add(const Arms& at_risk, const Arms& newly_bad) {
  if (at_risk.control <= 0 || at_risk.candidate <= 0 || newly_bad.sum() <= 0) return;
  const double share = at_risk.candidate / at_risk.sum();
  for (std::size_t i = 0; i < kRatios.size(); ++i)
    logs_[i] += newly_bad.candidate * std::log(kRatios[i]) - newly_bad.sum() * std::log1p((kRatios[i] - 1) * share);
}

void BeforeAfter::add(double usual, double at_risk, double newly_bad) {
  for (std::size_t i = 0; i < kRatios.size(); ++i)
    logs_[i] += newly_bad * std::log(kRatios[i]) - (kRatios[i] - 1) * usual * at_risk;
}

double poisson_upper(double seen) {
  const double n = seen + 1;
  return n * std::pow(1 - 1 / (9 * n) + kZ / (3 * std::sqrt(n)), 3);
}

double poisson_lower(double seen) {
  if (seen <= 0) return 0;
  return seen * std::pow(std::max(0.0, 1 - 1 / (9 * seen) - kZ / (3 * std::sqrt(seen))), 3);
}

double extra_upper(const Arms& at_risk, const Arms& newly_bad) {
  if (at_risk.control <= 0 || at_risk.candidate <= 0) return 1;
  const double share = std::min(1.0, (newly_bad.sum() + 1) / at_risk.sum());
  const double apart = newly_bad.candidate / at_risk.candidate - newly_bad.control / at_risk.control;
  return std::min(1.0, apart + kZ * std::sqrt(share * (1 - share) * (1 / at_risk.candidate + 1 / at_risk.control)));
}

}  // namespace weir::rollout
