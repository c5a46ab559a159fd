#include "foreign/nginx_listeners.h"

#include <algorithm>
#include <optional>

#include "base/address.h"
#include "fmt/core.h"
#include "foreign/nginx_values.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::uint64_t kKiB = 1024, kMiB = 1024 * 1024;

std::string flow(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out;
  for (const auto& [key, value] : entries)
    out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", key, value);
  return "{" + out + "}";
}

// Every directive of a name in a block and below.
void collect(const NginxDirective& block, std::string_view name,
             std::vector<const NginxDirective*>& out) {
  for (const NginxDirective& each : block.inside) {
    if (each.name() == name) out.push_back(&each);
    collect(each, name, out);
  }
}

std::string listener_name(std::string_view address) {
  return weir_name(fmt::format("on-{}", address), "listener");
}

}  // namespace

std::string NginxListeners::yaml(bool forwards) {
  std::string out = process() + "\nlisteners:\n";
  for (const NginxListen* listen : group_.listens) out += listener(*listen);
  if (forwards) out += defaults();
  return out;
}

std::string NginxListeners::process() {
  std::string out;
  for (const NginxDirective& each : conf_.directives()) {
    if (each.name() != "worker_processes") continue;
    const auto number = decimal(each.argument(1));
    if (number && *number >= 1 && *number <= 256) {
      out += fmt::format("workers: {}    # {}\n", *number, verdicts_.where(&each));
      verdicts_.say(&each, Fate::translated);
    } else {
      verdicts_.say(&each, Fate::translated, "weir has one worker a core by itself");
    }
  }
  const NginxDirective* log = nullptr;
  for (const NginxDirective* each : nearest(group_.by_default->scope, "access_log")) {
    if (log == nullptr) log = each;
  }
  if (log == nullptr) return out;
  const std::string_view path = log->argument(1);
  if (path == "off") {
    verdicts_.say(log, Fate::translated);
    return out;
  }
  if (path.starts_with("syslog:") || has_variable(path) || !may_be_quoted(path)) {
    verdicts_.say(log, Fate::not_translatable, "weir writes its access log to one file");
    return out;
  }
  const std::string name = std::string(path.substr(path.rfind('/') + 1)) + ".json";
  verdicts_.say(log, Fate::approximated,
                fmt::format("JSON lines, to {} beside the configuration", printable(name, 60)));
  return out + fmt::format("access_log: {}    # {}\n", yaml_scalar(name), verdicts_.where(log));
}

void NginxListeners::say_parameters(const NginxListen& listen) {
  if (listen.directive == nullptr) return;
  verdicts_.say(listen.directive, Fate::translated);
  for (std::size_t i = 2; i <= listen.directive->arguments(); ++i) {
    const std::string_view word = listen.directive->argument(i);
    if (word == "proxy_protocol") {
      verdicts_.say(listen.directive, Fate::not_translatable,
                    "weir does not read the PROXY protocol");
    } else if (word == "http2" || word == "quic" || word == "spdy") {
      verdicts_.say(listen.directive, Fate::approximated, "this version speaks HTTP/1.1");
    } else if (word == "ipv6only=off") {
      verdicts_.say(listen.directive, Fate::approximated,
                    "IPv4 clients want a listener of their own");
    }
  }
}

std::string NginxListeners::listener(const NginxListen& listen) {
  std::string address = listen.address;
  say_parameters(listen);
  std::string remark;
  if (listen.tls) {
    const auto parsed = SocketAddress::parse(address);
    if (parsed && !parsed->is_unix()) address = fmt::format("127.0.0.1:{}", parsed->port);
    remark = "  # in the clear, for whatever ends TLS in front";
    verdicts_.say(
        listen.directive, Fate::not_translatable,
        fmt::format("this version has no TLS: it listens on {} in the clear, for whatever ends "
                    "TLS in front",
                    address));
  }
  // The same server may be told of one address twice: with and without TLS on one port of loopback.
  if (std::ranges::find(addresses_, address) != addresses_.end()) return "";
  addresses_.push_back(address);
  std::string out =
      fmt::format("  # {}\n  - name: {}\n    address: {}{}\n", verdicts_.where(listen.directive),
                  yaml_scalar(listener_name(address)), yaml_scalar(address), remark);
  const auto nets = trusted();
  if (!nets.empty()) {
    std::string text;
    for (const std::string& net : nets) text += (text.empty() ? "" : ", ") + yaml_scalar(net);
    out += fmt::format("    trusted_proxies: [{}]\n", text);
  }
  out += fmt::format("    timeouts: {}\n", flow(timeouts()));
  return out + fmt::format("    caps: {}\n", flow(caps()));
}

