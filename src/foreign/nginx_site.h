// What an nginx configuration serves, as nginx would look at it: the http block, its servers with
// their addresses and names, their locations. Three questions are answered here and nowhere else:
//   nearest()     which directives hold at a place: those of the innermost block that has any of
//                 the name (ngx_http_merge_*: a level that sets one inherits none)
//   find_place()  which location nginx takes for a path: exact, then the longest prefix by
//                 characters, and the 301 with a slash added that locations with proxy_pass answer
//                 (ngx_http_core_find_location); regular expressions are left out
//   groups()      which servers answer on one address, and which of them by default
// Everything points into the NginxConf, which outlives it.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/nginx_conf.h"

namespace weir::foreign {

struct NginxScope {
  const NginxDirective* block = nullptr;
  const NginxScope* outer = nullptr;
};

std::vector<const NginxDirective*> here(const NginxDirective& block, std::string_view name);
const NginxDirective* one_here(const NginxDirective& block, std::string_view name);
std::vector<const NginxDirective*> nearest(const NginxScope& scope, std::string_view name);
// The last of them, which is the one that counts where a directive stands once; or nullptr.
const NginxDirective* nearest_one(const NginxScope& scope, std::string_view name);

struct NginxLocation {
  enum class Kind { exact, prefix, regex, named } kind = Kind::prefix;
  std::string path;
  const NginxDirective* directive = nullptr;
  NginxScope scope;
};

struct NginxListen {
  std::string address;  // as weir writes it; "" where it cannot
  bool tls = false, by_default = false;
  const NginxDirective* directive = nullptr;  // nullptr: nginx's own *:80
};

struct NginxServer {
  const NginxDirective* directive = nullptr;
  NginxScope scope;
  std::vector<NginxListen> listens;
  std::vector<std::string> hosts;  // server_name as weir can match it, without those taken before
  std::deque<NginxLocation> locations;

  bool listens_on(std::string_view address) const;
  const NginxLocation* named(std::string_view name) const;
  const NginxLocation* exactly(NginxLocation::Kind kind, std::string_view path) const;
};

// Its parts point at each other, so it stays where it was made.
struct NginxSite {
  explicit NginxSite(const NginxConf& conf);
  NginxSite(const NginxSite&) = delete;
  NginxSite& operator=(const NginxSite&) = delete;

  NginxScope http;  // block: nullptr where there is none
  std::deque<NginxServer> servers;
};

// A location that hands requests to another server (proxy_pass, fastcgi_pass, …).
const NginxDirective* handler_of(const NginxLocation& location);

struct FoundLocation {
  const NginxLocation* location = nullptr;  // nullptr: none
  bool adds_slash = false;                  // answered by 301 to the path with a slash
};
FoundLocation find_place(const NginxServer& server, std::string_view path);

// The addresses on which the same servers answer in the same way.
struct NginxGroup {
  std::vector<const NginxListen*> listens;  // one for each address
  std::vector<const NginxServer*> servers;  // in the order of the file
  const NginxServer* by_default = nullptr;
};
std::vector<NginxGroup> groups(const NginxSite& site);

}  // namespace weir::foreign
