// The paths of the admin interface and what answers them.
#include "base/json.h"
#include "control/admin.h"
#include "control/gateway.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

io::Task<AdminReply> healthz(const AdminRequest&) { co_return AdminReply{.content_type = "text/plain", .body = "ok\n"}; }

}  // namespace

std::vector<AdminRoute> admin_routes(Gateway& gateway) {
  const auto readyz = [&gateway](const AdminRequest&) -> io::Task<AdminReply> {
    if (gateway.draining()) co_return AdminReply{.status = 503, .content_type = "text/plain", .body = "draining\n"};
    co_return AdminReply{.content_type = "text/plain", .body = fmt::format("ready r{}\n", gateway.policy().revision)};
  };
  return {
      {"GET", "/healthz", false, healthz},
      {"GET", "/readyz", false, readyz},
  };
}

}  // namespace weir::control
