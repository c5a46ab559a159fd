// What changes in the health of endpoints, as lines for the operator.
#pragma once

#include <string>

#include "decide/pool.h"
#include "model/names.h"
#include "model/policy.h"
#include "proxy/name_keeper.h"

namespace weir::control {

// "endpoint 127.0.0.1:9001 of catalog is out for 30 s: 5 failures in a row"
std::string health_line(const Policy& policy, const NameTable& names, UpstreamId upstream, const decide::PoolEvent& event);

// "orders.internal has moved to 10.0.0.7"
std::string name_line(const proxy::NameEvent& event);

}  // namespace weir::control
