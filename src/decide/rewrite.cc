#include "decide/rewrite.h"

#include "base/check.h"
#include "fmt/core.h"

namespace weir::decide {
namespace {

std::string_view without_slash(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

std::optional<std::uint16_t> implied_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  if (scheme == "https") return 443;
  return std::nullopt;
}

std::string with_query(std::string_view path, std::string_view query) {
  return query.empty() ? std::string(path) : fmt::format("{}?{}", path, query);
}

}  // namespace

// The matched prefix counts by whole elements, so what is left of the path is empty or begins with a slash.
std::string_view rewritten_path(const PathRewrite& rewrite, const RouteMatch& match, std::string_view path,
                                std::string& storage) {
  switch (rewrite.kind) {
    case PathRewrite::Kind::none: return path;
    case PathRewrite::Kind::replace_full: return rewrite.value;
    case PathRewrite::Kind::replace_prefix: break;
  }
  const std::string_view prefix = without_slash(match.path);
  storage = without_slash(rewrite.value);
  if (path.size() > prefix.size()) storage += path.substr(prefix.size());
  if (storage.empty()) storage = "/";
  return storage;
}

Target target(const Route& route, const Facts& facts, std::string_view authority) {
  const auto* forward = std::get_if<Forward>(&route.action);
  WEIR_CHECK(forward != nullptr);
  std::string storage;
  const std::string_view path = rewritten_path(*forward, route.match, facts.path, storage);
  return {.authority = std::string(rewritten_host(*forward, authority)),
          .path_and_query = with_query(path, facts.query)};
}

std::string location(const Route& route, const Facts& facts, std::optional<std::uint16_t> port,
                     std::string_view scheme) {
  const auto* moved = std::get_if<Boxed<Redirect>>(&route.action);
  WEIR_CHECK(moved != nullptr);
  const Redirect* const redirect = &**moved;
  if (redirect->port) {
    port = redirect->port;
  } else if (!redirect->scheme.empty()) {
    port = implied_port(redirect->scheme);
  }
  if (!redirect->scheme.empty()) scheme = redirect->scheme;
  const std::string_view host = redirect->host.empty() ? facts.host : redirect->host;
  std::string storage;
  const std::string_view path = rewritten_path(redirect->path, route.match, facts.path, storage);
  const std::string place = with_query(path, facts.query);
  if (!port || port == implied_port(scheme)) return fmt::format("{}://{}{}", scheme, host, place);
  return fmt::format("{}://{}:{}{}", scheme, host, *port, place);
}

}  // namespace weir::decide
