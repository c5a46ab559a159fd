// Strong ids: an index of one kind is never taken for another. An id is valid within one Policy unless stated.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace weir {

template <class Tag, class Rep = std::uint32_t>
struct Id {
  Rep value = static_cast<Rep>(-1);
  static constexpr Id none() { return Id{}; }
  constexpr bool valid() const { return value != static_cast<Rep>(-1); }
  constexpr std::size_t index() const { return static_cast<std::size_t>(value); }
  friend constexpr auto operator<=>(Id, Id) = default;
};

using ListenerId = Id<struct ListenerTag, std::uint16_t>;
using IdentityId = Id<struct IdentityTag, std::uint16_t>;   // a rule under `identity:`
using LimitId = Id<struct LimitTag, std::uint16_t>;
using UpstreamId = Id<struct UpstreamTag>;
using EndpointId = Id<struct EndpointTag>;                  // index into Policy::endpoints
using RouteId = Id<struct RouteTag>;
using WorkerId = Id<struct WorkerTag, std::uint16_t>;

// Names one exchange for ever: the worker and that worker's own count. The request id contains it.
struct ExchangeId {
  WorkerId worker;
  std::uint64_t sequence = 0;
  friend constexpr auto operator<=>(const ExchangeId&, const ExchangeId&) = default;
};

}  // namespace weir

template <class Tag, class Rep>
struct std::hash<weir::Id<Tag, Rep>> {
  std::size_t operator()(weir::Id<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
