#include "io/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace weir::io {

RawAddress to_raw(const SocketAddress& address) {
  RawAddress raw;
  if (address.is_unix()) {
    auto* to = reinterpret_cast<sockaddr_un*>(&raw.storage);
    to->sun_family = AF_UNIX;
    const std::size_t length = std::min(address.unix_path.size(), sizeof to->sun_path - 1);
    std::memcpy(to->sun_path, address.unix_path.data(), length);
    raw.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + 1);
  } else if (address.address.family == Address::Family::v4) {
    auto* to = reinterpret_cast<sockaddr_in*>(&raw.storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(address.port);
    std::memcpy(&to->sin_addr, address.address.bytes.data(), 4);
    raw.size = sizeof *to;
  } else {
    auto* to = reinterpret_cast<sockaddr_in6*>(&raw.storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(address.port);
    std::memcpy(&to->sin6_addr, address.address.bytes.data(), 16);
    raw.size = sizeof *to;
  }
  return raw;
}

SocketAddress from_raw(const RawAddress& raw) {
  SocketAddress address;
  if (raw.storage.ss_family == AF_INET) {
    const auto* from = reinterpret_cast<const sockaddr_in*>(&raw.storage);
    std::memcpy(address.address.bytes.data(), &from->sin_addr, 4);
    address.port = ntohs(from->sin_port);
  } else if (raw.storage.ss_family == AF_INET6) {
    const auto* from = reinterpret_cast<const sockaddr_in6*>(&raw.storage);
    address.address.family = Address::Family::v6;
    std::memcpy(address.address.bytes.data(), &from->sin6_addr, 16);
    address.port = ntohs(from->sin6_port);
  } else if (raw.storage.ss_family == AF_UNIX) {
    const auto* from = reinterpret_cast<const sockaddr_un*>(&raw.storage);
    const std::size_t most =
        raw.size > offsetof(sockaddr_un, sun_path) ? raw.size - offsetof(sockaddr_un, sun_path) : 0;
    address.unix_path.assign(from->sun_path,
                             strnlen(from->sun_path, std::min(most, sizeof from->sun_path)));
  }
  return address;
}

}  // namespace weir::io
