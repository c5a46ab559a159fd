// A policy compiled from text, with everything around it that the admin's views need, for the tests
// of this room.
#pragma once

#include <string>
#include <utility>

#include "auth/gather.h"
#include "base/check.h"
#include "config/compile.h"
#include "control/explain.h"
#include "decide/limits/in_flight.h"
#include "decide/limits/table.h"
#include "model/conditions.h"

namespace weir::control {

struct LivePolicy {
  explicit LivePolicy(std::string text) {
    config::Outcome outcome = config::compile(
        {.files = {{.name = "conf/gateway.yaml", .text = std::move(text)}}, .directory = "/srv"},
        names);
    WEIR_CHECK(outcome.policy != nullptr);
    outcome.policy->revision = 7;
    EndpointAddresses resolved;
    for (const Endpoint& endpoint : outcome.policy->endpoints) resolved.push_back({endpoint.address});
    conditions.endpoints.resize(resolved.size());
    conditions.resolved = std::make_shared<const EndpointAddresses>(std::move(resolved));
    keys.tables.resize(outcome.policy->identities.size());
    policy = std::move(outcome.policy);
  }

  ExplainWorld world(Stamp now = stamp_from_nanos(1'000'000'000)) {
    return {.policy = *policy,
            .names = names,
            .keys = keys,
            .conditions = conditions,
            .limits = limits,
            .in_flight = in_flight,
            .seed = {1, 2},
            .now = now,
            .wall = wall_from_nanos(1'800'000'000'000'000'000)};
  }

  NameTable names;
  std::shared_ptr<const Policy> policy;
  Conditions conditions;
  auth::KeyTables keys;
  decide::limits::Table limits{1024};
  decide::limits::InFlight in_flight{64};
};

}  // namespace weir::control
