#include "control/explain.h"

#include "control/explain_told.h"
#include "decide/decide.h"

namespace weir::control {

void write_explanation(JsonWriter& json, const ExplainQuestion& question,
                       const ExplainWorld& world) {
  ExplainedRequest request(question, world);
  if (request.violation != http::Violation::none)
    return write_violation(json, question, world, request);
  Told told;
  decide::Balancer balancer(WorkerId{0}, world.in_flight);
  decide::AskedLimits asked;
  decide::Decision decision(world.policy,
                            {.limits = world.limits,
                             .asked = asked,
                             .balancer = balancer,
                             .conditions = world.conditions,
                             .in_flight = world.in_flight,
                             .seed = world.seed,
                             .own = world.own},
                            question.exchange, {.spend = false, .trace = &told});
  // The time comes before the evidence, so that the steps are told in the order in which they decide.
  decide::Step step = decision.on_head(request.facts);
  if (step != decide::Step::decided) step = decision.on_stamp(request.facts, world.now);
  if (step == decide::Step::need_evidence) {
    request.gather_evidence();
    decision.on_evidence(request.facts, request.evidence);
    decision.on_stamp(request.facts, world.now);
  }
  write_told(json, question, world, request, told, decision.verdict());
}

}  // namespace weir::control
