// SocketAddress to and from the system's sockaddr.
#pragma once

#include <sys/socket.h>

#include "base/address.h"

namespace weir::io {

struct RawAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

RawAddress to_raw(const SocketAddress& address);
SocketAddress from_raw(const RawAddress& raw);  // an unnamed unix socket has an empty address

}  // namespace weir::io
