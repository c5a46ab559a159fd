// Service identity: a header in which an internal caller names itself, believed from named networks alone.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/address.h"
#include "model/facts.h"

namespace weir::auth {

constexpr std::size_t kMaxServiceName = 128;

// `client`: the address behind the trusted proxies, not the peer: a request that a balancer inside the network carries
// for somebody outside must not become internal by it. A name is 1 to kMaxServiceName of A-Z a-z 0-9 . _ - / : @
Evidence check_service(std::optional<std::string_view> header, const Address& client, std::span<const Net> from);

}  // namespace weir::auth
