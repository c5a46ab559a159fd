#include "replay/limit_watch.h"

#include <algorithm>

namespace weir::replay {
namespace {

constexpr std::uint64_t kMostTimes = 1000;  // of the given rate or burst

double share(Span part, Span whole) {
  return static_cast<double>(part.nanos) /
         static_cast<double>(std::max<std::uint64_t>(whole.nanos, 1));
}

// Rates that a person would write: whole numbers from ten on, tenths from one on, else thousandths.
std::uint64_t step_of(std::uint64_t thousandths) {
  return thousandths >= 10'000 ? 1000 : thousandths >= 1000 ? 100 : 1;
}

}  // namespace

LimitWatch::LimitWatch(const Policy& policy) : policy_(policy), limited_(policy.limits.size()) {}

void LimitWatch::add(const Event& event, std::span<const decide::AskedLimit> all,
                     const Verdict& verdict, Callers::Index caller) {
  if (all.empty()) return;
  const std::optional<LimitId> refuser = this->refuser(verdict);
  for (const decide::AskedLimit& asked : all) {
    const Limit& limit = policy_.limits[asked.id.index()];
    Limited& limited = limited_[asked.id.index()];
    const bool refused = refuser == asked.id;
    const double fill = refused ? 1.0 : share(asked.fill.debt, asked.pace.window);
    limited.fullest = std::max(limited.fullest, fill);
    if (refused) {
      ++limited.refused;
      ++limited.callers[caller];
      if (verdict.expected) limited.expected.insert(caller);
    }
    if (told_) {
      LimitAsk told{.limit = asked.id,
                    .overridden = {},
                    .key = asked.key.hash,
                    .fill = fill,
                    .refused = refused,
                    .expected = refused && verdict.expected};
      if (asked.over != nullptr)
        told.overridden = static_cast<std::size_t>(asked.over - limit.overrides.data());
      told_(told);
    }
    if (limit.mode == LimitMode::observe || asked.over != nullptr || limit.learned) continue;
    const bool was_full = asked.charged ? asked.fill.debt <= asked.pace.interval : asked.fill.debt == Span{};
    Bucket& bucket = this->bucket(asked.key.hash);
    bucket.limit = asked.id;
    keep(bucket, {.stamp = event.stamp, .caller = caller, .begins = was_full}, refused, limited);
  }
}

std::optional<LimitId> LimitWatch::refuser(const Verdict& verdict) const {
  if (verdict.rule.kind != Rule::Kind::limit) return std::nullopt;
  for (const LimitId id : policy_.routes[verdict.route.index()].limits) {
    if (policy_.limits[id.index()].name == verdict.rule.name) return id;
  }
  if (policy_.overlay == nullptr) return std::nullopt;
  for (const Restraint& each : policy_.overlay->restraints) {
    if (each.name == verdict.rule.name) return each.cap;
  }
  return std::nullopt;
}

LimitWatch::Bucket& LimitWatch::bucket(std::uint64_t key) {
  if (Bucket* const* const found = near_.find(key)) return **found;
  Bucket*& known = by_key_[key];
  if (known == nullptr) known = &buckets_.emplace_back();
  return *near_.put(key, known);
}

void LimitWatch::keep(Bucket& bucket, const Ask& ask, bool refused, Limited& limited) {
  if (ask.begins) {
    if (bucket.refused)
      bucket.kept.insert(bucket.kept.end(), bucket.current.begin(), bucket.current.end());
    else
      kept_ -= bucket.current.size();
    bucket.current.clear();
    bucket.refused = false;
  }
  bucket.refused = bucket.refused || refused;
  if (kept_ == kMostKept) {
    limited.incomplete = limited.incomplete || refused;
    return;
  }
  ++kept_;
  bucket.current.push_back(ask);
}

bool LimitWatch::passes(const Pace& pace, const Stretches& stretches,
                        const std::function<bool(Callers::Index)>& must_pass) {
  for (const std::span<const Ask> asks : stretches) {
    Span debt{};
    Stamp last{};
    for (const Ask& ask : asks) {
      if (ask.begins)
        debt = {};
      else
        debt = pace.minus(
            debt, {.nanos = static_cast<std::uint64_t>((ask.stamp - last).count()), .part = 0});
      last = ask.stamp;
      const Span wanted = pace.plus(debt, pace.interval);
      if (wanted <= pace.window)
        debt = wanted;
      else if (must_pass(ask.caller))
        return false;
    }
  }
  return true;
}

void LimitWatch::collect(LimitId id, Stretches& into) const {
  for (const Bucket& bucket : buckets_) {
    if (bucket.limit != id) continue;
    if (!bucket.kept.empty()) into.push_back(bucket.kept);
    if (bucket.refused) into.push_back(bucket.current);
  }
}

std::optional<NearestSafe> LimitWatch::nearest_safe(
    LimitId id, const std::function<bool(Callers::Index)>& is_protected,
    const LimitWatch* other) const {
  if (limited_[id.index()].incomplete ||
      (other != nullptr && other->limited_[id.index()].incomplete))
    return std::nullopt;
  const Limit& limit = policy_.limits[id.index()];
  const auto expected = [&](const LimitWatch& watch, Callers::Index caller) {
    return watch.limited_[id.index()].expected.contains(caller);
  };
  const auto must_pass = [&](Callers::Index caller) {
    return is_protected(caller) && !expected(*this, caller) &&
           (other == nullptr || !expected(*other, caller));
  };
  Stretches stretches;
  collect(id, stretches);
  if (other != nullptr) other->collect(id, stretches);
  const auto safe = [&](Rate rate, std::uint64_t burst) {
    return passes(Pace::of(rate, burst), stretches, must_pass);
  };
  if (safe(limit.rate, limit.burst)) return std::nullopt;

  // The smallest multiple of `step` in (low, high] that is safe; high is.
  const auto smallest = [](std::uint64_t low, std::uint64_t high, std::uint64_t step,
                           const auto& is_safe) {
    std::uint64_t no = low / step, yes = (high + step - 1) / step;
    while (yes - no > 1) {
      const std::uint64_t middle = no + (yes - no) / 2;
      (is_safe(middle * step) ? yes : no) = middle;
    }
    return yes * step;
  };
  const auto rate_of = [&](std::uint64_t count) {
    return Rate{.count = count, .period = limit.rate.period};
  };
  const std::uint64_t most_rate = limit.rate.count * kMostTimes;
  if (safe(rate_of(most_rate), limit.burst)) {
    std::uint64_t low = limit.rate.count, high = most_rate;
    for (std::uint64_t step = step_of(high);; step = step_of(high)) {
      high = smallest(low, high, step,
                      [&](std::uint64_t count) { return safe(rate_of(count), limit.burst); });
      if (step_of(high) == step || step == 1) break;
      low = std::max(low, high - step);
    }
    return NearestSafe{.rate = rate_of(high), .burst = limit.burst};
  }
  const std::uint64_t most_burst = limit.burst * kMostTimes;
  if (!safe(limit.rate, most_burst)) return std::nullopt;
  return NearestSafe{.rate = limit.rate,
                     .burst = smallest(limit.burst, most_burst, 1, [&](std::uint64_t burst) {
                       return safe(limit.rate, burst);
                     })};
}

}  // namespace weir::replay
