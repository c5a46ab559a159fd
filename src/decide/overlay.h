// What overrides hold back: whom they block or cap, and which routes they pause. Asked only where a
// policy has an overlay.
//
// A net is known by the client's address, so it is asked before limits before_auth; a caller by the
// name that it proves, before other limits. Of several that mean the same one a block goes before
// any cap, and of caps the newest holds: at most one by net and one by name are charged.
#pragma once

#include <cstddef>

#include "base/address.h"
#include "base/ids.h"
#include "decide/identity.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::decide {

constexpr std::size_t kMostCapsAsked = 2;  // of one request

// Who refuses this client, or this caller, altogether; null: nobody.
const Restraint* block_of(const Overlay& overlay, const Address& client);
const Restraint* block_of(const Overlay& overlay, const Caller& caller);

// The cap that holds for them; none: they have none.
LimitId cap_of(const Overlay& overlay, const Address& client);
LimitId cap_of(const Overlay& overlay, const Caller& caller);

// The override that pauses this route; none: nobody does.
NameId paused_by(const Overlay& overlay, RouteId route);

// Some caller is held back by its name, so that it matters who asks.
bool asks_who(const Overlay& overlay);

}  // namespace weir::decide
