// What clients' addresses are hashed to under one policy and seed, for who meets the same ones again and again: connections live,
// requests of a recording or a log in replay. The keys are those that would be hashed anew for each request.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/near.h"
#include "model/policy.h"

namespace weir::decide {

struct ClientKeys {
  static constexpr std::uint16_t kNone = UINT16_MAX;
  std::uint64_t caller = 0;           // CallerRef::digest of address_caller
  // Of the first limit whose key is the client's address and nothing else, by its own rate and burst; and of the first
  // concurrency limit like that.
  std::uint64_t limit_key = 0, concurrency_key = 0;
  LimitId limit = LimitId::none();
  std::uint16_t concurrency = kNone;  // in Policy::concurrency_limits
};

class ClientHasher {
 public:
  ClientHasher(const Policy& policy, HashKey seed);
  ClientKeys operator()(const Address& client) const;
  const Policy& policy() const { return policy_; }

 private:
  const Policy& policy_;
  HashKey seed_;
  LimitId limit_ = LimitId::none();
  std::uint16_t concurrency_ = ClientKeys::kNone;
};

// Those that came last, `most` of them.
class Clients {
 public:
  Clients(const Policy& policy, HashKey seed, std::size_t most) : hash_(policy, seed), near_(most) {}
  void expect(const Address& client) const { near_.expect(place_of(client)); }
  // Until the next one is asked for.
  const ClientKeys& of(const Address& client) {
    const std::uint64_t place = place_of(client);
    const Known* known = near_.find(place);
    if (known == nullptr || known->address != client) known = &near_.put(place, {.address = client, .keys = hash_(client)});
    return known->keys;
  }
  const Policy& policy() const { return hash_.policy(); }

 private:
  struct Known {
    Address address;
    ClientKeys keys;
  };
  static std::uint64_t place_of(const Address& client);

  ClientHasher hash_;
  Near<Known> near_;
};

}  // namespace weir::decide
