// What the two detectors say of all exchanges, second by second: how fast the budget burns, and which series has stepped. Fed from
// the beginning, so that in the watched hour the time before the change is what is usual.
//
// Neither rolls back: they count exchanges, and one client that fails may be all of them. A budget that burns by exchanges about
// which the policies differ, half of the bad ones or more, is a suspicion (judge.h); a step is told, with when it began.
// Bounds: ten minutes of each series.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"
#include "model/outcomes.h"
#include "rollout/burn_rate.h"
#include "rollout/event.h"
#include "rollout/step_change.h"

namespace weir::rollout {

enum class Series : std::uint8_t { rate, bad, refused, median, p99 };   // a second; shares of the exchanges; latencies
inline constexpr std::size_t kSeries = 5;
std::string_view to_string(Series series);

struct WatchReading {
  struct Step {
    bool up = false;
    Stamp began;
  };
  BurnRate::Alarm burns = BurnRate::Alarm::none;
  double touched = 0;                             // share of the last minute's bad exchanges about which the policies differ
  std::array<std::optional<Step>, kSeries> steps;   // the newest of each series in this stage
};

class WatchedHour {
 public:
  explicit WatchedHour(double objective = 0.999) : objective_(objective), burn_(objective), touched_(objective) {}

  void add(const Event& event, Stamp now);   // now never goes back
  void begin_stage();                        // steps of before and what has burnt are no news
  WatchReading reading(Stamp now);

 private:
  struct Second {
    std::uint64_t exchanges = 0, bad = 0, refused = 0;
    LatencyCounts latency;
  };
  void advance(Stamp now);
  void end_second();

  double objective_;
  BurnRate burn_, touched_;
  std::array<StepChange, kSeries> series_;
  std::int64_t second_ = 0;
  bool begun_ = false;
  Second now_;
  WatchReading reading_;
};

}  // namespace weir::rollout
