#include "rollout/paired.h"

#include <utility>

namespace weir::rollout {

std::string_view to_string(PairedReading::Harm harm) {
  constexpr std::array<std::string_view, 4> kNames = {"none", "spread", "heavy", "alone"};
  return kNames[static_cast<std::size_t>(harm)];
}

void Paired::count(Counts& in, std::uint64_t key, const Count& one) {
  if (const auto found = in.find(key); found != in.end()) {
    found->second += one;
  } else if (in.size() < kMost) {
    in.emplace(key, one);
  }
}

Paired::Count Paired::find(const Counts& in, std::uint64_t key) {
  const auto found = in.find(key);
  return found == in.end() ? Count() : found->second;
}

void Paired::add(std::uint64_t key, bool candidate, bool control) {
  const Count one{.requests = 1, .net = (candidate ? 1 : 0) - (control ? 1 : 0)};
  count(now_, key, one);
  count(ever_, key, one);
  ++requests_now_;
  if (one.net != 0 && differ_.size() < kMost) differ_.insert(key);
}

bool Paired::alone(const Count& count) const {
  return count.net >= static_cast<std::int64_t>(rules_.alone_requests) &&
         static_cast<double>(count.net) >= rules_.alone_share * static_cast<double>(count.requests);
}

// Of equal ones the smaller key, so that the order of a table does not matter.
void Paired::take(std::uint64_t key, const Count& count) {
  const auto net = static_cast<std::uint64_t>(count.net);
  if (net < reading_.worst_net || (net == reading_.worst_net && key > reading_.worst)) return;
  reading_.worst = key;
  reading_.worst_net = net;
  reading_.worst_of = count.requests;
}

void Paired::look_at_window() {
  reading_.requests = requests_now_ + requests_before_;
  for (const std::uint64_t key : differ_) {
    Count count = find(now_, key);
    count += find(before_, key);
    if (count.net <= 0) continue;
    reading_.net += static_cast<std::uint64_t>(count.net);
    ++reading_.callers;
    take(key, count);
  }
  const auto net = static_cast<double>(reading_.net), of = static_cast<double>(reading_.requests);
  using Harm = PairedReading::Harm;
  if (reading_.net >= rules_.heavy_requests && net >= rules_.heavy_share * of) reading_.harm = Harm::heavy;
  if (reading_.callers >= rules_.callers && net >= rules_.share * of) reading_.harm = Harm::spread;
}

void Paired::look_for_one() {
  for (const std::uint64_t key : differ_) {
    Count window = find(now_, key);
    window += find(before_, key);
    const Count ever = find(ever_, key);
    if (!alone(window) && !alone(ever)) continue;
    if (reading_.harm == PairedReading::Harm::none) reading_.worst_net = 0;
    reading_.harm = PairedReading::Harm::alone;
    take(key, alone(window) ? window : ever);
  }
}

void Paired::close(Stamp now) {
  reading_ = {};
  look_at_window();
  if (reading_.harm == PairedReading::Harm::none) look_for_one();
  if (!began_) began_ = now;
  if (now - *began_ < kHalf) return;
  before_ = std::exchange(now_, {});
  requests_before_ = std::exchange(requests_now_, 0);
  began_ = now;
}

}  // namespace weir::rollout
