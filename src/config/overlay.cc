#include "config/overlay.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "config/diagnostic.h"
#include "config/override_text.h"
#include "decide/prepare.h"
#include "fmt/core.h"

namespace weir::config {
namespace {

using Kind = OverrideWhat::Kind;
using Why = std::optional<std::string>;  // it cannot be laid over

constexpr std::uint64_t kWhole = 1000;
constexpr HashKey kDigest{0x6f7665726c617964ULL, 0x6967657374206f66ULL};
constexpr std::size_t kMostLimits = 65'000;

std::string missing(std::string_view kind, std::string_view name,
                    const std::vector<std::string_view>& known) {
  const std::string_view near = nearest(name, known);
  return fmt::format("there is no {} {}{}", kind, printable(name),
                     near.empty() ? "" : fmt::format("; did you mean {}?", printable(near)));
}

HashKey cells_of(HashKey of, Rate rate, std::uint64_t burst) {
  const auto word = [&](std::uint64_t which) {
    const std::array<std::uint64_t, 4> words = {
        which, rate.count, static_cast<std::uint64_t>(rate.period.count()), burst};
    return keyed_hash(of, words);
  };
  return {.k0 = word(0), .k1 = word(1)};
}

std::uint64_t scaled(std::uint64_t value, std::uint64_t thousandths) {
  return std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(static_cast<unsigned __int128>(value) * thousandths / kWhole));
}

void scale(Rate& rate, std::uint64_t& burst, HashKey& cells, std::uint64_t thousandths) {
  rate.count = scaled(rate.count, thousandths);
  burst = scaled(burst, thousandths);
  cells = cells_of(cells, rate, burst);
}

class Laying {
 public:
  Laying(const Policy& configured, NameTable& names)
      : policy_(std::make_shared<Policy>(configured)), names_(names) {}

  Why lay(const Override& each) {
    const OverrideWhat& what = each.what;
    name_ = names_.intern(fmt::format("o{}", each.number));
    switch (what.kind) {
      case Kind::block_net:
        return restrain({.name = name_, .net = what.net, .caller = {}});
      case Kind::cap_net:
        return cap(what, {.name = name_, .net = what.net, .caller = {}}, KeyKind::all);
      case Kind::block_caller:
        return restrain({.name = name_, .net = std::nullopt, .caller = {what.subject}});
      case Kind::cap_caller:
        return cap(what, {.name = name_, .net = std::nullopt, .caller = {what.subject}},
                   KeyKind::caller);
      case Kind::weigh:
        return weigh(what);
      case Kind::observe:
        return observe(what);
      case Kind::scale:
        return scale_limit(what);
      case Kind::shed:
        return shed(what);
      case Kind::pause:
        return pause(what);
      case Kind::give_back:
        return give_back(what);
    }
    return "it is of no kind known here";
  }

  std::shared_ptr<Policy> policy() {
    if (overlay_) policy_->overlay = std::make_shared<const Overlay>(std::move(*overlay_));
    return std::move(policy_);
  }

 private:
  Overlay& overlay() { return overlay_ ? *overlay_ : overlay_.emplace(); }

  Why restrain(Restraint restraint) {
    if (!restraint.net && policy_->identities.empty())
      return "the configuration has no identity rule, so no caller has a name: give a net";
    auto& all = overlay().restraints;
    all.insert(all.begin(), std::move(restraint));
    return std::nullopt;
  }

  Why cap(const OverrideWhat& what, Restraint restraint, KeyKind key) {
    if (policy_->limits.size() >= kMostLimits)
      return "the configuration has as many limits as there may be";
    restraint.cap = LimitId{static_cast<std::uint16_t>(policy_->limits.size())};
    Limit limit{.name = name_, .key = {{.kind = key}}, .rate = what.rate, .burst = what.burst};
    limit.before_auth = key == KeyKind::all;
    limit.cause = Cause::caller_capped;
    limit.cells = cells_of({.k0 = keyed_hash(kDigest, names_.text(name_)), .k1 = kDigest.k1},
                           what.rate, what.burst);
    if (Why why = restrain(std::move(restraint))) return why;
    policy_->limits.push_back(std::move(limit));
    return std::nullopt;
  }

  Why weigh(const OverrideWhat& what) {
    bool any = false;
    std::vector<std::string_view> known;
    for (Endpoint& endpoint : policy_->endpoints) {
      const Upstream& upstream = policy_->upstreams[endpoint.upstream.index()];
      if (!what.upstream.empty() && names_.text(upstream.name) != what.upstream) continue;
      known.push_back(names_.text(endpoint.name));
      if (known.back() != what.subject) continue;
      endpoint.weight = what.weight;
      any = true;
    }
    if (any) return std::nullopt;
    if (known.empty() && !what.upstream.empty())
      return missing("upstream", what.upstream, names_of(policy_->upstreams));
    return missing("endpoint", what.subject, known);
  }

  Why observe(const OverrideWhat& what) {
    Limit* const limit = find(policy_->limits, what.subject);
    if (limit == nullptr) return missing("limit", what.subject, names_of(policy_->limits));
    if (limit->mode == LimitMode::observe)
      return fmt::format("limit {} only observes already", printable(what.subject));
    limit->mode = LimitMode::observe;
    return std::nullopt;
  }

