// `weir explain` where no gateway runs: the same decision, by a configuration alone. Every limit is
// full, nothing is in flight, every endpoint counts as usable.
#pragma once

#include <string>

#include "base/result.h"
#include "config/compile.h"
#include "control/explain.h"

namespace weir::control {

// The answer of the admin API's explain, with "live": false. `input` is read by control/load.h;
// reads the keys files.
Result<std::string> explain_offline(config::Input input, const ExplainQuestion& question, Stamp now,
                                    WallTime wall);

}  // namespace weir::control
