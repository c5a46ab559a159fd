// W3C Trace Context (level 1): the traceparent that goes to the upstream. A valid one is continued with a parent id of
// our own; otherwise a trace begins, whose id is the request id, unsampled (nobody outside is told to spend on it).
#pragma once

#include <array>
#include <string_view>

#include "base/hash.h"
#include "base/ids.h"
#include "model/request_id.h"

namespace weir::proxy {

struct TraceParent {
  std::array<char, 55> text;   // "00-<32 hex trace id>-<16 hex parent id>-<2 hex flags>"
  std::string_view view() const { return {text.data(), text.size()}; }
};

// `received` may be anything; a trace that begins here is named by the exchange's `own` id.
TraceParent next_traceparent(std::string_view received, HashKey seed, const RequestIdText& own, ExchangeId exchange);

}  // namespace weir::proxy
