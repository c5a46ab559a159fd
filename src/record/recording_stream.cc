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

RecordingStream::Next RecordingStream::next() {
  if (taken_ > 0) held_.pop(std::exchange(taken_, 0));
  for (;;) {
    if (!held_.empty()) {
      RecordedArrival& first = held_.front();
      const bool due = is_due(first);
      if (due || held_.size() + flights_.size() > options_.held) {
        if (!due) ++squeezed_;
        pass(first);
        taken_ = 1;
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

std::size_t RecordingStream::take(std::span<RecordedArrival> out, std::vector<Joined>& flights) {
  std::size_t size = 0;
  const auto add = [&](const RecordedArrival& arrival) {
    if (flight_ != nullptr) flights.push_back({.place = size, .flight = *flight_});
    out[size++] = arrival;
  };
  add(held_.front());
  while (size < out.size()) {
    held_.pop(std::exchange(taken_, 0));
    if (held_.empty()) break;
    const std::span<RecordedArrival> run = held_.run(out.size() - size);
    while (taken_ < run.size() && is_due(run[taken_])) {
      pass(run[taken_]);
      add(run[taken_++]);
    }
    if (taken_ == 0) break;
  }
  return size;
}

// It is the next; stamps never go back.
void RecordingStream::pass(RecordedArrival& arrival) {
  join(arrival);
  if (arrival.stamp < last_) {
    ++late_;
    arrival.stamp = last_;
  }
  last_ = arrival.stamp;
  ++count_;
}

// The flight of the arrival; those before it have lost theirs.
void RecordingStream::join(const RecordedArrival& arrival) {
  flight_ = nullptr;
  const auto place = [](Stamp stamp, ExchangeId id) {
    return std::tuple(stamp, id.worker, id.sequence);
  };
  const auto wanted = place(arrival.stamp, arrival.exchange);
  for (; !flights_.empty(); flights_.pop()) {
    const Flight& first = flights_.front();
    const auto at = place(first.arrived, first.exchange);
    if (at < wanted) continue;
    if (at != wanted) return;
    flight_ = &first;
    ++joined_;
    return;
  }
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
  run.open.emplace(segment, number, std::move(*bytes), SegmentReader(recording_, number, options_.wanted));
}

// One block more of this run, or on to its next segment, or to its end.
void RecordingStream::advance(Run& run) {
  if (!run.open) {
    run.ended = true;
    set_horizon();
    return;
  }
  Open& open = *run.open;
  RecordedBlock block{.arrivals = held_.spare(), .flights = flights_.spare()};
  const auto rest = std::as_bytes(std::span(open.bytes)).subspan(open.reader.taken());
  const auto more = open.reader.next(rest, SegmentReader::Tail::whole, block);
  if (!more || !*more) {
    if (!more) left_out_.push_back({.segment = open.segment, .why = more.error()});
    run.open.reset();
    return;
  }
  if (!block.arrivals.empty()) {
    // Flights are written behind the arrivals of their flush. Where traffic is thin a block spans
    // hours: counted at once, it would let its arrivals go before their flights were read.
    const Stamp newest = std::exchange(run.newest, block.arrivals.back().stamp);
    if (newest > Stamp::min() + options_.span)
      run.horizon = std::max(run.horizon, newest - options_.span);
  }
  held_.push(std::move(block.arrivals), open.number);
  flights_.push(std::move(block.flights), open.number);
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
  std::uint32_t oldest = held_.oldest_origin(read_ - 1);
  for (const Run& run : runs_) {
    if (run.open) oldest = std::min(oldest, run.open->number);
  }
  std::erase_if(recording_.shapes,
                [&](const auto& entry) { return entry.second.segment < oldest; });
  ++recording_.generation;
}

}  // namespace weir::record
