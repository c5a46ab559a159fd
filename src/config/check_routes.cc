// What check() has to say about routes.
#include "config/checker.h"
#include "config/complaint.h"

namespace weir::config {

void Checker::route(const RouteSpec& route) {
  const std::string from = fmt::format("routes.{}.", route.name.value.text);
  const auto& per_try = route.retry.value.per_try_timeout;
  const auto& own = route.timeouts.value.response;
  const auto& response = own.given() ? own : spec_.defaults.value.timeouts.value.response;
  const bool known = own.given() || !doubtful_;
  if (known && per_try.value && response.value && *per_try.value > *response.value) {
    conflict(per_try.at,
             fmt::format("{}retry.per_try_timeout: {} is longer than the response timeout of {}",
                         from, print_duration(*per_try.value), print_duration(*response.value)),
             "write a shorter one, or leave it out");
  }
  route_match(route, from);
  if (route.upstream.given())
    refer(names_.upstreams, route.upstream, from + "upstream: ", "upstream");
  route_split(route, from);
  route_answer(route, from);
  route_limits(route.limits, names_.limits, "limit", from + "limits: ");
  route_limits(route.concurrency, names_.concurrency, "concurrency limit", from + "concurrency: ");
  route_auth(route, from + "auth.");
  headers(route.request_headers.value, from + "request_headers.", spec_.deadline.value.header);
  headers(route.response_headers.value, from + "response_headers.", {});
}

namespace {

bool same(const HeaderName& a, const HeaderName& b) { return http::same_name(a.text, b.text); }
bool same(const QueryName& a, const QueryName& b) { return a == b; }

}  // namespace

template <class T>
void Checker::each_name_once(const List<T>& list, const std::string& from) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& name = list[i].value.name;
    for (std::size_t j = 0; j < i && name.given(); ++j) {
      if (!same(list[j].value.name.value, name.value)) continue;
      conflict(name.at, fmt::format("{}: {} is asked for twice", from, quote(name.value.text)),
               "keep one of them");
    }
  }
}

void Checker::route_match(const RouteSpec& route, const std::string& from) {
  const MatchSpec& match = route.match.value;
  for (const auto& header : match.headers.value) {
    const Given<HeaderName>& name = header.value.name;
    if (!name.given() || http::field_id(name.value.text) != http::FieldId::host) continue;
    conflict(name.at, from + "match.headers: the host is matched by its own key",
             "write match: {hosts: […]}");
  }
  each_name_once(match.headers.value, from + "match.headers");
  each_name_once(match.query.value, from + "match.query");
  if (match.path.value.path.find("%2F") != std::string::npos &&
      route.encoded_slash.value == SlashPolicy::refuse) {
    diagnostics_.add(Rule::never_matches, match.path.at,
                     from + "match.path: paths with %2F are refused by this route",
                     "write encoded_slash: keep as well");
  }
}

void Checker::route_split(const RouteSpec& route, const std::string& from) {
  bool takes = false;
  const auto& parts = route.split.value;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& upstream = parts[i].value.upstream;
    takes |= parts[i].value.weight.value > 0 || !parts[i].value.weight.given();
    if (!upstream.given()) continue;
    refer(names_.upstreams, upstream, from + "split: ", "upstream");
    for (std::size_t j = 0; j < i; ++j) {
      if (parts[j].value.upstream.value == upstream.value) {
        conflict(upstream.at,
                 fmt::format("{}split: {} stands here twice", from, quote(upstream.value.text)),
                 "add the two weights up");
      }
    }
  }
  split_arms(route, from);
  if (!takes && !parts.empty())
    conflict(route.split.at, from + "split: every weight is 0, so none takes a request",
             "give one of them a weight above 0");
}

// They are judged against each other, so one part is each.
void Checker::split_arms(const RouteSpec& route, const std::string& from) {
  const Given<SplitArm>* stable = nullptr;
  const Given<SplitArm>* candidate = nullptr;
  for (const auto& part : route.split.value) {
    const Given<SplitArm>& arm = part.value.arm;
    if (!arm.given()) continue;
    const Given<SplitArm>*& of = arm.value == SplitArm::stable ? stable : candidate;
    if (of != nullptr) {
      conflict(arm.at, from + "split: two parts have the same arm",
               "one part is stable, one is candidate, others are neither");
      return;
    }
    of = &arm;
  }
  if ((stable == nullptr) == (candidate == nullptr)) return;
  const bool lacks_candidate = candidate == nullptr;
  conflict((lacks_candidate ? stable : candidate)->at,
           fmt::format("{}split: there is a {} part and no {} one", from,
                       lacks_candidate ? "stable" : "candidate",
                       lacks_candidate ? "candidate" : "stable"),
           fmt::format("write arm: {} at the part that it is compared with",
                       lacks_candidate ? "candidate" : "stable"));
}

void Checker::prefix(const Given<Path>& prefix, const RouteSpec& route, const std::string& from) {
  if (!prefix.given() || route.match.value.path.value.kind == RouteMatch::PathKind::prefix) return;
  conflict(prefix.at,
           from + "prefix: the route matches one exact path, so there is no prefix to replace",
           fmt::format("write path: {}, or match {}/*", prefix.value.text,
                       route.match.value.path.value.path));
}

void Checker::one_host(const Given<HostPattern>& host, const std::string& from) {
  if (!host.value.text.starts_with("*.")) return;
  diagnostics_.add(Rule::bad_value, host.at,
                   fmt::format("{}host: {} is a pattern, not a host", from, quote(host.value.text)),
                   "write one host");
}

