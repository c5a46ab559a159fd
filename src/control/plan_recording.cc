#include "control/plan_recording.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/near.h"
#include "control/ring.h"
#include "replay/plan.h"
#include "replay/rebuild.h"

namespace weir::control {
namespace {

// Where the recording begins in the middle of a run, with the limits as they stood there, where
// that is known.
replay::DeciderOptions decider_options(const RecordingInput& input, HashKey key) {
  replay::DeciderOptions options{.seed = key};
  if (const auto& beginning = input.beginning()) {
    options.limit_cells = beginning->limit_cells;
    options.owed = beginning->owed;
  }
  return options;
}

replay::Past past_of_imported(const record::Flight* flight, const replay::Rebuilt& rebuilt,
                              const record::Recording& recording) {
  replay::Past past{.is_odd = rebuilt.is_odd};
  if (flight == nullptr) return past;
  past.status = flight->status;
  for (const Nanos took : {flight->total_time, flight->response_time}) {
    if (took > Nanos(0)) past.response = took;
  }
  past.endpoint = recording.names.text(flight->endpoint);
  return past;
}

// A response that a timeout cut had taken as long, at least.
replay::Past past_of(const record::RecordedArrival& arrival, const record::Flight* flight,
                     const replay::Rebuilt& rebuilt, const record::Recording& recording) {
  if (record::is_imported(arrival)) return past_of_imported(flight, rebuilt, recording);
  replay::Past past{.recorded = true,
                    .refused = arrival.action == Action::refuse,
                    .head_bytes = arrival.head_bytes,
                    .endpoint = recording.names.text(arrival.endpoint)};
  if (flight == nullptr) return past;
  if (flight->status != 0) past.status = flight->status;
  if (flight->response_time > Nanos(0)) past.response = flight->response_time;
  if (flight->cause == Cause::response_timeout) {
    past.cut = true;
    past.response = flight->total_time;
    past.late = flight->late;
    past.late_time = std::chrono::microseconds(flight->late_micros);
  }
  if (flight->attempts == 1 && flight->cause == Cause::upstream_error) past.failed = flight->response_time;
  if (flight->attempts == 1 && flight->cause == Cause::upstream_closed) past.failed = flight->total_time;
  past.weight = flight->weight;
  if (flight->auth_upstream.valid()) {
    past.auth = std::chrono::microseconds(flight->auth_micros);
    past.auth_upstream = recording.names.text(flight->auth_upstream);
  }
  return past;
}

// The recording as one of the policies sees it.
struct Sight {
  Sight(const Policy& of, const NameTable& names, const record::Recording& recording, HashKey key)
      : policy(of), rebuilder(policy, names, recording, key), conditions(recording, policy) {}
  const Policy& policy;
  replay::Rebuilder rebuilder;
  replay::ConditionsThen conditions;
};

// What is read at once, on its way to be decided.
struct Turn {
  struct Caller {
    bool by_address = false;
    std::string name;
  };
  std::vector<replay::PlanRequest> requests;
  std::vector<replay::Rebuilt> after, before;   // that they point into
  std::vector<Caller> callers;                  // met first in it, in the order of their numbers
  std::uint64_t bytes_read = 0;
  replay::Plan::Decided decided;
};
enum Station : std::uint8_t { kRead, kDecide, kCount, kStations };
constexpr std::size_t kTurns = 6;
static_assert((kTurns + 1) * replay::kBatch <= replay::kKept);
using Turns = Ring<Turn, kTurns, kStations>;

// Reads, and says what each request was to both policies. Turns that are on their way point into the recording and into what is
// kept of it: before any of that may go, all of them have come back.
class Reading {
 public:
  Reading(RecordingInput& input, const RecordingQuestion& question, Turns& turns)
      : input_(input), turns_(turns), key_(question.key), peaks_(question.peaks), since_(first_of(input, question.since)),
        after_(question.after, question.names, input.recording(), question.key) {
    if (question.before != nullptr) before_.emplace(*question.before, question.names, input.recording(), question.key);
  }

  void run() {
    do {
      while (read()) {
        if (generation_ != input_.recording().generation) turns_.drain();
        generation_ = input_.recording().generation;
        Turn* const turn = turns_.take(kRead);
        if (turn == nullptr) return turns_.close();
        describe(*turn);
        turns_.pass(kRead);
      }
    } while (turns_.drain() && input_.read_on());
    turns_.close();
  }

 private:
  // The next turn; false where a segment has to be read first.
  bool read() {
    while (const std::size_t size = input_.next(arrivals_, flights_)) {
      const auto is_new = [&](const record::RecordedArrival& each) { return each.stamp >= since_; };
      const auto all = std::span<const record::RecordedArrival>(arrivals_).first(size);
      first_ = static_cast<std::size_t>(std::ranges::find_if(all, is_new) - all.begin());
      turn_ = all.subspan(first_);
      if (!turn_.empty()) return true;
    }
    return false;
  }

