// The deadline that a peer tells: read here, decided by at admission.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"

namespace weir::decide {

// How long a trusted peer still waits, from the field in which it says so: milliseconds, up to a
// day; anything else says nothing.
std::optional<Nanos> deadline_of(std::string_view value);

}  // namespace weir::decide
