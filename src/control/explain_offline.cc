#include "control/explain_offline.h"

#include <utility>

#include "config/report.h"
#include "control/load.h"

namespace weir::control {

Result<std::string> explain_offline(config::Input input, const ExplainQuestion& question, Stamp now,
                                    WallTime wall) {
  NameTable names;
  Loaded loaded = load(std::move(input), names);
  if (loaded.outcome.policy == nullptr) {
    return fail(
        ErrorKind::invalid,
        "the configuration has errors:\n" + config::render_text(loaded.outcome, loaded.input.files),
        Origin::config);
  }
  decide::limits::Table limits(1024);
  decide::limits::InFlight in_flight(64);
  const Conditions conditions;
  const ExplainWorld world{.policy = *loaded.outcome.policy,
                           .names = names,
                           .keys = *loaded.keys,
                           .conditions = conditions,
                           .limits = limits,
                           .in_flight = in_flight,
                           .seed = {},
                           .now = now,
                           .wall = wall};
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("live", false).key("exchange").null().key("decision");
  write_explanation(json, question, world);
  json.end_object();
  return out + "\n";
}

}  // namespace weir::control
