#include "control/differs.h"

#include <string_view>

namespace weir::control {
namespace {

// Where a path of a difference begins with "kind.NAME" for one of these, its name.
template <class Elements>
bool add_named(std::string_view path, std::string_view kind, const Elements& elements, const NameTable& names, Differs& out) {
  if (!path.starts_with(kind)) return false;
  path.remove_prefix(kind.size());
  bool found = false;
  for (const auto& element : elements) {
    const std::string_view name = names.text(element.name);
    if (!path.starts_with(name) || (path.size() > name.size() && path[name.size()] != '.')) continue;
    out.names.insert(element.name.value);
    found = true;
  }
  return found;
}

}  // namespace

Differs differs_of(const config::Comparison& comparison, const Policy& before, const Policy& after, const NameTable& names) {
  Differs out{.everywhere = false, .names = {}};
  for (const config::Difference& each : comparison.differences) {
    const std::string_view path = each.path;
    // What these decide shows in the verdicts; the others do not act on requests.
    if (path.starts_with("limits") || path.starts_with("rollout") || path.starts_with("record") || path.starts_with("admin")) continue;
    bool named = false;
    for (const Policy* policy : {&before, &after}) {
      named |= add_named(path, "routes.", policy->routes, names, out);
      named |= add_named(path, "upstreams.", policy->upstreams, names, out);
    }
    if (!named) out.everywhere = true;
  }
  return out;
}

}  // namespace weir::control
