#include "foreign/nginx_moves.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fmt/core.h"
#include "foreign/nginx_values.h"

namespace weir::foreign {
namespace {

constexpr std::string_view kQueryStays =
    "weir adds the request's query to the Location, nginx sends none";

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

// ${name} as $name, where nothing that could be part of a name follows.
std::string plain_variables(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end =
        text.substr(i).starts_with("${") ? text.find('}', i) : std::string::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    out += '$';
    out += text.substr(i + 2, end - i - 2);
    i = end;
  }
  return out;
}

// The scheme and host at the front of a target; false where they cannot be said.
bool take_origin(std::string_view& text, const MoveContext& context, Redirect& made) {
  if (text.starts_with('/')) {  // nginx puts its own scheme before it; weir's would be http
    if (context.scheme == "https") made.scheme = context.scheme;
    return true;
  }
  const bool own_scheme = take(text, "$scheme://");
  if (own_scheme)
    made.scheme = context.scheme;
  else if (take(text, "https://"))
    made.scheme = "https";
  else if (take(text, "http://"))
    made.scheme = "http";
  else
    return false;
  if (take(text, "$http_host")) {
    if (own_scheme)
      made.scheme.clear();  // scheme, host and port stay together
    else
      made.doubts.emplace_back("a port in the request's Host is left out of the Location");
    return true;
  }
  if (take(text, "$host")) {
  } else if (take(text, "$server_name")) {
    made.host = context.server_name;
    if (made.host.empty()) return false;
  } else {
    const std::size_t end = std::min(text.find_first_of("/$?"), text.size());
    std::string_view authority = text.substr(0, end);
    const std::size_t colon =
        authority.starts_with('[') ? authority.find("]:") + 1 : authority.find(':');
    text.remove_prefix(std::min(colon, end));
    const auto host = weir_one_host(authority.substr(0, colon));
    if (!host) return false;
    made.host = *host;
  }
  if (!take(text, ":")) return true;
  const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
  made.port = text.substr(0, end);
  text.remove_prefix(end);
  const auto port = decimal(made.port);
  return port && *port >= 1 && *port <= 65535;
}

// A literal path, then perhaps what is left of the request's.
bool read_path_of(std::string_view text, std::string_view matched, bool query_goes,
                  Redirect& made) {
  const std::size_t variable = std::min(text.find('$'), text.size());
  std::string literal(text.substr(0, variable));
  std::string_view tail = text.substr(variable);
  if (tail == "$args" || tail == "$query_string") {  // …?$args
    if (!literal.ends_with('?')) return false;
    literal.pop_back();
    tail = "$is_args$args";
  }
  if (literal.find('?') != std::string::npos) return false;
  if (tail == "$request_uri" || tail == "$uri$is_args$args" || tail == "$uri") {
    if (tail == "$uri") made.doubts.emplace_back(kQueryStays);
    if (!literal.empty()) made.map = PathMap{"", literal};
    return true;
  }
  if (tail == "$1" && !matched.empty()) {
    if (!query_goes) made.doubts.emplace_back(kQueryStays);
    made.map = PathMap{matched == "^" ? "" : std::string(matched), literal};
    return true;
  }
  if (tail != "$is_args$args" && !tail.empty()) return false;
  if (tail.empty() && !query_goes) made.doubts.emplace_back(kQueryStays);
  bool changed = false;
  const auto path = weir_sent_path(literal.empty() ? "/" : literal, &changed);
  if (!path) return false;
  made.path = *path;
  if (changed)
    made.doubts.emplace_back("the path of the Location is spelled in its canonical form");
  return true;
}

bool leads_in_a_circle(const Redirect& made) {
  return made.scheme.empty() && made.host.empty() && made.port.empty() && !made.map && !made.path;
}

bool redirects(std::uint64_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Move redirect_to(std::uint16_t status, const std::string& target, const MoveContext& context) {
  Redirect made{.status = status};
  const std::string plain = plain_variables(target);
  std::string_view text = plain;
  if (!take_origin(text, context, made) || !read_path_of(text, "", false, made))
    return Unable{
        "a redirect in weir has a scheme, a host and a path of its own, or keeps them; "
        "this target is made in another way"};
  if (leads_in_a_circle(made)) return Unable{"the redirect leads to where the request came from"};
  return made;
}

// A regular expression that means nothing but a path or what a path begins with.
struct SimpleRegex {
  std::string literal;
  bool below = false, captures = false, loose = false;
};

std::optional<SimpleRegex> read_regex(std::string_view text) {
  SimpleRegex made;
  if (text == ".*" || text == "(.*)") return SimpleRegex{"", true, text != ".*", false};
  if (!take(text, "^")) return std::nullopt;
  const auto ends = [&](std::string_view with) {
    if (!text.ends_with(with)) return false;
    text.remove_suffix(with.size());
    return true;
  };
  if (ends("/?(.*)$") || ends("/?(.*)")) {
    made = {"/", true, true, true};
  } else if (ends("(/.*)$") || ends("(/.*)") || ends("(.*)$") || ends("(.*)")) {
    made = {"", true, true, false};
  } else if (ends("/?$")) {
    made.loose = true;
  } else if (!ends("$")) {
    ends(".*");
    made.below = true;
  } else if (ends(".*")) {
    made.below = true;
  }
  std::string literal;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\\' && i + 1 < text.size() &&
        std::string_view("./-+?()[]{}|^$*~_").find(text[i + 1]) != std::string_view::npos) {
      c = text[++i];
    } else if (c == '.') {
      made.loose = true;  // any character, and nearly always meant as a dot
    } else if (std::string_view("\\[](){}*+?|^$").find(c) != std::string_view::npos) {
      return std::nullopt;
    }
    literal += c;
  }
  made.literal = literal + made.literal;
  return made;
}

