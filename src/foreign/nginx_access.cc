#include "foreign/nginx_access.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "fmt/core.h"
#include "foreign/nginx_values.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::string_view kClosed =
    "weir cannot ask for this: the place is closed to everyone (403), because to forward without "
    "it "
    "would open what nginx protects";

// Those that refuse whoever does not prove something.
bool demands(const NginxDirective& directive) {
  const std::string& name = directive.name();
  const std::string_view first = directive.argument(1);
  if (name == "auth_basic" || name == "auth_request" || name == "auth_jwt" || name == "auth_digest")
    return first != "off";
  return name == "ssl_verify_client" && first == "on";
}

// The words of a condition without its brackets.
std::vector<std::string> condition_of(const NginxDirective& directive) {
  std::vector<std::string> words(directive.words.begin() + 1, directive.words.end());
  if (!words.empty() && words.front().starts_with('(')) words.front().erase(0, 1);
  if (!words.empty() && words.back().ends_with(')')) words.back().pop_back();
  std::erase_if(words, [](const std::string& word) { return word.empty(); });
  return words;
}

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= 20 &&
         std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

// "^(GET|HEAD|POST)$" -> its methods; none where it is anything else.
std::vector<std::string> alternatives(std::string_view regex) {
  if (regex.starts_with('^')) regex.remove_prefix(1);
  if (regex.ends_with('$')) regex.remove_suffix(1);
  if (regex.starts_with('(') && regex.ends_with(')')) regex = regex.substr(1, regex.size() - 2);
  std::vector<std::string> methods;
  for (;;) {
    const std::size_t bar = regex.find('|');
    const std::string_view one = regex.substr(0, bar);
    if (!is_method(one)) return {};
    methods.emplace_back(one);
    if (bar == std::string_view::npos) return methods;
    regex.remove_prefix(bar + 1);
  }
}

std::optional<MethodGuard> guard_of_if(const NginxDirective& directive) {
  const auto words = condition_of(directive);
  if (words.size() != 3 || words[0] != "$request_method" || directive.inside.size() != 1 ||
      directive.inside[0].name() != "return" || directive.inside[0].arguments() != 1)
    return std::nullopt;
  const auto status = decimal(directive.inside[0].argument(1));
  if (!status || *status < 400 || *status > 599) return std::nullopt;
  MethodGuard made{.status = static_cast<std::uint16_t>(*status), .about = &directive};
  const std::string& how = words[1];
  if (how != "=" && how != "!=" && how != "~" && how != "!~") return std::nullopt;
  made.allows = how.starts_with('!');
  made.methods = how.ends_with('~') ? alternatives(words[2])
                                    : alternatives(is_method(words[2]) ? words[2] : "");
  if (made.methods.empty()) return std::nullopt;
  return made;
}

bool denies_all(const NginxDirective& directive) {
  return directive.inside.size() == 1 && directive.inside[0].name() == "deny" &&
         directive.inside[0].argument(1) == "all";
}

std::optional<MethodGuard> guard_of_limit_except(const NginxDirective& directive) {
  MethodGuard made{.status = 403, .about = &directive};
  for (std::size_t i = 1; i <= directive.arguments(); ++i) {
    if (!is_method(directive.argument(i))) return std::nullopt;
    made.methods.emplace_back(directive.argument(i));
  }
  // "Allowing the GET method makes the HEAD method also allowed."
  if (std::ranges::find(made.methods, "GET") != made.methods.end() &&
      std::ranges::find(made.methods, "HEAD") == made.methods.end())
    made.methods.emplace_back("HEAD");
  return made;
}

std::vector<const NginxDirective*> address_rules(const NginxScope& scope) {
  for (const NginxScope* at = &scope; at != nullptr; at = at->outer) {
    if (at->block == nullptr) continue;
    std::vector<const NginxDirective*> rules;
    for (const NginxDirective& each : at->block->inside) {
      if (each.name() == "allow" || each.name() == "deny") rules.push_back(&each);
    }
    if (!rules.empty()) return rules;
  }
  return {};
}

