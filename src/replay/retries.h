// What becomes of a limit when those whom it refuses try again: each refused request comes back up
// to three times, each time when Retry-After has passed, and is decided like any other. Modelled,
// never counted with what was decided: real clients retry at once, later or never.
//
// A Decider of its own, because retries fill buckets that would else be emptier. Bound: kMost
// retries wait at a time; of more, those that come first are kept and `dropped` counts the others.
#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "replay/decider.h"

namespace weir::replay {

class Retries {
 public:
  static constexpr unsigned kTries = 3;
  static constexpr std::size_t kMost = std::size_t{1} << 17;

  Retries(const Policy& policy, DeciderOptions options) : decider_(policy, options) {}

  // In order of time. `was_refused`: the base refused it; then nothing about it is new.
  void add(const Event& event, const Rebuilt& rebuilt, const Conditions& conditions,
           bool was_refused);
  // No more requests come: what waits is tried.
  void finish(const Conditions& conditions);

  std::uint64_t refused() const {
    return refused_;
  }  // requests and retries that the base did not refuse
  std::uint64_t retries() const { return retries_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  // A request whose facts are its own.
  struct Kept {
    Kept(const Rebuilt& rebuilt);
    std::string text;
    std::vector<WatchedValue> headers, queries;
    std::vector<Evidence> evidence;
    std::vector<std::vector<std::string>> groups;
    Rebuilt rebuilt;
    ExchangeId exchange;
    unsigned tries = 0;
  };
  struct Waiting {
    Stamp at;
    std::uint64_t number;
    std::shared_ptr<Kept> kept;
    bool operator<(const Waiting& other) const {  // the top of the queue is the earliest
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  void try_until(Stamp now, const Conditions& conditions);
  void wait(Stamp refused_at, Nanos retry_after, std::shared_ptr<Kept> kept);

  Decider decider_;
  std::priority_queue<Waiting> waiting_;
  std::uint64_t number_ = 0, refused_ = 0, retries_ = 0, dropped_ = 0;
};

}  // namespace weir::replay