  // What came before the snapshot's position is in it.
  static Stamp first_of(const RecordingInput& input, std::optional<WallTime> since) {
    const Stamp begins = input.beginning() ? input.beginning()->position : Stamp::min();
    return since ? std::max(begins, stamp_from_nanos(since->time_since_epoch().count())) : begins;
  }

  void describe(Turn& turn) {
    if (auto peaks = std::exchange(peaks_, nullptr)) learn(peaks);
    turn.callers.clear();
    turn.bytes_read = input_.bytes_read();
    turn.requests.resize(turn_.size());
    turn.after.resize(replay::kBatch);
    after_.rebuilder.rebuild(turn_, turn.after);
    if (before_) {
      turn.before.resize(replay::kBatch);
      before_->rebuilder.rebuild(turn_, turn.before);
    }
    auto flight = flights_.begin();
    for (std::size_t i = 0; i < turn_.size(); ++i) {
      constexpr std::size_t kAhead = 8;
      if (i + kAhead < turn_.size()) callers_.expect(shapes_of(turn_[i + kAhead]));
      const record::RecordedArrival& arrival = turn_[i];
      while (flight != flights_.end() && flight->place < first_ + i) ++flight;
      const bool joined = flight != flights_.end() && flight->place == first_ + i;
      turn.requests[i] = {.event = {.stamp = arrival.stamp, .exchange = arrival.exchange},
                          .at_once = arrival.stamp,
                          .time = wall_from_nanos(arrival.stamp.time_since_epoch().count()),
                          .past = past_of(arrival, joined ? &flight->flight : nullptr,
                                          turn.after[i], input_.recording()),
                          .after = &turn.after[i],
                          .before = before_ ? &turn.before[i] : nullptr,
                          .conditions_after = &after_.conditions.of(arrival),
                          .conditions_before = before_ ? &before_->conditions.of(arrival) : nullptr,
                          .caller = caller(arrival, turn)};
    }
  }

  void learn(const std::function<std::shared_ptr<const CallerPeaks>(const Policy&, WallTime)>& peaks) {
    const WallTime first = wall_from_nanos(turn_.front().stamp.time_since_epoch().count());
    after_.conditions.assume(peaks(after_.policy, first));
    if (before_) before_->conditions.assume(peaks(before_->policy, first));
  }

  static std::uint64_t shapes_of(const Arrival& arrival) { return mix(arrival.caller) ^ arrival.client; }

  replay::Callers::Index caller(const Arrival& arrival, Turn& turn) {
    if (const replay::Callers::Index* const known = callers_.find(shapes_of(arrival))) return *known;
    replay::RecordedCaller caller = replay::recorded_caller(input_.recording(), arrival);
    const std::uint64_t hash = mix(keyed_hash(key_, caller.name) + (caller.by_address ? 1 : 0));
    bool fresh = false;
    const replay::Callers::Index number = numbers_.of(hash, fresh);
    if (fresh) turn.callers.push_back({.by_address = caller.by_address, .name = std::move(caller.name)});
    return callers_.put(shapes_of(arrival), number);
  }

  RecordingInput& input_;
  Turns& turns_;
  HashKey key_;
  std::function<std::shared_ptr<const CallerPeaks>(const Policy&, WallTime)> peaks_;   // until it was asked
  Stamp since_;
  Sight after_;
  std::optional<Sight> before_;
  replay::CallerNumbers numbers_;
  Near<replay::Callers::Index> callers_{std::size_t{1} << 17};
  std::uint64_t generation_ = 0;
  std::vector<record::RecordedArrival> arrivals_ = std::vector<record::RecordedArrival>(replay::kBatch);
  RecordingInput::Flights flights_;
  std::span<const record::RecordedArrival> turn_;   // of the arrivals
  std::size_t first_ = 0;                           // where it begins
};

}  // namespace

replay::PlanReport plan_recording(RecordingInput& input, RecordingQuestion question) {
  Turns turns;
  Reading reading(input, question, turns);
  replay::Plan plan(question.after, question.before, question.names,
                    {.decider = decider_options(input, question.key), .budget = question.budget, .retries = question.retries,
                     .review = question.review});
  plan.callers().use(std::move(question.known_before));
  {
    const std::jthread reader([&] { reading.run(); });
    const std::jthread decider([&] {
      while (Turn* const turn = turns.take(kDecide)) {
        plan.decide(turn->requests, turn->decided);
        turns.pass(kDecide);
      }
    });
    std::uint64_t bytes_read = 0;
    while (Turn* const turn = turns.take(kCount)) {
      for (Turn::Caller& caller : turn->callers) plan.callers().add(caller.by_address, std::move(caller.name));
      plan.count(turn->requests, turn->decided);
      if (question.progress && std::exchange(bytes_read, turn->bytes_read) != turn->bytes_read) question.progress(bytes_read, input.bytes_all());
      turns.pass(kCount);
      if (question.given_up != nullptr && *question.given_up) break;
    }
    turns.stop();
  }
  return plan.finish({.rows = input.stream().arrivals(),
                      .skipped = input.recording().damage.blocks,
                      .late = input.stream().late(),
                      .clock_resolution = Nanos(1),
                      .recording = true});
}

}  // namespace weir::control
