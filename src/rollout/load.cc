#include "rollout/load.h"

#include <tuple>

namespace weir::rollout {
namespace {

std::size_t step(double fill) { return static_cast<std::size_t>(std::clamp(fill, 0.0, 1.0) * (Fill::kSteps - 1)); }

double quantile(const std::array<std::uint64_t, Fill::kSteps>& counts, std::uint64_t all, double q) {
  const double wanted = q * static_cast<double>(all);
  double seen = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    seen += static_cast<double>(counts[i]);
    if (seen >= wanted) return static_cast<double>(i) / (Fill::kSteps - 1);
  }
  return 1;
}

}  // namespace

Load::Count* Load::of(NameId endpoint) {
  if (!endpoint.valid()) return nullptr;
  if (const auto found = places_.find(endpoint.value); found != places_.end()) return &counts_[found->second];
  if (counts_.size() >= kMost) return nullptr;
  places_.emplace(endpoint.value, counts_.size());
  return &counts_.emplace_back(Count{.shown = {.name = endpoint}});
}

void Load::restart(Stamp now) {
  for (Count& count : counts_) count.picked = count.picked_by_control = count.carried = count.bad = 0;
  began_ = now;
  two_ = false;
}

void Load::add(const Event& event) {
  if (event.judged_by_both) {
    two_ = true;
    if (Count* const count = of(event.candidate.endpoint)) ++count->picked;
    if (Count* const count = of(event.control.endpoint)) ++count->picked_by_control;
  }
  if (Count* const count = of(event.enforced().endpoint)) {
    ++count->carried;
    count->bad += event.bad ? 1 : 0;
  }
}

void Load::close(Stamp now) {
  if (now - began_ < kMinute) return;
  const double seconds = std::chrono::duration<double>(now - began_).count();
  for (Count& count : counts_) {
    if (count.bad * 100 <= count.carried)
      count.shown.sustained_per_s = std::max(count.shown.sustained_per_s, static_cast<double>(count.carried) / seconds);
    if (!two_) continue;
    count.shown.picks_per_s = static_cast<double>(count.picked) / seconds;
    count.shown.control_per_s = static_cast<double>(count.picked_by_control) / seconds;
  }
  restart(now);
}

std::vector<Load::Endpoint> Load::unproven() const {
  std::vector<Endpoint> out;
  for (const Count& count : counts_)
    if (count.shown.unproven()) out.push_back(count.shown);
  std::ranges::sort(out, {}, [](const Endpoint& of) { return std::tuple(of.sustained_per_s > 0, -of.ratio(), of.name); });
  return out;
}

double Load::crowded() const {
  std::uint64_t bad = 0, all = 0;
  for (const Count& count : counts_) {
    all += count.bad;
    if (count.crowded()) bad += count.bad;
  }
  return all == 0 ? 0 : static_cast<double>(bad) / static_cast<double>(all);
}

const Load::Endpoint* Load::hottest() const {
  const Endpoint* out = nullptr;
  for (const Count& count : counts_)
    if (count.shown.ratio() > (out == nullptr ? 0 : out->ratio())) out = &count.shown;
  return out;
}

void Fill::add(NameId limit, double candidate, double control) {
  auto found = places_.find(limit.value);
  if (found == places_.end()) {
    if (counts_.size() >= kMost) return;
    found = places_.emplace(limit.value, counts_.size()).first;
    counts_.push_back({.limit = limit});
  }
  Counts& counts = counts_[found->second];
  ++counts.all;
  ++counts.candidate[step(candidate)];
  ++counts.control[step(control)];
}

std::vector<Fill::Reading> Fill::readings() const {
  std::vector<Reading> out;
  for (const Counts& counts : counts_) {
    if (counts.all < kEnough) continue;
    out.push_back({.limit = counts.limit, .candidate = quantile(counts.candidate, counts.all, 0.999),
                   .control = quantile(counts.control, counts.all, 0.999)});
  }
  std::ranges::sort(out, {}, [](const Reading& of) { return std::tuple(-of.candidate, of.limit); });
  return out;
}

}  // namespace weir::rollout
