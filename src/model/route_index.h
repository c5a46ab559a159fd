// The index over Policy::routes: one hash table of hosts, one compressed radix tree of paths per host, candidates in
// order of precedence at each node. Plain flat data, built and read by decide/route alone (see its essay); others hold
// it. Bounds: slots <= 4 x hosts, nodes <= 2 x (host, path) pairs + hosts; some 300 bytes a host with one path.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/large_pages.h"

namespace weir {

struct RouteIndex {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Text {                          // a piece of `text`
    std::uint32_t at = 0;
    std::uint32_t size = 0;
  };
  struct Candidate {
    RouteId route;
    std::uint16_t methods = 0;           // bits by decide/route.cc; 0: any
    bool plain = true;                   // methods says all there is to check: no header, no query, no rare method
  };
  struct alignas(64) Host {              // one line of memory answers for most hosts
    static constexpr std::size_t kNear = 40;
    Text name{};                         // "a.example.com"; ".example.com" stands for "*.example.com"
    std::uint32_t tag = 0;               // more bits of the hash of the name
    std::uint32_t root = kNone;          // kNone: the slot is empty
    Candidate only{};                    // the only route of this host, if it is for every path; else route is none
    std::array<char, kNear> near{};      // the name again, if it fits
  };
  struct alignas(32) Node {              // two in a line of memory
    std::uint32_t label = 0;             // the edge into this node, in `text`: as long as it is deeper than the node above
    std::uint32_t depth = 0;             // length of all labels from the root to here
    std::uint32_t children = 0;          // the first; they stand together, sorted by the first byte of their labels
    std::uint16_t child_count = 0;
    unsigned char first = 0;             // first byte of the label
    unsigned char children_from = 0;     // that of the first child
    std::uint32_t above = kNone;         // nearest node above that has prefix candidates
    // In `candidates`, most precise first: routes for exactly this path, behind them those for this path and everything below it.
    std::uint32_t candidates = 0, exact = 0, prefix = 0;
  };

  std::vector<Host, LargePages<Host>> hosts;   // open addressing, a power of two, at most half full
  std::vector<Node> nodes;
  std::vector<Candidate> candidates;
  std::string text;
  std::uint32_t any_host = kNone;        // root for routes without hosts
  bool wildcards = false;
};

}  // namespace weir
