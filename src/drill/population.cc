#include "drill/population.h"

#include <algorithm>
#include <cmath>

#include "fmt/core.h"

namespace weir::drill {

Population::Population(const CallersSpec& spec, std::uint64_t seed)
    : networks_(spec.networks.value), seed_(seed) {
  if (spec.names.given()) {
    for (const auto& name : spec.names.value) names_.push_back(name.value.text);
  } else {
    names_.reserve(spec.count.value);
    for (std::uint64_t i = 1; i <= spec.count.value; ++i)
      names_.push_back(fmt::format("{}-{}", spec.prefix.value.text, i));
  }
  const double exponent = spec.zipf.given() ? spec.zipf.value.value : 0;
  double sum = 0;
  upto_.reserve(names_.size());
  for (std::size_t k = 1; k <= names_.size(); ++k)
    upto_.push_back(sum += std::pow(static_cast<double>(k), -exponent));
  for (double& each : upto_) each /= sum;
}

std::string Population::key(std::size_t caller) const {
  const HashKey key{.k0 = seed_, .k1 = 0x6b6579};
  return fmt::format("weir_{:016x}{:016x}", keyed_hash(key, names_[caller]),
                     keyed_hash(key, names_[caller] + "/"));
}

Address Population::address(std::size_t caller) const {
  const std::uint64_t network = caller % std::max<std::uint64_t>(networks_, 1);
  const std::uint64_t host = caller / std::max<std::uint64_t>(networks_, 1) % 254 + 1;
  return Address::v4(10, static_cast<std::uint8_t>(network >> 8),
                     static_cast<std::uint8_t>(network & 0xFF), static_cast<std::uint8_t>(host));
}

double Population::share(std::size_t caller) const {
  return upto_[caller] - (caller == 0 ? 0 : upto_[caller - 1]);
}

std::size_t Population::pick(double u) const {
  const auto found = std::ranges::upper_bound(upto_, u);
  return std::min(static_cast<std::size_t>(found - upto_.begin()), upto_.size() - 1);
}

}  // namespace weir::drill
