// The JSON of `explain` in words: verdict and reason in the first lines, then each step with its
// line of the configuration, at most 100 columns, every number a field of the JSON.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

// {"live": decided by a running gateway, "exchange": what happened or null, "decision": what would be decided now or null}
std::string explain_text(const boost::json::value& answer);

}  // namespace weir::control
