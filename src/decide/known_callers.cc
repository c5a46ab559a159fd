#include "decide/known_callers.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace weir::decide {
namespace {

std::uint64_t digest_of(char kind, std::string_view name, HashKey seed) {
  std::array<char, KnownCallers::kLongest + 1> key;
  key[0] = kind;
  std::ranges::copy(name, key.begin() + 1);
  return keyed_hash(seed, std::string_view(key.data(), name.size() + 1));
}

}  // namespace

KnownCallers::KnownCallers(std::vector<std::uint64_t> digests) : digests_(std::move(digests)) {
  if (digests_.size() > kMost) digests_.resize(kMost);
  std::ranges::sort(digests_);
}

bool KnownCallers::has(std::uint64_t digest) const {
  return std::ranges::binary_search(digests_, digest);
}

bool is_known(const KnownCallers* known, const Caller& caller, const Facts& facts, HashKey seed) {
  if (known == nullptr) return true;
  if (caller.ref.kind == CallerRef::Kind::address)
    return known->has(digest_of('1', to_string(caller_address(facts.client)), seed));
  return caller.subject.size() <= KnownCallers::kLongest &&
         known->has(digest_of('0', caller.subject, seed));
}

}  // namespace weir::decide
