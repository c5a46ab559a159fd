// Resolver: a host name becomes addresses. Numeric hosts are answered at once by the helper below,
// so an implementation sees names only. Nothing is cached: whoever asks decides when to ask again
// (ttl says for how long the answer is good). Errors: not_found (the name does not exist or has no
// address), timeout, cancelled, unreachable (no server answers).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::io {

struct Resolution {
  std::vector<Address>
      addresses;  // at least one, at most kAddressesMax; no duplicates; in the order given
  Nanos ttl{0};   // the smallest of the answer; at least a second, at most an hour
};

class Resolver {
 public:
  static constexpr std::size_t kAddressesMax = 64;
  virtual ~Resolver() = default;

  Task<Result<std::vector<Address>>> resolve(std::string_view host, Deadline deadline);
  Task<Result<Resolution>> resolve_with_ttl(std::string_view host, Deadline deadline);

 private:
  virtual Task<Result<Resolution>> look_up(std::string host, Deadline deadline) = 0;
};

// "10.0.0.1", "::1", "[::1]", and "localhost" with the names below it (RFC 6761 6.3: never asked of
// a server).
std::optional<Resolution> known_without_asking(std::string_view host);

}  // namespace weir::io
