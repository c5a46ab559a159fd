// How a simulated upstream behaves, as its author wrote it, each value with its place. The keys
// stand in behaviour.cc; the options of `weir drill upstream`, the `behaviour` of a scenario and
// the control endpoint are read by that one table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "config/cases_spec.h"
#include "config/diagnostic.h"
#include "config/schema.h"
#include "config/spec.h"
#include "drill/fault.h"
#include "drill/law.h"

namespace weir::drill {

template <class T>
using Given = config::Given<T>;
template <class T>
using List = config::List<T>;

struct Behaviour {
  Given<std::uint64_t> workers{8, {}}, queue{64, {}};
  Given<Law> latency;
  Given<Factor> slowdown;
  Given<config::Moment> per_kib;
  Given<Bytes> answer{Bytes{64}, {}};
  Given<config::Share> errors, resets;
  Given<std::uint64_t> error_status{500, {}};
  Given<List<config::Method>> error_methods;
  Given<config::Token> version;
  Given<config::Path> health{{"/healthz"}, {}};
  Given<bool> healthy{true, {}};
  Given<std::optional<Nanos>> timeout;
  Given<std::uint64_t> timeout_status{504, {}};
};

// The faults of a proxy, as its control endpoint takes them.
struct FaultList {
  Given<List<Fault>> faults;
};

const config::Object& behaviour_object();

// `{slowdown: 4, errors: 30%}` laid over what `to` has. Nothing is changed where a part is wrong;
// the error has every complaint, a line each.
Result<> change(Behaviour& to, std::string_view yaml);
Result<> change(FaultList& to, std::string_view yaml);
std::string print(const Behaviour& behaviour);  // on one line, all keys
std::string print(const FaultList& faults);

}  // namespace weir::drill
