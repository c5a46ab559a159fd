#include "foreign/nginx_site.h"

#include <algorithm>
#include <array>
#include <map>

#include "foreign/nginx_values.h"

namespace weir::foreign {
namespace {

using Kind = NginxLocation::Kind;

void read_listens(NginxServer& server) {
  for (const NginxDirective* listen : here(*server.directive, "listen")) {
    NginxListen made{.address = weir_listen(listen->argument(1)).value_or(""), .directive = listen};
    for (std::size_t i = 2; i <= listen->arguments(); ++i) {
      const std::string_view word = listen->argument(i);
      made.tls |= word == "ssl" || word == "quic";
      made.by_default |= word == "default_server" || word == "default";
    }
    server.listens.push_back(std::move(made));
  }
  if (server.listens.empty()) server.listens.push_back({.address = "0.0.0.0:80"});
  // Before 1.25 a server could turn TLS on for all of its addresses.
  const NginxDirective* ssl = one_here(*server.directive, "ssl");
  if (ssl == nullptr || ssl->argument(1) != "on") return;
  for (NginxListen& listen : server.listens) listen.tls = true;
}

void read_names(NginxServer& server) {
  for (const NginxDirective* names : here(*server.directive, "server_name")) {
    for (std::size_t i = 1; i <= names->arguments(); ++i) {
      const std::string_view name = names->argument(i);
      if (name.starts_with('.')) {
        for (const std::string& each : {std::string(name.substr(1)), "*" + std::string(name)}) {
          if (const auto host = weir_host(each)) server.hosts.push_back(*host);
        }
      } else if (const auto host = weir_host(name)) {
        server.hosts.push_back(*host);
      }
    }
  }
}

// `= path`, `^~ path`, `~ regex`, `~* regex`, `path`, `@name`; the modifier may touch the path.
NginxLocation read_location(const NginxDirective& directive, const NginxScope& outer) {
  NginxLocation made{.directive = &directive, .scope = {&directive, &outer}};
  std::string_view word = directive.argument(1);
  std::string_view path = directive.argument(2);
  if (directive.arguments() == 1) {
    path = word;
    if (word.starts_with('='))
      word = "=";
    else if (word.starts_with("^~"))
      word = "^~";
    else if (word.starts_with('~'))
      word = word.starts_with("~*") ? "~*" : "~";
    else
      word = "";
    path.remove_prefix(word.size());
  }
  made.kind = word == "="             ? Kind::exact
              : word.starts_with('~') ? Kind::regex
              : path.starts_with('@') ? Kind::named
                                      : Kind::prefix;
  made.path = path;
  return made;
}

void read_locations(NginxServer& server, const NginxDirective& block, const NginxScope& scope) {
  for (const NginxDirective* each : here(block, "location")) {
    if (!each->is_block) continue;
    server.locations.push_back(read_location(*each, scope));
    const NginxLocation& made = server.locations.back();
    read_locations(server, *each, made.scope);  // a deque: `made` stays where it is
  }
}

bool is_upstream_handler(std::string_view name) {
  constexpr std::array<std::string_view, 6> kNames = {
      "proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"};
  return std::ranges::find(kNames, name) != kNames.end();
}

const NginxServer* default_of(const std::vector<const NginxServer*>& servers,
                              std::string_view address) {
  for (const NginxServer* server : servers) {
    for (const NginxListen& listen : server->listens) {
      if (listen.address == address && listen.by_default) return server;
    }
  }
  return servers.front();
}

}  // namespace

std::vector<const NginxDirective*> here(const NginxDirective& block, std::string_view name) {
  std::vector<const NginxDirective*> found;
  for (const NginxDirective& each : block.inside) {
    if (each.name() == name) found.push_back(&each);
  }
  return found;
}

const NginxDirective* one_here(const NginxDirective& block, std::string_view name) {
  const auto found = here(block, name);
  return found.empty() ? nullptr : found.back();
}

std::vector<const NginxDirective*> nearest(const NginxScope& scope, std::string_view name) {
  for (const NginxScope* at = &scope; at != nullptr; at = at->outer) {
    if (at->block == nullptr) continue;
    auto found = here(*at->block, name);
    if (!found.empty()) return found;
  }
  return {};
}

const NginxDirective* nearest_one(const NginxScope& scope, std::string_view name) {
  const auto found = nearest(scope, name);
  return found.empty() ? nullptr : found.back();
}

bool NginxServer::listens_on(std::string_view address) const {
  return std::ranges::any_of(listens, [&](const NginxListen& l) { return l.address == address; });
}

const NginxLocation* NginxServer::exactly(Kind kind, std::string_view path) const {
  const auto found = std::ranges::find_if(locations, [&](const NginxLocation& location) {
    return location.kind == kind && location.path == path;
  });
  return found == locations.end() ? nullptr : &*found;
}

const NginxLocation* NginxServer::named(std::string_view name) const {
  return exactly(Kind::named, name);
}

NginxSite::NginxSite(const NginxConf& conf) {
  for (const NginxDirective& each : conf.directives()) {
    if (each.name() == "http" && each.is_block && http.block == nullptr) http.block = &each;
  }
  if (http.block == nullptr) return;
  for (const NginxDirective* block : here(*http.block, "server")) {
    if (!block->is_block) continue;
    NginxServer& server = servers.emplace_back();
    server.directive = block;
    server.scope = {block, &http};
    read_listens(server);
    read_names(server);
    read_locations(server, *block, server.scope);
  }
}

const NginxDirective* handler_of(const NginxLocation& location) {
  for (const NginxDirective& each : location.directive->inside) {
    if (is_upstream_handler(each.name())) return &each;
  }
  return nullptr;
}

FoundLocation find_place(const NginxServer& server, std::string_view path) {
  if (const NginxLocation* exact = server.exactly(Kind::exact, path)) return {exact, false};
  const NginxLocation* longest = nullptr;
  for (const NginxLocation& each : server.locations) {
    const bool redirects =
        handler_of(each) != nullptr && (each.kind == Kind::prefix || each.kind == Kind::exact);
    if (redirects && each.path.size() == path.size() + 1 && each.path.ends_with('/') &&
        each.path.starts_with(path) && server.exactly(Kind::prefix, path) == nullptr)
      return {&each, true};
    if (each.kind != Kind::prefix || !path.starts_with(each.path)) continue;
    if (longest == nullptr || each.path.size() > longest->path.size()) longest = &each;
  }
  return {longest, false};
}

std::vector<NginxGroup> groups(const NginxSite& site) {
  std::vector<NginxGroup> made;
  std::vector<std::string> seen;
  for (const NginxServer& first : site.servers) {
    for (const NginxListen& listen : first.listens) {
      if (listen.address.empty() || std::ranges::find(seen, listen.address) != seen.end()) continue;
      seen.push_back(listen.address);
      NginxGroup group{.listens = {&listen}};
      for (const NginxServer& server : site.servers) {
        if (server.listens_on(listen.address)) group.servers.push_back(&server);
      }
      group.by_default = default_of(group.servers, listen.address);
      const auto same = std::ranges::find_if(made, [&](const NginxGroup& other) {
        return other.servers == group.servers && other.by_default == group.by_default;
      });
      if (same == made.end())
        made.push_back(std::move(group));
      else
        same->listens.push_back(&listen);
    }
  }
  return made;
}

}  // namespace weir::foreign
