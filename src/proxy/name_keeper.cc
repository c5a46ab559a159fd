#include "proxy/name_keeper.h"

#include <algorithm>
#include <set>
#include <utility>

#include "fmt/format.h"
#include "io/loop.h"

namespace weir::proxy {
namespace {

constexpr Nanos kPause = std::chrono::milliseconds(50);

}  // namespace

NameKeeper::NameKeeper(io::Scope& scope, To to) : scope_(scope), to_(std::move(to)) {
  scope_.spawn([this] { return keep(); });
}

std::shared_ptr<io::Resolver> NameKeeper::resolver_for(const DnsRules& rules) const {
  const bool same = resolver_ != nullptr && policy_ != nullptr && policy_->dns.servers == rules.servers;
  return same ? resolver_ : to_.resolver(rules);
}

void NameKeeper::take_over(const NameKeeper& other) {
  names_ = other.names_;
  for (auto& [host, name] : names_) name.watch.abandon(scope_.loop().now());
  policy_ = other.policy_;
  resolver_ = other.resolver_;
}

io::Task<std::vector<Error>> NameKeeper::look_up(const Policy& policy) {
  std::erase_if(names_, [](const auto& each) { return !each.second.used; });   // of a policy that was not taken into use
  std::set<std::string> fresh;
  for (const Endpoint& endpoint : policy.endpoints) {
    if (!endpoint.host.empty() && names_.try_emplace(endpoint.host).second) fresh.insert(endpoint.host);
  }
  std::vector<Error> errors;
  if (fresh.empty()) co_return errors;
  const std::shared_ptr<io::Resolver> resolver = resolver_for(policy.dns);
  Failures failures;
  io::Scope asking(scope_.loop());
  for (const std::string& host : fresh) {
    if (asking.running() == kMostAsked) co_await asking.join();
    asking.spawn([this, &failures, &policy, resolver, host] { return ask(host, resolver, policy.dns, &failures); });
  }
  co_await asking.join();
  for (const Endpoint& endpoint : policy.endpoints) {
    const auto failed = failures.find(endpoint.host);
    if (failed == failures.end()) continue;
    errors.push_back(wrap(failed->second, fmt::format("{}:{}:{}: the endpoint has no address", policy.files[endpoint.source.file],
                                                      endpoint.source.line, endpoint.source.column)).error());
  }
  co_return errors;
}

std::shared_ptr<const EndpointAddresses> NameKeeper::use(std::shared_ptr<const Policy> policy) {
  resolver_ = resolver_for(policy->dns);
  policy_ = std::move(policy);
  hosts_.clear();
  for (auto& [host, name] : names_) name.used = false;
  for (const Endpoint& endpoint : policy_->endpoints) {
    if (endpoint.host.empty()) continue;
    names_[endpoint.host].used = true;
    hosts_.emplace(endpoint.name.value, endpoint.host);
  }
  std::erase_if(names_, [](const auto& each) { return !each.second.used; });
  return addresses();
}

void NameKeeper::on_unreached(NameId endpoint) {
  if (const auto host = hosts_.find(endpoint.value); host != hosts_.end()) {
    if (const auto name = names_.find(host->second); name != names_.end()) name->second.watch.on_unreached(scope_.loop().now());
  }
}

io::Task<> NameKeeper::keep() {
  while (co_await scope_.loop().sleep_to_beat(kPause)) {
    if (policy_ == nullptr) continue;
    for (auto& [host, name] : names_) {
      if (!name.used || name.watch.due() > scope_.loop().now() || asked_ == kMostAsked) continue;
      name.watch.ask(scope_.loop().now());
      ++asked_;
      scope_.spawn([this, host, resolver = resolver_, rules = policy_->dns]() -> io::Task<> {
        co_await ask(host, resolver, rules, nullptr);
        --asked_;
      });
    }
  }
}

// The first time `failures` is told, later the operator.
io::Task<> NameKeeper::ask(std::string host, std::shared_ptr<io::Resolver> resolver, DnsRules rules, Failures* failures) {
  if (const auto name = names_.find(host); name != names_.end()) name->second.watch.ask(scope_.loop().now());
  auto answer = co_await resolver->resolve_with_ttl(host, scope_.loop().now() + kPatience);
  if (!answer && failures != nullptr) failures->emplace(host, answer.error());
  answered(host, answer, rules);
}

void NameKeeper::answered(const std::string& host, const Result<io::Resolution>& answer, const DnsRules& rules) {
  ++(answer ? counts_.answers : counts_.failures);
  const auto found = names_.find(host);
  if (found == names_.end()) return;   // no policy names it any more
  decide::NameWatch& watch = found->second.watch;
  const bool failing = watch.failures() > 0, used = found->second.used;
  if (!answer) {
    watch.on_failure(scope_.loop().now());
    if (used && !failing && answer.error().kind != ErrorKind::cancelled) {
      const std::string why = to_string(answer.error());
      to_.tell({.kind = NameEvent::Kind::failed, .host = host, .addresses = watch.addresses(), .why = why});
    }
    return;
  }
  const bool moved = watch.on_answer(answer->addresses, answer->ttl, rules, scope_.loop().now());
  if (!used) return;
  if (moved || failing) to_.tell({.kind = failing ? NameEvent::Kind::back : NameEvent::Kind::moved, .host = host, .addresses = watch.addresses(), .why = {}});
  if (moved) to_.publish(addresses());
}

std::shared_ptr<const EndpointAddresses> NameKeeper::addresses() const {
  auto all = std::make_shared<EndpointAddresses>();
  for (const Endpoint& endpoint : policy_->endpoints) {
    std::vector<SocketAddress>& known = all->emplace_back();
    if (endpoint.host.empty()) {
      known.push_back(endpoint.address);
      continue;
    }
    for (const Address& address : names_.find(endpoint.host)->second.watch.addresses()) {
      known.push_back({.address = address, .port = endpoint.address.port, .unix_path = {}});
    }
  }
  return all;
}

NameKeeper::Counts NameKeeper::counts() const {
  Counts counts = counts_;
  for (const auto& [host, name] : names_) {
    counts.names += name.used ? 1 : 0;
    counts.stale += name.used && name.watch.failures() > 0 ? 1 : 0;
  }
  return counts;
}

bool NameKeeper::stale(std::string_view host) const {
  const auto name = names_.find(host);
  return name != names_.end() && name->second.watch.failures() > 0;
}

}  // namespace weir::proxy
