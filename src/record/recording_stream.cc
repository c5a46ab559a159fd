#include "record/recording_stream.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

namespace weir::record {

RecordingStream::RecordingStream(const std::vector<SegmentStart>& segments, Options options)
    : options_(options) {
  std::vector<std::size_t> order(segments.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto run_of = [&](std::size_t i) { return std::pair(segments[i].wall, segments[i].stamp); };
  std::ranges::sort(order, {},
                    [&](std::size_t i) { return std::tuple(run_of(i), segments[i].number, i); });
  for (std::size_t at = 0; at < order.size(); ++at) {
    if (at == 0 || run_of(order[at]) != run_of(order[at - 1])) {
      runs_.emplace_back().horizon =
          stamp_from_nanos(segments[order[at]].wall.time_since_epoch().count());
    }
    runs_.back().segments.push_back(order[at]);
  }
  set_horizon();
}

bool RecordingStream::later(const std::unique_ptr<Held>& a, const std::unique_ptr<Held>& b) {
  return before_in_replay(b->head(), a->head());
}

RecordingStream::Next RecordingStream::next() {
  if (arrival_ != nullptr) pass_on();
  for (;;) {
    if (!held_.empty()) {
      const bool due = held_.front()->head().stamp < horizon_;
      if (due || held_count_ > options_.held) {
        if (!due) ++squeezed_;
        RecordedArrival& first = held_.front()->block.arrivals[held_.front()->at];
        if (first.stamp < last_) {
          ++late_;
          first.stamp = last_;
        }
        last_ = first.stamp;
        arrival_ = &first;
        ++count_;
        return Next::arrival;
      }
    }
    Run* behind = nullptr;
    for (Run& run : runs_) {
      if (!run.ended && (behind == nullptr || run.horizon < behind->horizon)) behind = &run;
    }
    if (behind == nullptr) return Next::end;  // and nothing is held: the horizon is beyond all
    if (!behind->open && behind->next < behind->segments.size()) {
      asking_ = behind;
      wanted_ = behind->segments[behind->next];
      return Next::segment;
    }
    advance(*behind);
  }
}

// The first arrival has been used.
void RecordingStream::pass_on() {
  arrival_ = nullptr;
  --held_count_;
  Held& first = *held_.front();
  if (++first.at < first.block.arrivals.size() && is_first_still()) return;
  std::ranges::pop_heap(held_, later);
  if (first.at < first.block.arrivals.size()) {
    std::ranges::push_heap(held_, later);
    return;
  }
  spare_.push_back(std::move(held_.back()));
  held_.pop_back();
}

// Mostly one block after the other: then the heap stays as it is.
bool RecordingStream::is_first_still() const {
  for (std::size_t child = 1; child <= 2 && child < held_.size(); ++child) {
    if (later(held_.front(), held_[child])) return false;
  }
  return true;
}

void RecordingStream::give(Result<std::string> bytes) {
  Run& run = *std::exchange(asking_, nullptr);
  const std::size_t segment = run.segments[run.next++];
  if (!bytes) {
    left_out_.push_back({.segment = segment, .why = std::move(bytes.error())});
    return;
  }
  const std::uint32_t number = read_++;
  drop_shapes();
  run.open.emplace(segment, number, std::move(*bytes), SegmentReader(recording_, number));
}

// One block more of this run, or on to its next segment, or to its end.
void RecordingStream::advance(Run& run) {
  if (!run.open) {
    run.ended = true;
    set_horizon();
    return;
  }
  if (spare_.empty()) spare_.push_back(std::make_unique<Held>());
  std::unique_ptr<Held> held = std::move(spare_.back());
  spare_.pop_back();
  Open& open = *run.open;
  const auto rest = std::as_bytes(std::span(open.bytes)).subspan(open.reader.taken());
  const auto more = open.reader.next(rest, SegmentReader::Tail::whole, held->block);
  if (!more || !*more) {
    if (!more) left_out_.push_back({.segment = open.segment, .why = more.error()});
    spare_.push_back(std::move(held));
    run.open.reset();
    return;
  }
  held->at = 0;
  held->number = open.number;
  held_count_ += held->block.arrivals.size();
  const Stamp newest = held->block.arrivals.back().stamp;
  if (newest > Stamp::min() + options_.span)
    run.horizon = std::max(run.horizon, newest - options_.span);
  held_.push_back(std::move(held));
  std::ranges::push_heap(held_, later);
  set_horizon();
}

void RecordingStream::set_horizon() {
  horizon_ = Stamp::max();
  for (const Run& run : runs_) {
    if (!run.ended) horizon_ = std::min(horizon_, run.horizon);
  }
}

// Segments begin with their shapes anew, so those that only segments gone by had can go.
void RecordingStream::drop_shapes() {
  if (recording_.shapes.size() <= options_.shapes) return;
  std::uint32_t oldest = read_ - 1;
  for (const auto& held : held_) oldest = std::min(oldest, held->number);
  for (const Run& run : runs_) {
    if (run.open) oldest = std::min(oldest, run.open->number);
  }
  std::erase_if(recording_.shapes,
                [&](const auto& entry) { return entry.second.segment < oldest; });
  ++recording_.generation;
}

}  // namespace weir::record
