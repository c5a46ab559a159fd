// The index over Policy::routes: a hash of hosts, a radix tree of paths per host group, candidates in order of
// precedence at each node. Plain data; built and read by decide/route (see its essay). Bounds: nodes <= 4 x paths.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace weir {

struct TransparentHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
using HostMap = std::unordered_map<std::string, std::uint32_t, TransparentHash, std::equal_to<>>;

struct RouteIndex {
  // decide/route.cc is free to replace what is inside; others only hold it.
  struct Node {
    std::string label;                    // compressed edge
    std::vector<std::uint32_t> children;  // sorted by first byte of their label
    std::vector<RouteId> exact;           // candidates for exactly this path, most precise first
    std::vector<RouteId> prefix;          // candidates for this path and everything below it
  };
  std::vector<Node> nodes;
  HostMap exact_hosts;                    // host -> root node
  HostMap wildcard_hosts;                 // "example.com" of "*.example.com" -> root node
  std::uint32_t any_host = UINT32_MAX;    // root for routes without hosts
};

}  // namespace weir
