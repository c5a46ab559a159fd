// What the history keeps of a rollout: a row for each stage that has ended, and the review at the end.
#pragma once

#include <optional>
#include <vector>

#include "base/time.h"
#include "control/rollout_json.h"
#include "store/revisions.h"

namespace weir::control {

// Of the stage that ended last: "canary 5 %", its result, the line that `apply` shows, and the whole rollout as it was then.
store::Step step_of(const RolloutView& view, const NameTable& names, WallTime at);

// The last row of a rollout that has ended; control/review_text.h reads its facts.
store::Step review_of(const RolloutView& view, const NameTable& names, WallTime at);

// That it went live, and whether it has to be confirmed; and that it was.
store::Step live_step(std::optional<Nanos> confirm_within, WallTime at);
store::Step confirmed_step(WallTime at);
// Of a change that nobody had confirmed when weir ended: it has as much time again.
std::optional<Nanos> still_to_confirm(const std::vector<store::Step>& steps);

// Whether these steps of a revision end with harm that the judge saw: then pipelines are frozen for a while (rollout/rollout.h).
bool end_with_harm(const std::vector<store::Step>& steps);

}  // namespace weir::control
