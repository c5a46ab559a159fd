#include "config/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/checker.h"
#include "config/complaint.h"
#include "config/complete.h"

namespace weir::config {

Names Checker::run() {
  doubtful_ = diagnostics_.has_errors();
  index("listener", spec_.listeners.value);
  names_.identities = index("identity", spec_.identity.value);
  names_.limits = index("limit", spec_.limits.value);
  names_.concurrency = index("concurrency limit", spec_.concurrency.value);
  names_.upstreams = index("upstream", spec_.upstreams.value);
  index("route", spec_.routes.value);
  listeners();
  identities();
  deadline();
  route_limits(spec_.defaults.value.limits, names_.limits, "limit", "defaults.limits: ");
  route_limits(spec_.defaults.value.concurrency, names_.concurrency, "concurrency limit", "defaults.concurrency: ");
  for (const auto& each : spec_.limits.value) limit(each.value);
  for (const auto& each : spec_.concurrency.value) concurrency(each.value);
  for (const auto& each : spec_.upstreams.value) upstream(each.value);
  for (const auto& each : spec_.routes.value) route(each.value);
  dns();
  overload();
  watched();
  return std::move(names_);
}

// What to write for a name that stands for nothing. Comparing is bounded: thousands of wrong names
// may meet as many right ones, and what is beyond the bound of findings is not shown.
std::string Checker::instead(const NameIndex& names, std::string_view wrong) {
  constexpr std::size_t kMostCompared = 200'000;
  if (names.empty()) return "define one, or take the name out";
  if (diagnostics_.full()) return "define it";
  std::vector<std::string_view>& known = sorted_[&names];
  if (known.empty()) {
    for (const auto& [name, index] : names) known.push_back(name);
    std::sort(known.begin(), known.end());
  }
  if (compared_ < kMostCompared) {
    compared_ += known.size();
    if (const auto near = nearest(wrong, known); !near.empty())
      return fmt::format("did you mean {}?", near);
  }
  return fmt::format("define it, or name one that is there, such as {}", known.front());
}

// Each watched name is looked up in every request.
void Checker::watched() {
  constexpr std::size_t kMaxWatched = 256;
  std::unordered_set<std::string> names;
  const auto watch = [&](std::string name, Span at) {
    if (!names.insert(std::move(name)).second || names.size() != kMaxWatched + 1) return;
    diagnostics_.add(
        Rule::out_of_range, at,
        fmt::format("more than {} different headers and queries are matched, counted by or watched",
                    kMaxWatched),
        "match fewer different names; values cost nothing");
  };
  const auto watch_key = [&](const KeySpec& key) {
    for (const auto& part : key.parts) {
      if (!part.value.name.empty())
        watch(fmt::format("{} {}", static_cast<int>(part.value.kind), part.value.name), part.at);
    }
  };
  for (const auto& each : spec_.limits.value) watch_key(each.value.key.value);
  for (const auto& each : spec_.concurrency.value) watch_key(each.value.key.value);
  for (const auto& each : spec_.upstreams.value) watch_key(each.value.hash.value.key.value);
  for (const auto& each : spec_.routes.value) {
    for (const auto& header : each.value.match.value.headers.value)
      watch(fmt::format("{} {}", static_cast<int>(KeyKind::header),
                        lower_case(header.value.name.value.text)),
            header.at);
    for (const auto& query : each.value.match.value.query.value)
      watch(fmt::format("{} {}", static_cast<int>(KeyKind::query), query.value.name.value.text),
            query.at);
  }
  for (const auto& watched : spec_.record.value.watch.value) {
    if (watched.value.kind == KeyKind::header || watched.value.kind == KeyKind::query) continue;
    diagnostics_.add(Rule::bad_value, watched.at,
                     "record.watch: only headers and queries can be watched",
                     "write header:NAME or query:NAME");
  }
}

// --- listeners --------------------------------------------------------------------------------

namespace {

bool is_any(const Address& address) {
  return address == Address{.family = address.family, .bytes = {}};
}

// Whether both cannot be listened on at once.
bool overlap(const SocketAddress& a, const SocketAddress& b) {
  if (a.is_unix() || b.is_unix()) return a.unix_path == b.unix_path;
  if (a.port != b.port || a.address.family != b.address.family) return false;
  return a.address == b.address || is_any(a.address) || is_any(b.address);
}

}  // namespace

void Checker::in_use(const Given<SocketAddress>& first, const Given<SocketAddress>& second,
                     std::string_view what) {
  if (!first.given() || !second.given() || !overlap(first.value, second.value)) return;
  diagnostics_
      .add(Rule::address_in_use, second.at,
           fmt::format("{}{} is taken already", what, quote(to_string(second.value))),
           "give one of them another port")
      .notes.push_back({first.at, "by the listener here"});
}

void Checker::listeners() {
  const auto& list = spec_.listeners.value;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const ListenerSpec& listener = list[i].value;
    const std::string from = fmt::format("listeners.{}.", listener.name.value.text);
    for (std::size_t j = 0; j < i; ++j)
      in_use(list[j].value.address, listener.address, from + "address: ");
    in_use(listener.address, spec_.admin.value.address, "admin.address: ");
    const auto& caps = listener.caps.value;
    if (caps.line.given() && caps.line.value > caps.head.value) {
      conflict(caps.line.at, from + "caps.line: one line may be longer than the whole head",
               fmt::format("write at most {}, or raise caps.head", print_size(caps.head.value)));
    }
  }
  for (const auto& host : spec_.admin.value.hosts.value) {
    if (!host.value.text.starts_with("*.")) continue;
    diagnostics_.add(
        Rule::bad_value, host.at,
        fmt::format("admin.hosts: {} is a pattern, not a host", quote(host.value.text)),
        "name each host; who may call the admin is not a matter of patterns");
  }
  if (spec_.admin.value.address.given() && spec_.admin.value.address.value.is_unix()) {
    conflict(spec_.admin.value.address.at,
             "admin.address: the unix socket of the admin is always there, in data_dir",
             "write an IP address and a port, or leave `admin` out");
  }
}

