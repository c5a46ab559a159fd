// An announced deploy for a person, from the JSON of control/deploy_json.h: what `weir change` prints at the end and `weir status`
// names. At most kColumns wide.
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

// The answer, what it goes by, and what is to be done next.
std::string deploy_text(const boost::json::value& deploy);

// GET /api/v1/changes, a line each.
std::string deploys_text(const boost::json::value& all);

// "orders v42: under way, 12 s of 1 h 0 m; as upstream 98/s, bad 0 %, p90 12 ms"
std::string deploy_line(const boost::json::value& deploy);

}  // namespace weir::control
