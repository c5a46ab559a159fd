// The stable ids of everything that `check` can say. An id is part of the interface (JSON, SARIF,
// suppression lists in pipelines): it never changes its meaning, and a new check gets a new one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::config {

enum class Severity : std::uint8_t { warning, error };

enum class Rule : std::uint8_t {
  // reading
  yaml_syntax,
  encoding,
  too_large,
  duplicate_key,
  alias,
  tag,
  // decoding
  unknown_key,
  not_in_this_version,
  missing_key,
  wrong_type,
  bad_value,
  out_of_range,
  inline_secret,
  conflict,
  // linking
  duplicate_name,
  unknown_reference,
  given_twice,
  address_in_use,
  upstream_is_admin,
  never_matches,
  // lint
  unreachable_route,
  duplicate_route,
  small_burst,
  unused_upstream,
  unused_limit,
  unused_setting,
  timeout_order,
  key_is_the_proxy,
  forgeable_key,
  trusts_everyone,
  upstream_is_listener,
  limit_is_not_met,
  // found by whoever reads the files that the policy names
  unreadable_file,
  // found by whoever reads what was recorded
  auth_timeout_short,
  count_,
};

struct RuleInfo {
  std::string_view id;  // kebab-case
  Severity severity;
  std::string_view meaning;  // one sentence, for SARIF and the guide
};

const RuleInfo& info(Rule rule);
std::span<const RuleInfo> all_rules();  // in the order of the enum

}  // namespace weir::config
