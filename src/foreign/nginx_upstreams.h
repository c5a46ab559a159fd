// The upstream blocks of an nginx configuration, and the ones that a proxy_pass to an address
// implies, as upstreams of weir. Only those that some route leads to are written.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/nginx_site.h"
#include "foreign/nginx_values.h"
#include "foreign/nginx_verdicts.h"

namespace weir::foreign {

class NginxUpstreams {
 public:
  NginxUpstreams(const NginxSite& site, NginxVerdicts& verdicts)
      : site_(site), verdicts_(verdicts) {}

  // The name of weir's upstream for a proxy_pass to `url` (http); nothing where it cannot be had:
  // `why` says so then.
  std::optional<std::string> use(const NginxUrl& url, const NginxDirective& pass, std::string& why);

  // The `upstreams:` section, "" when there are none.
  std::string yaml() const;
  std::size_t size() const { return made_.size(); }

 private:
  struct Endpoint {
    std::string address;
    std::uint64_t weight = 1;
    bool backup = false, down = false;
    const NginxDirective* directive = nullptr;
  };
  struct Made {
    std::string name, where, balance, hash;
    std::vector<Endpoint> endpoints;
  };

  std::optional<Made> read_block(const NginxDirective& block);
  void read_server(const NginxDirective& server, std::vector<Endpoint>& endpoints);
  void settle_weights(std::vector<Endpoint>& endpoints);
  void read_balance(const NginxDirective& block, Made& made);
  std::string free_name(std::string_view wanted) const;

  const NginxSite& site_;
  NginxVerdicts& verdicts_;
  std::vector<Made> made_;
  std::map<std::string, std::string, std::less<>> names_;  // authority: name
};

}  // namespace weir::foreign
