// Who may use a location: allow, deny, auth_*, internal, and the methods that `if` and limit_except
// let through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "foreign/nginx_site.h"
#include "foreign/nginx_verdicts.h"

namespace weir::foreign {

// Answers everyone with this status instead; nothing: open.
struct Closed {
  std::uint16_t status = 403;
  const NginxDirective* about = nullptr;
  bool as_nginx = false;  // nginx refuses everyone too
};
// `server`: the block whose own `if`s hold in all of its locations.
std::optional<Closed> read_access(const NginxScope& scope, const NginxDirective& server,
                                  NginxVerdicts& verdicts);

// Methods that are answered with `status` here: all but `methods`, or just them.
struct MethodGuard {
  std::vector<std::string> methods;
  bool allows = true;
  std::uint16_t status = 405;
  const NginxDirective* about = nullptr;
};
// The one that stands in this block itself; other `if`s are spoken of as lost, unless something was
// said of them before.
std::optional<MethodGuard> read_methods(const NginxDirective& block, NginxVerdicts& verdicts);

// `if ($host = name) { return …; }`: the name and the return.
struct HostReturn {
  std::string host;
  const NginxDirective* move = nullptr;
};
std::optional<HostReturn> read_host_return(const NginxDirective& directive);

}  // namespace weir::foreign
