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

void Paired::add(std::uint64_t key, bool candidate, bool control) {
  const Count one{.requests = 1, .net = (candidate ? 1 : 0) - (control ? 1 : 0)};
  count(now_, key, one);
  count(ever_, key, one);
  ++requests_now_;
}

bool Paired::alone(const Count& count) const {
  return count.net >= static_cast<std::int64_t>(rules_.alone_requests) &&
         static_cast<double>(count.net) >= rules_.alone_share * static_cast<double>(count.requests);
}

void Paired::look_at_window() {
  Counts window = now_;
  for (const auto& [key, count] : before_) window[key] += count;
  reading_.requests = requests_now_ + requests_before_;
  for (const auto& [key, count] : window) {
    if (count.net <= 0) continue;
    const auto net = static_cast<std::uint64_t>(count.net);
    reading_.net += net;
    ++reading_.callers;
    if (net < reading_.worst_net || (net == reading_.worst_net && key > reading_.worst)) continue;
    reading_.worst = key;
    reading_.worst_net = net;
    reading_.worst_of = count.requests;
  }
  const auto net = static_cast<double>(reading_.net), of = static_cast<double>(reading_.requests);
  using Harm = PairedReading::Harm;
  if (reading_.net >= rules_.heavy_requests && net >= rules_.heavy_share * of) reading_.harm = Harm::heavy;
  if (reading_.callers >= rules_.callers && net >= rules_.share * of) reading_.harm = Harm::spread;
  if (reading_.harm == Harm::none) look_for_one(window);
}

void Paired::look_for_one(const Counts& in) {
  for (const auto& [key, count] : in) {
    if (!alone(count)) continue;
    const auto net = static_cast<std::uint64_t>(count.net);
    if (reading_.harm == PairedReading::Harm::alone && (net < reading_.worst_net || (net == reading_.worst_net && key > reading_.worst)))
      continue;
    reading_.harm = PairedReading::Harm::alone;
    reading_.worst = key;
    reading_.worst_net = net;
    reading_.worst_of = count.requests;
  }
}

void Paired::close(Stamp now) {
  reading_ = {};
  look_at_window();
  if (reading_.harm == PairedReading::Harm::none) look_for_one(ever_);
  if (!began_) began_ = now;
  if (now - *began_ < kHalf) return;
  before_ = std::exchange(now_, {});
  requests_before_ = std::exchange(requests_now_, 0);
  began_ = now;
}

}  // namespace weir::rollout