std::optional<MappedPath> sent(const std::string& path) {
  if (path.empty()) return MappedPath{"/"};
  MappedPath made;
  const auto canonical = weir_sent_path(path, &made.squeezed);
  if (!canonical) return std::nullopt;
  made.path = *canonical;
  return made;
}

}  // namespace

std::optional<MappedPath> map_below(const PathMap& map, std::string_view base) {
  std::string to = map.to;
  if (map.from == std::string(base) + "/") {
    if (!to.ends_with('/')) return std::nullopt;
    to.pop_back();
    return sent(to);
  }
  if (!base.starts_with(map.from)) return std::nullopt;
  to += base.substr(map.from.size());
  const bool doubled = to.ends_with('/');
  if (doubled) to.pop_back();
  auto made = sent(to);
  if (made) made->squeezed |= doubled;
  return made;
}

std::optional<MappedPath> map_exact(const PathMap& map, std::string_view path) {
  if (!path.starts_with(map.from)) return std::nullopt;
  return sent(map.to + std::string(path.substr(map.from.size())));
}

Move read_return(const std::vector<std::string>& words, const MoveContext& context) {
  const std::string& first = words.size() > 1 ? words[1] : words[0];
  const auto status = decimal(first);
  if (words.size() == 2 && !status) return redirect_to(302, first, context);
  if (!status || words.size() > 3 || *status > 999) return Unable{"not a return that nginx knows"};
  const auto code = static_cast<std::uint16_t>(*status);
  if (words.size() == 3 && redirects(code)) return redirect_to(code, words[2], context);
  Respond made{.status = code};
  if (words.size() == 3) {
    if (has_variable(words[2]))
      return Unable{"weir answers with fixed texts; this one is made of the request"};
    made.body = words[2];
  } else if (code >= 300 && code != 444) {
    made.doubts.emplace_back("without the page of HTML that nginx puts into the answer");
  }
  if (code == 444) {
    made.doubts.emplace_back("nginx closes the connection without an answer, weir answers 444");
  } else if (code < 200 || code > 599) {
    return Unable{"not a status that weir answers with"};
  }
  if (code == 204 || code == 205 || code == 304) made.body.clear();
  return made;
}

std::variant<Rewrite, Unable> read_rewrite(const std::vector<std::string>& words,
                                           const MoveContext& context) {
  if (words.size() < 3) return Unable{"not a rewrite that nginx knows"};
  const auto regex = read_regex(words[1]);
  const auto from = regex && !regex->literal.empty() ? weir_path(regex->literal) : std::string();
  if (!regex || !from)
    return Unable{"its regular expression says more than what a path begins with"};
  const std::string_view flag = words.size() > 3 ? std::string_view(words[3]) : std::string_view();
  std::string target = plain_variables(words[2]);
  const bool drops_query = target.ends_with('?');
  if (drops_query) target.pop_back();
  Rewrite made{.below = regex->below, .from = *from, .loose = regex->loose};
  const bool absolute = target.starts_with("http://") || target.starts_with("https://") ||
                        target.starts_with("$scheme://");
  if (absolute || flag == "permanent" || flag == "redirect") {
    Redirect redirect{.status = static_cast<std::uint16_t>(flag == "permanent" ? 301 : 302)};
    std::string_view text = target;
    const std::string matched = regex->captures ? (made.from.empty() ? "^" : made.from) : "";
    const bool whole = target.find("$request_uri") != std::string::npos;
    if (!take_origin(text, context, redirect) ||
        !read_path_of(text, matched, !drops_query, redirect) || leads_in_a_circle(redirect) ||
        (whole && !drops_query)) {
      return Unable{"its target is made in a way that a redirect in weir is not"};
    }
    made.redirect = std::move(redirect);
    made.ends = true;
    return made;
  }
  if (flag != "break")
    return Unable{
        "weir looks for a route once; a rewrite that makes nginx look for a location again "
        "has no counterpart"};
  const std::size_t variable = target.find('$');
  const bool goes_on =
      regex->captures && variable != std::string::npos && target.substr(variable) == "$1";
  if (drops_query || target.find('?') != std::string::npos ||
      (variable != std::string::npos && !goes_on)) {
    return Unable{"it makes the path, or the query, of more than the rest of the path"};
  }
  made.map = PathMap{made.from, target.substr(0, variable), !goes_on};
  made.ends = true;
  return made;
}

}  // namespace weir::foreign
