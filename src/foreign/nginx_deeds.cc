// The part of NginxRoutes that says what is done with a request once its location is found, in the
// order of nginx's phases: rewrite (return, rewrite), access, try_files, the handler.
#include <algorithm>
#include <iterator>
#include <utility>

#include "fmt/core.h"
#include "foreign/nginx_access.h"
#include "foreign/nginx_routes.h"
#include "foreign/nginx_values.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::string_view kGoesOn = "; requests go on as they came";

std::string flow(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  for (const auto& [key, value] : entries)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", key, value);
  return "{" + out + "}";
}

bool covers(const Rewrite& rewrite, std::string_view path, bool below) {
  if (below) return rewrite.below && (std::string(path) + "/").starts_with(rewrite.from);
  return rewrite.below ? path.starts_with(rewrite.from) : path == rewrite.from;
}

}  // namespace

NginxRoutes::Deed NginxRoutes::deed(const NginxLocation* location, const Target& target) {
  const NginxScope& scope = location != nullptr ? location->scope : server_->scope;
  Deed made;
  PathMap map;
  if (location != nullptr && moves(*location, target, made, map)) return made;
  const auto closed = read_access(scope, *server_->directive, verdicts_);
  if (!closed) return handle(location, target, map);
  const std::string where = verdicts_.where(closed->about);
  if (closed->as_nginx) {
    made.lines = {fmt::format("respond: {{status: {}}}    # {}", closed->status, where)};
    return made;
  }
  made.lines = {fmt::format("respond: {{status: {}, body: \"closed: {} {} was not imported\\n\"}}",
                            closed->status, where, printable(closed->about->name(), 40)),
                "# what nginx lets some have, once weir knows who they are:"};
  for (const std::string& line : handle(location, target, map).lines)
    made.lines.push_back("#   " + line);
  return made;
}

// The rewrite phase. True when it ends the request; else `map` is what a rewrite made of the path.
bool NginxRoutes::moves(const NginxLocation& location, const Target& target, Deed& made,
                        PathMap& map) {
  // The extra exact route for the path without its slash is not what a rewrite is judged by.
  const bool judged = target.below || location.kind == NginxLocation::Kind::exact;
  for (const NginxDirective& each : location.directive->inside) {
    if (each.name() == "break") return false;
    if (each.name() == "return") {
      made = answer(read_return(constants(each, location.scope), context()), each, target,
                    location.scope);
      return true;
    }
    if (each.name() != "rewrite") continue;
    const auto read = read_rewrite(constants(each, location.scope), context());
    if (const auto* unable = std::get_if<Unable>(&read)) {
      verdicts_.say(&each, Fate::not_translatable, unable->why + std::string(kGoesOn));
      continue;
    }
    const auto& rewrite = std::get<Rewrite>(read);
    if (!covers(rewrite, target.path, target.below)) {
      if (judged)
        verdicts_.say(
            &each, Fate::not_translatable,
            fmt::format("it takes some requests of the location and not others{}", kGoesOn));
      continue;
    }
    verdicts_.say(&each, rewrite.loose ? Fate::approximated : Fate::translated,
                  rewrite.loose ? "its expression is taken as plain text" : "");
    if (rewrite.redirect) {
      made = redirect(*rewrite.redirect, each, target);
      return true;
    }
    map = *rewrite.map;
    return false;
  }
  return false;
}

NginxRoutes::Deed NginxRoutes::answer(const Move& move, const NginxDirective& about,
                                      const Target& target, const NginxScope& scope) {
  if (const auto* to = std::get_if<Redirect>(&move)) return redirect(*to, about, target);
  if (const auto* unable = std::get_if<Unable>(&move))
    return refuse(501, &about, scope, unable->why);
  const auto& respond = std::get<Respond>(move);
  verdicts_.say(&about, Fate::translated);
  for (const std::string& doubt : respond.doubts) verdicts_.say(&about, Fate::approximated, doubt);
  std::vector<std::pair<std::string, std::string>> entries = {
      {"status", fmt::format("{}", respond.status)}};
  if (!respond.body.empty() && may_be_quoted(respond.body)) {
    const NginxDirective* type = nearest_one(scope, "default_type");
    const std::string_view written = type == nullptr ? "text/plain" : type->argument(1);
    if (may_be_quoted(written)) entries.emplace_back("content_type", yaml_scalar(written));
    entries.emplace_back("body", yaml_scalar(respond.body));
    verdicts_.say(type, Fate::translated);
  } else if (!respond.body.empty()) {
    verdicts_.say(&about, Fate::approximated, "without its text, which is no UTF-8");
  }
  return {.lines = {fmt::format("respond: {}    # {}", flow(entries), verdicts_.where(&about))}};
}

