#include "control/cases_link.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/cases.h"
#include "control/explain.h"
#include "fmt/core.h"
#include "http/fields.h"
#include "model/cause.h"

namespace weir::control {
namespace {

using config::Given;
using config::Span;
using replay::Aspect;
using replay::VerdictExpected;

Source source(const Span& at) { return {.file = 0, .line = at.line, .column = at.column}; }

// The names of one kind of thing.
struct Known {
  std::string_view what;  // "route"
  std::map<std::string_view, std::uint64_t> ids;
};

class Linker {
 public:
  Linker(const Policy& policy, const NameTable& names, config::Diagnostics& diagnostics);
  replay::Case link(const config::CaseSpec& spec, const Span& at);

 private:
  std::optional<std::uint64_t> find(const Known& known, std::string_view name, const Span& at);
  replay::CaseRow row(const config::CaseRequestSpec& spec, const Span& at);
  void read_target(const config::CaseRequestSpec& spec, replay::CaseRow& row);
  void read_credentials(const config::CaseRequestSpec& spec, replay::CaseRow& row);
  replay::Expected expected(const config::CaseExpectSpec& spec);
  void counts(std::string_view key, const config::AmountMap& map, Aspect aspect, const Known& known,
              std::uint64_t within, replay::Expected& out);
  void verdict(std::string_view prefix, const config::CaseVerdictSpec& spec,
               VerdictExpected::Whose whose, replay::Expected& out);

  const Policy& policy_;
  const NameTable& names_;
  config::Diagnostics& diagnostics_;
  Known routes_{"route", {}}, limits_{"limit", {}}, observing_{"limit with mode: observe", {}},
      rules_{"limit or route", {}}, upstreams_{"upstream", {}}, endpoints_{"endpoint", {}},
      identities_{"identity", {}}, causes_{"cause", {}};
};

Linker::Linker(const Policy& policy, const NameTable& names, config::Diagnostics& diagnostics)
    : policy_(policy), names_(names), diagnostics_(diagnostics) {
  const auto add = [&](Known& known, NameId name) { known.ids[names.text(name)] = name.value; };
  for (const Route& route : policy.routes) {
    add(routes_, route.name);
    add(rules_, route.name);
  }
  for (const Limit& limit : policy.limits) {
    add(limits_, limit.name);
    add(rules_, limit.name);
    if (limit.mode == LimitMode::observe) add(observing_, limit.name);
  }
  for (const Upstream& upstream : policy.upstreams) add(upstreams_, upstream.name);
  for (const Endpoint& endpoint : policy.endpoints) add(endpoints_, endpoint.name);
  for (std::size_t i = 0; i < policy.identities.size(); ++i)
    identities_.ids[names.text(policy.identities[i].name)] = i;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Cause::count_); ++i)
    causes_.ids[info(static_cast<Cause>(i)).name] = i;
}

std::optional<std::uint64_t> Linker::find(const Known& known, std::string_view name,
                                          const Span& at) {
  const auto found = known.ids.find(name);
  if (found != known.ids.end()) return found->second;
  std::vector<std::string_view> all;
  for (const auto& [each, id] : known.ids) all.push_back(each);
  const std::string_view near = config::nearest(name, all);
  std::string remedy = fmt::format("the configuration has no {}", known.what);
  if (!near.empty()) {
    remedy = fmt::format("did you mean {}?", near);
  } else if (!all.empty()) {
    remedy = fmt::format("name one that the configuration has, such as {}", all.front());
  }
  diagnostics_.add(config::Rule::unknown_reference, at,
                   fmt::format("there is no {} {}", known.what, config::quote(name)),
                   std::move(remedy));
  return std::nullopt;
}

replay::Case Linker::link(const config::CaseSpec& spec, const Span& at) {
  replay::Case out{.name = spec.name.value.text,
                   .at_line = source(at),
                   .rows = {},
                   .unusable = {},
                   .expected = expected(spec.expect.value)};
  for (const auto& each : spec.requests.value) out.rows.push_back(row(each.value, each.at));
  for (const auto& each : spec.unusable.value) {
    if (!find(endpoints_, each.value.text, each.at)) continue;
    for (std::size_t i = 0; i < policy_.endpoints.size(); ++i) {
      if (names_.text(policy_.endpoints[i].name) == each.value.text)
        out.unusable.push_back(EndpointId{static_cast<std::uint32_t>(i)});
    }
  }
  return out;
}

replay::CaseRow Linker::row(const config::CaseRequestSpec& spec, const Span& at) {
  replay::CaseRow out;
  out.at = spec.at.value.value;
  out.every = spec.every.value.value;
  out.times = spec.times.value;
  out.method = spec.method.value.text;
  out.clients = spec.client.value;
  out.hops = static_cast<std::uint8_t>(spec.hops.value);
  out.at_line = source(at);
  out.expected = expected(spec.expect.value);
  if (out.every.count() > 0 &&
      out.times > static_cast<std::uint64_t>(Nanos(std::chrono::hours(366 * 24)) / out.every)) {
    diagnostics_.add(config::Rule::out_of_range, spec.every.at,
                     "these requests take longer than a year", "write fewer, or closer together");
  }
  read_target(spec, out);
  read_credentials(spec, out);
  return out;
}

void Linker::read_target(const config::CaseRequestSpec& spec, replay::CaseRow& row) {
  ExplainQuestion asked;
  const std::string& url = spec.url.value.text;
  const auto read = read_url(url, asked);
  const bool plain = std::ranges::none_of(
      url, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F; });
  if (!read || url.empty() || !plain) {
    diagnostics_.add(config::Rule::bad_value, spec.url.at,
                     fmt::format("{} is not a URL", config::quote(url)),
                     "write one such as http://api.example.com/orders?page=2, or /orders");
    return;
  }
  row.authority = std::move(asked.authority);
  row.path = std::move(asked.path);
  row.query = std::move(asked.query);
}

