// One exchange of the past as JSON, for exchanges/{request_id} and `weir explain REQUEST_ID`: what
// was asked, what was answered, by which rule of which revision, how long each phase took.
#pragma once

#include <string>

#include "base/json.h"
#include "export/exchange_ring.h"
#include "model/names.h"

namespace weir::control {

// One object, without a newline. Keys: docs/guide/admin.md.
void write_exchange(JsonWriter& json, const exporting::KeptExchange& exchange,
                    const NameTable& names);

}  // namespace weir::control
