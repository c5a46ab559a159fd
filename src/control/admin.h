// The admin interface: an HTTP listener whose exchanges end here. On data_dir/admin.sock (0600) whoever can open it may
// do everything. Over TCP /healthz, /readyz and /metrics are free on loopback; everything else needs the bearer token of
// data_dir/admin.token; a Host that is neither an address nor a configured name, or a foreign Origin, is refused (DNS
// rebinding, cross-site requests); changes need Content-Type: application/json; there is no CORS.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/http1_server.h"

namespace weir::control {

class Gateway;

struct AdminRequest {
  std::string method, path, query, body, accept;
  bool local = false;        // over the unix socket
};

struct AdminReply {
  std::uint16_t status = 200;
  std::string content_type = "application/json";
  std::string body;
};
AdminReply admin_error(std::uint16_t status, std::string_view text);

// What answers one path. `prefix` paths take everything below them.
struct AdminRoute {
  std::string_view method, path;
  bool prefix = false;
  std::function<io::Task<AdminReply>(const AdminRequest&)> answer;
};
std::vector<AdminRoute> admin_routes(Gateway& gateway);
std::vector<AdminRoute> metrics_routes(Gateway& gateway);    // admin_metrics.cc
std::vector<AdminRoute> top_routes(Gateway& gateway);        // admin_top.cc
std::vector<AdminRoute> override_routes(Gateway& gateway);   // admin_overrides.cc
std::vector<AdminRoute> deploy_routes(Gateway& gateway);     // admin_deploys.cc

class Admin {
 public:
  static constexpr std::size_t kMaxBody = 64 * 1024 * 1024;
  static constexpr std::size_t kMaxConnections = 256;

  struct Access {
    std::string token;
    std::vector<std::string> hosts;   // names under which it may be called besides addresses
  };
  Admin(io::Loop& loop, Access access, std::vector<AdminRoute> routes);
  ~Admin();

  void listen(io::Listener socket, bool local);
  std::vector<std::pair<SocketAddress, int>> descriptors() const;
  void stop();                         // no more connections, those that are idle end
  io::Scope& scope() { return scope_; }

 private:
  class Door;
  io::Task<> accept_loop(Door& door);

  Access access_;
  std::vector<AdminRoute> routes_;
  wire::Scratch scratch_;
  std::list<std::unique_ptr<Door>> doors_;
  io::Scope scope_;
};

}  // namespace weir::control
