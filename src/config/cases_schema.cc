// The keys of a file of cases. To add one: a member in cases_spec.h, a line here, its use in
// control/cases_link.cc, a row in docs/guide/testing.md (a test compares).
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "config/cases.h"
#include "config/cases_codec.h"
#include "config/tables.h"
#include "model/cause.h"

namespace weir::config {

using enum Presence;

constexpr std::size_t kLongestCaseName = 200;
constexpr std::uint64_t kMostRows = 10'000;
constexpr std::uint64_t kMostNames = 1000;

Read<std::string> read_case_name(std::string_view text) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; };
  if (!text.empty() && text.size() <= kLongestCaseName && std::ranges::all_of(text, plain))
    return std::string(text);
  return std::unexpected(
      Complaint{fmt::format("{} is not the name of a case", quote(text)),
                fmt::format("write 1 to {} characters on one line", kLongestCaseName),
                {}});
}

Read<std::string> read_cause_word(std::string_view text) {
  if (cause_from_name(text)) return std::string(text);
  std::vector<std::string_view> all;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Cause::count_); ++i)
    all.push_back(info(static_cast<Cause>(i)).name);
  const std::string_view near = nearest(text, all);
  return std::unexpected(
      Complaint{fmt::format("{} is not a cause", quote(text)),
                near.empty() ? "write a cause such as limit_rejected, no_route or auth_denied; a "
                               "request that goes to its upstream has the cause none"
                             : fmt::format("did you mean {}?", near),
                {}});
}

template <>
const Object& object<CredentialSpec>() {
  using T = CredentialSpec;
  static const Object table{
      .name = "a credential",
      .doc = "What an identity rule makes of the request.",
      .fields =
          {
              field<T, &T::name>("name", required, {"Who is proved by it.", "acme-mobile"}),
              field<T, &T::groups>("groups", optional, {"Groups of that caller.", "[gold]"},
                                   {0, 256}),
              field<T, &T::proof>("proof", defaulted,
                                  {"`valid`, or why it is not: `unknown`, `expired`, `malformed`, "
                                   "`untrusted`.",
                                   "valid"}),
          },
      .shorthand = "name"};
  return table;
}

// clang-format off
#define WEIR_VERDICT_FIELDS(T)                                                                    \
  field<T, &T::verdict>("verdict", optional, {"`allowed` or `refused`.", "allowed"}),             \
  field<T, &T::cause>("cause", optional, {"Why it ended so; `none` where it is forwarded.",       \
                                          "limit_rejected"}),                                     \
  field<T, &T::status>("status", optional, {"Of the gateway's own answer.", "429"}, {100, 599}),  \
  field<T, &T::rule>("rule", optional, {"What decided: a limit, or the route.", "per-caller"}),   \
  field<T, &T::route>("route", optional, {"The route that matched.", "orders"}),                  \
  field<T, &T::upstream>("upstream", optional, {"Where it is sent.", "shop"}),                    \
  field<T, &T::endpoint>("endpoint", optional, {"Where exactly.", "127.0.0.1:9001"})
// clang-format on

template <>
const Object& object<CaseVerdictSpec>() {
  using T = CaseVerdictSpec;
  static const Object table{
      .name = "a verdict", .doc = "What one request comes to.", .fields = {WEIR_VERDICT_FIELDS(T)}};
  return table;
}

template <>
const Object& object<CaseExpectSpec>() {
  using T = CaseExpectSpec;
  static const Object table{
      .name = "expect",
      .doc = "What has to come out.",
      .fields = {
          field<T, &T::allowed>("allowed", optional, {"Requests that are not refused.", "120"}),
          field<T, &T::refused>("refused", optional, {"Requests that are refused.", "0"}),
          field<T, &T::causes>("causes", optional, {"Requests by cause.", "{limit_rejected: 1}"},
                               {0, kMostNames}),
          field<T, &T::rules>("rules", optional,
                              {"Refused requests by the rule that refused.", "{per-caller: 1}"},
                              {0, kMostNames}),
          field<T, &T::routes>("routes", optional, {"Requests by route.", "{orders: 500}"},
                               {0, kMostNames}),
          field<T, &T::upstreams>("upstreams", optional,
                                  {"Forwarded requests by upstream.", "{shop: 90%}"},
                                  {0, kMostNames}),
          field<T, &T::endpoints>("endpoints", optional,
                                  {"Forwarded requests by endpoint.", "{\"127.0.0.1:9001\": 75%}"},
                                  {0, kMostNames}),
          field<T, &T::observed>(
              "observed", optional,
              {"Requests that limits with `mode: observe` would refuse.", "{trial: 3}"},
              {0, kMostNames}),
          field<T, &T::within>(
              "within", defaulted,
              {"By how many percentage points a single share may be missed.", "1%"}),
          field<T, &T::first>("first", optional,
                              {"What the first request comes to.", "{verdict: allowed}"}),
          field<T, &T::last>("last", optional,
                             {"What the last request comes to.", "{cause: limit_rejected}"}),
          WEIR_VERDICT_FIELDS(T),
      }};
  return table;
}

