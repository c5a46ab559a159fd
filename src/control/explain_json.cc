// A decision that was told, as JSON: request, verdict, route and those that were near, caller, limits, endpoints, timeouts.
#include <algorithm>
#include <array>
#include <variant>

#include "config/values.h"
#include "control/explain_told.h"
#include "control/policy_json.h"
#include "control/text.h"
#include "decide/decide.h"
#include "decide/hash_slots.h"
#include "decide/rewrite.h"
#include "decide/route.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using decide::EndpointFit;
using decide::LimitApplies;
using decide::RouteFit;

double milliseconds(Nanos time) { return static_cast<double>(time.count()) / 1e6; }
double seconds(Nanos time) { return static_cast<double>(time.count()) / 1e9; }

template <class Enum, std::size_t N>
std::string_view name_of(const std::array<std::string_view, N>& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}
constexpr std::array<std::string_view, 7> kRouteFits = {"chosen", "host",  "path",        "method",
                                                        "header", "query", "less_precise"};
constexpr std::array<std::string_view, 6> kEvidence = {"absent",  "valid",     "unknown",
                                                       "expired", "malformed", "untrusted"};
constexpr std::array<std::string_view, 4> kApplies = {"yes", "not_for_caller", "no_value",
                                                      "value_unrecorded"};
constexpr std::array<std::string_view, 5> kEndpointFits = {"usable", "usable", "unusable",
                                                           "avoided", "no_weight"};
constexpr std::array<std::string_view, 4> kActions = {"forward", "redirect", "direct_response",
                                                      "refuse"};
constexpr std::array<std::string_view, 11> kRules = {"none", "route", "limit",       "auth",     "timeout", "cap",
                                                     "loop", "concurrency", "overload", "breaker", "override"};
constexpr std::array<std::string_view, 3> kCallers = {"address", "credential", "service"};
constexpr std::array<std::string_view, 5> kBalance = {"round_robin", "least_request", "random",
                                                      "ring_hash", "peak_ewma"};

class Writer {
 public:
  Writer(JsonWriter& json, const ExplainWorld& world, const ExplainedRequest& request,
         const Told& told, const Verdict& verdict)
      : json_(json),
        world_(world),
        policy_(world.policy),
        request_(request),
        told_(told),
        verdict_(verdict) {}

  void write(const ExplainQuestion& question) {
    json_.begin_object().field("revision", fmt::format("r{}", policy_.revision));
    write_request(question);
    write_verdict();
    write_route();
    write_loop();
    write_caller();
    write_limits();
    write_upstream();
    write_external_auth();
    write_timeouts();
    json_.end_object();
  }

  void write_request(const ExplainQuestion& question) {
    const Facts& facts = request_.facts;
    json_.key("request")
        .begin_object()
        .field("method", facts.method)
        .field("host", facts.host)
        .field("path", facts.path.empty() ? std::string_view(question.path) : facts.path);
    json_.field("query", facts.query)
        .field("client", to_string(facts.client))
        .field("connected_from", to_string(question.client));
    json_.field("listener", text(policy_.listeners[facts.listener.index()].name))
        .field("recorded", question.recorded)
        .field("path_cut", question.path_cut)
        .end_object();
  }

  void write_violation(const ExplainQuestion& question) {
    const http::ViolationInfo& what = http::info(request_.violation);
    const bool too_large = what.status == 431 || what.status == 414;
    json_.begin_object().field("revision", fmt::format("r{}", policy_.revision));
    write_request(question);
    json_.key("verdict")
        .begin_object()
        .field("action", "refuse")
        .field("cause", info(too_large ? Cause::head_too_large : Cause::bad_request).name)
        .field("status", what.status);
    json_.key("rule").null().field("detail", fmt::format("{} ({})", what.text, what.clause));
    json_.field("expected", false).field("retry_after_s", 0.0).end_object().key("route").null();
    json_.field("routes_asked", 0)
        .field("routes_matching", 0)
        .key("not_taken")
        .begin_array()
        .end_array();
    for (const std::string_view nothing : {"loop", "caller", "upstream", "external_auth", "timeouts"})
      json_.key(nothing).null();
    json_.key("limits").begin_array().end_array().end_object();
  }

 private:
  std::string_view text(NameId name) const { return world_.names.text(name); }
  void place(const Source& source) { json_.field("at", place_text(policy_, source)); }
  const Route* route() const {
    return verdict_.route.valid() ? &policy_.routes[verdict_.route.index()] : nullptr;
  }

  void write_verdict() {
    json_.key("verdict")
        .begin_object()
        .field("action", name_of(kActions, verdict_.action))
        .field("cause", info(verdict_.cause).name);
    json_.field("status", verdict_.status).key("rule");
    if (verdict_.rule.kind == Rule::Kind::none) {
      json_.null();
    } else {
      json_.begin_object()
          .field("kind", name_of(kRules, verdict_.rule.kind))
          .field("name", text(verdict_.rule.name));
      place(verdict_.rule.source);
      json_.end_object();
    }
    json_.field("detail", detail()).field("expected", verdict_.expected);
    json_.field("retry_after_s", seconds(verdict_.retry_after)).end_object();
  }

