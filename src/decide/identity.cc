#include "decide/identity.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::decide {

Caller address_caller(const Address& client, HashKey seed) {
  const Address kept = caller_address(client);
  std::array<std::uint64_t, 3> words{};
  std::memcpy(words.data(), kept.bytes.data(), kept.bytes.size());
  words[2] = static_cast<std::uint64_t>(kept.family);
  return {.ref = {.kind = CallerRef::Kind::address, .rule = IdentityId::none(), .digest = keyed_hash(seed, words)},
          .subject = {},
          .groups = {}};
}

std::uint64_t caller_digest(const IdentityRule& rule, std::string_view subject, HashKey seed) {
  const std::array<std::uint64_t, 2> words = {rule.digest, keyed_hash(seed, subject)};
  return keyed_hash(seed, words);
}

Caller judge(const Policy& policy, const Facts& facts, std::span<const Evidence> evidence, HashKey seed,
             Trace* trace) {
  std::size_t named = policy.identities.size();
  for (std::size_t i = 0; i < std::min(evidence.size(), policy.identities.size()); ++i) {
    if (evidence[i].result == EvidenceResult::valid && named == policy.identities.size()) named = i;
    if (trace != nullptr) {
      trace->on_identity({.rule = IdentityId{static_cast<std::uint16_t>(i)}, .result = evidence[i].result,
                          .subject = evidence[i].subject, .names_caller = named == i});
    }
  }
  if (named == policy.identities.size()) return address_caller(facts.client, seed);

  const IdentityRule& rule = policy.identities[named];
  return {.ref = {.kind = rule.kind == IdentityKind::service ? CallerRef::Kind::service : CallerRef::Kind::credential,
                  .rule = IdentityId{static_cast<std::uint16_t>(named)},
                  .digest = caller_digest(rule, evidence[named].subject, seed)},
          .subject = evidence[named].subject,
          .groups = evidence[named].groups};
}

std::uint16_t denied_status(const RouteAuth& auth, std::span<const Evidence> evidence) {
  if (auth.require.empty()) return 0;
  bool any = false;
  for (std::size_t i = 0; i < evidence.size(); ++i) {
    if (evidence[i].result != EvidenceResult::valid) continue;
    any = true;
    if (std::ranges::find(auth.require, IdentityId{static_cast<std::uint16_t>(i)}) != auth.require.end()) return 0;
  }
  return any ? 403 : 401;
}

bool means(const CallerSet& set, const Caller& caller) {
  if (set.everyone()) return true;
  if (caller.ref.kind == CallerRef::Kind::address) return set.anonymous;
  return std::ranges::find(set.identities, caller.ref.rule) != set.identities.end() ||
         std::ranges::any_of(set.callers, [&](const NamePattern& p) { return fits(p, caller.subject); }) ||
         std::ranges::any_of(set.groups, [&](const std::string& group) {
           return std::ranges::find(caller.groups, group) != caller.groups.end();
         });
}

// On a mismatch the last star takes one byte more; earlier stars need never be tried again.
bool fits(const NamePattern& pattern, std::string_view name) {
  const std::string_view text = pattern.text;
  std::size_t at = 0, from = 0, star = std::string_view::npos, kept = 0;
  while (from < name.size()) {
    if (at < text.size() && text[at] == '*') {
      star = at++;
      kept = from;
    } else if (at < text.size() && text[at] == name[from]) {
      ++at;
      ++from;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      from = ++kept;
    } else {
      return false;
    }
  }
  while (at < text.size() && text[at] == '*') ++at;
  return at == text.size();
}

}  // namespace weir::decide
