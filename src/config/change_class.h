// What a change touches (model/change_class.h), from what differs between two configurations. A key that nobody has classed counts as
// one that touches routes: who does not know a key does not skip its judging.
#pragma once

#include <string_view>

#include "config/difference.h"
#include "model/change_class.h"
#include "model/policy.h"

namespace weir::config {

// `before` is live, `after` the candidate; `comparison` is of their texts.
ChangeClass change_class(const Comparison& comparison, const Policy& before, const Policy& after);

// Of a path as difference.h writes it.
Touch touch_of(std::string_view path);

}  // namespace weir::config
