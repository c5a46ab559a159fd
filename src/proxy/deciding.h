// A request being decided by one of the policies of its epoch, up to the time; and by both, while a change goes out
// (docs/design/028-two-policies.md).
#pragma once

#include <optional>

#include "base/time.h"
#include "decide/decide.h"
#include "decide/route.h"
#include "proxy/context.h"
#include "proxy/epoch.h"

namespace weir::proxy {

struct Deciding {
  // Finds the route, whose memory is on its way then: what else there is to do belongs between this and on_head.
  Deciding(Context& x, const Opinion& opinion, Request& request);
  // All credentials that are asked for are looked up here: it costs less than a stamp that is too early.
  void on_head(Context& x);
  void on_stamp(Stamp now) {
    if (step == decide::Step::need_stamp) step = decision.on_stamp(request.facts, now);
  }

  const Opinion& opinion;
  Request& request;
  const decide::Matched matched;
  const decide::ClientKeys client;
  decide::Decision decision;
  decide::Step step = decide::Step::decided;
};

// By the other policy too, where the epoch has one in which this listener is.
void look_beside(Context& x, const Deciding& first, std::optional<Deciding>& second);

// Reads the time, decides, and says whose verdict is enforced, which `x` goes by from then on. `first` is that of the policy that
// holds. What the one says that is not enforced stands in the record.
Deciding& decide_at_stamp(Context& x, Deciding& first, std::optional<Deciding>& second);

}  // namespace weir::proxy
