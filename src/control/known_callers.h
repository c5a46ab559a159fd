// Whom the caller directory of a data_dir knows, as a plan asks it. None where there is no
// directory, or one that has seen less than 24 h: then a plan judges by its input alone.
#pragma once

#include <string>
#include <vector>

#include "replay/callers.h"

namespace weir::control {

// The first folder that has one counts. What a person should know is added to `notes`.
replay::KnownBefore known_callers(const std::vector<std::string>& folders,
                                  std::vector<std::string>& notes);

}  // namespace weir::control
