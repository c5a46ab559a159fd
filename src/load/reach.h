// Finds the address of a target and makes sure that somebody listens there, before a run is begun.
#pragma once

#include "base/address.h"
#include "base/result.h"
#include "io/loop.h"
#include "load/target.h"

namespace weir::load {

// The first of the host's addresses that takes a connection. Errors: the name does not resolve,
// nobody listens, or an address is not private and `anywhere` was not said (is_private).
Result<SocketAddress> reach(io::Loop& loop, const Target& target, bool anywhere);

}  // namespace weir::load
