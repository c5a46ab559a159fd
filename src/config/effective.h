// The configuration as it takes effect: YAML with every default written out, from the same table
// that decodes it.
#pragma once

#include <string>

#include "config/spec.h"

namespace weir::config {

std::string effective_text(const Spec& completed);

}  // namespace weir::config
