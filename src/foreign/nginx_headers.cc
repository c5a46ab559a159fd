#include "foreign/nginx_headers.h"

#include <algorithm>
#include <initializer_list>

#include "fmt/core.h"
#include "foreign/nginx_values.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::size_t kLongestValue = 4096;

bool is_word_char(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return is_word_char(c) || c == '-' || c == '.' || c == '~' || c == '!';
  });
}

bool is_header_value(std::string_view value) {
  return value.size() <= kLongestValue && may_be_quoted(value) &&
         value.find('\n') == std::string_view::npos &&
         (value.empty() || (value.front() != ' ' && value.back() != ' ' && value.front() != '\t' &&
                            value.back() != '\t'));
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

// Fields that weir writes by itself, whatever nginx was told.
bool is_weirs_own(std::string_view name) {
  return is_one_of(
      name, {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
             "upgrade", "content-length", "via", "expect", "x-forwarded-for", "x-forwarded-host",
             "x-forwarded-proto", "x-request-id", "proxy-status"});
}

// What weir does about one of its own fields, against what nginx was told to do.
std::pair<Fate, std::string> own_field(std::string_view name, std::string_view value) {
  if (name == "x-forwarded-for") {
    if (is_one_of(value, {"$proxy_add_x_forwarded_for", "$remote_addr", "$http_x_forwarded_for"}))
      return {Fate::approximated,
              "weir writes it by itself: the client's address behind what trusted proxies said; "
              "what other clients claim is dropped"};
  } else if (name == "x-forwarded-proto") {
    if (is_one_of(value, {"$scheme", "http"}))
      return {Fate::translated, "weir writes it by itself"};
    if (is_one_of(value, {"$http_x_forwarded_proto", "$proxy_x_forwarded_proto"}))
      return {Fate::translated, "weir passes on what trusted proxies said"};
  } else if (name == "x-forwarded-host") {
    if (is_one_of(value, {"$host", "$http_host", "$host:$server_port"}))
      return {Fate::translated, "weir writes it by itself"};
  } else if (name == "x-request-id") {
    if (is_one_of(value, {"$request_id", "$http_x_request_id"}))
      return {Fate::approximated, "weir gives every request an id of its own making"};
  } else if (name == "connection" || name == "upgrade") {
    if (is_one_of(value, {"", "$http_upgrade", "$connection_upgrade", "upgrade", "Upgrade",
                          "keep-alive", "close", "$http_connection"}))
      return {Fate::translated, "weir keeps connections and passes WebSocket upgrades by itself"};
  } else if (name == "content-length" || name == "transfer-encoding" || name == "te") {
    return {Fate::translated, "weir frames messages by itself"};
  }
  return {Fate::not_translatable, "weir writes this field by itself, in its own way"};
}

void read_host(const NginxDirective& directive, std::string_view value, std::string_view proxy_host,
               const NginxScope& scope, NginxHeaders& made, NginxVerdicts& verdicts) {
  if (is_one_of(value, {"$http_host", "$host:$server_port", "$host:$proxy_port"})) {
    verdicts.say(&directive, value == "$http_host" ? Fate::translated : Fate::approximated,
                 value == "$http_host" ? "weir sends the client's Host"
                                       : "weir sends the client's Host as it is");
    return;
  }
  if (value == "$host") {
    verdicts.say(&directive, Fate::approximated,
                 "weir sends the client's Host as it is, a port with it");
    return;
  }
  if (value == "$proxy_host") value = proxy_host;
  std::string name(value);
  if (value == "$server_name") {
    const NginxDirective* names = nearest_one(scope, "server_name");
    name = names == nullptr ? "" : std::string(names->argument(1));
  }
  bool had_port = false;
  const auto host = weir_one_host(name, &had_port);
  if (!host) {
    verdicts.say(&directive, Fate::not_translatable,
                 "weir sends one fixed host, or the client's; here it sends the client's");
    return;
  }
  made.host = *host;
  verdicts.say(&directive, had_port ? Fate::approximated : Fate::translated,
               had_port ? "weir sends this host without the port" : "");
}

void read_request_header(const NginxDirective& directive, std::string_view value,
                         NginxHeaders& made, NginxVerdicts& verdicts) {
  const std::string name(directive.argument(1));
  const std::string folded = lower(name);
  if (!is_header_name(name)) {
    verdicts.say(&directive, Fate::not_translatable, "not a header name");
  } else if (is_weirs_own(folded)) {
    const auto [fate, why] = own_field(folded, value);
    verdicts.say(&directive, fate, why);
  } else if (value.empty()) {
    made.request_remove.push_back(name);
    verdicts.say(&directive, Fate::translated);
  } else if (std::string variable = "$http_" + folded;
             std::ranges::replace(variable, '-', '_'), value == variable) {
    verdicts.say(&directive, Fate::translated, "weir passes it on");
  } else if (has_variable(value)) {
    made.request_remove.push_back(name);
    verdicts.say(
        &directive, Fate::not_translatable,
        folded == "x-real-ip"
            ? "weir sets headers to fixed texts; the client's address goes out in "
              "X-Forwarded-For, and the client's own X-Real-IP is removed"
            : "weir sets headers to fixed texts; the client's own field of this name is removed");
  } else if (!is_header_value(value)) {
    verdicts.say(&directive, Fate::not_translatable, "not a value that a header may have");
  } else {
    const auto same = std::ranges::find_if(
        made.request_set, [&](const auto& one) { return lower(one.first) == folded; });
    if (same != made.request_set.end())
      same->second = value;
    else
      made.request_set.emplace_back(name, value);
    verdicts.say(&directive, Fate::translated);
  }
}

void read_added_header(const NginxDirective& directive, std::string_view value, NginxHeaders& made,
                       NginxVerdicts& verdicts) {
  const std::string name(directive.argument(1));
  const std::string folded = lower(name);
  if (has_variable(value) || !is_header_name(name) || !is_header_value(value) || value.empty()) {
    verdicts.say(&directive, Fate::not_translatable,
                 "weir adds fixed texts; this value is made of the request");
  } else if (is_weirs_own(folded) || folded == "host" || folded == "content-length") {
    verdicts.say(&directive, Fate::not_translatable, "weir writes this field by itself");
  } else {
    const auto same = std::ranges::find_if(
        made.response_add, [&](const auto& one) { return lower(one.first) == folded; });
    if (same != made.response_add.end() && folded == "set-cookie") {
      verdicts.say(&directive, Fate::not_translatable,
                   "weir adds a field once; the first one stays");
      return;
    }
    if (same != made.response_add.end()) {
      same->second += ", " + std::string(value);  // RFC 9110 5.3
      verdicts.say(&directive, Fate::approximated, "one field with both values");
    } else {
      made.response_add.emplace_back(name, value);
    }
    const bool always = directive.argument(3) == "always";
    verdicts.say(&directive, always ? Fate::translated : Fate::approximated,
                 always ? "" : "weir adds it to answers of every status");
  }
}

std::string flow_map(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  for (const auto& [name, value] : entries)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", yaml_scalar(name), yaml_scalar(value));
  return "{" + out + "}";
}

std::string flow_list(const std::vector<std::string>& entries) {
  std::string out;
  std::vector<std::string> seen;
  for (const std::string& each : entries) {
    if (std::ranges::find(seen, lower(each)) != seen.end()) continue;
    seen.push_back(lower(each));
    out += (out.empty() ? "" : ", ") + yaml_scalar(each);
  }
  return "[" + out + "]";
}

void add_headers(std::vector<std::string>& lines, std::string_view key, std::string_view how,
                 const std::vector<std::pair<std::string, std::string>>& given,
                 const std::vector<std::string>& removed) {
  if (given.empty() && removed.empty()) return;
  lines.push_back(fmt::format("{}:", key));
  if (!removed.empty()) lines.push_back("  remove: " + flow_list(removed));
  if (!given.empty()) lines.push_back(fmt::format("  {}: {}", how, flow_map(given)));
}

}  // namespace