// --- identities, limits -----------------------------------------------------------------------

void Checker::identities() {
  for (const auto& each : spec_.identity.value) {
    for (const auto* header :
         {&each.value.api_key.value.header, &each.value.service.value.header}) {
      const http::FieldId id = http::field_id(header->value.text);
      if (!header->given() || (!kOwnFields.has(id) && id != http::FieldId::host)) continue;
      diagnostics_.add(
          Rule::bad_value, header->at,
          fmt::format("identity.{}: {} belongs to the connection and carries no credential",
                      each.value.name.value.text, quote(header->value.text)),
          "write a header of your own, such as X-Api-Key");
    }
  }
}

// Where a peer told its deadline the gateway writes this header anew, so it is nobody else's.
void Checker::deadline() {
  const Given<HeaderName>& header = spec_.deadline.value.header;
  if (!header.given()) return;
  const http::FieldId id = http::field_id(header.value.text);
  bool credential = id == http::FieldId::authorization || id == http::FieldId::cookie ||
                    id == http::FieldId::proxy_authorization;
  for (const auto& each : spec_.identity.value) {
    const auto& key = each.value.api_key;
    const auto& service = each.value.service;
    credential |= key.given() && http::same_name(key.value.header.value.text, header.value.text);
    credential |=
        service.given() && http::same_name(service.value.header.value.text, header.value.text);
  }
  const bool own =
      kOwnFields.has(id) || id == http::FieldId::host || id == http::FieldId::traceparent;
  if (!credential && !own) return;
  diagnostics_.add(Rule::bad_value, header.at,
                   fmt::format("deadline.header: {} {}", quote(header.value.text),
                               credential ? "carries credentials and no deadline"
                                          : "is written by the gateway itself"),
                   "write a header of your own, such as X-Request-Timeout-Ms");
}

namespace {

bool nobody(const CallersSpec& who) {
  return !who.identity.given() && !who.callers.given() && !who.groups.given() &&
         !who.anonymous.value;
}

}  // namespace

void Checker::callers(const CallersSpec& who, Span at, std::string_view from, bool before_auth) {
  for (const auto& ref : who.identity.value)
    refer(names_.identities, ref, fmt::format("{}identity: ", from), "identity");
  if (before_auth && !nobody(who)) {
    conflict(at, fmt::format("{}a limit asked before_auth does not know the caller yet", from),
             "leave out the callers, or before_auth");
  }
}

void Checker::somebody(const Given<CallersSpec>& who, std::string_view from) {
  if (!who.given() || !nobody(who.value) || doubtful_) return;
  conflict(who.at, fmt::format("{}for: nobody is meant", from),
           "name identity, callers, groups or anonymous, or leave `for` out for everyone");
}

