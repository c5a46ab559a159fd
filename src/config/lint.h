// What is allowed and unwise. Each rule is about a real outage or a trap that people fell into;
// each has a bad example that fires it and a good twin that does not under tests/config. In: the
// Spec as its author wrote it.
#pragma once

#include "config/diagnostic.h"
#include "config/spec.h"

namespace weir::config {

void lint(const Spec& spec, Diagnostics& diagnostics);

}  // namespace weir::config
