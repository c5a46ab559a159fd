// A request being decided by one of the policies of its epoch, up to the time; and by both, while a change goes out
// (docs/design/028-two-policies.md).
#pragma once

#include <optional>

#include "base/time.h"
#include "decide/decide.h"
#include "proxy/context.h"
#include "proxy/epoch.h"

namespace weir::proxy {

struct Deciding {
  // All credentials that are asked for are looked up here: it costs less than a stamp that is too early.
  Deciding(Context& x, const Opinion& opinion, Request& request);
  void on_stamp(Stamp now) {
    if (step == decide::Step::need_stamp) step = decision.on_stamp(request.facts, now);
  }

  const Opinion& opinion;
  Request& request;
  decide::Decision decision;
  decide::Step step;
};

// Decides by the other policy too, where the epoch has one, and says whose verdict is enforced, which `x` goes by from then on. `first`
// is that of the policy that holds; `second` is room for the other. What the one says that is not enforced stands in the record.
Deciding& decide_by_both(Context& x, Deciding& first, std::optional<Deciding>& second);

}  // namespace weir::proxy
