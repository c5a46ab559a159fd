// Who asks: the callers of one traffic, their shares, keys and addresses. Pure.
//   shares      the k-th of n asks k^-s / sum(i^-s) of all (Zipf); s = 0: all alike
//   key         what a caller proves itself with where the gateway's rule wants an API key; made
//               from seed and name, so that it is the same in every run. It guards nothing but a drill.
//   address     one of `networks` /24 networks of 10.0.0.0/8, a host in it by the caller's number
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "drill/chance.h"
#include "drill/scenario_spec.h"

namespace weir::drill {

class Population {
 public:
  Population(const CallersSpec& spec, std::uint64_t seed);

  std::size_t size() const { return names_.size(); }
  const std::string& name(std::size_t caller) const { return names_[caller]; }
  std::string key(std::size_t caller) const;
  Address address(std::size_t caller) const;  // where networks are given
  double share(std::size_t caller) const;
  // Whose turn it is, for u in (0, 1).
  std::size_t pick(double u) const;

 private:
  std::vector<std::string> names_;
  std::vector<double> upto_;  // shares summed, in the order of the callers
  std::uint64_t networks_, seed_;
};

}  // namespace weir::drill
