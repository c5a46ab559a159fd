#include "decide/limits.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/check.h"

namespace weir::decide {
namespace {

Pace pace_of(const Pace& prepared, Rate rate, std::uint64_t burst) {
  return prepared.parts != 0 ? prepared : Pace::of(rate, burst);
}

// Only who holds the key alone is told how full its bucket is.
bool is_own(const Limit& limit) {
  return std::ranges::any_of(limit.key, [](const KeyPart& part) {
    return part.kind == KeyKind::caller || part.kind == KeyKind::client_ip;
  });
}

LimitView view_of(const AskedLimit& asked) {
  return {.limit = asked.id,
          .would_refuse = !asked.fill.passes,
          .observed = asked.observes(),
          .key_digest = asked.key.hash,
          .burst = asked.burst(),
          .remaining = limits::remaining(asked.fill, asked.pace),
          .retry_after = asked.fill.passes ? Nanos(0) : limits::retry_after(asked.fill, asked.pace),
          .full_after = to_nanos(asked.fill.debt)};
}

void skip(const LimitQuestion& question, LimitId id, const Limit& limit, LimitApplies why) {
  if (question.trace == nullptr) return;
  LimitStep step{.limit = id, .applies = why, .before_auth = limit.before_auth};
  step.view.limit = id;
  question.trace->on_limit(step);
}

// Charges one; a charge that is refused now, though the look let it pass, lost a race.
bool charge(limits::Table& table, AskedLimit& asked, Stamp now) {
  asked.fill = table.charge(asked.key, asked.pace, now);
  asked.charged = asked.fill.passes && !asked.fill.untracked;
  return asked.fill.passes;
}

// All enforcing limits of the group, or none.
bool charge_enforcing(limits::Table& table, std::span<AskedLimit> group, Stamp now) {
  for (AskedLimit& asked : group) {
    if (asked.observes() || charge(table, asked, now)) continue;
    for (AskedLimit& earlier : group) {
      if (!earlier.charged) continue;
      table.give_back(earlier.key, earlier.pace);
      earlier.charged = false;
      earlier.fill.debt = earlier.pace.minus(earlier.fill.debt, earlier.pace.interval);
    }
    return false;
  }
  return true;
}

bool tighter(const LimitView& a, const LimitView& b) {
  if (a.would_refuse != b.would_refuse) return a.would_refuse;
  if (a.would_refuse) return a.retry_after > b.retry_after;
  if (a.remaining != b.remaining) return a.remaining < b.remaining;
  return a.full_after > b.full_after;
}

void report(const LimitQuestion& question, std::span<const AskedLimit> group, Verdict& verdict) {
  for (const AskedLimit& asked : group) {
    if (asked.place != AskedLimit::kNoPlace) verdict.limits_asked |= 1u << asked.place;
    const bool own = question.answers && !asked.observes() && is_own(*asked.limit);
    if (asked.fill.passes && !own && question.trace == nullptr) continue;
    const LimitView view = view_of(asked);
    if (own && (!verdict.tightest || tighter(view, *verdict.tightest))) verdict.tightest = view;
    if (asked.observes() && view.would_refuse) {
      if (verdict.would_refuse_count < verdict.would_refuse.size()) {
        verdict.would_refuse[verdict.would_refuse_count] = asked.id;
      }
      if (verdict.would_refuse_count < UINT8_MAX) ++verdict.would_refuse_count;
    }
    if (question.trace != nullptr) {
      question.trace->on_limit({.limit = asked.id, .override_taken = asked.over, .learned = asked.learned, .view = view,
                                .before_auth = asked.limit->before_auth});
    }
  }
}

void refuse(const LimitQuestion& question, std::span<const AskedLimit> group, Verdict& verdict) {
  const AskedLimit* first = nullptr;
  for (const AskedLimit& asked : group) {
    if (asked.observes() || asked.fill.passes) continue;
    if (first == nullptr) first = &asked;
    verdict.retry_after = std::max(verdict.retry_after, limits::retry_after(asked.fill, asked.pace));
  }
  WEIR_CHECK(first != nullptr);
  verdict.rule = {.kind = Rule::Kind::limit, .name = first->limit->name,
                  .source = first->over != nullptr ? first->over->source : first->limit->source};
  verdict.cause = first->limit->cause;
  verdict.expected = first->limit->expect && means(first->limit->expect->who, question.caller);
}

std::uint64_t address_word(const Address& address) {
  std::uint64_t word;
  std::memcpy(&word, address.bytes.data(), sizeof(word));
  return word;
}

Address network(const Address& client) {
  return client.masked(client.family == Address::Family::v4 ? 24 : 48);
}

}  // namespace

KeyResult key_of(const KeyQuestion& question, std::span<const KeyPart> parts, HashKey key) {
  std::array<std::uint64_t, 2 * kMaxKeyParts> words;
  std::size_t size = 0;
  KeyResult result{.key = {.reserved = true}};
  const auto add = [&](std::uint64_t word) { words[size++] = word; };
  const auto add_address = [&](const Address& address) {   // at most a /64: one word
    add(static_cast<std::uint64_t>(address.family));
    add(address_word(address));
  };
  const auto add_value = [&](std::span<const WatchedValue> values, std::uint16_t index) {
    const WatchedValue value = index < values.size() ? values[index] : WatchedValue{};
    if (value.state == WatchedValue::State::absent) result.applies = LimitApplies::no_value;
    if (value.state == WatchedValue::State::unrecorded) result.applies = LimitApplies::value_unrecorded;
    if (has_digest(value)) add(digest_of(value, question.seed));
  };
  WEIR_CHECK(parts.size() <= kMaxKeyParts);
  for (const KeyPart& part : parts) {
    result.key.reserved = result.key.reserved && (part.kind == KeyKind::all || part.kind == KeyKind::route);
    switch (part.kind) {
      case KeyKind::all: break;
      case KeyKind::caller: add(question.caller.ref.digest); break;
      case KeyKind::client_ip: add_address(caller_address(question.facts.client)); break;
      case KeyKind::client_net: add_address(network(question.facts.client)); break;
      case KeyKind::route: add(question.route.name.value); break;
      case KeyKind::header: add_value(question.facts.headers, part.watched); break;
      case KeyKind::query: add_value(question.facts.queries, part.watched); break;
    }
    if (result.applies != LimitApplies::yes) return result;
  }
  const HashKey seeded{key.k0 ^ question.seed.k0, key.k1 ^ question.seed.k1};
  result.key.hash = keyed_hash(seeded, std::span<const std::uint64_t>(words).first(size));
  return result;
}

namespace {

void gather_cap(const LimitQuestion& question, LimitGroup group, AskedLimits& out) {
  const Overlay& overlay = *question.policy.overlay;
  const LimitId id = group == LimitGroup::before_auth ? cap_of(overlay, question.facts.client) : cap_of(overlay, question.caller);
  if (!id.valid()) return;
  const Limit& limit = question.policy.limits[id.index()];
  const KeyResult key = key_of(question.key(), limit.key, limit.cells);   // all or the caller: every request has it
  out.add([&] {
    return AskedLimit{.id = id, .place = AskedLimit::kNoPlace, .limit = &limit, .key = key.key, .pace = pace_of(limit.pace, limit.rate, limit.burst)};
  });
  question.table.prefetch(key.key);
}

}  // namespace

void gather_limits(const LimitQuestion& question, LimitGroup group, AskedLimits& out) {
  if (question.policy.overlay != nullptr) gather_cap(question, group, out);
  const auto& limits = question.route.limits;
  WEIR_CHECK(limits.size() <= kMaxLimitsPerRoute);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const Limit& limit = question.policy.limits[limits[i].index()];
    if (limit.before_auth != (group == LimitGroup::before_auth)) continue;
    const bool nameless = limit.learned && question.caller.ref.kind == CallerRef::Kind::address;
    if (nameless || !means(limit.who, question.caller)) {
      skip(question, limits[i], limit, LimitApplies::not_for_caller);
      continue;
    }
    const auto over = std::ranges::find_if(limit.overrides, [&](const LimitOverride& o) { return means(o.who, question.caller); });
    const bool overridden = over != limit.overrides.end();
    const LearnedRate* const learned = limit.learned && !overridden && question.learned != nullptr
                                           ? question.learned->find(limits[i], question.caller.ref.digest) : nullptr;
    const bool known = question.client != nullptr && question.client->limit == limits[i] && !overridden && learned == nullptr;
    const KeyResult key = known ? KeyResult{.key = {.hash = question.client->limit_key}}
                                : key_of(question.key(), limit.key, overridden ? over->cells : learned != nullptr ? learned->cells : limit.cells);
    if (key.applies != LimitApplies::yes) {
      skip(question, limits[i], limit, key.applies);
      continue;
    }
    out.add([&] {
      return AskedLimit{.id = limits[i],
                        .place = static_cast<std::uint8_t>(i),
                        .limit = &limit,
                        .over = overridden ? &*over : nullptr,
                        .learned = learned,
                        .key = key.key,
                        .pace = overridden           ? pace_of(over->pace, over->rate, over->burst)
                                : learned != nullptr ? learned->pace
                                                     : pace_of(limit.pace, limit.rate, limit.burst)};
    });
    question.table.prefetch(key.key);
  }
}

bool ask_limits(const LimitQuestion& question, std::span<AskedLimit> group, Stamp now, bool spend, Verdict& verdict) {
  if (group.empty()) return true;

  // One enforcing limit is looked at by charging it.
  const bool single = group.size() == 1 && !group[0].observes() && spend;
  bool passes = true;
  for (AskedLimit& asked : group) {
    if (single) break;
    asked.fill = question.table.look(asked.key, asked.pace, now);
    passes = passes && (asked.fill.passes || asked.observes());
  }
  if (passes && spend) passes = charge_enforcing(question.table, group, now);
  if (passes) {
    for (AskedLimit& asked : group) {
      if (spend) {
        if (asked.observes() && asked.fill.passes) charge(question.table, asked, now);
      } else if (asked.fill.passes) {
        asked.fill.debt = asked.pace.plus(asked.fill.debt, asked.pace.interval);   // as it would stand after this request
      }
    }
  }
  report(question, group, verdict);
  if (!passes) refuse(question, group, verdict);
  return passes;
}

}  // namespace weir::decide