std::vector<std::string> NginxHeaders::yaml() const {
  std::vector<std::string> lines;
  add_headers(lines, "request_headers", "set", request_set, request_remove);
  add_headers(lines, "response_headers", "add", response_add, response_remove);
  return lines;
}

NginxHeaders read_headers(const NginxScope& scope, const NginxDirective& pass,
                          std::string_view proxy_host, NginxVerdicts& verdicts) {
  NginxHeaders made;
  bool host_set = false;
  for (const NginxDirective* each : nearest(scope, "proxy_set_header")) {
    const std::string value = with_constants(each->argument(2), scope, verdicts);
    if (lower(each->argument(1)) == "host") {
      host_set = true;
      read_host(*each, value, proxy_host, scope, made, verdicts);
    } else {
      read_request_header(*each, value, made, verdicts);
    }
  }
  if (!host_set) {  // nginx sends the name that stands in proxy_pass
    bool had_port = false;
    const auto host =
        weir_one_host(proxy_host.starts_with("unix:") ? "localhost" : proxy_host, &had_port);
    if (host) made.host = *host;
    if (!host)
      verdicts.say(&pass, Fate::approximated, "the upstream is sent the client's Host");
    else if (had_port)
      verdicts.say(&pass, Fate::approximated,
                   fmt::format("the upstream is sent Host: {} without the port", *host));
  }
  for (const NginxDirective* each : nearest(scope, "add_header")) {
    const std::string value = with_constants(each->argument(2), scope, verdicts);
    read_added_header(*each, value, made, verdicts);
  }
  for (const NginxDirective* each : nearest(scope, "proxy_hide_header")) {
    const std::string name(each->argument(1));
    const bool good = is_header_name(name) && !is_weirs_own(lower(name));
    if (good) made.response_remove.push_back(name);
    verdicts.say(each, good ? Fate::translated : Fate::not_translatable,
                 good ? "" : "weir writes this field by itself");
  }
  return made;
}

std::string with_constants(std::string_view text, const NginxScope& scope,
                           NginxVerdicts& verdicts) {
  if (!has_variable(text)) return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '$') {
      out += text[i++];
      continue;
    }
    const bool braces = text.substr(i).starts_with("${");
    const std::size_t begin = i + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text.size() && is_word_char(text[end])) ++end;
    const std::string name = "$" + std::string(text.substr(begin, end - begin));
    const std::size_t behind = braces && end < text.size() ? end + 1 : end;
    const NginxDirective* found = nullptr;
    for (const NginxScope* at = &scope; at != nullptr && found == nullptr; at = at->outer) {
      if (at->block == nullptr) continue;
      for (const NginxDirective* set : here(*at->block, "set")) {
        if (set->argument(1) == name) found = set;
      }
    }
    if (found != nullptr && found->arguments() == 2 && !has_variable(found->argument(2))) {
      out += found->argument(2);
      verdicts.say(found, Fate::translated, "put in where it is used");
    } else {
      out += text.substr(i, behind - i);
    }
    i = behind;
  }
  return out;
}

}  // namespace weir::foreign
