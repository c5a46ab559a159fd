#include "config/init.h"

#include <fmt/core.h>

#include "config/values.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

constexpr std::string_view kInit =
    R"(# weir: an API gateway. This file is a start; every key: docs/guide/configuration.md
#   weir check gateway.yaml      what is wrong or unwise in it, without running it
#   weir run -c gateway.yaml     run it
#   weir show --effective        the same with every default filled in
version: 1

# Where clients connect.
listeners:
  - name: public
    address: 0.0.0.0:8080
    # Behind a load balancer: its networks, so that X-Forwarded-For is believed from there and from nowhere else.
    # trusted_proxies: [10.0.0.0/8]

# The admin API (metrics, status) for this machine only. The command line does not need it.
admin:
  address: 127.0.0.1:9347

# What every route gets that says nothing else.
defaults:
  timeouts:
    connect: 2s       # until the connection to the service stands
    response: 30s     # until the head of its answer
    idle: 60s         # between two parts of the answer
    total: none       # the whole exchange
  limits: [per-caller]

# Who callers are. Without a valid key the caller is the client's address.
# identity:
#   - name: partner
#     api_key: {header: X-Api-Key, file: keys.yaml}   # weir keys add acme

# How often a caller may ask. `burst` left out is two seconds of the rate. `mode: observe` counts and refuses nothing:
# the way to try a limit on real traffic.
limits:
  - name: per-caller
    key: caller
    rate: 50/s
    mode: observe

# The services behind the gateway.
upstreams:
  - name: app
    endpoints: [127.0.0.1:9001]     # more of them: requests go to each in turn

# Which requests go where. Of several routes that fit the most precise is taken, whatever their order.
routes:
  - name: health
    match: {path: /gateway-health, methods: [GET, HEAD]}
    respond: {status: 200, body: "ok\n"}
    limits: []

  - name: app
    match: {path: /*}               # /catalog/* is /catalog and all below it, /catalog exactly that
    upstream: app
)";

}  // namespace

std::string init_text() { return std::string(kInit); }

Result<std::string> run_to_text(const RunTo& options) {
  const auto to = read_endpoint_address(options.to);
  if (!to)
    return fail(ErrorKind::invalid,
                fmt::format("--to: {}; {}", to.error().message, to.error().remedy), Origin::config);
  const auto listen = read_listen_address(options.listen);
  if (!listen) {
    return fail(ErrorKind::invalid,
                fmt::format("--listen: {}; {}", listen.error().message, listen.error().remedy),
                Origin::config);
  }
  return fmt::format(
      "version: 1\n"
      "listeners:\n"
      "  - {{name: main, address: {}}}\n"
      "upstreams:\n"
      "  - {{name: app, endpoints: [{}]}}\n"
      "routes:\n"
      "  - {{name: all, match: {{path: /*}}, upstream: app}}\n",
      flow(Yaml::quoted(to_string(*listen))), flow(Yaml::quoted(to->written)));
}

}  // namespace weir::config
