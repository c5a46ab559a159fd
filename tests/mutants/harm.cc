// From what two configurations do to the same traffic to whom going over would hurt (truth.h).
#include <algorithm>
#include <map>
#include <set>

#include "truth.h"

namespace mutants {
namespace {

constexpr double kTooBusy = 1.5;  // times the best minute that an endpoint has had

// The endpoints that a route's requests may reach.
std::set<std::string> reach(const Gateway& gateway, const Route& route) {
  std::set<std::string> all;
  for (const auto& [name, weight] : route.to) {
    if (weight == 0) continue;
    for (const Endpoint& endpoint :
         std::ranges::find(gateway.upstreams, name, &Upstream::name)->endpoints) {
      if (endpoint.weight > 0) all.insert(endpoint.address);
    }
  }
  return all;
}

}  // namespace

std::uint16_t status_of(const Request& request, Refusal refusal, std::int64_t timeout_micros) {
  switch (refusal) {
    case Refusal::limit:
      return 429;
    case Refusal::no_route:
      return 404;
    case Refusal::method:
      return 405;
    case Refusal::auth:
      return request.caller >= 0 || request.service >= 0 ? 403 : 401;
    case Refusal::head:
      return 431;
    case Refusal::none:
      break;
  }
  if (request.micros > timeout_micros) return 504;
  return request.bad ? 500 : 200;
}

std::vector<bool> known_persons(const Traffic& traffic, const Outcome& base) {
  struct Seen {
    std::int64_t first = -1, last = 0;
  };
  std::vector<Seen> seen(traffic.persons);
  for (std::size_t i = 0; i < traffic.requests.size(); ++i) {
    const Request& request = traffic.requests[i];
    const std::int64_t timeout =
        base.routes[i] < 0 ? 0 : base.timeouts[static_cast<std::size_t>(base.routes[i])];
    const std::uint16_t status = status_of(request, base.refusals[i], timeout);
    if (status >= 500 || status == 429 || status == 401 || status == 403 ||
        base.refusals[i] != Refusal::none)
      continue;
    Seen& person = seen[request.person];
    if (person.first < 0) person.first = request.at;
    person.last = request.at;
  }
  constexpr std::int64_t kDay = 86'400 * kSecond;
  std::vector<bool> known;
  for (const Seen& person : seen)
    known.push_back(person.first >= 0 && (person.last / kDay != person.first / kDay ||
                                          person.last - person.first >= kDay));
  return known;
}

Harm harm_of(const Traffic& traffic, const std::vector<bool>& known, const Gateway& base,
             const Outcome& before, const Gateway& mutant, const Outcome& after) {
  Harm harm;
  std::vector<bool> hurt(traffic.persons);
  std::map<std::pair<int, int>, bool> moves;  // by routes, before and after
  std::uint64_t of_known = 0, known_hurt = 0;
  for (std::size_t i = 0; i < traffic.requests.size(); ++i) {
    const Request& request = traffic.requests[i];
    const bool is_known = known[request.person];
    of_known += is_known ? 1 : 0;
    if (before.refusals[i] != Refusal::none) continue;
    const auto was = static_cast<std::size_t>(before.routes[i]);
    if (after.refusals[i] != Refusal::none) {
      ++harm.refused;
      harm.refused_known += is_known ? 1 : 0;
      known_hurt += is_known ? 1 : 0;
      hurt[request.person] = true;
      continue;
    }
    const auto is = static_cast<std::size_t>(after.routes[i]);
    const auto [at, fresh] = moves.try_emplace({was, is});
    if (fresh) at->second = reach(base, base.routes[was]) != reach(mutant, mutant.routes[is]);
    harm.moved = harm.moved || at->second;
    if (!mutant.routes[is].to.empty() && request.micros > after.timeouts[is] &&
        request.micros <= before.timeouts[was]) {
      ++harm.cut;
      known_hurt += is_known ? 1 : 0;
    }
  }
  for (const Outcome::Load& load : after.loads) {
    const auto had = std::ranges::find(before.loads, load.address, &Outcome::Load::address);
    if (had == before.loads.end() || had->best == 0) continue;
    harm.load_ratio = std::max(harm.load_ratio, load.best / had->best);
    if (load.best > kTooBusy * had->best) harm.overloaded += load.all;
  }
  const auto all = static_cast<double>(traffic.requests.size());
  harm.persons = static_cast<std::uint64_t>(std::ranges::count(hurt, true));
  harm.share = (static_cast<double>(harm.refused + harm.cut) + harm.overloaded) / all;
  harm.known_share =
      of_known == 0
          ? 0
          : static_cast<double>(known_hurt) / static_cast<double>(of_known) + harm.overloaded / all;
  return harm;
}

Kind kind_of(const Harm& harm) {
  // Near the bound of 1.5 a model of shares and a count of picks may differ.
  if (harm.load_ratio > 1.25 && harm.load_ratio < 1.8) return Kind::neither;
  if (harm.known_share >= .05) return Kind::hurts;
  if (harm.known_share >= .005) return Kind::hurts_little;
  return harm.refused_known == 0 && harm.share < .0005 && !harm.moved ? Kind::harmless
                                                                      : Kind::neither;
}

}  // namespace mutants
