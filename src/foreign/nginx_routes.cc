#include "foreign/nginx_routes.h"

#include <algorithm>
#include <utility>

#include "fmt/core.h"
#include "foreign/nginx_values.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::string_view kNeverReached =
    "never reached: the server answers before it looks for a location";

// The path without its last slash.
std::string base_of(std::string_view path) {
  return std::string(path.ends_with('/') ? path.substr(0, path.size() - 1) : path);
}

std::string list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& each : words) out += (out.empty() ? "" : ", ") + yaml_scalar(each);
  return "[" + out + "]";
}

}  // namespace

void NginxRoutes::add(const NginxServer& server, const std::vector<std::string>& hosts,
                      std::string_view scheme) {
  server_ = &server;
  hosts_ = hosts;
  scheme_ = scheme;
  patterns_.clear();
  verdicts_.say(server.directive, Fate::translated);
  if (add_server_moves()) return;
  for (const NginxLocation& location : server.locations) add_location(location);
  // Nothing may go on to the routes of another host.
  const Target rest{.path = "", .below = true};
  if (!taken(rest)) put(nullptr, rest);
}

// `return`, `rewrite` and `if` of the server itself, which nginx carries out first. True when no
// location is ever looked for.
bool NginxRoutes::add_server_moves() {
  for (const NginxDirective& each : server_->directive->inside) {
    bool ends = false;
    if (each.name() == "return")
      ends = add_server_return(each);
    else if (each.name() == "if")
      ends = add_host_return(each);
    else if (each.name() == "rewrite")
      ends = add_server_rewrite(each);
    if (!ends) continue;
    for (const NginxLocation& location : server_->locations)
      verdicts_.say_all(*location.directive, Fate::translated, kNeverReached);
    return true;
  }
  return false;
}

bool NginxRoutes::add_server_return(const NginxDirective& directive) {
  const Target everything{.path = "", .below = true};
  const Move move = read_return(constants(directive, server_->scope), context());
  put(everything, verdicts_.where(&directive),
      answer(move, directive, everything, server_->scope).lines);
  return true;
}

// if ($host = name) { return …; }: a route of that host, which the others are rid of.
bool NginxRoutes::add_host_return(const NginxDirective& directive) {
  const auto by_host = read_host_return(directive);
  if (!by_host) return false;
  const bool named = std::ranges::find(hosts_, by_host->host) != hosts_.end();
  if (!named && !hosts_.empty()) {
    verdicts_.say_all(directive, Fate::translated, "no request that comes here has this host");
    return false;
  }
  const Target everything{.path = "", .below = true};
  const Move move = read_return(constants(*by_host->move, server_->scope), context());
  auto lines = answer(move, *by_host->move, everything, server_->scope).lines;
  verdicts_.say(&directive, Fate::translated, "as a route of this host");
  auto others = std::exchange(hosts_, {by_host->host});
  put(everything, verdicts_.where(&directive), std::move(lines));
  patterns_.erase(everything.pattern());
  hosts_ = std::move(others);
  std::erase(hosts_, by_host->host);
  return named && hosts_.empty();
}

bool NginxRoutes::add_server_rewrite(const NginxDirective& directive) {
  const auto read = read_rewrite(constants(directive, server_->scope), context());
  const auto* rewrite = std::get_if<Rewrite>(&read);
  if (rewrite == nullptr || !rewrite->redirect ||
      !weir_path(rewrite->from.empty() ? "/" : rewrite->from)) {
    verdicts_.say(
        &directive, Fate::not_translatable,
        fmt::format("{}; requests go on as they came",
                    rewrite == nullptr ? std::get<Unable>(read).why
                                       : "it changes the path before a location is looked for"));
    return false;
  }
  if (rewrite->loose)
    verdicts_.say(&directive, Fate::approximated, "its expression is taken as plain text");
  const Target to{.path = rewrite->below ? base_of(rewrite->from) : rewrite->from,
                  .below = rewrite->below};
  if (taken(to)) return false;  // an earlier one
  put(to, verdicts_.where(&directive), redirect(*rewrite->redirect, directive, to).lines);
  if (!to.below) return false;
  if (to.path.empty()) return true;
  const bool deeper = std::ranges::any_of(server_->locations, [&](const NginxLocation& location) {
    return location.path.size() > to.path.size() + 1 && location.path.starts_with(to.path + "/");
  });
  if (deeper) {
    verdicts_.say(&directive, Fate::approximated,
                  "locations that begin with the same path go before it");
  }
  // ^/old/ does not take /old.
  const Target exact{.path = to.path, .below = false};
  const FoundLocation found = find_place(*server_, to.path);
  if (rewrite->from.ends_with('/') && !taken(exact) && !found.adds_slash)
    put(found.location, exact);
  return false;
}

void NginxRoutes::add_location(const NginxLocation& location) {
  using Kind = NginxLocation::Kind;
  if (location.kind == Kind::named) {
    verdicts_.say(location.directive, Fate::translated);
    return;
  }
  if (location.kind == Kind::regex) {
    verdicts_.say_all(
        *location.directive, Fate::not_translatable,
        "weir's paths are literal: requests that the regular expression takes go to the "
        "route of their prefix location");
    return;
  }
  const auto path = weir_path(location.path);
  if (!path) {
    verdicts_.say_all(*location.directive, Fate::not_translatable,
                      "no route can have this path: its requests go to the route of a shorter one");
    return;
  }
  verdicts_.say(location.directive, Fate::translated);
  if (location.kind == Kind::prefix) {
    add_prefix(location, *path);
    return;
  }
  const Target exact{.path = *path, .below = false};
  if (!taken(exact)) put(&location, exact);
  if (path->ends_with('/') && handler_of(location) != nullptr && path->size() > 1)
    add_slash_redirect(location, base_of(*path));
}