NginxRoutes::Deed NginxRoutes::redirect(const Redirect& to, const NginxDirective& about,
                                        const Target& target) {
  std::vector<std::pair<std::string, std::string>> entries = {
      {"status", fmt::format("{}", to.status)}};
  if (!to.scheme.empty()) entries.emplace_back("scheme", to.scheme);
  if (!to.host.empty()) entries.emplace_back("host", yaml_scalar(to.host));
  if (!to.port.empty()) entries.emplace_back("port", to.port);
  if (to.path) {
    entries.emplace_back("path", yaml_scalar(*to.path));
  } else if (to.map) {
    const auto mapped =
        target.below ? map_below(*to.map, target.path) : map_exact(*to.map, target.path);
    if (!mapped)
      return refuse(501, &about, server_->scope,
                    "weir replaces whole path elements, and this makes others");
    if (mapped->squeezed)
      verdicts_.say(&about, Fate::approximated, "without a doubled slash in the Location");
    const std::string own = target.path.empty() ? "/" : target.path;
    if (mapped->path != own)
      entries.emplace_back(target.below ? "prefix" : "path", yaml_scalar(mapped->path));
  }
  if (entries.size() == 1)
    return refuse(501, &about, server_->scope, "the redirect leads to where the request came from");
  verdicts_.say(&about, Fate::translated);
  for (const std::string& doubt : to.doubts) verdicts_.say(&about, Fate::approximated, doubt);
  return {.lines = {fmt::format("redirect: {}    # {}", flow(entries), verdicts_.where(&about))}};
}

NginxRoutes::Deed NginxRoutes::refuse(std::uint16_t status, const NginxDirective* about,
                                      const NginxScope& scope, std::string_view why) {
  verdicts_.say(about, Fate::not_translatable,
                fmt::format("{}; the route answers {}", why, status));
  Deed made;
  made.lines = {fmt::format("respond: {{status: {}, body: \"not imported: {} {}\\n\"}}", status,
                            verdicts_.where(about),
                            about == nullptr ? "" : printable(about->name(), 40))};
  add_limits(scope, made);
  return made;
}

// try_files, then whoever makes the answer.
NginxRoutes::Deed NginxRoutes::handle(const NginxLocation* location, const Target& target,
                                      const PathMap& map) {
  const NginxScope& scope = location != nullptr ? location->scope : server_->scope;
  if (const NginxDirective* files = one_here(*scope.block, "try_files")) {
    const std::string& last = files->words.back();
    const NginxLocation* named = last.starts_with('@') ? server_->named(last) : nullptr;
    if (named == nullptr || named == location)
      return refuse(501, files, scope, "weir serves no files");
    verdicts_.say(
        files, Fate::approximated,
        fmt::format("weir serves no files: every request goes to {}", printable(last, 40)));
    return deed(named, target);
  }
  const NginxDirective* pass = location != nullptr ? handler_of(*location) : nullptr;
  if (pass != nullptr && pass->name() == "proxy_pass")
    return forward(*location, *pass, target, map);
  if (pass != nullptr) return refuse(501, pass, scope, known_directive(pass->name()).why);
  for (const std::string_view name :
       {"alias", "root", "stub_status", "empty_gif", "content_by_lua_block", "content_by_lua_file",
        "js_content", "dav_methods", "autoindex"}) {
    const NginxDirective* found =
        name == "root" ? nearest_one(scope, name) : one_here(*scope.block, name);
    if (found != nullptr) return refuse(501, found, scope, known_directive(name).why);
  }
  Deed made;
  verdicts_.say(scope.block, Fate::approximated,
                location != nullptr
                    ? "nginx looks for files of its own here, weir answers 404"
                    : "where no location fits nginx looks for files of its own, weir answers 404");
  made.lines = {"respond: {status: 404}    # nginx has nothing here but files of its own"};
  add_limits(scope, made);
  return made;
}

