// Which answers that nobody waits for any more are still waited for. After a response or total timeout with the whole
// request sent, for one exchange in kLateOneIn, at most kMostLate at once over all workers: the client has its 504, the
// connection is kept for three times the timeout more, at most kLongestLate. So it is known of a sample of all
// timeouts whether a longer one would have helped (docs/design/022-late-answers.md).
//
// What is waited for counts as under way at its upstream and endpoint. It gives way: there is room for it only while the
// upstream's breaker is closed and less is under way than routes of the lowest priority may fill.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "base/ids.h"
#include "base/time.h"
#include "base/units.h"
#include "decide/limits/in_flight.h"
#include "model/conditions.h"
#include "model/policy.h"

namespace weir::decide {

constexpr std::uint64_t kLateOneIn = 20, kMostLate = 32;
constexpr Nanos kLongestLate = std::chrono::seconds(10);
constexpr std::uint64_t kMostLateBytes = 64 * 1024;   // of the body, read and thrown away
constexpr std::uint64_t kLateIdentity = mix(0x6c61746500000000);   // all of them are counted under it

bool late_drawn(HashKey seed, ExchangeId exchange);
// How much longer is waited for what `timeout` has cut.
Nanos late_patience(Nanos timeout);

// Asked before one begins and again while it lasts; `endpoint`: its identity. What is asked for counts already.
struct LateQuestion {
  const Policy& policy;
  const Conditions& conditions;
  const limits::InFlight& in_flight;
  UpstreamId upstream;
  std::uint64_t endpoint = 0;
};
bool late_has_room(const LateQuestion& question);

}  // namespace weir::decide