void Checker::route_answer(const RouteSpec& route, const std::string& from) {
  if (route.rewrite.given() && !route.upstream.given() && !route.split.given()) {
    conflict(route.rewrite.at, from + "rewrite: nothing is forwarded here", "leave it out");
  }
  if (route.request_headers.given() && (route.redirect.given() || route.respond.given())) {
    conflict(route.request_headers.at, from + "request_headers: nothing is forwarded here",
             "leave it out");
  }
  prefix(route.rewrite.value.prefix, route, from + "rewrite.");
  const RedirectSpec& redirect = route.redirect.value;
  prefix(redirect.prefix, route, from + "redirect.");
  if (route.redirect.given()) {
    const std::uint64_t status = redirect.status.value;
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
      diagnostics_.add(Rule::bad_value, redirect.status.at,
                       fmt::format("{}redirect.status: {} does not redirect", from, status),
                       "write 301, 302, 303, 307 or 308 (308 keeps the method, for ever)");
    }
    if (!redirect.scheme.given() && !redirect.host.given() && !redirect.port.given() &&
        !redirect.prefix.given() && !redirect.path.given() && !doubtful_) {
      conflict(route.redirect.at,
               from + "redirect: it leads to where the request came from, in a circle",
               "give a scheme, host, port, prefix or path");
    }
  }
  one_host(redirect.host, from + "redirect.");
  one_host(route.rewrite.value.host, from + "rewrite.");
  const RespondSpec& respond = route.respond.value;
  if (respond.body.given() && !respond.body.value.text.empty() &&
      (respond.status.value == 204 || respond.status.value == 304 || respond.status.value == 205)) {
    conflict(respond.body.at,
             fmt::format("{}respond: an answer {} has no body (RFC 9110 15)", from,
                         respond.status.value),
             "leave the body out, or answer 200");
  }
}

void Checker::route_auth(const RouteSpec& route, const std::string& from) {
  for (const auto& ref : route.auth.value.require.value)
    refer(names_.identities, ref, from + "require: ", "identity");
  const auto& external = route.auth.value.external;
  if (!external.given()) return;
  refer(names_.upstreams, external.value.upstream, from + "external.upstream: ", "upstream");
  if (route.redirect.given()) {
    conflict(external.at, from + "external: a redirect is answered without asking anybody",
             "leave it out, and ask where the redirect leads to");
  }
  const auto own = [&](const List<HeaderName>& names, std::string_view list) {
    for (const auto& name : names) {
      const http::FieldId id = http::field_id(name.value.text);
      const bool about_request = http::same_name(name.value.text, "X-Forwarded-Method") ||
                                 http::same_name(name.value.text, "X-Forwarded-Uri");
      if (id != http::FieldId::host && !kOwnFields.has(id) && !about_request) continue;
      conflict(name.at,
               fmt::format("{}external.{}: {} is written by the gateway itself", from, list,
                           quote(name.value.text)),
               "leave it out");
    }
  };
  own(external.value.headers.value, "headers");
  own(external.value.take.value, "take");
}

void Checker::route_limits(const Given<List<LimitRef>>& limits, const NameIndex& names, std::string_view kind,
                           const std::string& from) {
  for (std::size_t i = 0; i < limits.value.size(); ++i) {
    refer(names, limits.value[i], from, kind);
    for (std::size_t j = 0; j < i; ++j) {
      if (limits.value[j].value == limits.value[i].value) {
        conflict(limits.value[i].at,
                 fmt::format("{}{} stands here twice", from, quote(limits.value[i].value.text)),
                 "keep one of them");
        break;
      }
    }
  }
}

// `deadline`: the header in which the gateway itself tells one, where it does.
void Checker::headers(const HeadersSpec& headers, const std::string& from,
                      const Given<HeaderName>& deadline) {
  const auto tells = [&](const Given<HeaderName>& name) {
    return deadline.given() && http::same_name(name.value.text, deadline.value.text);
  };
  const auto own = [&](const Given<HeaderName>& name, std::string_view list) {
    const http::FieldId id = http::field_id(name.value.text);
    if (id == http::FieldId::host) {
      conflict(name.at, fmt::format("{}{}: the host is not changed as a header", from, list),
               "write rewrite: {host: …}");
    } else if (kOwnFields.has(id) || tells(name)) {
      Diagnostic& made = conflict(name.at,
                                  fmt::format("{}{}: {} is written by the gateway itself", from,
                                              list, quote(name.value.text)),
                                  "leave it out");
      if (tells(name)) made.notes.push_back({deadline.at, "deadline.header is here"});
    }
  };
  std::vector<std::pair<std::string, Span>> seen;
  for (const auto& [name, value] : headers.set.value.entries) {
    own(name, "set");
    for (const auto& [other, at] : seen) {
      if (other == lower_case(name.value.text))
        conflict(name.at,
                 fmt::format("{}set: {} is set twice; case does not count", from,
                             quote(name.value.text)),
                 "keep one of them")
            .notes.push_back({at, "the first one is here"});
    }
    seen.emplace_back(lower_case(name.value.text), name.at);
  }
  for (const auto& [name, value] : headers.add.value.entries) own(name, "add");
  for (const auto& name : headers.remove.value) own(name, "remove");
}

}  // namespace weir::config
