// What two configurations differ about, as the judge's feed asks it: by whose route or upstream an exchange is one that the change touches.
#pragma once

#include "config/difference.h"
#include "control/judge_feed.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::control {

// `comparison` is of the texts of both policies, whose names stand in `names`.
Differs differs_of(const config::Comparison& comparison, const Policy& before, const Policy& after, const NameTable& names);

}  // namespace weir::control
