// The answer of `apply` as `weir apply` prints it.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

std::string applied_text(const boost::json::value& applied);

}  // namespace weir::control
