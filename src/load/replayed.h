// Calls as they once came: the requests of access logs, or of a recording, at their distances from
// each other, `speed` times as fast. What a log does not hold (bodies, headers, what stood in a
// path that was recorded by its classes) is made up or left out: this is load of the same shape,
// not the same requests.
//
//   log        lines of a clock that steps by a second or so are spread over the step; lines
//   without a method and a
//              path cannot be sent
//   recording  {n}, {hex}, {uuid} and {s} in paths are filled with chance; query names get the
//   value 1
//
// Methods that change something are left out unless asked for, and counted. Reads files as it goes,
// a piece at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "control/plan_log.h"
#include "control/recording_input.h"
#include "load/call.h"
#include "load/mix.h"
#include "model/shapes.h"
#include "replay/steps.h"

namespace weir::load {

struct ReplayOptions {
  double speed = 1;
  Nanos most{0};          // ends then; zero: with the input
  std::string host;       // sent instead of the one that was asked; "": as it was
  std::string authority;  // where none is known
  std::vector<std::pair<std::string, std::string>> fields;
  std::string caller_field;  // "": callers are not told
  bool all_methods = false;
};

struct ReplayCount {
  std::uint64_t made = 0;
  std::uint64_t unsafe = 0;      // left out for their method
  std::uint64_t unsendable = 0;  // no method, no path, or none that may be sent
};

// What both have in common: when, and whether, a request of the past is sent again.
class Replayed : public Source {
 public:
  explicit Replayed(ReplayOptions options) : options_(std::move(options)) {}
  const ReplayCount& count() const { return count_; }

 protected:
  struct Past {
    WallTime at;
    std::string_view method, target, host, caller;
  };
  enum class Made : std::uint8_t { call, left_out, end };
  Made make(const Past& past, Call& call);

  ReplayOptions options_;
  ReplayCount count_;

 private:
  bool any_ = false;
  WallTime first_;
};

class LogCalls final : public Replayed {
 public:
  LogCalls(control::PlanLogs logs, ReplayOptions options);
  bool next(Call& call) override;
  const control::PlanLogs& logs() const { return logs_; }

 private:
  control::PlanLogs logs_;
  replay::Steps<replay::LogItem> steps_;
  bool ended_ = false;
};

class RecordedCalls final : public Replayed {
 public:
  RecordedCalls(control::RecordingInput input, HashKey seed, ReplayOptions options);
  bool next(Call& call) override;
  const control::RecordingInput& input() const { return input_; }

 private:
  control::RecordingInput input_;
  HashKey seed_;
  std::uint64_t index_ = 0;
  std::string target_, caller_;
};

// A path of a recording with its classes filled in, and its query: pure, for tests.
std::string filled_target(const TargetShape& shape, HashKey seed, std::uint64_t index);

}  // namespace weir::load
