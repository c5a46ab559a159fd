// Idle connections to upstreams, kept per worker and keyed by what is connected to (never by route or revision), so a
// new policy keeps them. Last in, first out: the warmest is used first and the rest ages out. A connection on which the
// peer says or ends anything while it is idle is dropped at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "wire/http1_client.h"

namespace weir::wire {

struct PoolOptions {
  std::size_t per_key = 1024;                       // idle connections kept for one endpoint
  Nanos max_idle{std::chrono::seconds(50)};         // below the 60 s after which most servers close
};

class Pool {
 public:
  explicit Pool(PoolOptions options) : options_(options) {}

  // Null when none is left that may be used. `now` ages connections out.
  std::unique_ptr<Http1Client> take(std::uint64_t key, Stamp now);
  void put(std::uint64_t key, std::unique_ptr<Http1Client> client, Stamp now);
  // From now on what is kept for these keys is connected to one of these places (Http1Client::place); what is idle elsewhere is
  // closed, what is busy elsewhere when it comes back. Keys that are not named keep all.
  using Places = std::unordered_map<std::uint64_t, std::vector<std::uint64_t>>;
  void keep_to(Places places);
  // Closes what has been idle too long; called about once a second.
  void age(Stamp now);
  void clear() { idle_.clear(); }
  std::size_t size() const;

 private:
  struct Idle {
    std::unique_ptr<Http1Client> client;
    Stamp since;
  };
  bool in_place(std::uint64_t key, const Http1Client& client) const;

  PoolOptions options_;
  Places places_;
  std::unordered_map<std::uint64_t, std::vector<Idle>> idle_;
};

}  // namespace weir::wire