NginxRoutes::Deed NginxRoutes::forward(const NginxLocation& location, const NginxDirective& pass,
                                       const Target& target, const PathMap& rewritten) {
  const std::string written = with_constants(pass.argument(1), location.scope, verdicts_);
  auto url = nginx_url(written);
  const auto lost = [&](std::string_view why) { return refuse(501, &pass, location.scope, why); };
  if (url) {  // http://backend$request_uri is http://backend
    for (const std::string_view whole : {"$request_uri", "$uri$is_args$args"}) {
      if (url->authority.ends_with(whole))
        url->authority.resize(url->authority.size() - whole.size());
      if (url->uri == whole) url->uri.clear();
    }
  }
  if (!url || has_variable(url->authority))
    return lost("weir's upstreams have fixed addresses, and this one is made of the request");
  if (url->scheme == "https") return lost("this version has no TLS to upstreams");
  if (url->scheme != "http") return lost("weir speaks http to upstreams");
  if (has_variable(url->uri) || (has_variable(pass.argument(1)) && !url->uri.empty()))
    return lost("it makes the path of the request's parts");
  if (url->uri.find('?') != std::string::npos)
    return lost("weir sends no query but the request's own");

  PathMap map = rewritten;
  if (!map.moves() && !url->uri.empty())
    map = {.from = weir_path(location.path).value_or(location.path), .to = url->uri};
  std::vector<std::pair<std::string, std::string>> rewrite;
  Deed made;
  if (map.whole) {
    const auto path = weir_sent_path(map.to);
    if (!path) return lost("not a path that weir sends");
    rewrite.emplace_back("path", yaml_scalar(*path));
  } else if (map.moves()) {
    const auto mapped = target.below ? map_below(map, target.path) : map_exact(map, target.path);
    if (!mapped) {
      return lost(fmt::format(
          "nginx puts {} in the place of {} by characters, weir replaces whole path elements",
          printable(map.to, 60), printable(map.from, 60)));
    }
    if (mapped->squeezed)
      verdicts_.say(&pass, Fate::approximated,
                    "nginx sends a doubled slash behind the prefix, weir does not");
    made.squeezed = mapped->squeezed;
    const std::string own = target.path.empty() ? "/" : target.path;
    if (mapped->path != own)
      rewrite.emplace_back(target.below ? "prefix" : "path", yaml_scalar(mapped->path));
  }

  std::string why;
  const auto upstream = upstreams_.use(*url, pass, why);
  if (!upstream) return refuse(502, &pass, location.scope, why);
  forwards_ = true;
  verdicts_.say(&pass, Fate::translated);
  const NginxHeaders headers = read_headers(location.scope, pass, url->authority, verdicts_);
  if (!headers.host.empty()) rewrite.emplace_back("host", yaml_scalar(headers.host));
  made.lines.push_back(
      fmt::format("upstream: {}    # {}", yaml_scalar(*upstream), verdicts_.where(&pass)));
  if (!rewrite.empty()) made.lines.push_back("rewrite: " + flow(rewrite));
  std::ranges::move(headers.yaml(), std::back_inserter(made.lines));
  add_timeouts(location.scope, made);
  add_limits(location.scope, made);
  return made;
}

void NginxRoutes::add_limits(const NginxScope& scope, Deed& made) {
  const auto names = limits_.use(scope, *server_);
  if (names.empty()) return;
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + yaml_scalar(name);
  made.lines.push_back(fmt::format("limits: [{}]", text));
}

// Those of http are the defaults of the file.
void NginxRoutes::add_timeouts(const NginxScope& scope, Deed& made) {
  std::vector<std::pair<std::string, std::string>> entries;
  const NginxScope* http = &scope;
  while (http->outer != nullptr) http = http->outer;
  const auto read = [&](std::string_view name) -> std::optional<std::string> {
    const NginxDirective* found = nearest_one(scope, name);
    if (found == nullptr || found == nearest_one(*http, name)) return std::nullopt;
    const auto time = nginx_milliseconds(found->argument(1));
    const auto text = time ? weir_duration(*time) : std::nullopt;
    verdicts_.say(found, text ? Fate::translated : Fate::not_translatable,
                  text ? "" : "not a time that weir can wait");
    if (text && name == "proxy_read_timeout")
      verdicts_.say(found, Fate::approximated,
                    "weir's response time also runs while the request's body is sent");
    return text;
  };
  if (const auto time = read("proxy_connect_timeout")) entries.emplace_back("connect", *time);
  if (const auto time = read("proxy_read_timeout")) {
    entries.emplace_back("response", *time);
    entries.emplace_back("idle", *time);
  }
  if (const NginxDirective* send = nearest_one(scope, "proxy_send_timeout"))
    verdicts_.say(send, Fate::approximated,
                  "a body that stalls is ended by timeouts.body of the listener");
  for (const NginxDirective* each : nearest(scope, "proxy_redirect")) {
    const bool off = each->argument(1) == "off";
    verdicts_.say(each, off ? Fate::translated : Fate::not_translatable,
                  off ? "" : "weir passes the Location of upstreams on as it is");
  }
  if (!entries.empty()) made.lines.push_back("timeouts: " + flow(entries));
}

}  // namespace weir::foreign
