// When an exchange has waited too long, and which configured timeout says so. One deadline at a time: the earlier of
// the timeout of the phase it is in and its total.
#pragma once

#include <optional>

#include "base/time.h"
#include "model/cause.h"
#include "model/records.h"
#include "model/verdict.h"

namespace weir::decide {

Deadlines deadlines_of(const Route& route);

struct Expiry {
  Stamp at;
  Phase phase = Phase::none;   // whose timeout it is: the phase asked about, or total
  Source source;               // its line in the configuration
};

// `arrived`: the request's head was complete; `phase_began`: connect: the attempt; response: the request's head was
// complete, idle: the last byte. Absent: this exchange may wait for ever here, because somebody wrote `none`.
// Phases without a timeout of the route (head, send, body) have only the total.
std::optional<Expiry> next_expiry(const Deadlines& deadlines, Phase phase, Stamp arrived, Stamp phase_began);

// The cause of an exchange that ended because this phase's timeout fired.
Cause timeout_cause(Phase phase);

}  // namespace weir::decide
