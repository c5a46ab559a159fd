// Active health checks: asks each endpoint that has one, every `interval` with a fifth of it as jitter, over a connection of
// its own, and tells what came of it. At most one probe an endpoint is under way; an answer is read for at most 64 KiB.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "base/hash.h"
#include "decide/active_check.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/task.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"
#include "wire/http1_server.h"

namespace weir::proxy {

class Prober {
 public:
  using Told = std::function<void(EndpointId, decide::Probe)>;
  // Everything runs in `scope`, on its loop; it must outlive that.
  Prober(io::Scope& scope, const NameTable& names, HashKey seed, Told told)
      : scope_(scope), names_(names), seed_(seed), told_(std::move(told)) {}

  // No checks, until the next policy.
  void rest() {
    for (auto& [key, asked] : asked_) asked.endpoint = EndpointId::none();
    policy_ = nullptr;
  }
  // From now on the checks of this policy. Endpoints that stay keep their rhythm.
  void use(std::shared_ptr<const Policy> policy, std::shared_ptr<const EndpointAddresses> addresses);

 private:
  struct Asked {
    EndpointId endpoint;             // under the newest policy; none: it has no check any more
    std::uint64_t identity = 0;      // of the pair of upstream and endpoint
    std::uint64_t probes = 0;
  };
  using Key = std::pair<std::uint32_t, std::uint64_t>;   // name of the upstream, Endpoint::identity

  io::Task<> ask_on(Key key);
  io::Task<decide::Probe> probe(EndpointId endpoint);
  io::Task<decide::Probe> request(io::Stream stream, const HealthCheck& check, std::string_view host, io::Deadline deadline);
  Nanos jittered(Nanos interval, const Asked& asked) const;

  io::Scope& scope_;
  const NameTable& names_;
  HashKey seed_;
  Told told_;
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const EndpointAddresses> addresses_;
  std::map<Key, Asked> asked_;
  wire::Scratch scratch_;
};

}  // namespace weir::proxy
