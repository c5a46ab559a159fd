// The inside of lower(): one Lowering makes a Policy of a Spec. lower.cc holds what concerns listeners, callers and limits,
// lower_upstreams.cc upstreams, lower_routes.cc routes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "config/lower.h"

namespace weir::config {

inline Source source(Span at) { return {.file = at.file, .line = at.line, .column = at.column}; }

template <class T>
std::vector<std::string> texts(const List<T>& list) {
  std::vector<std::string> out;
  out.reserve(list.size());
  for (const auto& each : list) out.push_back(each.value.text);
  return out;
}

inline std::uint16_t position(const std::vector<std::string>& sorted, std::string_view word) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), word);
  WEIR_CHECK(found != sorted.end() && *found == word);
  return static_cast<std::uint16_t>(found - sorted.begin());
}

class Lowering {
 public:
  Lowering(const Spec& spec, const Names& names, NameTable& table)
      : spec_(spec), names_(names), table_(table) {}
  std::shared_ptr<Policy> run();

 private:
  void watched();
  void settings();
  Listener listener(const Given<ListenerSpec>& given);
  IdentityRule identity(const Given<IdentitySpec>& given);
  CallerSet callers(const CallersSpec& spec);
  Limit limit(const Given<LimitSpec>& given);
  ConcurrencyLimit concurrency(const Given<ConcurrencySpec>& given);
  std::vector<KeyPart> key(const KeySpec& spec) const;
  HealthCheck health_check(const Given<HealthCheckSpec>& given) const;
  Ejection ejection(const Given<EjectionSpec>& given) const;
  Breaker breaker(const Given<BreakerSpec>& given) const;
  void upstream(const Given<UpstreamSpec>& given);
  std::uint32_t settings(const RouteSpec& spec);
  ExternalAuth external_auth(const Given<ExternalAuthSpec>& given) const;
  Route route(const Given<RouteSpec>& given);
  RouteMatch match(const MatchSpec& spec);
  decltype(Route::action) action(const RouteSpec& spec);

  template <class IdType, class Ref>
  IdType id(const NameIndex& index, const Ref& ref) const {
    const auto found = index.find(ref.text);
    WEIR_CHECK(found != index.end());
    using Rep = decltype(IdType::value);
    WEIR_CHECK(std::in_range<Rep>(found->second));
    return IdType{static_cast<Rep>(found->second)};
  }

  const Spec& spec_;
  const Names& names_;
  NameTable& table_;
  std::shared_ptr<Policy> policy_ = std::make_shared<Policy>();
  std::map<RouteSettings, std::uint32_t> settings_;   // where each stands in Policy::settings
};

}  // namespace weir::config