  Why scale_limit(const OverrideWhat& what) {
    Limit* const limit = find(policy_->limits, what.subject);
    if (limit == nullptr) return missing("limit", what.subject, names_of(policy_->limits));
    scale(limit->rate, limit->burst, limit->cells, what.thousandths);
    for (LimitOverride& each : limit->overrides)
      scale(each.rate, each.burst, each.cells, what.thousandths);
    if (limit->learned) {
      // Not the times: they are few and whole, and 1.2 times three would be three.
      limit->learned->thousandths = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(scaled(limit->learned->thousandths, what.thousandths),
                                  std::numeric_limits<std::uint32_t>::max()));
      if (limit->learned->floor)
        limit->learned->floor->count = scaled(limit->learned->floor->count, what.thousandths);
    }
    return std::nullopt;
  }

  // Of this priority, and of those that matter less.
  Why shed(const OverrideWhat& what) {
    bool any = false;
    for (std::size_t i = 0; i < policy_->routes.size(); ++i) {
      if (policy_->routes[i].priority < what.priority) continue;
      hold(i);
      any = true;
    }
    if (any) return std::nullopt;
    return fmt::format("no route has priority {}",
                       what.priority == Priority::normal ? "normal or sheddable" : "sheddable");
  }

  Why pause(const OverrideWhat& what) {
    const Route* const route = find(policy_->routes, what.subject);
    if (route == nullptr) return missing("route", what.subject, names_of(policy_->routes));
    hold(static_cast<std::size_t>(route - policy_->routes.data()));
    return std::nullopt;
  }

  // By name: another candidate on the same route is another one.
  Why give_back(const OverrideWhat& what) {
    Route* const route = find(policy_->routes, what.subject);
    if (route == nullptr) return missing("route", what.subject, names_of(policy_->routes));
    WeightedUpstream *stable = nullptr, *candidate = nullptr;
    if (auto* const forward = std::get_if<Forward>(&route->action)) {
      for (WeightedUpstream& part : forward->split) {
        if (part.arm == SplitArm::stable) stable = &part;
        if (part.arm == SplitArm::candidate) candidate = &part;
      }
    }
    const auto name = [&](const WeightedUpstream& part) {
      return names_.text(policy_->upstreams[part.upstream.index()].name);
    };
    if (stable == nullptr || candidate == nullptr || name(*candidate) != what.upstream)
      return fmt::format("route {} has no candidate {}", printable(what.subject),
                         printable(what.upstream));
    if (candidate->weight == 0)
      return fmt::format("{} has no weight already", printable(what.upstream));
    stable->weight += std::exchange(candidate->weight, 0);
    return std::nullopt;
  }

  // Who paused it first is named.
  void hold(std::size_t route) {
    auto& paused = overlay().paused;
    paused.resize(policy_->routes.size());
    if (!paused[route].valid()) paused[route] = name_;
  }

  template <class T>
  T* find(std::vector<T>& all, std::string_view name) {
    const auto found = std::ranges::find_if(
        all, [&](const T& each) { return names_.text(each.name) == name && !is_cap(each); });
    return found == all.end() ? nullptr : &*found;
  }

  template <class T>
  std::vector<std::string_view> names_of(const std::vector<T>& all) const {
    std::vector<std::string_view> names;
    for (const T& each : all) {
      if (!is_cap(each)) names.push_back(names_.text(each.name));
    }
    return names;
  }
  static bool is_cap(const Limit& limit) { return limit.cause == Cause::caller_capped; }
  static bool is_cap(const auto&) { return false; }

  std::shared_ptr<Policy> policy_;
  NameTable& names_;
  NameId name_;
  std::optional<Overlay> overlay_;
};

}  // namespace

const std::string* Laid::why_idle(std::uint32_t number) const {
  const auto found = std::ranges::find(idle, number, &IdleOverride::number);
  return found == idle.end() ? nullptr : &found->why;
}

Laid lay_over(std::shared_ptr<const Policy> configured, std::span<const Override> overrides,
              NameTable& names) {
  Laid laid{.policy = configured, .idle = {}};
  if (overrides.empty()) return laid;
  Laying laying(*configured, names);
  std::string digest;
  for (const Override& each : overrides) {
    if (Why why = laying.lay(each))
      laid.idle.push_back({.number = each.number, .why = std::move(*why)});
    else
      digest += fmt::format("o{} {}\n", each.number, override_text(each.what));
  }
  if (digest.empty()) return laid;
  std::shared_ptr<Policy> made = laying.policy();
  if (const auto prepared = decide::prepare(*made);
      !prepared) {  // of a policy that was prepared before: only weights are new
    for (const Override& each : overrides) {
      if (laid.why_idle(each.number) == nullptr)
        laid.idle.push_back({.number = each.number, .why = to_string(prepared.error())});
    }
    return laid;
  }
  made->laid = std::max<std::uint64_t>(1, keyed_hash(kDigest, digest));
  laid.policy = std::move(made);
  return laid;
}

}  // namespace weir::config
