// The configurations of a plan: a file, a file with single values set anew, or a limit with nothing
// else around it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/compile.h"

namespace weir::control {

// `assignment`: PATH=VALUE, where PATH goes by keys, and by name through lists:
// limits.per-caller.rate=5/s; endpoints go by their address, overrides by their number from 0. The
// value of that place is replaced in the text, or added where it has none; comments and everything
// else stay as they are.
Result<> set_value(config::Input& input, const std::string& assignment);

// Takes the place of a path out: routes.old, limits.per-caller.expect. A limit is also taken off the
// lists of those who name it; another name that somebody refers to is an error when the text is
// compiled.
Result<> unset_value(config::Input& input, const std::string& path);

// 'KEY RATE [burst=N]' each, KEY as in a configuration (client_ip, header:X-Tenant, caller+route).
// Everything else of the configuration lets every request pass. `identities`: names of rules that
// the input maps (--field identity:NAME=…).
Result<config::Input> limits_alone(const std::vector<std::string>& limits,
                                   const std::vector<std::string>& identities);
// What its limits are called there, one for each; and the KEY of one.
std::vector<std::string> names_of_limits(const std::vector<std::string>& limits);
std::string limit_key(const std::string& limit);

}  // namespace weir::control
