// What changes between two configurations, by meaning: both with every default filled in, compared value by value; what has a
// name (a limit, a route, an upstream) or an address (an endpoint) is found again by it, wherever it stands. Order of a list counts
// only where its elements have neither; that of rules that are asked in turn is told as one difference of the list.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/compile.h"

namespace weir::config {

struct Difference {
  enum class Kind : std::uint8_t { added, removed, changed, moved } kind = Kind::changed;
  std::string path;            // "limits.per-caller.rate", as `plan --set` writes it
  std::string before, after;   // YAML on one line; "" where there is nothing, and of what moved
  bool operator==(const Difference&) const = default;
};

struct Comparison {
  std::vector<Difference> differences;      // in the order of the second, what is gone at its list's end
  std::vector<std::string> starts_anew;     // limits in both whose buckets start full once: key, rate or burst changed
  bool operator==(const Comparison&) const = default;
};

// Fails where either does not compile, and says which.
Result<Comparison> compare(const Input& before, const Input& after);
// The same of two that did, without their texts.
Comparison compare(const CompactTree& before, const CompactTree& after);

}  // namespace weir::config