template <>
const Object& object<CaseRequestSpec>() {
  using T = CaseRequestSpec;
  static const Object table{
      .name = "requests",
      .doc = "One request, or many alike.",
      .fields = {
          field<T, &T::at>("at", defaulted,
                           {"When the first comes, from the beginning of the case.", "0s"}),
          field<T, &T::times>("times", defaulted, {"How many.", "121"}, {1, kMostTimes}),
          field<T, &T::every>("every", defaulted,
                              {"Time between two of them; zero: all at once.", "20ms"}),
          field<T, &T::method>("method", defaulted, {"The method.", "GET"}),
          field<T, &T::url>("url", required,
                            {"Host, path and query; `/path` alone comes without a host.",
                             "http://api.example.com/orders"}),
          field<T, &T::headers>("headers", optional,
                                {"Header fields that matter.", "{X-Tenant: a}"}, {0, 100}),
          field<T, &T::client>(
              "client", defaulted,
              {"The address that connects. A network: its addresses in turn.", "192.0.2.1"}),
          field<T, &T::caller>("caller", optional,
                               {"Who is proved by which identity rule.", "{partner: acme-mobile}"},
                               {0, 64}),
          field<T, &T::hops>("hops", defaulted,
                             {"How often the gateway had each of them before (`loop.depth`).", "8"},
                             {0, 255}),
          field<T, &T::expect>("expect", optional,
                               {"What has to come of these requests.", "{refused: 0}"}),
      }};
  return table;
}

template <>
const Object& object<CaseSpec>() {
  using T = CaseSpec;
  static const Object table{
      .name = "a case",
      .doc = "Some requests, and what has to come of them. Each begins with full limits.",
      .fields = {
          field<T, &T::name>("name", required, {"What it shows.", "a burst of 120 passes"}),
          field<T, &T::requests>("requests", required,
                                 {"Who asks what, when.", "[{url: http://api.example.com/}]"},
                                 {1, kMostRows}),
          field<T, &T::unusable>("unusable", optional,
                                 {"Endpoints that cannot be used meanwhile.", "[127.0.0.1:9001]"},
                                 {0, kMostNames}),
          field<T, &T::expect>("expect", optional,
                               {"What has to come of all its requests.", "{refused: 0}"}),
      }};
  return table;
}

template <>
const Object& object<CasesSpec>() {
  using T = CasesSpec;
  static const Object table{
      .name = "a file of cases",
      .doc = "The whole file.",
      .fields = {
          field<T, &T::version>("version", required, {"The version of this language.", "1"},
                                {1, 1}),
          field<T, &T::config>(
              "config", optional,
              {"The configuration, relative to this file; `-c` overrides.", "gateway.yaml"}),
          field<T, &T::cases>("cases", required,
                              {"The cases.",
                               "[{name: all pass, requests: [{url: /}], expect: "
                               "{refused: 0}}]"},
                              {1, kMostCases}),
      }};
  return table;
}

const Object& cases_object() { return object<CasesSpec>(); }

namespace {

bool expects(const CaseExpectSpec& expect) {
  return expect.verdict.given() || expect.cause.given() || expect.status.given() ||
         expect.rule.given() || expect.route.given() || expect.upstream.given() ||
         expect.endpoint.given() || expect.allowed.given() || expect.refused.given() ||
         expect.causes.given() || expect.rules.given() || expect.routes.given() ||
         expect.upstreams.given() || expect.endpoints.given() || expect.observed.given() ||
         expect.first.given() || expect.last.given();
}

void check_cases(const CasesSpec& spec, Diagnostics& diagnostics) {
  std::unordered_map<std::string_view, Span> names;
  for (const auto& each : spec.cases.value) {
    const CaseSpec& one = each.value;
    const std::string& name = one.name.value.text;
    if (one.name.given()) {
      const auto [at, fresh] = names.try_emplace(name, one.name.at);
      if (!fresh) {
        diagnostics
            .add(Rule::duplicate_name, one.name.at,
                 fmt::format("two cases are called {}", quote(name)), "give each its own name")
            .notes.push_back({at->second, "the first one is here"});
      }
    }
    const bool any =
        expects(one.expect.value) || std::ranges::any_of(one.requests.value, [](const auto& row) {
          return expects(row.value.expect.value);
        });
    if (!any && !diagnostics.has_errors()) {
      diagnostics.add(Rule::missing_key, each.at,
                      fmt::format("the case {} expects nothing, so it cannot fail", quote(name)),
                      "add expect: {refused: 0}");
    }
  }
}

}  // namespace

CasesSpec read_cases(std::string_view text, Diagnostics& diagnostics) {
  CasesSpec spec;
  const auto tree = parse(0, text, {}, diagnostics);
  if (!tree) return spec;
  if (tree->documents.empty()) {
    diagnostics.add(Rule::missing_key, {.file = 0, .line = 1, .column = 1, .length = 0},
                    "the file of cases is empty",
                    "write version: 1, config: gateway.yaml and cases: [...]");
    return spec;
  }
  if (tree->documents.size() > 1) {
    diagnostics.add(Rule::conflict, tree->documents[1].at, "a second document begins here",
                    "a file of cases is one document: remove the ---");
  }
  Decoder(diagnostics, cases_object()).decode_object(cases_object(), tree->documents[0], &spec);
  check_cases(spec, diagnostics);
  diagnostics.sort();
  return spec;
}

}  // namespace weir::config
