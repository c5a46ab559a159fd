// Late probes: of a few exchanges that timed out at their upstream the connection is kept when the client has its answer,
// and the exchange's record with it, until it is known whether the upstream would have answered, when and as what
// (decide/late.h says which, and for how long). The record is finished then, as the one record of its exchange.
#pragma once

#include <cstdint>
#include <memory>

#include "base/ids.h"
#include "base/time.h"
#include "decide/decide.h"
#include "decide/limits/in_flight.h"
#include "io/task.h"
#include "proxy/draft.h"
#include "proxy/upstream.h"

namespace weir::proxy {

class Context;
class Worker;

// What a probe takes over of its exchange.
struct LateProbe {
  Lease lease;
  decide::limits::InFlight::Hold place;   // one of decide::kMostLate
  decide::limits::InFlight::Hold upstream, endpoint;
  UpstreamId where;
  std::uint64_t key = 0;                  // of the endpoint
  Nanos patience{0};                      // from the timeout on
};

// How an exchange's last attempt ended.
struct CutAttempt {
  decide::limits::InFlight::Hold& endpoint;   // what it is counted by
  std::uint64_t key = 0;                      // of the endpoint
  Nanos timeout{0};                           // 0: none cut it
};
// Takes lease and counts over into `x.late` where the attempt is to be probed.
void keep_for_probe(Context& x, decide::Decision& decision, Lease& lease, const CutAttempt& cut);

// Runs until the answer is there or given up, then finishes the record.
io::Task<> probe_late(Worker& worker, std::unique_ptr<LateProbe> probe, std::unique_ptr<Draft> draft);

}  // namespace weir::proxy