  std::string detail() const {
    if (verdict_.cause == Cause::method_not_allowed) {
      return "allowed: " + decide::allowed_methods(policy_, request_.facts, world_.seed);
    }
    if (verdict_.cause == Cause::loop_detected)
      return fmt::format("it was here {} times before", request_.facts.hops);
    if (verdict_.cause == Cause::bad_request)
      return "the path holds %2F and the route does not keep it";
    if (verdict_.action == Action::redirect)
      return "to " + decide::location(*route(), request_.facts, request_.port);
    return std::string(info(verdict_.cause).title);
  }

  // The chosen route, and of the others those that came nearest.
  void write_route() {
    json_.key("route");
    if (route() == nullptr) {
      json_.null();
    } else {
      json_.begin_object().field("name", text(route()->name));
      place(route()->source);
      json_.end_object();
    }
    const NearRoutes near = near_routes(policy_, request_.facts, told_.routes);
    json_.field("routes_asked", told_.routes.size()).field("routes_matching", near.matching);
    json_.key("not_taken").begin_array();
    for (const decide::RouteStep& step : near.others) {
      const Route& other = policy_.routes[step.route.index()];
      json_.begin_object()
          .field("name", text(other.name))
          .field("why", name_of(kRouteFits, step.fit))
          .field("wants", wants(step, policy_));
      json_.field("unrecorded", step.unrecorded);
      place(other.source);
      json_.end_object();
    }
    json_.end_array();
  }

  void write_loop() {
    json_.key("loop").begin_object().field("hops", request_.facts.hops);
    json_.field("depth", policy_.loop.depth);
    place(policy_.loop.source);
    json_.end_object();
  }

  void write_caller() {
    json_.key("caller");
    if (!told_.caller) {
      json_.null();
      return;
    }
    const decide::CallerStep& step = *told_.caller;
    const bool named = step.caller.kind != CallerRef::Kind::address;
    json_.begin_object().field("kind", name_of(kCallers, step.caller.kind));
    json_.field("name", named ? told_.subject : to_string(decide::caller_address(step.client)))
        .key("identity");
    if (named)
      json_.value(text(policy_.identities[step.caller.rule.index()].name));
    else
      json_.null();
    json_.key("identities").begin_array();
    for (const Told::Identity& each : told_.identities) {
      const IdentityRule& rule = policy_.identities[each.rule.index()];
      json_.begin_object()
          .field("name", text(rule.name))
          .field("header", rule.header)
          .field("result", name_of(kEvidence, each.result));
      json_.field("subject", each.subject).field("names_caller", each.names_caller);
      place(rule.source);
      json_.end_object();
    }
    json_.end_array().key("required").begin_array();
    if (step.require != nullptr) {
      for (const IdentityId id : step.require->require)
        json_.value(text(policy_.identities[id.index()].name));
    }
    json_.end_array()
        .field("satisfied", step.satisfied)
        .field("at", step.require == nullptr ? "" : place_text(policy_, step.require->source));
    json_.end_object();
  }

  void write_limits() {
    // Told as they were judged: those that do not apply first. Written in the order of the route.
    std::vector<decide::LimitStep> steps = told_.limits;
    if (route() != nullptr) {
      std::ranges::sort(steps, {}, [&](const decide::LimitStep& step) {
        return std::ranges::find(route()->limits, step.limit) - route()->limits.begin();
      });
    }
    json_.key("limits").begin_array();
    for (const decide::LimitStep& step : steps) {
      const Limit& limit = policy_.limits[step.limit.index()];
      const LimitOverride* over = step.override_taken;
      const bool asked = step.applies == LimitApplies::yes;
      json_.begin_object()
          .field("name", text(limit.name))
          .field("applies", name_of(kApplies, step.applies));
      json_.field("key", key_text(limit.key, policy_))
          .field("mode", limit.mode == LimitMode::enforce ? "enforce" : "observe");
      const LearnedRate* const learned = step.learned;
      json_.field("rate", config::print_rate(over != nullptr ? over->rate : learned != nullptr ? learned->rate : limit.rate))
          .field("burst", over != nullptr ? over->burst : learned != nullptr ? learned->burst : limit.burst);
      json_.field("passes", !asked || !step.view.would_refuse)
          .field("left_after_it", asked ? step.view.remaining : 0);
      json_.field("retry_after_s", seconds(step.view.retry_after))
          .field("full_after_s", seconds(step.view.full_after));
      json_.field("before_auth", step.before_auth).field("override", over != nullptr);
      write_learned(limit, step);
      place(over != nullptr ? over->source : limit.source);
      json_.end_object();
    }
    json_.end_array();
  }

