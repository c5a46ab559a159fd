#include "drill/behaviour.h"

#include <utility>

#include "config/node.h"
#include "drill/codec.h"
#include "fmt/core.h"

namespace weir::config {

using enum Presence;

template <>
const Object& object<drill::Behaviour>() {
  using T = drill::Behaviour;
  static const Object table{
      .name = "behaviour",
      .doc = "How a simulated upstream behaves.",
      .fields = {
          field<T, &T::workers>(
              "workers", defaulted,
              {"How many requests are worked on at once; capacity is workers by mean latency.",
               "8"},
              {1, 10'000}),
          field<T, &T::queue>(
              "queue", defaulted,
              {"How many may wait for a worker; one more is answered 503 at once.", "64"},
              {0, 100'000}),
          field<T, &T::latency>("latency", defaulted,
                                {"How long a worker takes.", "lognormal(20ms, 0.4)"}),
          field<T, &T::slowdown>("slowdown", defaulted, {"The latency by so much.", "4"}),
          field<T, &T::per_kib>("per_kib", defaulted,
                                {"More work for each KiB of the request's body.", "4ms"}),
          field<T, &T::answer>("answer", defaulted, {"The size of an answer's body.", "64B"},
                               {1, 64u << 20}),
          field<T, &T::errors>("errors", defaulted,
                               {"The share of requests that is answered error_status.", "30%"}),
          field<T, &T::error_status>("error_status", defaulted, {"With what.", "500"}, {400, 599}),
          field<T, &T::error_methods>("error_methods", optional,
                                      {"Only requests with these methods.", "[POST]"}, {0, 16}),
          field<T, &T::resets>("resets", defaulted,
                               {"The share of requests that is reset instead of answered.", "5%"}),
          field<T, &T::version>("version", optional,
                                {"Told in the X-Version field of every answer.", "v42"}),
          field<T, &T::health>(
              "health", defaulted,
              {"The path of the health check; no worker is needed for it.", "/healthz"}),
          field<T, &T::healthy>("healthy", defaulted, {"What it answers: 200, or 503.", "true"}),
          field<T, &T::timeout>("timeout", defaulted,
                                {"Its own timeout, which nobody is told of: timeout_status after "
                                 "so long, while the work goes on.",
                                 "1s"}),
          field<T, &T::timeout_status>("timeout_status", defaulted, {"With what.", "504"},
                                       {400, 599}),
      }};
  return table;
}

template <>
const Object& object<drill::FaultList>() {
  using T = drill::FaultList;
  static const Object table{.name = "faults of a proxy",
                            .doc = "What is done to the connections of a proxy.",
                            .fields = {field<T, &T::faults>(
                                "faults", required, {"The faults.", "[delay 200ms, reset on 5%]"},
                                {0, drill::kMostFaults})}};
  return table;
}

}  // namespace weir::config

namespace weir::drill {
namespace {

template <class T>
Result<> lay_over(T& to, std::string_view yaml) {
  config::Diagnostics diagnostics;
  const auto tree = config::parse(0, yaml, {.bytes = 64 * 1024, .nodes = 1000}, diagnostics);
  T draft = to;
  if constexpr (std::is_same_v<T, FaultList>)
    draft.faults.value.clear();  // a list is given anew, not joined
  if constexpr (std::is_same_v<T, Behaviour>) {
    if (tree && !tree->documents.empty() && tree->documents[0].is_mapping() &&
        tree->documents[0].find("error_methods") != nullptr)
      draft.error_methods.value.clear();
  }
  const config::Object& table = config::object<T>();
  if (tree && tree->documents.size() == 1) {
    config::Decoder(diagnostics, table).decode_object(table, tree->documents[0], &draft);
  } else if (!diagnostics.has_errors()) {
    return fail(ErrorKind::invalid, fmt::format("write one mapping, such as {{{}: {}}}",
                                                table.fields[0].key, table.fields[0].example));
  }
  if (diagnostics.has_errors()) {
    std::string all;
    for (const config::Diagnostic& each : diagnostics.list())
      all += (all.empty() ? "" : "\n") + each.message +
             (each.remedy.empty() ? "" : ": " + each.remedy);
    return fail(ErrorKind::invalid, all);
  }
  to = std::move(draft);
  return {};
}

}  // namespace

const config::Object& behaviour_object() { return config::object<Behaviour>(); }

Result<> change(Behaviour& to, std::string_view yaml) { return lay_over(to, yaml); }
Result<> change(FaultList& to, std::string_view yaml) { return lay_over(to, yaml); }

std::string print(const Behaviour& behaviour) {
  return config::flow(config::write_object(config::object<Behaviour>(), behaviour));
}
std::string print(const FaultList& faults) {
  return config::flow(config::write_object(config::object<FaultList>(), faults));
}

}  // namespace weir::drill
