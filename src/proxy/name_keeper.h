// The addresses of endpoints that are given by name: asked about again when an answer has aged, when nobody was reached there,
// and after a failure (decide/name_watch.h). A name that stops resolving keeps the addresses that it had. At most kMostAsked
// lookups are under way, each ends after kPatience. Belongs to one loop, that of control.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "decide/name_watch.h"
#include "io/resolver.h"
#include "io/scope.h"
#include "io/task.h"
#include "model/conditions.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::proxy {

// Something that an operator wants to read about a name.
struct NameEvent {
  enum class Kind : std::uint8_t { moved, failed, back };
  Kind kind = Kind::moved;
  std::string_view host;
  std::span<const Address> addresses;   // that it has now
  std::string_view why;                 // failed
};

class NameKeeper {
 public:
  static constexpr std::size_t kMostAsked = 64;
  static constexpr Nanos kPatience = std::chrono::seconds(5);

  struct To {
    std::function<std::shared_ptr<io::Resolver>(const DnsRules&)> resolver;
    std::function<void(std::shared_ptr<const EndpointAddresses>)> publish;   // for the policy in use
    std::function<void(const NameEvent&)> tell;
  };
  struct Counts {
    std::uint64_t answers = 0, failures = 0;   // of lookups
    std::uint64_t names = 0, stale = 0;        // in use; of these, those whose last lookup failed
  };

  // Runs in `scope`, which must have ended all before this goes.
  NameKeeper(io::Scope& scope, To to);

  // Of a policy that comes beside another one: has the addresses that that one's keeper has. Before look_up().
  void take_over(const NameKeeper& other);
  // Nothing decides by the policy in use any more.
  void rest() {
    policy_ = nullptr;
    names_.clear();
    hosts_.clear();
  }
  // Asks about the names of a policy that the one in use does not have, all at once. One error for each endpoint that has no
  // address by that, with its place.
  io::Task<std::vector<Error>> look_up(const Policy& policy);
  // From now on the names of this policy are kept; others are forgotten.
  std::shared_ptr<const EndpointAddresses> use(std::shared_ptr<const Policy> policy);
  // Of an endpoint by its name as written.
  void on_unreached(NameId endpoint);

  Counts counts() const;
  bool stale(std::string_view host) const;

 private:
  struct Name {
    decide::NameWatch watch;
    bool used = false;       // by the policy in use
  };
  using Failures = std::map<std::string, Error>;   // by host
  io::Task<> keep();
  io::Task<> ask(std::string host, std::shared_ptr<io::Resolver> resolver, DnsRules rules, Failures* failures);
  void answered(const std::string& host, const Result<io::Resolution>& answer, const DnsRules& rules);
  std::shared_ptr<const EndpointAddresses> addresses() const;
  std::shared_ptr<io::Resolver> resolver_for(const DnsRules& rules) const;

  io::Scope& scope_;
  To to_;
  std::map<std::string, Name, std::less<>> names_;          // by host
  std::unordered_map<std::uint32_t, std::string> hosts_;    // by name of the endpoint
  std::shared_ptr<const Policy> policy_;
  std::shared_ptr<io::Resolver> resolver_;
  std::size_t asked_ = 0;
  Counts counts_;
};

}  // namespace weir::proxy