void Linker::read_credentials(const config::CaseRequestSpec& spec, replay::CaseRow& row) {
  for (const auto& [name, value] : spec.headers.value.entries) {
    for (const IdentityRule& rule : policy_.identities) {
      if (!http::same_name(name.value.text, rule.header)) continue;
      const std::string_view identity = names_.text(rule.name);
      diagnostics_.add(config::Rule::conflict, name.at,
                       fmt::format("{} is the credential of {}, and a case holds no credentials",
                                   name.value.text, identity),
                       fmt::format("write caller: {{{}: NAME}} instead", identity));
    }
    row.headers.emplace_back(name.value.text, value.value.text);
  }
  for (const auto& [rule, value] : spec.caller.value.entries) {
    const auto id = find(identities_, rule.value.text, rule.at);
    if (!id) continue;
    replay::CaseCredential made{.rule = IdentityId{static_cast<std::uint16_t>(*id)},
                                .result = value.value.proof.value,
                                .subject = value.value.name.value.text,
                                .groups = {}};
    for (const auto& group : value.value.groups.value) made.groups.push_back(group.value.text);
    row.credentials.push_back(std::move(made));
  }
}

// A single share is met within so many thousandths of a percent.
replay::AmountExpected amount(const config::Amount& given, std::uint64_t within) {
  constexpr std::uint64_t kWhole = 100'000;
  replay::AmountExpected out{.share = given.share, .low = given.low, .high = given.high};
  if (!given.share || given.low != given.high) return out;
  out.low = given.low - std::min(given.low, within);
  out.high = std::min(given.high + within, kWhole);
  return out;
}

replay::Expected Linker::expected(const config::CaseExpectSpec& spec) {
  replay::Expected out;
  const std::uint64_t within = spec.within.value.thousandths;
  const auto count = [&](std::string_view key, const Given<config::Amount>& given, bool refused) {
    if (!given.given()) return;
    out.counts.push_back({.aspect = Aspect::refused,
                          .value = refused ? 1u : 0u,
                          .amount = amount(given.value, within),
                          .text = fmt::format("{}: {}", key, print_amount(given.value)),
                          .at = source(given.at)});
  };
  count("allowed", spec.allowed, false);
  count("refused", spec.refused, true);
  counts("causes", spec.causes.value, Aspect::cause, causes_, within, out);
  counts("rules", spec.rules.value, Aspect::refusing, rules_, within, out);
  counts("routes", spec.routes.value, Aspect::route, routes_, within, out);
  counts("upstreams", spec.upstreams.value, Aspect::upstream, upstreams_, within, out);
  counts("endpoints", spec.endpoints.value, Aspect::endpoint, endpoints_, within, out);
  counts("observed", spec.observed.value, Aspect::observed, observing_, within, out);
  verdict("each ", spec, VerdictExpected::Whose::each, out);
  verdict("first ", spec.first.value, VerdictExpected::Whose::first, out);
  verdict("last ", spec.last.value, VerdictExpected::Whose::last, out);
  return out;
}

void Linker::counts(std::string_view key, const config::AmountMap& map, Aspect aspect,
                    const Known& known, std::uint64_t within, replay::Expected& out) {
  for (const auto& [name, given] : map.entries) {
    const auto id = find(known, name.value.text, name.at);
    if (!id) continue;
    out.counts.push_back(
        {.aspect = aspect,
         .value = *id,
         .amount = amount(given.value, within),
         .text = fmt::format("{} {}: {}", key, name.value.text, print_amount(given.value)),
         .at = source(given.at)});
  }
}

void Linker::verdict(std::string_view prefix, const config::CaseVerdictSpec& spec,
                     VerdictExpected::Whose whose, replay::Expected& out) {
  const auto add = [&](std::string_view key, Aspect aspect, std::optional<std::uint64_t> value,
                       std::string_view text, const Span& at) {
    if (!value) return;
    out.verdicts.push_back({.whose = whose,
                            .aspect = aspect,
                            .value = *value,
                            .text = fmt::format("{}{}: {}", prefix, key, text),
                            .at = source(at)});
  };
  const auto named = [&](std::string_view key, Aspect aspect, const Known& known,
                         const auto& given) {
    if (!given.given()) return;
    const std::string& name = given.value.text;
    add(key, aspect, find(known, name, given.at), name, given.at);
  };
  if (spec.verdict.given()) {
    const bool refused = spec.verdict.value == config::VerdictWord::refused;
    add("verdict", Aspect::refused, refused ? 1u : 0u, refused ? "refused" : "allowed",
        spec.verdict.at);
  }
  named("cause", Aspect::cause, causes_, spec.cause);
  if (spec.status.given()) {
    add("status", Aspect::status, spec.status.value, fmt::format("{}", spec.status.value),
        spec.status.at);
  }
  named("rule", Aspect::rule, rules_, spec.rule);
  named("route", Aspect::route, routes_, spec.route);
  named("upstream", Aspect::upstream, upstreams_, spec.upstream);
  named("endpoint", Aspect::endpoint, endpoints_, spec.endpoint);
}

}  // namespace

std::vector<replay::Case> link_cases(const config::CasesSpec& spec, const Policy& policy,
                                     const NameTable& names, config::Diagnostics& diagnostics) {
  Linker linker(policy, names, diagnostics);
  std::vector<replay::Case> out;
  out.reserve(spec.cases.value.size());
  for (const auto& each : spec.cases.value) out.push_back(linker.link(each.value, each.at));
  diagnostics.sort();
  return out;
}

}  // namespace weir::control
