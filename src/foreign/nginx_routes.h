// Servers and locations as routes. What nginx does with a path and what weir does differ in two
// ways, and both are worked out here rather than hoped for:
//   prefixes    nginx compares characters, weir path elements. `location /api/` becomes /api/*,
//               which takes /api as well: so an exact route for /api does what nginx does there
//               (301 with a slash for proxied locations, else whatever location it belongs to).
//               `location /api` also takes /apix in nginx: not here, and the report says so.
//   other hosts weir goes on to routes of other hosts where none fits, nginx stays in its server:
//               so every server ends in a route for /*.
// What nginx shuts to all but some (auth_basic, allow … deny all) and weir cannot, is closed to
// everyone: 403. What weir has no way to serve answers 501. Both name their line.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/nginx_access.h"
#include "foreign/nginx_headers.h"
#include "foreign/nginx_limits.h"
#include "foreign/nginx_moves.h"
#include "foreign/nginx_site.h"
#include "foreign/nginx_upstreams.h"
#include "foreign/nginx_verdicts.h"

namespace weir::foreign {

class NginxRoutes {
 public:
  NginxRoutes(NginxVerdicts& verdicts, NginxUpstreams& upstreams, NginxLimits& limits)
      : verdicts_(verdicts), upstreams_(upstreams), limits_(limits) {}

  // Routes of `server` under `hosts`; none: for every host. `scheme` is that of its listeners, ""
  // for both.
  void add(const NginxServer& server, const std::vector<std::string>& hosts,
           std::string_view scheme);

  std::string yaml() const;
  std::size_t size() const { return made_.size(); }
  bool forwards() const { return forwards_; }

 private:
  // Where a route stands: path/*, or path alone.
  struct Target {
    std::string path;  // "" below: everything
    bool below = true;
    std::string pattern() const { return below ? path + "/*" : path; }
  };
  // What is done there, as lines of YAML.
  struct Deed {
    std::vector<std::string> lines;
    bool squeezed = false;  // what stands right at the end of the prefix is sent elsewhere
  };
  struct Made {
    std::string name, where;
    std::vector<std::string> hosts, methods, lines;
    std::string pattern;
  };

  void add_location(const NginxLocation& location);
  void add_prefix(const NginxLocation& location, const std::string& path);
  void add_slash_redirect(const NginxLocation& location, const std::string& base);
  bool add_server_moves();
  bool add_server_return(const NginxDirective& directive);
  bool add_host_return(const NginxDirective& directive);
  bool add_server_rewrite(const NginxDirective& directive);
  void put(const NginxLocation* location, const Target& target);
  void put(const Target& target, std::string where, std::vector<std::string> lines,
           std::vector<std::string> methods = {});
  bool taken(const Target& target) const { return patterns_.contains(target.pattern()); }

  Deed deed(const NginxLocation* location, const Target& target);
  bool moves(const NginxLocation& location, const Target& target, Deed& made, PathMap& map);
  Deed answer(const Move& move, const NginxDirective& about, const Target& target,
              const NginxScope& scope);
  Deed redirect(const Redirect& to, const NginxDirective& about, const Target& target);
  Deed handle(const NginxLocation* location, const Target& target, const PathMap& map);
  Deed forward(const NginxLocation& location, const NginxDirective& pass, const Target& target,
               const PathMap& map);
  Deed refuse(std::uint16_t status, const NginxDirective* about, const NginxScope& scope,
              std::string_view why);
  void add_limits(const NginxScope& scope, Deed& made);
  void add_timeouts(const NginxScope& scope, Deed& made);
  std::vector<std::string> constants(const NginxDirective& directive, const NginxScope& scope);
  MoveContext context() const;

  NginxVerdicts& verdicts_;
  NginxUpstreams& upstreams_;
  NginxLimits& limits_;
  std::vector<Made> made_;
  std::set<std::string, std::less<>> names_;
  bool forwards_ = false;

  // Of the server that is being added.
  const NginxServer* server_ = nullptr;
  std::vector<std::string> hosts_;
  std::string scheme_;
  std::set<std::string, std::less<>> patterns_;
};

}  // namespace weir::foreign
