// What holds for connections rather than for requests: listen, the times and sizes that clients are
// given, the proxies that are believed, the default timeouts towards upstreams, the access log.
// nginx's own defaults are written out where weir's differ.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foreign/nginx_site.h"
#include "foreign/nginx_verdicts.h"

namespace weir::foreign {

class NginxListeners {
 public:
  NginxListeners(const NginxConf& conf, const NginxSite& site, const NginxGroup& group,
                 NginxVerdicts& verdicts)
      : conf_(conf), site_(site), group_(group), verdicts_(verdicts) {}

  // access_log, workers, `listeners:` and, where requests are forwarded, `defaults:`.
  std::string yaml(bool forwards);
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  using Entries = std::vector<std::pair<std::string, std::string>>;

  std::string process();
  std::string listener(const NginxListen& listen);
  std::vector<std::string> trusted();
  Entries timeouts();
  Entries caps();
  std::string body_cap();
  std::string defaults();
  void add_time(std::string_view name, std::string_view key, std::string_view otherwise,
                Entries& out, std::string_view doubt = {});
  void say_parameters(const NginxListen& listen);

  const NginxConf& conf_;
  const NginxSite& site_;
  const NginxGroup& group_;
  NginxVerdicts& verdicts_;
  std::vector<std::string> addresses_;
};

}  // namespace weir::foreign
