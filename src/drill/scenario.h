// A scenario file: text -> ScenarioSpec, with every mistake named by file, line, column and remedy,
// as in a configuration. Pure. What it says of the gateway's configuration is looked up in
// drill/gateway.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/schema.h"
#include "drill/scenario_spec.h"

namespace weir::drill {

// What could be read; it means something only where `diagnostics` has no errors.
ScenarioSpec read_scenario(std::string_view text, config::Diagnostics& diagnostics);

// The tables of its keys, for the guide's test.
const config::Object& scenario_object();

// The keys of a change that were written, as YAML on one line.
std::string print_given(const Behaviour& change);
// What an event does, in words: "orders: {slowdown: 4}".
std::string describe(const EventSpec& event);

}  // namespace weir::drill
