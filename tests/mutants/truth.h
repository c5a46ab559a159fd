// What a configuration really does to a day of traffic, simulated from the definitions and from
// nothing of weir: a router by the precedence of the guide, identities in order, token buckets that
// fill continuously, groups of limits all or nothing, response timeouts against durations, and the
// picks of each endpoint in each minute by weight.
//
// Harm of going over from one configuration to another, as the issue defines it: requests newly
// refused, those newly cut by a timeout, and the requests of an endpoint that gets more than 1.5
// times the best minute it has had. Known callers: good exchanges on two days, or 24 h apart. A
// route sent to a wrong upstream counts by load alone: that the service does not know the path is
// not in any traffic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model.h"
#include "traffic.h"

namespace mutants {

enum class Refusal : std::uint8_t { none, limit, no_route, method, auth, head };

struct Outcome {
  std::vector<Refusal> refusals;       // of each request
  std::vector<std::int8_t> routes;     // of each request; -1: none
  std::vector<std::int64_t> timeouts;  // of each route, in micros
  struct Load {
    std::string address;
    double all = 0, best = 0;  // best: of one minute
  };
  std::vector<Load> loads;
  std::vector<double> fullest;  // of each limit: share of its bucket in use
};
Outcome simulate(const Gateway& gateway, const Traffic& traffic);

std::uint16_t status_of(const Request& request, Refusal refusal, std::int64_t timeout_micros);
// Of each person: known by what became of its requests.
std::vector<bool> known_persons(const Traffic& traffic, const Outcome& base);

struct Harm {
  std::uint64_t refused = 0, refused_known = 0, cut = 0, persons = 0;
  double overloaded = 0, load_ratio = 0;  // requests; the worst endpoint against its best minute
  bool moved = false;  // somebody is sent to an endpoint that the base would not have used for it
  double known_share = 0;  // of the requests of known callers: harmed in any way
  double share = 0;        // of all requests
};
Harm harm_of(const Traffic& traffic, const std::vector<bool>& known, const Gateway& base,
             const Outcome& before, const Gateway& mutant, const Outcome& after);

enum class Kind : std::uint8_t { neither, harmless, hurts_little, hurts };
Kind kind_of(const Harm& harm);

}  // namespace mutants
