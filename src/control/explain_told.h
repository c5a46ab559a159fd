// What decide told of one decision, kept until it is written.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "control/explain_facts.h"
#include "decide/trace.h"
#include "model/verdict.h"

namespace weir::control {

// Texts are copied: views live during the call only.
struct Told final : decide::Trace {
  struct Identity {
    IdentityId rule;
    EvidenceResult result;
    std::string subject;
    bool names_caller;
  };
  void on_route(const decide::RouteStep& step) override { routes.push_back(step); }
  void on_identity(const decide::IdentityStep& step) override {
    identities.push_back({step.rule, step.result, std::string(step.subject), step.names_caller});
  }
  void on_caller(const decide::CallerStep& step) override {
    caller = step;
    subject = step.subject;
  }
  void on_limit(const decide::LimitStep& step) override { limits.push_back(step); }
  void on_upstream(UpstreamId id) override { upstream = id; }
  void on_hash(const decide::HashStep& step) override { hash = step; }
  void on_endpoint(const decide::EndpointStep& step) override { endpoints.push_back(step); }
  void on_external_auth(const ExternalAuth& asked) override { external_auth = &asked; }

  std::vector<decide::RouteStep> routes;
  std::vector<Identity> identities;
  std::optional<decide::CallerStep> caller;
  std::string subject;
  std::vector<decide::LimitStep> limits;
  UpstreamId upstream;
  std::optional<decide::HashStep> hash;
  std::vector<decide::EndpointStep> endpoints;
  const ExternalAuth* external_auth = nullptr;  // would be asked
};

struct NearRoutes {
  std::size_t matching = 0;                // the chosen one among them
  std::vector<decide::RouteStep> others;  // at most kNearest
};
// The nearest first: what else matches, then what only one thing was in the way of, then those with
// the longest common path.
NearRoutes near_routes(const Policy& policy, const Facts& facts,
                       const std::vector<decide::RouteStep>& steps);
// What the route asks for that this request is not, in the words of the configuration.
std::string wants(const decide::RouteStep& step, const Policy& policy);

void write_told(JsonWriter& json, const ExplainQuestion& question, const ExplainWorld& world,
                const ExplainedRequest& request, const Told& told, const Verdict& verdict);
// Bytes that are no request are refused before anything is decided.
void write_violation(JsonWriter& json, const ExplainQuestion& question, const ExplainWorld& world,
                     const ExplainedRequest& request);

}  // namespace weir::control
