// proxy_set_header, add_header and proxy_hide_header at a place, as weir's rewrite.host,
// request_headers and response_headers. weir sets headers to fixed texts; a header that nginx makes
// of the request is taken away instead, so that no client's own takes its place.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foreign/nginx_site.h"
#include "foreign/nginx_verdicts.h"

namespace weir::foreign {

struct NginxHeaders {
  std::string host;  // the upstream is sent this one; "": the client's
  std::vector<std::pair<std::string, std::string>> request_set, response_add;
  std::vector<std::string> request_remove, response_remove;

  // "rewrite" is whoever calls; these are the lines for request_headers and response_headers.
  std::vector<std::string> yaml() const;
};

// `proxy_host`: $proxy_host of `pass`, host[:port] or the name of the upstream. Constants in values
// are put in by `scope`'s `set` directives.
NginxHeaders read_headers(const NginxScope& scope, const NginxDirective& pass,
                          std::string_view proxy_host, NginxVerdicts& verdicts);

// `text` with the variables that `set` gives a constant value put in; says so of the `set`.
std::string with_constants(std::string_view text, const NginxScope& scope, NginxVerdicts& verdicts);

}  // namespace weir::foreign
