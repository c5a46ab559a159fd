#include "foreign/nginx_import.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "foreign/nginx_limits.h"
#include "foreign/nginx_listeners.h"
#include "foreign/nginx_routes.h"
#include "foreign/nginx_site.h"
#include "foreign/nginx_upstreams.h"
#include "foreign/nginx_values.h"
#include "foreign/nginx_verdicts.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

// Differences that hold for every request. Ids are for tests and scripts.
std::vector<ImportNote> notes() {
  return {
      {"canonical-path",
       "Paths: weir matches and forwards the canonical path (RFC 3986 6.2.2); nginx, where "
       "proxy_pass has "
       "no URI, forwards what the client wrote (//, /./, %41), and where it has one, its own "
       "encoding."},
      {"refused-path",
       "Paths with %2F, a backslash, a # or ..; in a segment are refused with 400, as are requests "
       "that "
       "break HTTP in ways that nginx overlooks; encoded_slash: keep on a route lets %2F pass."},
      {"encoded-reserved",
       "Percent-encoded reserved characters (%24) stay as they are in weir and are not the plain "
       "character "
       "($) of a route; nginx decodes them before it looks for a location."},
      {"canonical-host",
       "Host goes on in lower case and without a trailing dot, as it is matched; nginx passes "
       "$http_host as the client wrote it."},
      {"header-underscore",
       "Header fields with an underscore in the name are dropped by nginx and passed on by weir."},
      {"response-location",
       "Location fields of upstreams go on as they are; nginx's proxy_redirect rewrites those that "
       "name the upstream."},
      {"own-answers",
       "Refusals of the gateway itself are problem+json (RFC 9457) with weir's statuses, not "
       "nginx's pages of HTML."},
  };
}

const NginxGroup* choose(const std::vector<NginxGroup>& all, const std::string& listen) {
  const NginxGroup* best = nullptr;
  std::ptrdiff_t most = -1;
  const std::string wanted = weir_listen(listen).value_or(listen);
  for (const NginxGroup& group : all) {
    if (!listen.empty()) {
      const bool here = std::ranges::any_of(
          group.listens, [&](const NginxListen* l) { return l->address == wanted; });
      if (here) return &group;
      continue;
    }
    std::ptrdiff_t forwards = 0;
    for (const NginxServer* server : group.servers) {
      forwards += std::ranges::count_if(
          server->locations, [](const NginxLocation& l) { return handler_of(l) != nullptr; });
    }
    if (forwards > most) {
      best = &group;
      most = forwards;
    }
  }
  return best;
}

std::string scheme_of(const NginxGroup& group) {
  const bool tls = group.listens.front()->tls;
  const bool same =
      std::ranges::all_of(group.listens, [&](const NginxListen* l) { return l->tls == tls; });
  return !same ? "" : tls ? "https" : "http";
}

bool below_wildcard(std::string_view host, std::string_view pattern) {
  return pattern.starts_with("*.") && host.size() > pattern.size() - 1 &&
         host.ends_with(pattern.substr(1));
}

class Importer {
 public:
  Importer(const NginxConf& conf, const NginxSite& site, const std::vector<NginxGroup>& all,
           const NginxGroup& group)
      : conf_(conf),
        site_(site),
        all_(all),
        group_(group),
        verdicts_(conf),
        upstreams_(site, verdicts_),
        limits_(site, verdicts_),
        routes_(verdicts_, upstreams_, limits_) {}

  NginxImport run() {
    name_hosts();
    for (const NginxServer* server : group_.servers) add_server(*server);
    say_others();
    NginxListeners listeners(conf_, site_, group_, verdicts_);
    NginxImport made;
    std::string body = listeners.yaml(routes_.forwards());
    body += limits_.yaml() + upstreams_.yaml() + routes_.yaml();
    ImportReport& report = made.report;
    report.source = conf_.files().front();
    report.listeners = listeners.addresses();
    for (const NginxGroup& group : all_) {
      for (const NginxListen* listen : group.listens) {
        if (&group != &group_) report.other_listeners.push_back(listen->address);
      }
    }
    report.everywhere = notes();
    report.lines = verdicts_.lines();
    report.hosts = taken_.size();
    report.routes = routes_.size();
    report.upstreams = upstreams_.size();
    report.limits = limits_.size();
    made.yaml = fmt::format(
        "# Imported from {}: {} directives translated, {} approximated, {} not translatable.\n"
        "# weir import says which and why; what stands behind a # names the line that it came "
        "from.\n"
        "version: 1\n{}",
        printable(report.source, 80), report.count(Fate::translated),
        report.count(Fate::approximated), report.count(Fate::not_translatable), body);
    return made;
  }

 private:
  // Who gets which host: of two servers with one name nginx takes the first.
  void name_hosts() {
    for (const NginxServer* server : group_.servers) {
      std::vector<std::string> own;
      for (const std::string& host : server->hosts) {
        if (std::ranges::find(taken_, host) == taken_.end()) {
          taken_.push_back(host);
          own.push_back(host);
        } else if (std::ranges::find(own, host) == own.end()) {
          for (const NginxDirective* names : here(*server->directive, "server_name"))
            verdicts_.say(names, Fate::translated,
                          fmt::format("{} belongs to a server before it, as in nginx", host));
        }
      }
      hosts_.push_back(std::move(own));
      say_names(*server);
    }
  }

