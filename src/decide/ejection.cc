#include "decide/ejection.h"

#include <algorithm>
#include <vector>

namespace weir::decide {
namespace {

constexpr Nanos kNoticeable = std::chrono::milliseconds(5);
constexpr double kWorseThanOthers = 2;

std::int64_t step_of(Stamp now, Nanos step) { return now.time_since_epoch() / std::max(step, Nanos(1)); }

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

double seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

void OutcomeWindow::add(const Outcomes& outcomes, Nanos window, Stamp now) {
  const std::int64_t step = step_of(now, window / kSlots);
  Slot& slot = slots_[static_cast<std::size_t>(step % kSlots)];
  if (slot.step != step) slot = {.step = step, .sum = {}};
  slot.sum.ok += outcomes.ok;
  slot.sum.failed += outcomes.failed;
  slot.sum.latency.merge(outcomes.latency);
}

OutcomeWindow::Sum OutcomeWindow::sum(Nanos window, Stamp now, Stamp since) const {
  const std::int64_t step = step_of(now, window / kSlots);
  const std::int64_t first = std::max(step - kSlots, since == Stamp::min() ? -1 : step_of(since, window / kSlots)) + 1;
  Sum sum;
  for (const Slot& slot : slots_) {
    if (slot.step < first || slot.step < 0 || slot.step > step) continue;
    sum.ok += slot.sum.ok;
    sum.failed += slot.sum.failed;
    sum.latency.merge(slot.sum.latency);
  }
  return sum;
}

std::optional<EjectFinding> find_fault(const Ejection& rules, std::span<const Performance> pool, std::size_t own_place) {
  const Performance& own = pool[own_place];
  std::uint64_t failed = 0, total = 0;
  std::size_t others = 0, in_a_row = 0;
  std::vector<Nanos> medians;
  for (const Performance& other : pool) {
    if (&other == &own || !other.counts) continue;
    failed += other.failed;
    total += other.total();
    ++others;
    if (2 * other.failures_in_a_row >= rules.consecutive_failures) ++in_a_row;
    if (own.ok >= rules.min_requests && other.ok >= rules.min_requests) medians.push_back(other.median);
  }
  const double theirs = share(failed, total);
  if (own.longest_row >= rules.consecutive_failures && theirs < 0.5 && 2 * in_a_row <= others) {
    return EjectFinding{.reason = EjectReason::consecutive, .own = static_cast<double>(own.longest_row), .others = theirs};
  }
  const double ours = share(own.failed, own.total());
  if (own.failed > 0 && own.total() >= rules.min_requests && total >= rules.min_requests &&
      ours >= rules.failure_ratio && ours >= kWorseThanOthers * theirs) {
    return EjectFinding{.reason = EjectReason::ratio, .own = ours, .others = theirs};
  }
  if (medians.empty()) return std::nullopt;
  const auto middle = medians.begin() + static_cast<std::ptrdiff_t>(medians.size() / 2);
  std::ranges::nth_element(medians, middle);
  if (seconds(own.median) >= rules.latency_factor * seconds(*middle) && own.median >= *middle + kNoticeable) {
    return EjectFinding{.reason = EjectReason::latency, .own = seconds(own.median), .others = seconds(*middle)};
  }
  return std::nullopt;
}

}  // namespace weir::decide