void Checker::limit(const LimitSpec& limit) {
  const std::string from = fmt::format("limits.{}.", limit.name.value.text);
  limit_key(limit, from);
  bucket(limit.rate, limit.burst, from);
  somebody(limit.who, from);
  callers(limit.who.value, limit.who.at, from + "for: ", limit.before_auth.value);
  for (const auto& each : limit.overrides.value) {
    if (nobody(each.value) && !doubtful_) {
      conflict(each.at, from + "overrides: nobody is meant",
               "name identity, callers, groups or anonymous");
    }
    callers(each.value, each.at, from + "overrides: ", limit.before_auth.value);
    bucket(each.value.rate, each.value.burst, from + "overrides: ");
  }
  if (limit.learned.given()) learned(limit, from);
  const ExpectSpec& expect = limit.expect.value;
  if (limit.expect.given()) {
    callers(expect, limit.expect.at, from + "expect: ", limit.before_auth.value);
    if (nobody(expect) && !expect.max.given() && !expect.until.given() && !doubtful_) {
      conflict(limit.expect.at, from + "expect: every refusal would count as wanted, for ever",
               "name the callers, a max or an until");
    }
  }
}

// What is learned is learned of who proved who it is; an address has no past that is its own.
void Checker::learned(const LimitSpec& limit, const std::string& from) {
  const auto& parts = limit.key.value.parts;
  if (parts.size() != 1 || parts[0].value.kind != KeyKind::caller) {
    conflict(limit.key.at, from + "key: a rate is learned of each caller, and counts by nothing else",
             "write key: caller");
  }
  if (spec_.identity.value.empty() && !doubtful_) {
    conflict(limit.learned.at, from + "learned: without an `identity` no caller ever proves who it is",
             "write an identity, or a rate");
  }
  if (limit.who.value.anonymous.value) {
    conflict(limit.who.value.anonymous.at, from + "for: who has no credential has no past to learn from",
             "leave anonymous out, and write a second limit by client_ip for those");
  }
  bucket(limit.learned.value.by_default, limit.burst, from);
}

void Checker::concurrency(const ConcurrencySpec& limit) {
  const std::string from = fmt::format("concurrency.{}.", limit.name.value.text);
  each_key_once(limit.key.value, from);
  somebody(limit.who, from);
  callers(limit.who.value, limit.who.at, from + "for: ", false);
}

void Checker::each_key_once(const KeySpec& key, const std::string& from) {
  const auto& parts = key.parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].value.kind == KeyKind::all && parts.size() > 1) {
      conflict(parts[i].at,
               from + "key: \"all\" counts every request together and cannot be combined",
               "leave it out of the list");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (parts[j].value == parts[i].value)
        conflict(parts[i].at, from + "key: the same key stands here twice", "leave one out");
    }
  }
}

void Checker::limit_key(const LimitSpec& limit, const std::string& from) {
  const auto& parts = limit.key.value.parts;
  each_key_once(limit.key.value, from);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const KeyPartSpec& part = parts[i].value;
    const bool early = part.kind == KeyKind::client_ip || part.kind == KeyKind::client_net ||
                       part.kind == KeyKind::route;
    if (limit.before_auth.value && !early) {
      conflict(parts[i].at,
               from + "key: before_auth asks before the caller is known, and by addresses only",
               "write client_ip or client_net (also together with route), or leave before_auth out")
          .notes.push_back({limit.before_auth.at, "before_auth is here"});
      break;
    }
  }
  if (limit.before_auth.value && parts.size() == 1 && parts[0].value.kind == KeyKind::route) {
    conflict(parts[0].at,
             from + "key: before_auth by route alone lets anyone without a key use it up for all",
             "write [client_ip, route], or leave before_auth out");
  }
}

void Checker::bucket(const Given<Rate>& rate, const Given<std::uint64_t>& burst,
                     const std::string& from) {
  if (!rate.given() || !burst.given()) return;
  const double seconds = static_cast<double>(burst.value) / rate.value.per_second();
  if (seconds <= std::chrono::duration<double>(kLongestFill).count()) return;
  diagnostics_.add(Rule::out_of_range, burst.at,
                   fmt::format("{}burst: {} requests at {} take {:.0f} years to come back", from,
                               burst.value, print_rate(rate.value), seconds / (365.25 * 86400)),
                   fmt::format("write a smaller burst, such as {}", default_burst(rate.value)));
}

// --- upstreams --------------------------------------------------------------------------------

