// The inside of check(): one Checker walks a Spec; check.cc holds what concerns listeners, callers,
// limits and upstreams, check_routes.cc what concerns routes.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/check.h"
#include "http/fields.h"

namespace weir::config {

// Fields that the gateway writes itself, or that belong to one hop (RFC 9110 7.6.1, RFC 9112 6), or
// that no configuration may remove (RFC 8586 2).
inline constexpr http::FieldSet kOwnFields(
    http::FieldId::connection, http::FieldId::keep_alive, http::FieldId::proxy_connection,
    http::FieldId::te, http::FieldId::trailer, http::FieldId::transfer_encoding,
    http::FieldId::upgrade, http::FieldId::content_length, http::FieldId::via,
    http::FieldId::cdn_loop, http::FieldId::expect, http::FieldId::x_forwarded_for,
    http::FieldId::x_forwarded_host, http::FieldId::x_forwarded_proto, http::FieldId::x_request_id,
    http::FieldId::proxy_status);

class Checker {
 public:
  Checker(const Spec& spec, Diagnostics& diagnostics) : spec_(spec), diagnostics_(diagnostics) {}
  Names run();

 private:
  template <class T>
  NameIndex index(std::string_view kind, const List<T>& list);
  std::string instead(const NameIndex& names, std::string_view wrong);
  template <class T>
  bool refer(const NameIndex& names, const Given<T>& ref, std::string_view from,
             std::string_view kind);

  void watched();
  void listeners();
  void in_use(const Given<SocketAddress>& first, const Given<SocketAddress>& second,
              std::string_view what);
  void identities();
  void deadline();
  void callers(const CallersSpec& who, Span at, std::string_view from, bool before_auth);
  void somebody(const Given<CallersSpec>& who, std::string_view from);
  void limit(const LimitSpec& limit);
  void concurrency(const ConcurrencySpec& limit);
  void hash(const UpstreamSpec& upstream);
  void dns();
  void learned(const LimitSpec& limit, const std::string& from);
  void overload();
  void limit_key(const LimitSpec& limit, const std::string& from);
  void each_key_once(const KeySpec& key, const std::string& from);
  void bucket(const Given<Rate>& rate, const Given<std::uint64_t>& burst, const std::string& from);
  void upstream(const UpstreamSpec& upstream);
  void health_check(const UpstreamSpec& upstream);
  void ejection(const UpstreamSpec& upstream);
  void breaker(const UpstreamSpec& upstream);
  void route(const RouteSpec& route);
  template <class T>
  void each_name_once(const List<T>& list, const std::string& from);
  void route_match(const RouteSpec& route, const std::string& from);
  void route_split(const RouteSpec& route, const std::string& from);
  void split_arms(const RouteSpec& route, const std::string& from);
  void route_answer(const RouteSpec& route, const std::string& from);
  void route_auth(const RouteSpec& route, const std::string& from);
  void route_limits(const Given<List<LimitRef>>& limits, const NameIndex& names, std::string_view kind, const std::string& from);
  void one_host(const Given<HostPattern>& host, const std::string& from);
  void prefix(const Given<Path>& prefix, const RouteSpec& route, const std::string& from);
  void headers(const HeadersSpec& headers, const std::string& from,
               const Given<HeaderName>& deadline);
  Diagnostic& conflict(Span at, std::string message, std::string remedy) {
    return diagnostics_.add(Rule::conflict, at, std::move(message), std::move(remedy));
  }

  const Spec& spec_;
  Diagnostics& diagnostics_;
  Names names_;
  std::unordered_map<const NameIndex*, std::vector<std::string_view>> sorted_;  // for remedies
  std::size_t compared_ = 0;  // names with what may be meant
  bool doubtful_ = false;  // parts may be missing because they could not be read
};

template <class T>
NameIndex Checker::index(std::string_view kind, const List<T>& list) {
  NameIndex out;
  out.reserve(list.size());
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    const Given<Name>& name = list[i].value.name;
    if (!name.given()) continue;
    const auto [first, fresh] = out.try_emplace(name.value.text, i);
    if (fresh) continue;
    diagnostics_
        .add(Rule::duplicate_name, name.at,
             fmt::format("{} {} is defined twice", kind, quote(name.value.text)),
             "give one of them another name")
        .notes.push_back({list[first->second].value.name.at, "the first one is here"});
  }
  return out;
}

template <class T>
bool Checker::refer(const NameIndex& names, const Given<T>& ref, std::string_view from,
                    std::string_view kind) {
  if (names.contains(ref.value.text)) return true;
  if (names.empty() && doubtful_) return false;
  diagnostics_.add(Rule::unknown_reference, ref.at,
                   fmt::format("{}there is no {} {}", from, kind, quote(ref.value.text)),
                   instead(names, ref.value.text));
  return false;
}

}  // namespace weir::config