std::optional<Closed> by_address(const NginxScope& scope, NginxVerdicts& verdicts) {
  const auto rules = address_rules(scope);
  const auto all =
      std::ranges::find_if(rules, [](const auto* rule) { return rule->argument(1) == "all"; });
  if (all == rules.end() || (*all)->name() == "allow") {
    for (const NginxDirective* rule : rules) {
      const bool denies = rule->name() == "deny";
      verdicts.say(rule, denies ? Fate::not_translatable : Fate::translated,
                   denies ? "weir does not refuse by address: these clients are let through" : "");
    }
    return std::nullopt;
  }
  const bool everyone = all == rules.begin();
  for (const NginxDirective* rule : rules)
    verdicts.say(rule, everyone ? Fate::translated : Fate::not_translatable,
                 everyone ? "" : kClosed);
  return Closed{.status = 403, .about = *all, .as_nginx = everyone};
}

bool refuses(const NginxDirective& directive) {
  return std::ranges::any_of(directive.inside, [](const NginxDirective& each) {
    if (each.name() != "return") return false;
    const auto status = decimal(each.argument(1));
    return status && *status >= 400;
  });
}

}  // namespace

std::optional<Closed> read_access(const NginxScope& scope, const NginxDirective& server,
                                  NginxVerdicts& verdicts) {
  std::optional<Closed> closed = by_address(scope, verdicts);
  for (const std::string_view name :
       {"auth_basic", "auth_request", "auth_jwt", "auth_digest", "ssl_verify_client"}) {
    const NginxDirective* found = nearest_one(scope, name);
    if (found == nullptr) continue;
    if (!demands(*found)) {
      verdicts.say(found, Fate::translated);
      continue;
    }
    verdicts.say(found, Fate::not_translatable, kClosed);
    if (!closed || !closed->as_nginx) closed = Closed{.status = 403, .about = found};
  }
  for (const std::string_view name :
       {"auth_basic_user_file", "auth_request_set", "satisfy", "auth_jwt_key_file"}) {
    for (const NginxDirective* each : nearest(scope, name))
      verdicts.say(each, Fate::not_translatable, "belongs to what closes the place");
  }
  // An `if` that refuses all but some: what it lets through is not known here.
  auto conditions = here(*scope.block, "if");
  if (scope.block != &server) std::ranges::copy(here(server, "if"), std::back_inserter(conditions));
  for (const NginxDirective* each : conditions) {
    const auto words = condition_of(*each);
    const bool but_some = words.size() == 1 || (words.size() > 1 && words[1].starts_with('!')) ||
                          (words.size() == 2 && words[1] == "=");
    if (guard_of_if(*each) || !refuses(*each) || !but_some) continue;
    verdicts.say_all(*each, Fate::not_translatable, kClosed);
    if (!closed) closed = Closed{.status = 403, .about = each};
  }
  const NginxDirective* internal = one_here(*scope.block, "internal");
  if (internal != nullptr) {
    verdicts.say(internal, Fate::translated);
    closed = Closed{.status = 404, .about = internal, .as_nginx = true};
  }
  return closed;
}

std::optional<MethodGuard> read_methods(const NginxDirective& block, NginxVerdicts& verdicts) {
  std::optional<MethodGuard> made;
  for (const NginxDirective& each : block.inside) {
    if (each.name() != "if" && each.name() != "limit_except") continue;
    auto guard = each.name() == "if" ? guard_of_if(each) : guard_of_limit_except(each);
    if (guard && !made) {
      const bool whole = each.name() == "if" || denies_all(each);
      verdicts.say_all(
          each, whole ? Fate::translated : Fate::not_translatable,
          whole ? "as a route of those methods"
                : "weir cannot ask for this: other methods are closed to everyone (403)");
      made = std::move(guard);
      if (made->status == 444) {
        verdicts.say(&each, Fate::approximated,
                     "nginx closes the connection without an answer, weir answers 444");
      }
    } else if (each.name() == "if") {
      const std::string_view why =
          refuses(each) ? "weir decides by host, path, method, header and query of routes; what is "
                          "refused here is let through"
                        : "weir decides by host, path, method, header and query of routes; what is "
                          "done here is not done";
      if (!verdicts.said(&each)) verdicts.say_all(each, Fate::not_translatable, why);
    }
  }
  return made;
}

std::optional<HostReturn> read_host_return(const NginxDirective& directive) {
  if (directive.name() != "if" || directive.inside.size() != 1 ||
      directive.inside[0].name() != "return")
    return std::nullopt;
  const auto words = condition_of(directive);
  if (words.size() != 3 || (words[0] != "$host" && words[0] != "$http_host") || words[1] != "=")
    return std::nullopt;
  const auto host = weir_host(words[2]);
  if (!host || host->starts_with('*')) return std::nullopt;
  return HostReturn{.host = *host, .move = &directive.inside[0]};
}

}  // namespace weir::foreign