void Checker::upstream(const UpstreamSpec& upstream) {
  const std::string from = fmt::format("upstreams.{}.endpoints: ", upstream.name.value.text);
  std::unordered_map<std::string_view, Span> seen;
  bool takes = false;
  for (const auto& each : upstream.endpoints.value) {
    const EndpointSpec& endpoint = each.value;
    takes |= endpoint.weight.value > 0;
    if (!endpoint.address.given()) continue;
    const auto [first, fresh] =
        seen.try_emplace(endpoint.address.value.written, endpoint.address.at);
    if (!fresh) {
      diagnostics_
          .add(Rule::duplicate_name, endpoint.address.at,
               fmt::format("{}{} is given twice", from, quote(endpoint.address.value.written)),
               "keep one, with a weight if it shall take more")
          .notes.push_back({first->second, "the first one is here"});
    }
    const auto& admin = spec_.admin.value.address;
    if (admin.given() && leads_to(endpoint.address.value, admin.value)) {
      diagnostics_
          .add(Rule::upstream_is_admin, endpoint.address.at,
               fmt::format("{}{} is this gateway's own admin address", from,
                           quote(endpoint.address.value.written)),
               "clients must never reach the admin through a route; name another endpoint")
          .notes.push_back({admin.at, "admin.address is here"});
    }
  }
  hash(upstream);
  health_check(upstream);
  ejection(upstream);
  breaker(upstream);
  const AdaptiveLimitSpec& adaptive = upstream.adaptive_limit.value;
  if (adaptive.max.value < adaptive.min.value) {
    conflict(adaptive.max.given() ? adaptive.max.at : adaptive.min.at,
             fmt::format("upstreams.{}.adaptive_limit: max is {}, but min is {}",
                         upstream.name.value.text, adaptive.max.value, adaptive.min.value),
             "write a max that is not below min");
  }
  if (!takes && upstream.endpoints.given() && !upstream.endpoints.value.empty()) {
    conflict(upstream.endpoints.at, from + "every weight is 0, so none takes a request",
             "give one of them a weight of 1 or more");
  }
}

void Checker::ejection(const UpstreamSpec& upstream) {
  const EjectionSpec& ejection = upstream.ejection.value;
  if (ejection.failure_ratio.value == Share{0}) {
    diagnostics_.add(
        Rule::bad_value, ejection.failure_ratio.at,
        fmt::format("upstreams.{}.ejection.failure_ratio: 0% of its requests failed is "
                    "true of every endpoint",
                    upstream.name.value.text),
        "write a share above 0%, or `ejection: false`");
  }
  if (ejection.max_time.value < ejection.time.value) {
    conflict(ejection.max_time.given() ? ejection.max_time.at : ejection.time.at,
             fmt::format("upstreams.{}.ejection: max_time is {}, but the first time is {}",
                         upstream.name.value.text, print_duration(ejection.max_time.value),
                         print_duration(ejection.time.value)),
             "write a max_time that is not shorter than time");
  }
}

void Checker::breaker(const UpstreamSpec& upstream) {
  const BreakerSpec& breaker = upstream.breaker.value;
  if (breaker.failure_ratio.given() && breaker.failure_ratio.value == Share{0}) {
    conflict(breaker.failure_ratio.at,
             fmt::format("upstreams.{}.breaker.failure_ratio: 0% would never open it",
                         upstream.name.value.text),
             "write a share above 0%, or leave it out");
  }
  if (breaker.max_open.value < breaker.open.value) {
    conflict(breaker.max_open.given() ? breaker.max_open.at : breaker.open.at,
             fmt::format("upstreams.{}.breaker: max_open is {}, but the first time is {}",
                         upstream.name.value.text, print_duration(breaker.max_open.value),
                         print_duration(breaker.open.value)),
             "write a max_open that is not shorter than open");
  }
  if (upstream.breaker.given() && !breaker.max_in_flight.given() &&
      !breaker.max_in_flight_per_endpoint.given() && !breaker.failure_ratio.given()) {
    conflict(upstream.breaker.at,
             fmt::format("upstreams.{}.breaker: nothing opens it", upstream.name.value.text),
             "write max_in_flight, max_in_flight_per_endpoint or failure_ratio");
  }
}

// Without a path nothing is asked.
void Checker::health_check(const UpstreamSpec& upstream) {
  const HealthCheckSpec& check = upstream.health_check.value;
  if (check.path.given() || doubtful_) return;
  const auto unused = [&](std::string_view key, Span at) {
    if (!at.known()) return;
    conflict(at,
             fmt::format("upstreams.{}.health_check.{}: without a path only a connection is made",
                         upstream.name.value.text, key),
             fmt::format("write a path as well, or leave {} out", key));
  };
  unused("host", check.host.at);
  unused("status", check.status.at);
  unused("body", check.body.at);
}

void Checker::hash(const UpstreamSpec& upstream) {
  const std::string from = fmt::format("upstreams.{}.hash: ", upstream.name.value.text);
  if (upstream.hash.given() && upstream.balance.value != BalanceKind::ring_hash) {
    conflict(upstream.hash.at, from + "only ring_hash goes by it",
             "write balance: ring_hash, or leave hash out");
  }
  for (const auto& part : upstream.hash.value.key.value.parts) {
    if (part.value.kind != KeyKind::all) continue;
    conflict(part.at, from + "\"all\" would send every request to one endpoint",
             "write caller, client_ip, header:NAME or another key that tells requests apart");
  }
}

