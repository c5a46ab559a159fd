#include "decide/clients.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "decide/identity.h"
#include "decide/limits.h"
#include "model/facts.h"

namespace weir::decide {
namespace {

bool is_client(std::span<const KeyPart> parts) { return parts.size() == 1 && parts[0].kind == KeyKind::client_ip; }

}  // namespace

ClientHasher::ClientHasher(const Policy& policy, HashKey seed) : policy_(policy), seed_(seed) {
  const auto limit = std::ranges::find_if(policy.limits, [](const Limit& each) { return is_client(each.key); });
  if (limit != policy.limits.end()) limit_ = LimitId{static_cast<std::uint16_t>(limit - policy.limits.begin())};
  const auto& at_once = policy.concurrency_limits;
  const auto concurrency = std::ranges::find_if(at_once, [](const ConcurrencyLimit& each) { return is_client(each.key); });
  if (concurrency != at_once.end()) concurrency_ = static_cast<std::uint16_t>(concurrency - at_once.begin());
}

ClientKeys ClientHasher::operator()(const Address& client) const {
  const Caller caller = address_caller(client, seed_);
  ClientKeys keys{.caller = caller.ref.digest};
  if (policy_.routes.empty()) return keys;
  const Facts facts{.client = client};
  const KeyQuestion question{.route = policy_.routes.front(), .facts = facts, .caller = caller, .seed = seed_};   // the route does not matter
  if (limit_.valid()) {
    const Limit& limit = policy_.limits[limit_.index()];
    keys.limit = limit_;
    keys.limit_key = key_of(question, limit.key, limit.cells).key.hash;
  }
  if (concurrency_ != ClientKeys::kNone) {
    const ConcurrencyLimit& limit = policy_.concurrency_limits[concurrency_];
    keys.concurrency = concurrency_;
    keys.concurrency_key = key_of(question, limit.key, limit.cells).key.hash;
  }
  return keys;
}

// Zero, which a table does not keep, is hashed anew each time.
std::uint64_t Clients::place_of(const Address& client) {
  std::array<std::uint64_t, 2> words;
  std::memcpy(words.data(), client.bytes.data(), sizeof(words));
  return mix(words[0]) ^ words[1];
}

}  // namespace weir::decide
