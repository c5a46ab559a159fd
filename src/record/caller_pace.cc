#include "record/caller_pace.h"

#include <algorithm>
#include <array>
#include <bit>

namespace weir::record {
namespace {

constexpr std::int64_t kDaySeconds = 86400;
constexpr std::uint32_t kExact = 16;     // counts below have a step each, others one of eight in an octave
constexpr int kFirstOctave = 4;
constexpr std::uint8_t kSteps = 16 + 16 * 8;

std::uint8_t step_of(std::uint32_t count) {
  if (count < kExact) return static_cast<std::uint8_t>(count);
  const int octave = std::bit_width(count) - 1;
  const std::uint32_t step = kExact + static_cast<std::uint32_t>(octave - kFirstOctave) * 8 + (count >> (octave - 3) & 7);
  return static_cast<std::uint8_t>(std::min<std::uint32_t>(step, kSteps - 1));
}

// The greatest count of a step.
std::uint32_t top_of(std::uint8_t step) {
  if (step < kExact) return step;
  const int octave = kFirstOctave + (step - static_cast<int>(kExact)) / 8;
  const std::uint32_t eighth = (step - kExact) % 8;
  return std::min(((8 + eighth + 1) << (octave - 3)) - 1, CallerPace::kMost);
}

std::int64_t second_of(WallTime at) { return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count(); }

std::int32_t day_of(std::int64_t second) {
  return static_cast<std::int32_t>(second / kDaySeconds - (second % kDaySeconds < 0 ? 1 : 0));
}

}  // namespace

void CallerPace::add(WallTime at) {
  const std::int64_t second = second_of(at);
  if (open_.size() == kOpen && second < open_.front().second) return;
  open({.second = second, .count = 1});
}

void CallerPace::open(Open one) {
  const auto at = std::ranges::lower_bound(open_, one.second, {}, &Open::second);
  if (at != open_.end() && at->second == one.second) {
    at->count = std::min(at->count + one.count, kMost);
    return;
  }
  open_.insert(at, one);
  if (open_.size() > kOpen) close_oldest();
}

void CallerPace::close_oldest() {
  const Open oldest = open_.front();
  open_.erase(open_.begin());
  if (Day* const of = day(day_of(oldest.second))) add(of->steps, {.step = step_of(oldest.count), .seconds = 1});
}

void CallerPace::add(std::vector<Step>& steps, Step one) {
  const auto at = std::ranges::lower_bound(steps, one.step, {}, &Step::step);
  if (at != steps.end() && at->step == one.step)
    at->seconds += one.seconds;
  else
    steps.insert(at, one);
}

// Null: it is older than all that are kept.
CallerPace::Day* CallerPace::day(std::int32_t day) {
  const auto at = std::ranges::lower_bound(days_, day, {}, &Day::day);
  if (at != days_.end() && at->day == day) return &*at;
  if (days_.size() == kDays) {
    if (at == days_.begin()) return nullptr;
    days_.erase(days_.begin());
    return this->day(day);
  }
  return &*days_.insert(at, {.day = day, .steps = {}});
}

void CallerPace::merge(const CallerPace& other) {
  for (const Day& theirs : other.days_) {
    Day* const mine = day(theirs.day);
    if (mine == nullptr) continue;
    for (const Step& each : theirs.steps) add(mine->steps, each);
  }
  for (const Open& each : other.open_) open(each);
}

std::uint32_t CallerPace::p99(const std::vector<Step>& steps) {
  std::uint64_t all = 0, seen = 0;
  for (const Step& each : steps) all += each.seconds;
  for (const Step& each : steps) {
    seen += each.seconds;
    if (seen * 100 >= all * 99) return top_of(each.step);
  }
  return 0;
}

std::optional<CallerPace::Peak> CallerPace::peak(std::int32_t today) const {
  CallerPace closed = *this;
  while (!closed.open_.empty()) closed.close_oldest();
  std::vector<Step> all;
  std::uint64_t seconds = 0;
  Peak peak;
  for (const Day& day : closed.days_) {
    if (day.day >= today) break;
    for (const Step& each : day.steps) {
      add(all, each);
      seconds += each.seconds;
    }
    ++peak.days;
    if (peak.days < kLeastDays || seconds < kLeastSeconds) continue;
    const std::uint32_t now = p99(all);
    const std::uint64_t most = peak.per_second == 0 ? kMost : peak.per_second * kGrowth;
    peak.per_second = static_cast<std::uint32_t>(std::min<std::uint64_t>(now, most));
  }
  return peak.per_second == 0 ? std::nullopt : std::optional(peak);
}

std::size_t CallerPace::most_bytes() const {
  std::size_t bytes = 32 + open_.size() * 20;
  for (const Day& day : days_) bytes += 20 + day.steps.size() * 11;
  return bytes;
}

void CallerPace::encode(ByteWriter& out) const {
  out.varint(open_.size());
  for (const Open& each : open_) {
    out.varint(zigzag(each.second));
    out.varint(each.count);
  }
  out.varint(days_.size());
  for (const Day& day : days_) {
    out.varint(zigzag(day.day));
    out.varint(day.steps.size());
    for (const Step& each : day.steps) {
      out.byte(each.step);
      out.varint(each.seconds);
    }
  }
}

// Put in as it would have been counted, whatever the bytes say: so the order and the bounds hold.
void CallerPace::decode(ByteReader& in) {
  std::vector<Open> opened;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    const std::int64_t second = unzigzag(in.varint());
    opened.push_back({.second = second, .count = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), kMost))});
    if (opened.size() > kOpen) return in.fail();
  }
  std::uint64_t days = in.varint();
  if (days > kDays) return in.fail();
  for (; days > 0 && in.ok(); --days) {
    Day* const of = day(static_cast<std::int32_t>(unzigzag(in.varint())));
    for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const std::uint8_t step = in.byte();
      const auto seconds = static_cast<std::uint32_t>(in.varint());
      if (step >= kSteps || of == nullptr) return in.fail();
      add(of->steps, {.step = step, .seconds = seconds});
    }
  }
  for (const Open& each : opened) open(each);
}

}  // namespace weir::record
