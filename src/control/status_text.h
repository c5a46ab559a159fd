// The JSON of `status` as `weir status` prints it: at most 100 columns, every number a field of the
// JSON.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

// Throws what Boost.JSON throws where a field is missing: the JSON comes from a gateway of the same
// version.
std::string status_text(const boost::json::value& status);

}  // namespace weir::control
