// `top --by`: who asks more than is usual, first. Rows are ordered by what is above the usual rate,
// then by rate. The usual rate of a caller whom the directory knows for kSettled active minutes is
// the directory's; of all others it is the mean of the last ten minutes (export/rate_window.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "export/traffic.h"
#include "model/names.h"
#include "record/caller_entry.h"

namespace weir::control {

struct TrafficQuestion {
  static constexpr std::size_t kMost = 1000;
  exporting::TrafficBy by = exporting::TrafficBy::caller;
  std::size_t most = 20;
};
// by=caller|route|endpoint|edge, n=N. Errors: invalid.
Result<TrafficQuestion> traffic_question(std::string_view query);

struct TrafficFacts {
  static constexpr std::size_t kAsked =
      200;  // the directory is asked for those with the highest rates
  static constexpr std::uint64_t kSettled = 60;  // active minutes
  const NameTable& names;
  std::uint32_t revision = 0;
  WallTime at;
  exporting::Traffic::Look look;
  // The directory's entry; empty: it is not asked.
  std::function<std::optional<record::CallerEntry>(const exporting::TrafficSubject&)> caller = {};
};

// {"at", "revision", "by", "verdict": idle | young | new | above | usual, "counted_s", "seconds",
// "rate", "usual", "refused_rate", "bad_share", "subjects", "forgotten", "rows": [{name, caller,
// route, upstream, endpoint (each where it is part of the subject), rate, usual, usual_from:
// directory | gateway, times_usual, above, bad_share, refused_rate, refused_by: {cause, rule},
// p50_ms, p95_ms}]}; null where there is none.
std::string traffic_json(TrafficFacts facts, const TrafficQuestion& question);

}  // namespace weir::control