std::vector<std::string> NginxListeners::trusted() {
  const NginxScope& scope = group_.by_default->scope;
  std::vector<std::string> nets;
  const auto froms = nearest(scope, "set_real_ip_from");
  for (const NginxDirective* from : froms) {
    const auto net = weir_net(from->argument(1));
    if (net && std::ranges::find(nets, *net) == nets.end()) nets.push_back(*net);
    verdicts_.say(from, net ? Fate::translated : Fate::not_translatable,
                  net ? "" : "weir trusts networks by address");
  }
  const NginxDirective* header = nearest_one(scope, "real_ip_header");
  const NginxDirective* recursive = nearest_one(scope, "real_ip_recursive");
  const bool forwarded_for = header != nullptr && lower(header->argument(1)) == "x-forwarded-for";
  constexpr std::string_view kOther =
      "weir reads the client's address from X-Forwarded-For: let the proxy in front send that";
  if (header != nullptr) {
    verdicts_.say(header, forwarded_for ? Fate::translated : Fate::not_translatable,
                  forwarded_for ? "" : kOther);
  } else {
    for (const NginxDirective* from : froms) verdicts_.say(from, Fate::not_translatable, kOther);
  }
  constexpr std::string_view kWalks =
      "weir goes on past every trusted address in X-Forwarded-For (real_ip_recursive on)";
  if (recursive != nullptr && recursive->argument(1) == "on")
    verdicts_.say(recursive, Fate::translated);
  else if (recursive != nullptr)
    verdicts_.say(recursive, Fate::approximated, kWalks);
  else if (forwarded_for)
    verdicts_.say(header, Fate::approximated, kWalks);
  return nets;
}

void NginxListeners::add_time(std::string_view name, std::string_view key,
                              std::string_view otherwise, Entries& out, std::string_view doubt) {
  const NginxDirective* found = nearest_one(group_.by_default->scope, name);
  const auto time = found == nullptr ? std::nullopt : nginx_milliseconds(found->argument(1));
  const auto text = time ? weir_duration(*time) : std::nullopt;
  out.emplace_back(key, text.value_or(std::string(otherwise)));
  if (found == nullptr) return;
  if (!text)
    verdicts_.say(found, Fate::not_translatable,
                  fmt::format("not a time that weir can wait; it is {} here", otherwise));
  else
    verdicts_.say(found, doubt.empty() ? Fate::translated : Fate::approximated, doubt);
}

NginxListeners::Entries NginxListeners::timeouts() {
  Entries made;
  add_time("client_header_timeout", "head", "60s", made);
  add_time("client_body_timeout", "body", "60s", made,
           "the longest that a body may stay below caps.min_rate, not the time between two reads");
  add_time("keepalive_timeout", "idle", "75s", made);
  return made;
}

NginxListeners::Entries NginxListeners::caps() {
  Entries made;
  if (const NginxDirective* buffers =
          nearest_one(group_.by_default->scope, "large_client_header_buffers")) {
    const auto number = decimal(buffers->argument(1)), size = nginx_bytes(buffers->argument(2));
    if (number && size && *number > 0 && *size >= kKiB && *number * *size <= kMiB) {
      made.emplace_back("head", weir_size(*number * *size));
      made.emplace_back("line", weir_size(*size));
      verdicts_.say(buffers, Fate::translated);
    } else {
      verdicts_.say(buffers, Fate::not_translatable,
                    "a head in weir has 1 KiB to 1 MiB; it is 32KiB here");
    }
  }
  made.emplace_back("body", body_cap());
  return made;
}

// One cap for the listener: the largest that any of its places allows.
std::string NginxListeners::body_cap() {
  constexpr std::string_view kName = "client_max_body_size";
  std::vector<const NginxDirective*> all;
  bool some_default = false;
  for (const NginxServer* server : group_.servers) {
    const NginxDirective* found = nearest_one(server->scope, kName);
    some_default |= found == nullptr;
    if (found != nullptr && std::ranges::find(all, found) == all.end()) all.push_back(found);
    std::vector<const NginxDirective*> below;
    collect(*server->directive, kName, below);
    for (const NginxDirective* each : below) {
      if (std::ranges::find(all, each) == all.end()) all.push_back(each);
    }
  }
  std::uint64_t largest = some_default || all.empty() ? kMiB : 0;
  bool unlimited = false;
  for (const NginxDirective* each : all) {
    const auto size = nginx_bytes(each->argument(1));
    unlimited |= size && *size == 0;
    largest = std::max(largest, size.value_or(0));
  }
  for (const NginxDirective* each : all) {
    const auto size = nginx_bytes(each->argument(1));
    const bool same = size && (unlimited ? *size == 0 : *size == largest);
    verdicts_.say(each, same ? Fate::translated : Fate::approximated,
                  same ? "" : "weir caps bodies by listener: the largest cap of all places holds");
  }
  return unlimited || largest == 0 ? "none" : weir_size(largest);
}

std::string NginxListeners::defaults() {
  Entries made;
  const auto add = [&](std::string_view name, std::initializer_list<std::string_view> keys,
                       std::string_view doubt) {
    const NginxDirective* found = nearest_one(site_.http, name);
    const auto time = found == nullptr ? std::nullopt : nginx_milliseconds(found->argument(1));
    const auto text = time ? weir_duration(*time) : std::nullopt;
    for (const std::string_view key : keys) made.emplace_back(key, text.value_or("60s"));
    if (found != nullptr && text)
      verdicts_.say(found, doubt.empty() ? Fate::translated : Fate::approximated, doubt);
    else if (found != nullptr)
      verdicts_.say(found, Fate::not_translatable, "not a time that weir can wait; it is 60s here");
  };
  add("proxy_connect_timeout", {"connect"}, "");
  add("proxy_read_timeout", {"response", "idle"},
      "weir's response time also runs while the request's body is sent");
  return fmt::format(
      "\ndefaults:\n  timeouts: {}    # where nothing else is said, nginx waits 60s\n", flow(made));
}

}  // namespace weir::foreign