void Checker::dns() {
  const DnsSpec& dns = spec_.dns.value;
  if (dns.max_ttl.value < dns.min_ttl.value) {
    conflict(dns.max_ttl.given() ? dns.max_ttl.at : dns.min_ttl.at,
             fmt::format("dns: max_ttl is {}, but min_ttl is {}", print_duration(dns.max_ttl.value),
                         print_duration(dns.min_ttl.value)),
             "write a max_ttl that is not shorter than min_ttl");
  }
  for (const auto& server : dns.servers.value) {
    if (!server.value.is_unix() && !is_any(server.value.address)) continue;
    diagnostics_.add(Rule::bad_value, server.at,
                     fmt::format("dns.servers: {} is not where a server can be asked",
                                 quote(to_string(server.value))),
                     "write the IP address and the port of a server, such as 10.0.0.2:53");
  }
}

void Checker::overload() {
  const auto& from = spec_.overload.value.from;
  if (from.value.of_one() > 0 && from.value.of_one() < 1) return;
  diagnostics_.add(Rule::bad_value, from.at,
                   fmt::format("overload.from: {} leaves nothing to be short of", print_share(from.value)),
                   "write a share above 0% and below 100%, such as 85%");
}

bool leads_to(const EndpointAddress& endpoint, const SocketAddress& own) {
  if (endpoint.address.is_unix() || own.is_unix())
    return endpoint.address.unix_path == own.unix_path;
  if (endpoint.address.port != own.port) return false;
  const bool local = endpoint.host == "localhost" ||
                     (endpoint.host.empty() && endpoint.address.address.is_loopback());
  if (is_any(own.address)) {  // of its family only: [::] takes no IPv4
    return local &&
           (!endpoint.host.empty() || endpoint.address.address.family == own.address.family);
  }
  return endpoint.host.empty() ? endpoint.address.address == own.address
                               : local && own.address.is_loopback();
}

void check_admin_socket(const Spec& spec, std::string_view running, Diagnostics& diagnostics) {
  const auto is_in = [](std::string_view folder, const SocketAddress& address) {
    return !folder.empty() && address.is_unix() &&
           tidy_path(address.unix_path) == tidy_path(fmt::format("{}/admin.sock", folder));
  };
  const auto is_written = [&](const SocketAddress& address) {
    return is_in(spec.data_dir.value.text, address);
  };
  const auto is_it = [&](const SocketAddress& address) {
    return is_written(address) || is_in(running, address);
  };
  const auto note = [&](const SocketAddress& address, Diagnostic& made) {
    if (is_written(address)) made.notes.push_back({spec.data_dir.at, "data_dir is here"});
  };
  for (const auto& each : spec.listeners.value) {
    const auto& address = each.value.address;
    if (!is_it(address.value)) continue;
    note(address.value,
         diagnostics.add(Rule::address_in_use, address.at,
                         fmt::format("listeners.{}.address: {} is this gateway's own admin socket",
                                     each.value.name.value.text, quote(to_string(address.value))),
                         "give the listener another path, outside of data_dir"));
  }
  for (const auto& upstream : spec.upstreams.value) {
    for (const auto& endpoint : upstream.value.endpoints.value) {
      const auto& address = endpoint.value.address;
      if (!is_it(address.value.address)) continue;
      note(address.value.address,
           diagnostics.add(
               Rule::upstream_is_admin, address.at,
               fmt::format("upstreams.{}.endpoints: {} is this gateway's own admin socket",
                           upstream.value.name.value.text, quote(address.value.written)),
               "clients must never reach the admin through a route; name another endpoint"));
    }
  }
}

Names check(const Spec& spec, Diagnostics& diagnostics) { return Checker(spec, diagnostics).run(); }

std::uint64_t two_seconds_of(Rate rate) {
  // count is in thousandths; 2 s x count / (1000 x period), rounded up.
  const unsigned __int128 above = static_cast<unsigned __int128>(rate.count) * 2'000'000'000;
  const unsigned __int128 below = static_cast<unsigned __int128>(rate.period.count()) * 1000;
  return static_cast<std::uint64_t>((above + below - 1) / below);
}

std::uint64_t default_burst(Rate rate) { return std::max<std::uint64_t>(2, two_seconds_of(rate)); }

}  // namespace weir::config