void NginxRoutes::add_prefix(const NginxLocation& location, const std::string& path) {
  const std::string base = base_of(path);
  const Target below{.path = base, .below = true}, exact{.path = base, .below = false};
  if (path.ends_with('/')) {
    if (taken(below)) return;
    put(&location, below);
    if (base.empty()) return;
    // In nginx /api does not belong to /api/.
    if (handler_of(location) != nullptr) add_slash_redirect(location, base);
    const std::string decoded = base_of(location.path);
    const bool own = server_->exactly(NginxLocation::Kind::exact, decoded) != nullptr ||
                     server_->exactly(NginxLocation::Kind::prefix, decoded) != nullptr;
    if (!own && !taken(exact)) put(find_place(*server_, decoded).location, exact);
    return;
  }
  verdicts_.say(
      location.directive, Fate::approximated,
      fmt::format("weir's prefixes are whole path elements: {0} and {0}/... come here, paths "
                  "such as {0}x do not and go to the route of a shorter path",
                  printable(path, 80)));
  const bool split = server_->exactly(NginxLocation::Kind::prefix, location.path + "/") != nullptr;
  const bool own_exact = server_->exactly(NginxLocation::Kind::exact, location.path) != nullptr;
  if (split) {
    if (!own_exact && !taken(exact)) put(&location, exact);
    return;
  }
  if (taken(below)) return;
  put(&location, below);
  // Where nginx would put a slash too many behind the prefix, the prefix alone is sent as nginx
  // does.
  Deed alone = deed(&location, below);
  if (alone.squeezed && !own_exact && !taken(exact)) put(&location, exact);
}

// ngx_http_core_find_location answers 301 for the path without the slash, before anything else of
// the location is looked at.
void NginxRoutes::add_slash_redirect(const NginxLocation& location, const std::string& base) {
  const Target exact{.path = base, .below = false};
  const FoundLocation found = find_place(*server_, base_of(location.path));
  if (!found.adds_slash || taken(exact)) return;
  const std::string_view scheme = scheme_ == "https" ? "scheme: https, " : "";
  put(exact, verdicts_.where(location.directive) + ", nginx adds the slash",
      {fmt::format("redirect: {{status: 301, {}path: {}}}", scheme, yaml_scalar(base + "/"))});
}

void NginxRoutes::put(const NginxLocation* location, const Target& target) {
  const NginxDirective& block = location != nullptr ? *location->directive : *server_->directive;
  Deed made = deed(location, target);
  std::string where = verdicts_.where(&block);
  if (location != nullptr) {
    where += " location";
    for (std::size_t i = 1; i <= block.arguments(); ++i)
      where += " " + printable(block.argument(i), 80);
  } else {
    where += " no location";
  }
  auto guard = read_methods(block, verdicts_);
  if (location != nullptr) {
    auto of_server = read_methods(*server_->directive, verdicts_);
    if (!guard) guard = std::move(of_server);
  }
  if (!guard) {
    put(target, std::move(where), std::move(made.lines));
    return;
  }
  const std::vector<std::string> refused = {
      fmt::format("respond: {{status: {}}}    # {}", guard->status, verdicts_.where(guard->about))};
  put(target, where, guard->allows ? std::move(made.lines) : refused, guard->methods);
  patterns_.erase(target.pattern());
  put(target, where, guard->allows ? refused : std::move(made.lines));
}

void NginxRoutes::put(const Target& target, std::string where, std::vector<std::string> lines,
                      std::vector<std::string> methods) {
  patterns_.insert(target.pattern());
  const std::string host = hosts_.empty() ? "" : hosts_.front();
  const std::string base =
      weir_name(host + target.path + (target.below ? "" : "-exact"), "default");
  std::string name = base;
  for (int number = 2; !names_.insert(name).second; ++number)
    name = fmt::format("{}-{}", base, number);
  made_.push_back({.name = std::move(name),
                   .where = std::move(where),
                   .hosts = hosts_,
                   .methods = std::move(methods),
                   .lines = std::move(lines),
                   .pattern = target.pattern()});
}

std::string NginxRoutes::yaml() const {
  std::string out = "\nroutes:\n";
  for (const Made& made : made_) {
    out += fmt::format("  # {}\n  - name: {}\n    match: {{", made.where, yaml_scalar(made.name));
    if (!made.hosts.empty()) out += fmt::format("hosts: {}, ", list(made.hosts));
    out += "path: " + yaml_scalar(made.pattern);
    if (!made.methods.empty()) out += ", methods: " + list(made.methods);
    out += "}\n";
    for (const std::string& line : made.lines) out += "    " + line + "\n";
  }
  return out;
}

std::vector<std::string> NginxRoutes::constants(const NginxDirective& directive,
                                                const NginxScope& scope) {
  std::vector<std::string> words;
  for (const std::string& word : directive.words)
    words.push_back(with_constants(word, scope, verdicts_));
  return words;
}

MoveContext NginxRoutes::context() const {
  const NginxDirective* names = one_here(*server_->directive, "server_name");
  const std::string name(names == nullptr ? std::string_view() : names->argument(1));
  return {.scheme = scheme_, .server_name = weir_one_host(name) ? name : ""};
}

}  // namespace weir::foreign
