#include "drill/lane.h"

#include <algorithm>
#include <cmath>

namespace weir::drill {
namespace {

// A rate lets through what it allows in this time, at least a byte.
constexpr std::uint64_t kSlicesPerSecond = 50;
constexpr Nanos kSliceTime = Nanos(std::chrono::seconds(1)) / kSlicesPerSecond;
constexpr double kFarthest = 1e18;

}  // namespace

Lane::Entry Lane::entered(Stamp now) {
  const double u =
      chance_.unit(Draw::jitter, connection_, static_cast<std::uint64_t>(way_), entries_++);
  return {.came = now, .off = 2 * u - 1};
}

Stamp Lane::leaves(const Entry& entry, const Passage& passage) {
  const Nanos jitter(
      static_cast<std::int64_t>(entry.off * static_cast<double>(passage.jitter.count())));
  return entry.came + passage.delay + jitter;
}

void Lane::passed(const Slice& slice, Stamp now) {
  last_ = std::max(slice.due, now - kSliceTime);
  any_ = true;
}

Lane::Slice Lane::next(Stamp from, std::size_t left, const Passage& passage) const {
  Slice slice{.size = left, .due = from};
  if (passage.drop) {
    slice.size = std::min<std::size_t>(slice.size, passage.drop->count);
    if (any_) slice.due = std::max(slice.due, last_ + passage.every);
  }
  if (passage.rate) {
    const std::uint64_t rate = passage.rate->count;
    slice.size =
        std::min<std::size_t>(slice.size, std::max<std::uint64_t>(1, rate / kSlicesPerSecond));
    const Nanos takes(static_cast<std::int64_t>(static_cast<double>(slice.size) * 1e9 /
                                                static_cast<double>(rate)));
    slice.due = std::max(slice.due, std::max(from, last_) + takes);
  }
  return slice;
}

void Lane::draw_gap(double probability) {
  probability_ = probability;
  const double u =
      chance_.unit(Draw::corrupt, connection_, static_cast<std::uint64_t>(way_), gaps_++);
  gap_ =
      probability >= 1
          ? 0
          : static_cast<std::uint64_t>(std::min(kFarthest, std::log(u) / std::log1p(-probability)));
}

void Lane::corrupt(std::span<char> bytes, const Passage& passage) {
  if (passage.corrupt <= 0) return;
  if (passage.corrupt != probability_) draw_gap(passage.corrupt);
  std::size_t at = 0;
  while (bytes.size() - at > gap_) {
    at += gap_;
    bytes[at] = static_cast<char>(
        bytes[at] ^ (1 << (gaps_ % 7)));  // one of the seven lower bits: text stays text
    ++at;
    ++changed_;
    draw_gap(passage.corrupt);
  }
  gap_ -= bytes.size() - at;
}

}  // namespace weir::drill
