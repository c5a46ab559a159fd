#include "decide/deadline.h"

namespace weir::decide {

Deadlines deadlines_of(const Route& route) {
  return {.connect = route.timeouts.connect, .response = route.timeouts.response, .idle = route.timeouts.idle,
          .total = route.timeouts.total};
}

std::optional<Expiry> next_expiry(const Deadlines& deadlines, Phase phase, Stamp arrived, Stamp phase_began) {
  OptionalTime own;
  if (phase == Phase::connect) own = deadlines.connect;
  if (phase == Phase::response) own = deadlines.response;
  if (phase == Phase::idle) own = deadlines.idle;

  std::optional<Expiry> expiry;
  if (own) expiry = {.at = phase_began + own->value, .phase = phase, .source = own->source};
  if (deadlines.total && (!expiry || arrived + deadlines.total->value < expiry->at)) {
    expiry = {.at = arrived + deadlines.total->value, .phase = Phase::total, .source = deadlines.total->source};
  }
  return expiry;
}

Cause timeout_cause(Phase phase) {
  switch (phase) {
    case Phase::connect: return Cause::connect_failed;
    case Phase::total: return Cause::deadline_expired;
    case Phase::head:
    case Phase::body: return Cause::request_timeout;   // the client's own bytes did not come
    case Phase::send:
    case Phase::response:
    case Phase::idle: return Cause::response_timeout;
    case Phase::none: break;
  }
  return Cause::internal_error;
}

}  // namespace weir::decide
