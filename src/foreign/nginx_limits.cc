#include "foreign/nginx_limits.h"

#include <algorithm>

#include "fmt/core.h"
#include "foreign/nginx_values.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::uint64_t kLargestBurst = 1'000'000'000;
constexpr std::size_t kMostParts = 4;

std::string_view value_of(const NginxDirective& directive, std::string_view name) {
  for (std::size_t i = 1; i <= directive.arguments(); ++i) {
    const std::string_view word = directive.argument(i);
    if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=')
      return word.substr(name.size() + 1);
  }
  return {};
}

bool has_word(const NginxDirective& directive, std::string_view word) {
  return std::ranges::find(directive.words, word) != directive.words.end();
}

// The variables of a key, one after the other; nothing where there is other text beside them.
std::optional<std::vector<std::string>> variables_of(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    if (text[0] != '$') {
      if (std::string_view(":|-_./").find(text[0]) == std::string_view::npos) return std::nullopt;
      text.remove_prefix(1);  // what people write between two variables
      continue;
    }
    std::size_t last = 1;
    std::string name;
    if (text.starts_with("${")) {
      last = text.find('}');
      if (last == std::string_view::npos) return std::nullopt;
      name = text.substr(2, last - 2);
      ++last;
    } else {
      while (last < text.size() &&
             (text[last] == '_' || (text[last] >= '0' && text[last] <= '9') ||
              (text[last] >= 'a' && text[last] <= 'z') || (text[last] >= 'A' && text[last] <= 'Z')))
        ++last;
      name = text.substr(1, last - 1);
    }
    names.push_back(std::move(name));
    text.remove_prefix(last);
  }
  return names;
}

std::string header_name(std::string_view variable) {
  std::string name(variable);
  std::ranges::replace(name, '_', '-');
  return name;
}

}  // namespace

std::optional<std::string> weir_rate(std::string_view nginx) {
  const std::uint64_t scale = nginx.ends_with("r/s") ? 1 : nginx.ends_with("r/m") ? 60 : 0;
  if (scale == 0) return std::nullopt;
  const auto number = decimal(nginx.substr(0, nginx.size() - 3));
  if (!number || *number == 0 || *number > 100'000'000) return std::nullopt;
  const std::uint64_t thousandths = *number * 1000 / scale;
  if (thousandths % 1000 == 0) return fmt::format("{}/s", thousandths / 1000);
  std::string text = fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000);
  while (text.ends_with('0')) text.pop_back();
  return text + "/s";
}

std::optional<LimitKey> weir_key(std::string_view nginx) {
  LimitKey key;
  if (!has_variable(nginx)) {
    key.parts = {"all"};
    return key;
  }
  const auto variables = variables_of(nginx);
  if (!variables) return std::nullopt;
  for (const std::string& name : *variables) {
    if (name == "binary_remote_addr" || name == "remote_addr") {
      key.parts.emplace_back("client_ip");
    } else if (name == "server_name") {
      key.per_server = true;
    } else if (name.starts_with("http_") && name.size() > 5 && name != "http_host") {
      key.parts.push_back("header:" + header_name(name.substr(5)));
    } else if (name.starts_with("arg_") && name.size() > 4) {
      key.parts.push_back("query:" + name.substr(4));
    } else {
      return std::nullopt;
    }
  }
  std::ranges::sort(key.parts);
  const auto rest = std::ranges::unique(key.parts);
  key.parts.erase(rest.begin(), rest.end());
  if (key.parts.size() > kMostParts) return std::nullopt;
  const bool optional = std::ranges::any_of(
      key.parts, [](const std::string& part) { return part.find(':') != std::string::npos; });
  if (optional && (variables->size() > 1)) {
    key.doubt =
        "a request without the header or parameter of the key is not counted; nginx counts "
        "it by the rest of the key";
  }
  if (key.parts.empty()) key.parts = {"all"};
  return key;
}

std::vector<std::string> NginxLimits::use(const NginxScope& scope, const NginxServer& server) {
  std::vector<std::string> names;
  for (const NginxDirective* limit : nearest(scope, "limit_req")) {
    const auto name = use_one(*limit, scope, server);
    if (name && std::ranges::find(names, *name) == names.end()) names.push_back(*name);
  }
  return names;
}

const NginxDirective* NginxLimits::zone_of(std::string_view name) const {
  if (site_.http.block == nullptr) return nullptr;
  for (const NginxDirective* zone : here(*site_.http.block, "limit_req_zone")) {
    const std::string_view value = value_of(*zone, "zone");
    if (value.substr(0, value.find(':')) == name) return zone;
  }
  return nullptr;
}

bool NginxLimits::counts_ipv6() const {
  for (const NginxServer& server : site_.servers) {
    for (const NginxListen& listen : server.listens) {
      if (listen.address.starts_with('[')) return true;
    }
    if (!nearest(server.scope, "set_real_ip_from").empty()) return true;
  }
  return false;
}

