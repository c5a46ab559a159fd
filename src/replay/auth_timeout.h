// Whether the timeout of an auth service leaves its calls room: not where one call in a hundred runs into it, nor where it is
// below twice their p99. One rule for `advise`, which goes over a whole input, and `check`, which looks at the newest part.
#pragma once

#include <cstdint>
#include <optional>

#include "base/histogram.h"
#include "base/time.h"

namespace weir::replay {

struct ShortAuthTimeout {
  Nanos p99{0};
  bool cut = false;    // calls run into it: what they would have taken is not known
  Nanos wanted{0};     // twice the p99, or twice the timeout where it cuts; as a person would write it
};

// `reached`: calls that took the timeout or longer. Nothing: it has room, or fewer than a hundred calls were seen.
std::optional<ShortAuthTimeout> short_auth_timeout(Nanos timeout, const Histogram& calls, std::uint64_t reached);

}  // namespace weir::replay