  void say_names(const NginxServer& server) {
    for (const NginxDirective* names : here(*server.directive, "server_name")) {
      verdicts_.say(names, Fate::translated);
      for (std::size_t i = 1; i <= names->arguments(); ++i) {
        const std::string_view name = names->argument(i);
        const std::string shown = printable(name, 80);
        if (name.starts_with('~')) {
          verdicts_.say(
              names, Fate::not_translatable,
              fmt::format(
                  "{}: weir has no regular expressions for hosts; they go to the default server",
                  shown));
        } else if (name.ends_with(".*")) {
          verdicts_.say(
              names, Fate::not_translatable,
              fmt::format(
                  "{}: weir's wildcards stand at the front; these hosts go to the default server",
                  shown));
        } else if (name.empty()) {
          verdicts_.say(names, Fate::approximated,
                        "\"\": a request without Host is refused by weir (RFC 9112 3.2)");
        } else if (name.find('$') != std::string_view::npos) {
          verdicts_.say(names, Fate::not_translatable,
                        fmt::format("{}: weir has no variables", shown));
        } else if (!name.starts_with('.') && !weir_host(name)) {
          verdicts_.say(names, Fate::translated,
                        fmt::format("{}: a name that no request has", shown));
        }
      }
    }
  }

  void add_server(const NginxServer& server) {
    const auto index = static_cast<std::size_t>(std::ranges::find(group_.servers, &server) -
                                                group_.servers.begin());
    const std::vector<std::string>& hosts = hosts_[index];
    const std::string scheme = scheme_of(group_);
    if (&server != group_.by_default) {
      if (hosts.empty()) {
        verdicts_.say_all(*server.directive, Fate::not_translatable,
                          "no name by which weir could tell its requests");
        return;
      }
      routes_.add(server, hosts, scheme);
      return;
    }
    // The default server has every host that is nobody's; and its own names, where another server's
    // wildcard would take them.
    std::vector<std::string> disputed;
    for (const std::string& host : hosts) {
      const bool covered = std::ranges::any_of(taken_, [&](const std::string& other) {
        return other != host && std::ranges::find(hosts, other) == hosts.end() &&
               below_wildcard(host, other);
      });
      if (covered) disputed.push_back(host);
    }
    if (!disputed.empty()) routes_.add(server, disputed, scheme);
    routes_.add(server, {}, scheme);
  }

  void say_others() {
    for (const NginxDirective* map : here(*site_.http.block, "map")) {
      if (map->argument(1) == "$http_upgrade")
        verdicts_.say_all(*map, Fate::translated,
                          "for WebSocket upgrades, which weir passes by itself");
    }
    for (const NginxServer& server : site_.servers) {
      if (std::ranges::find(group_.servers, &server) != group_.servers.end()) continue;
      const NginxListen& listen = server.listens.front();
      verdicts_.say_all(
          *server.directive, Fate::not_translatable,
          listen.address.empty()
              ? "its address cannot be read"
              : fmt::format("weir's routes are the same on every listener, and this server is not: "
                            "weir import --listen {} makes a file of it",
                            listen.address));
    }
    // Addresses that a server of this file has beside the ones that are served here.
    for (const NginxServer* server : group_.servers) {
      for (const NginxListen& listen : server->listens) {
        const bool served = std::ranges::any_of(
            group_.listens, [&](const NginxListen* l) { return l->address == listen.address; });
        if (served && listen.directive != nullptr && !verdicts_.said(listen.directive))
          verdicts_.say(listen.directive, Fate::translated);
        if (!served) {
          verdicts_.say(listen.directive, Fate::not_translatable,
                        listen.address.empty()
                            ? "weir listens on addresses, not on names"
                            : fmt::format("other servers answer there: weir import --listen {}",
                                          listen.address));
        }
      }
    }
  }

  const NginxConf& conf_;
  const NginxSite& site_;
  const std::vector<NginxGroup>& all_;
  const NginxGroup& group_;
  NginxVerdicts verdicts_;
  NginxUpstreams upstreams_;
  NginxLimits limits_;
  NginxRoutes routes_;
  std::vector<std::string> taken_;               // hosts of all servers of the group
  std::vector<std::vector<std::string>> hosts_;  // as group_.servers
};

}  // namespace

Result<NginxImport> import_nginx(const NginxConf& conf, const std::string& listen) {
  const NginxSite site(conf);
  const std::string file = printable(conf.files().front(), 200);
  if (site.http.block == nullptr || site.servers.empty()) {
    return fail(ErrorKind::invalid, fmt::format("{} has no server in an http block", file),
                Origin::config);
  }
  const auto all = groups(site);
  const NginxGroup* group = choose(all, listen);
  if (group == nullptr) {
    std::string there;
    for (const NginxGroup& each : all) {
      for (const NginxListen* one : each.listens)
        there += (there.empty() ? "" : ", ") + one->address;
    }
    return fail(
        ErrorKind::not_found,
        fmt::format("no server of {} listens on {}; there are {}", file,
                    listen.empty() ? "an address that weir can have" : printable(listen, 80),
                    there.empty() ? "none" : there),
        Origin::config);
  }
  return Importer(conf, site, all, *group).run();
}

}  // namespace weir::foreign
