// What a route makes of a request: the target and authority that go upstream, the Location of a redirect. Pure text;
// path rewriting as the Gateway API states it for ReplaceFullPath and ReplacePrefixMatch (v1, HTTPPathModifier).
// Query strings are kept as they are. Header operations are carried out by whoever owns the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/facts.h"
#include "model/policy.h"

namespace weir::decide {

// The path after a rewrite; a view of the input where nothing changes, else of `storage`.
std::string_view rewritten_path(const PathRewrite& rewrite, const RouteMatch& match, std::string_view path,
                                std::string& storage);
inline std::string_view rewritten_path(const Forward& forward, const RouteMatch& match, std::string_view path,
                                       std::string& storage) {
  return forward.rewrite ? rewritten_path(forward.rewrite->path, match, path, storage) : path;
}

// The authority for Host: the route's, or the one that the request had.
inline std::string_view rewritten_host(const Forward& forward, std::string_view authority) {
  return forward.rewrite && !forward.rewrite->host.empty() ? std::string_view(forward.rewrite->host) : authority;
}

struct Target {
  std::string authority;         // for Host
  std::string path_and_query;
};

// For a route that forwards.
Target target(const Route& route, const Facts& facts, std::string_view authority);

// For a route that redirects. `port`: the one in the request's Host, absent when it had none. A redirect without scheme
// and port stays on that port: it is the one under which the client reached us, whatever our socket listens on. Ports
// that the scheme implies are left out.
std::string location(const Route& route, const Facts& facts, std::optional<std::uint16_t> port,
                     std::string_view scheme = "http");

}  // namespace weir::decide
