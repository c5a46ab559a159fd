// What a run came to, for a person and for a program. Every number of the text is one of the JSON.
//   verdict   met, not_met, nothing_expected, interrupted or broken (the gateway ended, or an event
//             was not carried out)
//   phases    the windows between the events
#pragma once

#include <string>

#include "drill/run.h"

namespace weir::drill {

std::string report_text(const RunAnswer& answer);
std::string report_json(const RunAnswer& answer);

}  // namespace weir::drill
