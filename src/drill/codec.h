// Codec<T> for the values that only drills have, and the tables they share. Included by the tables
// of this room alone (behaviour.cc, scenario_schema.cc).
#pragma once

#include "config/cases_codec.h"
#include "config/codec.h"
#include "drill/behaviour.h"

namespace weir::config {

WEIR_VALUE_CODEC(drill::Law, drill::read_law, drill::print_law, "law of how long something takes",
                 "");
WEIR_PLAIN_CODEC(drill::Factor, drill::read_factor, drill::print_factor, "factor", "^[0-9.]+$");
WEIR_VALUE_CODEC(drill::Fault, drill::read_fault, drill::print_fault, "fault", "");

template <>
const Object& object<drill::Behaviour>();
template <>
const Object& object<drill::FaultList>();

}  // namespace weir::config
