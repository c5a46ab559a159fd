// The address of the client behind trusted proxies: X-Forwarded-For read from the right, as far as each hop that wrote
// an element is trusted. The first address that is not a trusted proxy is the client; whatever stands left of it was
// written by somebody we do not know. An element that is no address ends the reading at the last hop that was one.
#pragma once

#include <span>
#include <string_view>

#include "base/address.h"

namespace weir::decide {

constexpr std::size_t kMaxForwardedHops = 32;

// `forwarded_for`: the values of all X-Forwarded-For fields in the order in which they came. Elements may carry a port
// ("192.0.2.1:4711", "[2001:db8::1]:4711"), as some balancers write them.
Address client_address(const Address& peer, std::span<const std::string_view> forwarded_for,
                       std::span<const Net> trusted);

}  // namespace weir::decide
