// The keys of `rollout`: how a change goes live, and the steps of its canary as they are written, [1%: 2m, 5%: 5m].
#include "config/complaint.h"
#include "config/schema.h"
#include "config/tables.h"

namespace weir::config {

using enum Presence;

bool Codec<CanaryStepSpec>::decode(Decoder& decoder, const Node& node, const Bounds&, CanaryStepSpec& out) {
  const auto wrong = [&](const Node& where, std::string message) {
    decoder.report(Rule::bad_value, where, std::move(message), "write the share of callers and how long: 5%: 5m");
    return false;
  };
  if (!node.is_mapping() || node.children.size() != 2) return wrong(node, "a step of a canary is one share and one time");
  const Node& share = node.children[0];
  if (!Codec<Share>::decode(decoder, share, {}, out.share)) return false;
  if (out.share.thousandths == 0 || out.share.thousandths >= Share::kWhole)
    return wrong(share, fmt::format("{} is no canary: none of the callers, or all of them", quote(share.text)));
  return Codec<Nanos>::decode(decoder, node.children[1], {}, out.time);
}
Yaml Codec<CanaryStepSpec>::write(const CanaryStepSpec& value) {
  Yaml out;
  out.add(print_share(value.share), Codec<Nanos>::write(value.time));
  return out;
}
const Shape& Codec<CanaryStepSpec>::shape() {
  static const Shape made{
      .kind = Shape::Kind::pair, .name = "share: duration", .pattern = Codec<Share>::shape().pattern, .words = {}, .element = &Codec<Nanos>::shape};
  return made;
}

// What is written takes the place of the default; it is not added to it.
bool Codec<CanarySpec>::decode(Decoder& decoder, const Node& node, const Bounds& bounds, CanarySpec& out) {
  if (node.is_scalar() && node.text == "none") {
    decoder.report(Rule::wrong_type, node, "none stands where a list belongs", "write [] for no canary");
    return false;
  }
  List<CanaryStepSpec> steps;
  if (!Codec<List<CanaryStepSpec>>::decode(decoder, node, bounds, steps)) return false;
  for (std::size_t i = 1; i < steps.size(); ++i) {
    if (steps[i - 1].value.share.thousandths < steps[i].value.share.thousandths) continue;
    decoder.report(Rule::bad_value, node, fmt::format("the step {} does not follow {}", print_share(steps[i].value.share), print_share(steps[i - 1].value.share)),
                   "write the steps in the order of their shares, each once");
    return false;
  }
  out.steps = std::move(steps);
  return true;
}
Yaml Codec<CanarySpec>::write(const CanarySpec& value) { return write_list(value.steps); }
const Shape& Codec<CanarySpec>::shape() { return Codec<List<CanaryStepSpec>>::shape(); }

template <>
const Object& object<HarmBudgetSpec>() {
  using T = HarmBudgetSpec;
  static const Object table{
      .name = "a harm budget",
      .doc = "How much harm a change may do: beyond it `weir plan` ends with exit code 3, `weir apply` stops in its plan, and `weir override add` refuses. A change goes by what is live here too.",
      .fields = {
          field<T, &T::known_callers>(
              "known_callers", defaulted,
              {"Known callers of whom a request is newly refused, loses its route or access. Where "
               "fewer than 24 h of traffic are known: established ones.",
               "0"},
              {0, 1'000'000'000}),
          field<T, &T::requests>("requests", defaulted,
                                 {"Share of all requests that are harmed.", "0.1%"}),
      }};
  return table;
}

template <>
const Object& object<RolloutSpec>() {
  using T = RolloutSpec;
  static const Object table{
      .name = "rollout",
      .doc = "How a change goes live: plan, then these stages, each judged by what comes of the requests. Of a change it is what is live "
             "that counts here, not the change. With `{shadow: none, canary: [], watch: none}` a change takes effect at once and nothing is judged.",
      .fields = {
          field<T, &T::shadow>("shadow", defaulted, {"So long the change decides beside what is live, and nobody feels it; `none`: not at all.", "2m"}),
          field<T, &T::canary>("canary", defaulted,
                               {"Then for these shares of the callers, each for so long; `[]`: for none. Of the client addresses or the requests, where fewer than 50 callers are active.", "[1%: 2m, 5%: 5m, 25%: 5m]"},
                               {0, RolloutRules::kMostSteps}),
          field<T, &T::watch>("watch", defaulted,
                              {"So long after it is live for all a change is still rolled back where it hurts; `none`: not at all.", "60m"}),
          field<T, &T::max_hold>("max_hold", defaulted, {"So long a stage that has not seen enough waits for more, beyond its time. What traffic is too thin to bring by then is not waited for.", "15m"}),
          field<T, &T::on_not_enough_data>("on_not_enough_data", defaulted,
                                           {"What then: `hold` gives the change up and leaves what is live; `promote_watched` makes it live, marked unproven.", "hold"}),
          field<T, &T::harm_budget>("harm_budget", defaulted, {"How much harm a change may do.", "{known_callers: 0, requests: 0.1%}"}),
          field<T, &T::busy>("busy", defaulted,
                             {"What a pipeline's change meets while another one is under way: `refuse`, or `queue` behind it. A person's takes its place.", "refuse"}),
      }};
  return table;
}

}  // namespace weir::config
