// Rules that no request met, callers that make most of the traffic, and what is past its time.
#include <algorithm>
#include <string_view>
#include <tuple>

#include "fmt/core.h"
#include "replay/advice_parts.h"

namespace weir::replay {
namespace {

using Unit = Measure::Unit;

class Unused {
 public:
  Unused(const AdviceInput& in, Advice& out) : in_(in), out_(out) {}

  void find() {
    for (std::size_t i = 0; i < in_.policy.routes.size(); ++i) {
      if (in_.counts.routes[i].requests > 0) continue;
      found({.kind = Subject::Kind::route, .name = name_of(in_, in_.policy.routes[i].name)},
            in_.policy.routes[i].source, keeps_out(in_.policy.routes[i]));
    }
    for (std::size_t i = 0; i < in_.policy.limits.size(); ++i) find(i);
    if (in_.counts.evidence_unknown > 0) return;
    for (std::size_t i = 0; i < in_.policy.identities.size(); ++i) {
      const IdentityRule& rule = in_.policy.identities[i];
      if (in_.counts.identities[i] == 0)
        found({.kind = Subject::Kind::identity, .name = name_of(in_, rule.name)}, rule.source);
    }
  }

 private:
  void find(std::size_t index) {
    const Limit& limit = in_.policy.limits[index];
    const Review::LimitUse& use = in_.counts.limits[index];
    const std::string name = name_of(in_, limit.name);
    if (use.asked == 0) {
      if (is_reached(index)) found({.kind = Subject::Kind::limit, .name = name}, limit.source);
      return;
    }
    if (in_.counts.evidence_unknown > 0) return;
    for (std::size_t i = 0; i < use.overridden.size(); ++i) {
      if (use.overridden[i] == 0)
        found({.kind = Subject::Kind::limit, .name = name, .part = fmt::format("overrides.{}", i)},
              limit.overrides[i].source);
    }
  }

  // A limit of routes that nobody met says nothing beyond them.
  bool is_reached(std::size_t limit) const {
    const LimitId id{static_cast<std::uint16_t>(limit)};
    bool used = false;
    for (std::size_t i = 0; i < in_.policy.routes.size(); ++i) {
      if (std::ranges::find(in_.policy.routes[i].limits, id) == in_.policy.routes[i].limits.end())
        continue;
      used = true;
      if (in_.counts.routes[i].requests > 0) return true;
    }
    return !used;
  }

  // That nobody tried the door does not say that it may be open.
  bool keeps_out(const Route& route) const {
    const auto* const answer = std::get_if<Boxed<DirectResponse>>(&route.action);
    const RouteAuth& auth = in_.policy.settings_of(route).auth;
    return (answer != nullptr && (*answer)->status >= 400) || !auth.require.empty() ||
           auth.external != 0;
  }

  void found(Subject subject, const Source& source, bool keeps_out = false) {
    Finding& finding = out_.findings.emplace_back();
    finding = {.check = Check::never_hit,
               .level = Level::tidy,
               .subject = subject,
               .source = source,
               .measures = {counted_as("requests", in_.counts.requests),
                            measured("days", static_cast<double>(span_of(in_).count()) / 86.4e12,
                                     Unit::days)}};
    if (keeps_out)
      finding.nothing =
          "it may be there to keep requests out: whether it still should is yours to say";
    else
      finding.candidates = {{{.kind = Change::Kind::remove, .subject = std::move(subject)}}};
  }

