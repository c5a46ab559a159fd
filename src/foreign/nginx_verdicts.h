// What has been said about each directive while a configuration was translated, and what is left to
// say about those that nobody asked for: a table of directives by name, and "unknown" for the rest.
// A directive may be spoken of more than once (it holds in many places); the worst verdict stays,
// the reasons add up.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "foreign/import_report.h"
#include "foreign/nginx_conf.h"

namespace weir::foreign {

class NginxVerdicts {
 public:
  explicit NginxVerdicts(const NginxConf& conf) : conf_(conf) {}

  void say(const NginxDirective* about, Fate fate, std::string_view why = {});
  // Of a block and all that stands in it, where nothing was said yet.
  void say_all(const NginxDirective& block, Fate fate, std::string_view why);
  bool said(const NginxDirective* about) const { return said_.contains(about); }

  // "nginx.conf:12", for comments.
  std::string where(const NginxDirective* about) const;

  // Everything in the order of the source.
  std::vector<ImportLine> lines() const;

 private:
  struct Said {
    Fate fate = Fate::translated;
    std::vector<std::string> whys;
  };
  void append(const std::vector<NginxDirective>& directives, std::vector<ImportLine>& out) const;

  const NginxConf& conf_;
  std::unordered_map<const NginxDirective*, Said> said_;
};

// What is to be said about a directive by its name alone; the fate of unknown ones is "not
// translatable".
struct KnownDirective {
  std::string_view name;  // a trailing * stands for any end
  Fate fate;
  std::string_view why;
  bool whole_block = false;  // speaks for all that stands inside
};
KnownDirective known_directive(std::string_view name);

}  // namespace weir::foreign
