// What a change touches, by which it skips stages or is not taken without more words. Found by config/change_class.h.
//
//   risk       touches a limit, route, identity, auth, timeout, balance, or how upstreams and listeners work; what touches none of
//              these skips shadow and canary
//   early      acts before a caller is known: listeners, their caps and trusted proxies, identity rules. An arm is drawn by the
//              caller, so these are judged in shadow and not canaried
//   lockout    closes the admin listener, or leaves no route for a host that live has routes for
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class Touch : std::uint8_t { limit, route, identity, auth, timeout, balance, upstream, listener, other };
inline constexpr std::size_t kTouches = 9;
constexpr std::string_view to_string(Touch touch) {
  constexpr std::array<std::string_view, kTouches> kNames = {"limit",   "route",    "identity", "auth", "timeout",
                                                             "balance", "upstream", "listener", "other"};
  return kNames[static_cast<std::size_t>(touch)];
}

struct ChangeClass {
  std::uint16_t touches = 0;            // bits by Touch
  std::vector<std::string> early;       // paths as difference.h writes them: "listeners.public.caps.head"
  bool only_early = false;              // all of the risk is early
  std::vector<std::string> lockout;     // each a sentence: "no route is left for api.example.com"

  bool has(Touch touch) const { return (touches >> static_cast<unsigned>(touch) & 1) != 0; }
  void add(Touch touch) { touches = static_cast<std::uint16_t>(touches | 1u << static_cast<unsigned>(touch)); }
  bool risk() const { return (touches & ~(1u << static_cast<unsigned>(Touch::other))) != 0; }
};

}  // namespace weir