  const AdviceInput& in_;
  Advice& out_;
};

std::vector<BusyKey> busiest(const AdviceInput& in) {
  std::vector<const InputCaller*> callers;
  for (const InputCaller& caller : in.callers.list()) callers.push_back(&caller);
  const std::size_t count = std::min(callers.size(), Advice::kBusiest);
  std::ranges::partial_sort(callers, callers.begin() + static_cast<std::ptrdiff_t>(count), {},
                            [](const InputCaller* caller) {
                              return std::tuple(~caller->standing.requests, std::string_view(caller->name));
                            });
  std::vector<BusyKey> list;
  for (std::size_t i = 0; i < count; ++i) {
    list.push_back({.caller = callers[i]->name,
                    .requests = callers[i]->standing.requests,
                    .share = static_cast<double>(callers[i]->standing.requests) /
                             static_cast<double>(in.counts.requests)});
  }
  return list;
}

std::uint64_t requests_of(const Callers& callers, const std::string& name) {
  std::uint64_t sum = 0;
  for (const InputCaller& caller : callers.list())
    sum += caller.name == name ? caller.standing.requests : 0;
  return sum;
}

double days(Nanos time) { return static_cast<double>(time.count()) / 86.4e12; }

void find_expired_keys(const AdviceInput& in, Advice& out) {
  for (const AdviceFacts::KeyExpiry& key : in.facts.keys) {
    const IdentityRule& rule = in.policy.identities[key.identity];
    const Nanos left = key.expires - in.facts.now;
    const std::uint64_t requests = requests_of(in.callers, key.name);
    const bool over = left <= Nanos(0);
    if (!over && (left > threshold::kSoon || key.has_other || requests == 0)) continue;
    Finding& finding = out.findings.emplace_back();
    finding = {
        .check = Check::expired,
        .level = over ? Level::tidy : Level::soon,
        .subject = {.kind = Subject::Kind::key, .name = key.name, .part = name_of(in, rule.name)},
        .source = rule.source,
        .measures = {measured("days", days(over ? -left : left), Unit::days),
                     counted_as("requests", requests)}};
    finding.nothing =
        over ? fmt::format("it lies in {}, which weir keys revoke changes", rule.keys_file)
             : "whether it shall last longer is for its owner and you";
  }
}

void find_expired_expects(const AdviceInput& in, Advice& out) {
  bool unknown = false;
  for (const Limit& limit : in.policy.limits) {
    if (!limit.expect || !limit.expect->until) continue;
    if (!in.facts.unchanged_since) {
      unknown = true;
      continue;
    }
    const Nanos age = in.facts.now - *in.facts.unchanged_since;
    if (age <= *limit.expect->until) continue;
    const Subject subject{
        .kind = Subject::Kind::limit, .name = name_of(in, limit.name), .part = "expect"};
    out.findings.push_back(
        {.check = Check::expired,
         .level = Level::tidy,
         .subject = subject,
         .source = limit.source,
         .measures = {measured("days", days(age - *limit.expect->until), Unit::days),
                      measured("unchanged_days", days(age), Unit::days)},
         .candidates = {{{.kind = Change::Kind::remove, .subject = subject}}}});
  }
  if (unknown) {
    out.cannot_judge.push_back({Topic::expiry, "since when the configuration is in force",
                                "a file or a recording knows; standard input does not"});
  }
}

}  // namespace

void advise_unused(const AdviceInput& in, Advice& out) {
  if (in.counts.evidence_unknown > 0 && !in.policy.identities.empty()) {
    out.cannot_judge.push_back({Topic::unused,
                                "identity rules and overrides: the input does not say who asked",
                                "--field identity:RULE=FIELD"});
  }
  const double unjudged =
      static_cast<double>(in.counts.unjudged) / static_cast<double>(in.counts.requests);
  if (unjudged > in.report.budget.requests) {
    out.cannot_judge.push_back(
        {Topic::unused, "rules that no request met: not all requests could be judged", ""});
    return;
  }
  if (!lasts(in, threshold::kUnusedAfter)) {
    out.cannot_judge.push_back(
        {Topic::unused, "rules that no request met, in less than a week", "give a week or more"});
    return;
  }
  Unused(in, out).find();
}

void advise_keys(const AdviceInput& in, Advice& out) {
  find_expired_keys(in, out);
  find_expired_expects(in, out);
  out.busiest = busiest(in);
  if (in.callers.list().size() < 2) return;
  const BusyKey& caller = out.busiest.front();
  if (caller.share < threshold::kBusyKey) return;
  if (!lasts(in, threshold::kDay)) {
    out.cannot_judge.push_back({Topic::keys,
                                "one caller makes most of the traffic, in less than a day",
                                "give a day or more"});
    return;
  }
  Finding& finding = out.findings.emplace_back();
  finding = {
      .check = Check::busy_key,
      .level = Level::tidy,
      .subject = {.kind = Subject::Kind::caller, .name = caller.caller},
      .measures = {measured("share", caller.share, Unit::share), counted_as("requests", caller.requests),
                   counted_as("of", in.counts.requests),
                   counted_as("callers", in.callers.list().size())}};
  finding.nothing = "one caller, or many behind one address or key: the input cannot tell";
}

}  // namespace weir::replay