  // Where the rate comes from, of a limit that learns.
  void write_learned(const Limit& limit, const decide::LimitStep& step) {
    json_.key("learned");
    if (!limit.learned || step.override_taken != nullptr || step.applies != LimitApplies::yes) {
      json_.null();
      return;
    }
    const LearnedRate* const learned = step.learned;
    const bool floor = learned != nullptr && limit.learned->floor == learned->rate;
    json_.begin_object().field("from", learned == nullptr ? "default" : floor ? "floor" : "peak").field("times", limit.learned->factor());
    json_.field("peak_per_s", learned == nullptr ? 0 : learned->peak.per_second)
        .field("days", learned == nullptr ? 0 : learned->peak.days)
        .end_object();
  }

  // What ring_hash went by, and to which slot it led.
  void write_hash(const Upstream& upstream) {
    json_.key("hash");
    if (!told_.hash) {
      json_.null();
      return;
    }
    json_.begin_object()
        .field("key", told_.hash->by_caller ? "caller" : key_text(upstream.hash.key, policy_))
        .field("missing", name_of(kApplies, told_.hash->missing))
        .field("slot", told_.hash->slot)
        .field("slots", decide::kHashSlots)
        .end_object();
  }

  void write_upstream() {
    json_.key("upstream");
    if (!told_.upstream.valid()) {
      json_.null();
      return;
    }
    const Upstream& upstream = policy_.upstreams[told_.upstream.index()];
    json_.begin_object()
        .field("name", text(upstream.name))
        .field("balance", name_of(kBalance, upstream.balance));
    place(upstream.source);
    write_hash(upstream);
    json_.key("drawn_from").begin_array();
    for (const WeightedUpstream& part : std::get<Forward>(route()->action).split) {
      json_.begin_object()
          .field("name", text(policy_.upstreams[part.upstream.index()].name))
          .field("weight", part.weight)
          .end_object();
    }
    json_.end_array().key("endpoints").begin_array();
    for (const decide::EndpointStep& step : told_.endpoints) {
      const Endpoint& endpoint = policy_.endpoints[step.endpoint.index()];
      json_.begin_object()
          .field("name", text(endpoint.name))
          .field("state", name_of(kEndpointFits, step.fit));
      json_.field("weight", endpoint.weight)
          .field("tier", endpoint.tier)
          .field("in_flight", step.in_flight)
          .field("owner", step.owner);
      place(endpoint.source);
      json_.end_object();
    }
    json_.end_array();
    const decide::Target target = decide::target(*route(), request_.facts, request_.authority());
    json_.field("host", target.authority)
        .field("path_and_query", target.path_and_query)
        .end_object();
  }

  void timeout(std::string_view name, const OptionalTime& time) {
    json_.key(name);
    if (!time) {
      json_.null();
      return;
    }
    json_.begin_object().field("ms", milliseconds(time->value));
    place(time->source);
    json_.end_object();
  }

  // What it would say is not known here: asking has effects of its own, and there is no credential to ask with.
  void write_external_auth() {
    json_.key("external_auth");
    if (told_.external_auth == nullptr) {
      json_.null();
      return;
    }
    const ExternalAuth& asked = *told_.external_auth;
    const bool refuses = asked.on_failure == ExternalAuth::OnFailure::refuse;
    json_.begin_object()
        .field("upstream", text(policy_.upstreams[asked.upstream.index()].name))
        .field("path", asked.path)
        .field("timeout_ms", milliseconds(asked.timeout.value))
        .field("on_failure", refuses ? "refuse" : "allow");
    place(asked.source);
    json_.end_object();
  }

  void write_timeouts() {
    json_.key("timeouts");
    if (!told_.upstream.valid()) {
      json_.null();
      return;
    }
    const RouteTimeouts& times = policy_.timeouts_of(*route());
    json_.begin_object();
    timeout("connect", times.connect);
    timeout("response", times.response);
    timeout("idle", times.idle);
    timeout("total", times.total);
    json_.end_object();
  }

  JsonWriter& json_;
  const ExplainWorld& world_;
  const Policy& policy_;
  const ExplainedRequest& request_;
  const Told& told_;
  const Verdict& verdict_;
};

}  // namespace

void write_told(JsonWriter& json, const ExplainQuestion& question, const ExplainWorld& world,
                const ExplainedRequest& request, const Told& told, const Verdict& verdict) {
  Writer(json, world, request, told, verdict).write(question);
}

void write_violation(JsonWriter& json, const ExplainQuestion& question, const ExplainWorld& world,
                     const ExplainedRequest& request) {
  const Told nothing;
  const Verdict none;
  Writer(json, world, request, nothing, none).write_violation(question);
}

}  // namespace weir::control
