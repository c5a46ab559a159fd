// The caller directory as people read it, from the JSON of callers_json.h: `weir callers show NAME`
// (is this caller being hurt, by which rule, since when) and `weir callers`.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

std::string caller_text(const boost::json::value& answer);
std::string callers_text(const boost::json::value& answer);

}  // namespace weir::control
