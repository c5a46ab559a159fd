// limit_req as limits of weir. What nginx does exactly (ngx_http_limit_req_module.c): it reckons in
// thousandths of a request; the rate is cut to whole thousandths a second (100r/m is 1.666/s); a
// key without a past passes and leaves no excess, so `burst=B nodelay` lets B + 1 through at once:
// a bucket of B + 1. Without burst that is a bucket of 1. Requests that nginx would delay, weir
// lets through at once: the same ones pass, less evenly.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foreign/nginx_site.h"
#include "foreign/nginx_verdicts.h"

namespace weir::foreign {

// "100r/m" as weir writes it, 1.666/s; nothing for what nginx would refuse, or a rate of 0.
std::optional<std::string> weir_rate(std::string_view nginx);

// The key of a zone as weir's; `per_server`: each server counts apart.
struct LimitKey {
  std::vector<std::string> parts;
  bool per_server = false;
  std::string doubt;  // what is not quite the same
};
std::optional<LimitKey> weir_key(std::string_view nginx);

class NginxLimits {
 public:
  NginxLimits(const NginxSite& site, NginxVerdicts& verdicts) : site_(site), verdicts_(verdicts) {}

  // The names of the limits that hold at a place of `server`, in order.
  std::vector<std::string> use(const NginxScope& scope, const NginxServer& server);

  // The `limits:` section, "" when there are none.
  std::string yaml() const;
  std::size_t size() const { return made_.size(); }

 private:
  struct Made {
    std::string id, name, where, rate;
    std::vector<std::string> key;
    std::uint64_t burst = 1;
    bool observe = false;
  };
  std::optional<std::string> use_one(const NginxDirective& limit, const NginxScope& scope,
                                     const NginxServer& server);
  const NginxDirective* zone_of(std::string_view name) const;
  bool counts_ipv6() const;
  std::string free_name(std::string_view wanted) const;

  const NginxSite& site_;
  NginxVerdicts& verdicts_;
  std::vector<Made> made_;
};

}  // namespace weir::foreign
