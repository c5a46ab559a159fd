// One exchange on one line, for `weir run --live`:
//   14:30:02.123 200 GET  api.example.com/catalog/7  1.2 ms  catalog → 127.0.0.1:9001  acme
//   14:30:02.140 429 GET  api.example.com/orders     0.0 ms  limit_rejected by per-caller  acme
#pragma once

#include <string>

#include "export/exchange_ring.h"
#include "model/names.h"

namespace weir::control {

// Control bytes of the request are escaped: what a client sends never reaches the terminal as a command.
std::string live_line(const exporting::KeptExchange& exchange, const NameTable& names);

}  // namespace weir::control
