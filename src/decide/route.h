// Which route a request takes. Precedence as the Kubernetes Gateway API states it for HTTPRoute (v1, HTTPRouteSpec
// hostnames and HTTPRouteRule matches): of all routes that match, the one with
//   the exact host, else the longest wildcard, else no host; then the exact path, else the longest prefix;
//   then with a method; then with most headers; then with most query parameters; then first in the file.
// In: Policy with its index, Facts. Out: the route, or why there is none. Cost: one hash of the host and, where the
// policy has wildcards, one more for each of its labels; one walk down the path; the routes found there.
#pragma once

#include <string>
#include <string_view>

#include "base/hash.h"
#include "decide/trace.h"
#include "model/cause.h"
#include "model/facts.h"
#include "model/policy.h"

namespace weir::decide {

// Fills Policy::index from Policy::routes.
void index_routes(Policy& policy);

struct Matched {
  RouteId route{};                // none: see cause
  Cause cause = Cause::none;      // no_route, or method_not_allowed where only the method was in the way
};

// Brings what match_route will look at first nearer; for when there is something to do in between.
void expect_host(const Policy& policy, std::string_view host);
// And what it meets at the bottom of the tree of routes without a host, whose top is near anyway.
void expect_path(const Policy& policy, std::string_view path);
// The same for what a decision meets of a route: one wait instead of one for each line.
void expect_route(const Route& route);
// And then for what the route points to: its limits, its upstreams.
void expect_parts(const Route& route);

// `seed`: the installation's key, by which recordings hold digests of values.
Matched match_route(const Policy& policy, const Facts& facts, HashKey seed, Trace* trace = nullptr);

// The methods that would have found a route, sorted, each once: the value of Allow (RFC 9110 15.5.6), "GET, HEAD".
std::string allowed_methods(const Policy& policy, const Facts& facts, HashKey seed);

// How one route stands to a request, without any index and without regard to other routes.
RouteStep fit_of(const Policy& policy, RouteId route, const Facts& facts, HashKey seed);

}  // namespace weir::decide