std::string NginxLimits::free_name(std::string_view wanted) const {
  std::string name(wanted);
  for (int number = 2;; ++number) {
    if (std::ranges::find(made_, name, &Made::name) == made_.end()) return name;
    name = fmt::format("{}-{}", wanted, number);
  }
}

std::optional<std::string> NginxLimits::use_one(const NginxDirective& limit,
                                                const NginxScope& scope,
                                                const NginxServer& server) {
  const auto lost = [&](const NginxDirective* about, std::string_view why) {
    verdicts_.say(about, Fate::not_translatable, why);
    return std::nullopt;
  };
  const std::string_view zone_name = value_of(limit, "zone");
  const NginxDirective* zone = zone_of(zone_name);
  if (zone == nullptr) return lost(&limit, "there is no limit_req_zone of this name");
  const auto key = weir_key(zone->argument(1));
  if (!key) {
    lost(
        zone,
        "weir counts by client address, header, query parameter, or all together; not by this key");
    return lost(&limit,
                "the key of its zone is none that weir counts by: these requests are not limited");
  }
  const NginxDirective* names = one_here(*server.directive, "server_name");
  if (key->per_server && key->parts.front() == "all" &&
      (names == nullptr || names->argument(1).empty())) {
    verdicts_.say(zone, Fate::translated);
    verdicts_.say(&limit, Fate::translated,
                  "a server without a name has an empty key, which nginx does not count");
    return std::nullopt;
  }
  const auto rate = weir_rate(value_of(*zone, "rate"));
  if (!rate) {
    lost(zone, "its rate cannot be read");
    return lost(&limit, "the rate of its zone cannot be read: these requests are not limited");
  }
  verdicts_.say(zone, key->doubt.empty() ? Fate::translated : Fate::approximated, key->doubt);
  if (std::ranges::find(key->parts, "client_ip") != key->parts.end() && counts_ipv6())
    verdicts_.say(zone, Fate::approximated, "weir counts IPv6 clients by /64, nginx each address");
  verdicts_.say(&limit, Fate::translated);

  const std::string_view written = value_of(limit, "burst");
  const std::uint64_t burst = std::min(decimal(written).value_or(0), kLargestBurst - 1);
  if (burst > 0 && !has_word(limit, "nodelay")) {
    verdicts_.say(&limit, Fate::approximated,
                  "weir does not delay: the same requests pass, but at once instead of evenly");
  }
  const NginxDirective* status = nearest_one(scope, "limit_req_status");
  if (status == nullptr) {
    verdicts_.say(&limit, Fate::approximated, "refused with 429 instead of 503");
  } else {
    const bool same = status->argument(1) == "429";
    verdicts_.say(status, same ? Fate::translated : Fate::approximated,
                  same ? "" : "weir refuses with 429");
  }
  const NginxDirective* dry = nearest_one(scope, "limit_req_dry_run");
  const bool observe = dry != nullptr && dry->argument(1) == "on";
  verdicts_.say(dry, Fate::translated);

  const std::string group =
      key->per_server ? fmt::format("@{}", verdicts_.where(server.directive)) : "";
  const std::string id = fmt::format("{}{} {} {}", zone_name, group, burst, observe);
  const auto known = std::ranges::find(made_, id, &Made::id);
  if (known != made_.end()) return known->name;
  const bool shares = std::ranges::any_of(made_, [&](const Made& made) {
    return made.id.starts_with(fmt::format("{}{} ", zone_name, group));
  });
  if (shares) {
    verdicts_.say(&limit, Fate::approximated,
                  "the zone is used in another way elsewhere: a bucket of its own here, in nginx "
                  "both count together");
  }
  std::string base = std::string(zone_name);
  if (key->per_server && !server.hosts.empty()) base += "-" + server.hosts.front();
  made_.push_back({.id = id,
                   .name = free_name(weir_name(base, "limit")),
                   .where = fmt::format("{}, {}", verdicts_.where(zone), verdicts_.where(&limit)),
                   .rate = *rate,
                   .key = key->parts,
                   .burst = burst + 1,
                   .observe = observe});
  return made_.back().name;
}

std::string NginxLimits::yaml() const {
  if (made_.empty()) return "";
  std::string out = "\nlimits:\n";
  for (const Made& made : made_) {
    std::string key;
    for (const std::string& part : made.key) key += (key.empty() ? "" : ", ") + yaml_scalar(part);
    if (made.key.size() > 1) key = "[" + key + "]";
    out += fmt::format("  # {}\n  - name: {}\n    key: {}\n    rate: {}\n    burst: {}\n",
                       made.where, yaml_scalar(made.name), key, made.rate, made.burst);
    if (made.observe) out += "    mode: observe\n";
  }
  return out;
}

}  // namespace weir::foreign
