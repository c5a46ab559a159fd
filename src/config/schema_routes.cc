// The keys of the configuration: routes. To add one: a member in spec.h, a line here, its use in
// lower.cc; decoding, the JSON Schema, the guide and `show --effective` follow.
#include "config/tables.h"

namespace weir::config {

using enum Presence;

template <>
const Object& object<FieldMatchSpec>() {
  using T = FieldMatchSpec;
  static const Object table{
      .name = "a header match",
      .doc = "A header that the request has.",
      .fields = {
          field<T, &T::name>("name", required, {"The header; case does not count.", "X-Canary"}),
          field<T, &T::value>("value", optional, {"Its whole value; left out: any.", "always"}),
      }};
  return table;
}

template <>
const Object& object<QueryMatchSpec>() {
  using T = QueryMatchSpec;
  static const Object table{
      .name = "a query match",
      .doc = "A parameter of the query.",
      .fields = {
          field<T, &T::name>("name", required, {"The parameter; case counts.", "version"}),
          field<T, &T::value>("value", optional, {"Its whole value; left out: any.", "\"2\""}),
      }};
  return table;
}

template <>
const Object& object<MatchSpec>() {
  using T = MatchSpec;
  static const Object table{
      .name = "match",
      .doc =
          "Which requests take the route; all keys must fit. Of several routes that fit the most "
          "precise is taken: exact host, wildcard host; exact path, longest prefix; with a method; "
          "more headers; more queries; the first.",
      .fields = {
          field<T, &T::hosts>(
              "hosts", optional,
              {"Any of these hosts; `*.example.com` is every name below. Left out: every host.",
               "[api.example.com]"},
              {1, 1000}),
          field<T, &T::path>("path", defaulted,
                             {"`/catalog/*` is /catalog and all below it, `/catalog` exactly that.",
                              "/catalog/*"}),
          field<T, &T::methods>("methods", optional,
                                {"Any of these methods. Left out: every method.", "[GET, HEAD]"},
                                {1, 32}),
          field<T, &T::headers>("headers", optional,
                                {"All of these headers.", "[{name: X-Canary, value: always}]"},
                                {1, 16}),
          field<T, &T::query>("query", optional,
                              {"All of these parameters.", "[{name: version, value: \"2\"}]"},
                              {1, 16}),
      }};
  return table;
}

template <>
const Object& object<SplitSpec>() {
  using T = SplitSpec;
  static const Object table{
      .name = "a part of a split",
      .doc = "A share of the route's requests.",
      .fields = {
          field<T, &T::upstream>("upstream", required, {"Where it goes.", "stable"}),
          field<T, &T::weight>("weight", required, {"Its share against the other parts.", "95"},
                               {0, 1'000'000}),
          field<T, &T::arm>("arm", optional,
                            {"`stable` and `candidate`, one part each: they are judged against each "
                             "other for an hour, and a candidate that is worse is given no more "
                             "requests. Left out: neither.",
                             "candidate"}),
      }};
  return table;
}

template <>
const Object& object<RewriteSpec>() {
  using T = RewriteSpec;
  static const Object table{
      .name = "rewrite",
      .doc = "What the upstream is sent instead of the request's own path and host.",
      .fields =
          {
              field<T, &T::prefix>(
                  "prefix", optional,
                  {"Takes the place of the path that the route's `/…/*` matched.", "/v2"}),
              field<T, &T::path>("path", optional,
                                 {"Takes the place of the whole path.", "/index.html"}),
              field<T, &T::host>("host", optional,
                                 {"Takes the place of the host.", "catalog.internal"}),
          },
      .at_most_one = {"prefix", "path"}};
  return table;
}

template <>
const Object& object<RedirectSpec>() {
  using T = RedirectSpec;
  static const Object table{
      .name = "redirect",
      .doc = "Sends the client elsewhere; what is left out stays as in the request.",
      .fields =
          {
              field<T, &T::status>("status", defaulted, {"301, 302, 303, 307 or 308.", "308"},
                                   {300, 399}),
              field<T, &T::scheme>("scheme", optional, {"`http` or `https`.", "https"}),
              field<T, &T::host>("host", optional, {"Another host.", "www.example.com"}),
              field<T, &T::port>("port", optional, {"Another port.", "8443"}, {1, 65535}),
              field<T, &T::prefix>(
                  "prefix", optional,
                  {"Takes the place of the path that the route's `/…/*` matched.", "/v2"}),
              field<T, &T::path>("path", optional,
                                 {"Takes the place of the whole path.", "/moved"}),
          },
      .at_most_one = {"prefix", "path"}};
  return table;
}

template <>
const Object& object<RespondSpec>() {
  using T = RespondSpec;
  static const Object table{
      .name = "respond",
      .doc = "Answers at once, from here.",
      .fields = {
          field<T, &T::status>("status", defaulted, {"The status.", "200"}, {200, 599}),
          field<T, &T::content_type>("content_type", defaulted,
                                     {"Its Content-Type.", "application/json"}),
          field<T, &T::body>("body", optional, {"The body, at most 64 KiB.", "\"ok\\n\""}),
      }};
  return table;
}

template <>
const Object& object<HeadersSpec>() {
  using T = HeadersSpec;
  static const Object table{
      .name = "headers",
      .doc = "Changes to headers: first `remove`, then `set`, then `add`.",
      .fields = {
          field<T, &T::set>("set", optional,
                            {"Takes the place of what was there.", "{X-Tenant: acme}"}, {0, 64}),
          field<T, &T::add>("add", optional,
                            {"Comes beside what was there.", "{Cache-Control: no-store}"}, {0, 64}),
          field<T, &T::remove>("remove", optional, {"Goes.", "[X-Powered-By]"}, {0, 64}),
      }};
  return table;
}

template <>
const Object& object<AuthCacheSpec>() {
  using T = AuthCacheSpec;
  static const Object table{
      .name = "a cache of answers",
      .doc =
          "What the service allowed or denied holds for the same request again: the same method, host, "
          "target, address and headers that it was asked with. A failure is never kept.",
      .fields =
          {
              field<T, &T::ttl>("ttl", required, {"How long.", "10s"}),
              field<T, &T::max>("max", defaulted,
                                {"So many answers a worker keeps; the oldest goes.", "10000"},
                                {1, 1'000'000}),
          },
      .shorthand = "ttl"};
  return table;
}

template <>
const Object& object<ExternalAuthSpec>() {
  using T = ExternalAuthSpec;
  static const Object table{
      .name = "an auth service",
      .doc =
          "Asks a service whether the request may pass, after identity and limits: 2xx lets it pass, "
          "401 and 403 refuse it with that status and the service's WWW-Authenticate. Anything else, a "
          "redirect too, is a failure of the service and never a 401 or 403.",
      .fields = {
          field<T, &T::upstream>("upstream", required, {"Who is asked.", "auth"}),
          field<T, &T::path>("path", defaulted,
                             {"What is asked for, with GET; the request's own method, host and "
                              "target go as X-Forwarded-Method, -Host and -Uri.",
                              "/check"}),
          field<T, &T::timeout>(
              "timeout", defaulted,
              {"For the whole call, connection and answer together.", "250ms"}),
          field<T, &T::on_failure>(
              "on_failure", required,
              {"What becomes of the request where the service fails: `refuse` answers 503 "
               "`auth_unavailable`, `allow` lets it pass; one that it finds too large (413, 414, 431) never "
               "passes. There is no default.",
               "refuse"}),
          field<T, &T::headers>("headers", inherited,
                                {"Headers of the request that the service is sent.",
                                 "[Authorization, X-Tenant]",
                                 "`[Authorization, Cookie, X-Api-Key]`"},
                                {0, 32}),
          field<T, &T::take>("take", optional,
                             {"Headers of the service's answer that the upstream is sent; what the "
                              "client sent under these names goes.",
                              "[X-User-Id]"},
                             {1, 32}),
          field<T, &T::cache>("cache", optional,
                              {"Keeps answers for a while. Left out: every request asks.", "10s"}),
      }};
  return table;
}

template <>
const Object& object<AuthSpec>() {
  using T = AuthSpec;
  static const Object table{
      .name = "auth",
      .doc = "Who may pass; `none` or left out: everyone.",
      .fields =
          {
              field<T, &T::require>("require", optional,
                                    {"A valid credential of one of these identities: 401 without "
                                     "any, 403 with one of another identity.",
                                     "[partner]"},
                                    {1, 64}),
              field<T, &T::external>("external", optional,
                                     {"Asks a service as well, or alone.",
                                      "{upstream: auth, path: /check, timeout: 250ms, on_failure: refuse}"}),
          },
      .word = "none",
      .any_of = {"require", "external"}};
  return table;
}

template <>
const Object& object<RouteTimeoutsSpec>() {
  using T = RouteTimeoutsSpec;
  constexpr std::string_view kElse = "that of `defaults`";
  static const Object table{
      .name = "timeouts of a route",
      .doc = "The route's own timeouts.",
      .fields = {
          field<T, &T::connect>("connect", inherited,
                                {"Until a connection to the endpoint stands.", "2s", kElse}),
          field<T, &T::response>(
              "response", inherited,
              {"From the end of the request's head until the head of the answer.", "500ms", kElse}),
          field<T, &T::idle>("idle", inherited, {"Between bytes of the answer.", "60s", kElse}),
          field<T, &T::total>("total", inherited, {"The whole exchange.", "10s", kElse}),
      }};
  return table;
}

template <>
const Object& object<RetryBudgetSpec>() {
  using T = RetryBudgetSpec;
  static const Object table{
      .name = "a budget for retries",
      .doc =
          "How many retries may be under way at an upstream at once: the larger of both. What would "
          "exceed it is answered `retry_budget_spent` instead.",
      .fields = {
          field<T, &T::ratio>("ratio", defaulted,
                              {"Of the requests under way there.", "20%"}),
          field<T, &T::min_concurrent>("min_concurrent", defaulted,
                                       {"So many always may.", "3"}, {0, 1'000'000}),
      }};
  return table;
}

template <>
const Object& object<RetrySpec>() {
  using T = RetrySpec;
  static const Object table{
      .name = "retry",
      .doc =
          "When a failed attempt is followed by another one, best at another endpoint. Besides "
          "`connect_failed`, where not a byte was sent, only what may be repeated is: GET, HEAD, "
          "PUT, DELETE, OPTIONS and TRACE without a body. A reused connection that turns out closed "
          "is tried anew in any case.",
      .fields = {
          field<T, &T::max_retries>("max_retries", defaulted,
                                    {"Attempts after the first one; 0: none.", "1"}, {0, 3}),
          field<T, &T::on>("on", inherited,
                           {"After which ends: no connection; closed before an answer; no answer in "
                            "time; these statuses.",
                            "[connect_failed, closed, \"503\"]", "`[connect_failed]`"},
                           {1, 6}),
          field<T, &T::per_try_timeout>(
              "per_try_timeout", defaulted,
              {"Until the head of one attempt's answer; the route's own timeouts hold as well.",
               "200ms"}),
          field<T, &T::budget>("budget", defaulted,
                               {"How many may be under way at once.", "{ratio: 20%}"}),
      }};
  return table;
}

template <>
const Object& object<RouteSpec>() {
  using T = RouteSpec;
  static const Object table{
      .name = "a route",
      .doc = "Which requests go where, and on which terms.",
      .fields =
          {
              field<T, &T::name>("name", required,
                                 {"What records and metrics call it.", "catalog"}),
              field<T, &T::match>(
                  "match", defaulted,
                  {"Which requests take it; left out: every one.", "{path: /catalog/*}"}),
              field<T, &T::upstream>("upstream", optional, {"Where they go.", "catalog"}),
              field<T, &T::split>(
                  "split", optional,
                  {"Where they go, by weight.",
                   "[{upstream: stable, weight: 95}, {upstream: candidate, weight: 5}]"},
                  {1, 32}),
              field<T, &T::redirect>(
                  "redirect", optional,
                  {"Instead of an upstream: a redirect.", "{scheme: https, status: 308}"}),
              field<T, &T::respond>(
                  "respond", optional,
                  {"Instead of an upstream: an answer from here.", "{status: 200, body: ok}"}),
              field<T, &T::rewrite>(
                  "rewrite", optional,
                  {"What the upstream sees instead of path and host.", "{prefix: /}"}),
              field<T, &T::request_headers>(
                  "request_headers", optional,
                  {"Changes to the request's headers.", "{set: {X-Tenant: acme}}"}),
              field<T, &T::response_headers>(
                  "response_headers", optional,
                  {"Changes to the answer's headers.", "{remove: [X-Powered-By]}"}),
              field<T, &T::auth>("auth", defaulted, {"Who may pass.", "{require: [partner]}"}),
              field<T, &T::timeouts>(
                  "timeouts", inherited,
                  {"The route's own timeouts.", "{response: 500ms}", "those of `defaults`"}),
              field<T, &T::retry>("retry", inherited,
                                  {"When a failed attempt is followed by another one.",
                                   "{max_retries: 2, on: [connect_failed, \"503\"]}",
                                   "that of `defaults`"}),
              field<T, &T::limits>("limits", inherited,
                                   {"Limits, in the order in which they are asked; `[]` for none.",
                                    "[per-caller]", "those of `defaults`"},
                                   {0, kMaxLimitsPerRoute}),
              field<T, &T::concurrency>(
                  "concurrency", inherited,
                  {"Limits on requests at once, by name; `[]` for none.", "[two-at-once]",
                   "those of `defaults`"},
                  {0, kMaxConcurrencyPerRoute}),
              field<T, &T::priority>(
                  "priority", defaulted,
                  {"What goes last when there is too much: `critical`, `normal`, `sheddable`.",
                   "normal"}),
              field<T, &T::encoded_slash>("encoded_slash", defaulted,
                                          {"What becomes of `%2F` in a path: `refuse` answers 400, "
                                           "`keep` passes it on as it is.",
                                           "keep"}),
              later("cors", "CORS"),
          },
      .one_of = {"upstream", "split", "redirect", "respond"}};
  return table;
}

}  // namespace weir::config
