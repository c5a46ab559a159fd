#include "auth/gather.h"

#include <algorithm>

#include "auth/service.h"
#include "base/check.h"

namespace weir::auth {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

// What follows "ApiKey " (RFC 9110 11.4: a scheme in any case, then spaces); absent for credentials of another scheme.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
  if (!equal_ignoring_case(value.substr(0, scheme.size()), scheme)) return std::nullopt;
  const std::string_view rest = value.substr(std::min(value.size(), scheme.size()));
  if (rest.empty()) return rest;
  if (!rest.starts_with(' ')) return std::nullopt;
  return rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
}

Evidence check_key(const IdentityRule& rule, const KeyTable* table, const Credentials& credentials) {
  auto value = credentials.header(rule.header);
  if (value && !rule.scheme.empty()) value = after_scheme(*value, rule.scheme);
  if (!value) return {};
  if (table == nullptr) return {.result = EvidenceResult::unknown, .subject = {}, .groups = {}};
  return table->check(*value, credentials.wall);
}

}  // namespace

void gather(const Policy& policy, const KeyTables& keys, const Credentials& credentials, std::span<Evidence> out) {
  WEIR_CHECK(out.size() == policy.identities.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const IdentityRule& rule = policy.identities[i];
    switch (rule.kind) {
      case IdentityKind::service:
        out[i] = check_service(credentials.header(rule.header), credentials.client, rule.from);
        break;
      case IdentityKind::api_key:
        out[i] = check_key(rule, i < keys.tables.size() ? keys.tables[i].get() : nullptr, credentials);
        break;
    }
  }
}

std::span<const std::string> groups_of(const KeyTables* keys, IdentityId rule, std::string_view subject) {
  if (keys == nullptr || rule.index() >= keys->tables.size() || keys->tables[rule.index()] == nullptr) return {};
  const KeyEntry* const entry = keys->tables[rule.index()]->find(subject);
  return entry == nullptr ? std::span<const std::string>() : std::span<const std::string>(entry->groups);
}

}  // namespace weir::auth
