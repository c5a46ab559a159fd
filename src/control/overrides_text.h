// Overrides on a screen, from the JSON of the admin API (control/overrides_json.h).
#pragma once

#include <boost/json/value.hpp>
#include <string>

namespace weir::control {

// "o3 block net 192.0.2.0/24   41 m 12 s left   ops: scans the login", or why it is idle.
std::string override_line(const boost::json::value& in_force);
std::string overrides_text(const boost::json::value& list);
std::string overridden_text(const boost::json::value& answer);
std::string override_ended_text(const boost::json::value& answer);

}  // namespace weir::control
