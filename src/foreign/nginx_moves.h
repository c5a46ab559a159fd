// Where nginx sends a request or a client: `return`, `rewrite` and the URI of proxy_pass, as far as
// they are simple. All of them come down to one thing, a path that begins with `from` and goes on
// begins with `to` and goes on the same: PathMap. Paths are in weir's spelling (percent-encoded).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "foreign/nginx_conf.h"

namespace weir::foreign {

struct PathMap {
  std::string from, to;
  bool whole = false;  // `to` takes the place of the whole path, whatever it was
  bool moves() const { return whole || !from.empty() || !to.empty(); }
};
struct MappedPath {
  std::string path;
  bool squeezed = false;  // nginx would send a doubled slash or a dot segment here, weir does not
};
// What takes the place of `base` in a route for `base`/* ("" for /*); nothing where weir, which
// replaces whole path elements, cannot say it.
std::optional<MappedPath> map_below(const PathMap& map, std::string_view base);
std::optional<MappedPath> map_exact(const PathMap& map, std::string_view path);

struct Redirect {
  std::uint16_t status = 302;
  std::string scheme, host, port;   // "": as in the request
  std::optional<PathMap> map;       // of the path; neither: the path stays
  std::optional<std::string> path;  // takes the place of the whole path
  std::vector<std::string> doubts;  // what will not be quite the same
};
struct Respond {
  std::uint16_t status = 200;
  std::string body;
  std::vector<std::string> doubts;
};
struct Unable {
  std::string why;
};
using Move = std::variant<Redirect, Respond, Unable>;

// What the variables in a target stand for.
struct MoveContext {
  std::string scheme;       // of the listener; "": both
  std::string server_name;  // the first; "" for none
};

// `return …;`; `words` has the variables that are constants put in already.
Move read_return(const std::vector<std::string>& words, const MoveContext& context);

// `rewrite REGEX TARGET [FLAG];`
struct Rewrite {
  bool below = false;  // every path that begins with `from`, else `from` alone
  std::string from;
  std::optional<PathMap> map;        // of the path, in place
  std::optional<Redirect> redirect;  // or to the client
  bool ends = false;                 // `break`, or a redirect: no other rewrite is looked at
  bool loose = false;                // the expression means more than is taken of it
};
std::variant<Rewrite, Unable> read_rewrite(const std::vector<std::string>& words,
                                           const MoveContext& context);

}  // namespace weir::foreign
