#include "control/plan_recording.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "replay/near.h"
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

// A response that a timeout cut had taken as long, at least.
replay::Past past_of(const record::RecordedArrival& arrival, const std::optional<record::Flight>& flight,
                     const record::Recording& recording) {
  replay::Past past{.recorded = true,
                    .refused = arrival.action == Action::refuse,
                    .head_bytes = arrival.head_bytes,
                    .endpoint = recording.names.text(arrival.endpoint)};
  if (!flight) return past;
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
  std::vector<replay::Rebuilt> facts = std::vector<replay::Rebuilt>(replay::kBatch);
};

// Nothing is read while a turn is decided and counted, so what it looks up in the recording stands still; what is kept of it
// for one turn may go with the next.
class RecordingPlan {
 public:
  RecordingPlan(RecordingInput& input, RecordingQuestion question)
      : input_(input), key_(question.key), peaks_(std::move(question.peaks)), given_up_(question.given_up), since_(first_of(input, question.since)), after_(question.after, question.names, input.recording(), question.key),
        plan_(question.after, question.before, question.names,
              {.decider = decider_options(input, question.key), .budget = question.budget, .retries = question.retries,
               .review = question.review}) {
    plan_.callers().use(std::move(question.known_before));
    if (question.before != nullptr) before_.emplace(*question.before, question.names, input.recording(), question.key);
  }

  replay::PlanReport run() {
    do {
      for (read(); !requests_.empty(); read()) {
        if (auto peaks = std::exchange(peaks_, nullptr)) learn(peaks);
        describe();
        plan_.add(requests_);
        if (given_up_ != nullptr && *given_up_) break;
      }
    } while (!(given_up_ != nullptr && *given_up_) && input_.read_on());
    return plan_.finish({.rows = input_.stream().arrivals(),
                         .skipped = input_.recording().damage.blocks,
                         .late = input_.stream().late(),
                         .clock_resolution = Nanos(1),
                         .recording = true});
  }

 private:
  // The next turn; none where a segment has to be read first.
  void read() {
    requests_.clear();
    while (const std::size_t size = input_.next(arrivals_, flights_)) {
      const auto is_new = [&](const record::RecordedArrival& each) { return each.stamp >= since_; };
      const auto all = std::span<const record::RecordedArrival>(arrivals_).first(size);
      const auto first = static_cast<std::size_t>(std::ranges::find_if(all, is_new) - all.begin());
      turn_ = all.subspan(first);
      for (std::size_t i = first; i < size; ++i) add(all[i], flights_[i]);
      if (!requests_.empty()) return;
    }
  }

  // What came before the snapshot's position is in it.
  static Stamp first_of(const RecordingInput& input, std::optional<WallTime> since) {
    const Stamp begins = input.beginning() ? input.beginning()->position : Stamp::min();
    return since ? std::max(begins, stamp_from_nanos(since->time_since_epoch().count())) : begins;
  }

  void add(const record::RecordedArrival& arrival, const std::optional<record::Flight>& flight) {
    requests_.push_back({.event = {.stamp = arrival.stamp, .exchange = arrival.exchange},
                         .at_once = arrival.stamp,
                         .time = wall_from_nanos(arrival.stamp.time_since_epoch().count()),
                         .past = past_of(arrival, flight, input_.recording())});
  }

  void learn(const std::function<std::shared_ptr<const CallerPeaks>(const Policy&, WallTime)>& peaks) {
    after_.conditions.assume(peaks(after_.policy, requests_.front().time));
    if (before_) before_->conditions.assume(peaks(before_->policy, requests_.front().time));
  }

  void describe() {
    after_.rebuilder.rebuild(turn_, after_.facts);
    if (before_) before_->rebuilder.rebuild(turn_, before_->facts);
    for (std::size_t i = 0; i < turn_.size(); ++i) {
      constexpr std::size_t kAhead = 8;
      if (i + kAhead < turn_.size()) callers_.expect(shapes_of(turn_[i + kAhead]));
      replay::PlanRequest& request = requests_[i];
      request.caller = caller(turn_[i]);
      request.after = &after_.facts[i];
      request.conditions_after = &after_.conditions.of(turn_[i]);
      if (!before_) continue;
      request.before = &before_->facts[i];
      request.conditions_before = &before_->conditions.of(turn_[i]);
    }
  }

  static std::uint64_t shapes_of(const Arrival& arrival) { return mix(arrival.caller) ^ arrival.client; }

  replay::Callers::Index caller(const Arrival& arrival) {
    if (const replay::Callers::Index* const known = callers_.find(shapes_of(arrival))) return *known;
    replay::RecordedCaller caller = replay::recorded_caller(input_.recording(), arrival);
    const std::uint64_t hash = mix(keyed_hash(key_, caller.name) + (caller.by_address ? 1 : 0));
    return callers_.put(shapes_of(arrival),
                        plan_.callers().index(hash, caller.by_address, [&] { return std::move(caller.name); }));
  }

  RecordingInput& input_;
  HashKey key_;
  std::function<std::shared_ptr<const CallerPeaks>(const Policy&, WallTime)> peaks_;   // until it was asked
  const std::atomic<bool>* given_up_;
  Stamp since_;
  Sight after_;
  std::optional<Sight> before_;
  replay::Near<replay::Callers::Index> callers_{std::size_t{1} << 17};
  replay::Plan plan_;
  std::vector<record::RecordedArrival> arrivals_ = std::vector<record::RecordedArrival>(replay::kBatch);
  std::vector<std::optional<record::Flight>> flights_ = std::vector<std::optional<record::Flight>>(replay::kBatch);
  std::span<const record::RecordedArrival> turn_;   // of them
  std::vector<replay::PlanRequest> requests_;       // of those
};

}  // namespace

replay::PlanReport plan_recording(RecordingInput& input, RecordingQuestion question) {
  return RecordingPlan(input, std::move(question)).run();
}

}  // namespace weir::control
