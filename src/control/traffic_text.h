// The JSON of `top --by` as one picture: who is most above the usual rate on its first line; at
// most 100 columns, every number a field of the JSON, names made printable.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

std::string traffic_text(const boost::json::value& traffic);

}  // namespace weir::control
