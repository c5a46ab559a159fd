#include "proxy/external_auth.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "fmt/format.h"
#include "http/fields.h"
#include "proxy/worker.h"

namespace weir::proxy {
namespace {

using http::FieldId;

// Servers that hand fields on as variables (CGI, RFC 3875 4.1.18) cannot tell X_User from X-User.
bool same_variable(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return std::ranges::equal(a, b, {}, plain, plain);
}

bool names(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const std::string& each) { return http::same_name(each, name); });
}

// Before the empty line that ends a head.
void put_field(std::string& head, std::string_view name, std::string_view value) {
  head.resize(head.size() - 2);
  head.append(name).append(": ").append(value).append("\r\n\r\n");
}

struct Watch {
  Context& x;
  Lease& lease;
  static void look(void* context) {
    auto& [x, lease] = *static_cast<Watch*>(context);
    if (x.client.peer_failed()) lease.cut();
  }
};

}  // namespace

AuthCall::AuthCall(Context& x, const Request& request, RouteId route)
    : x_(x), rule_(*x.policy().external_auth_of(x.policy().routes[route.index()])),
      upstream_(x.policy().upstreams[rule_.upstream.index()]), route_(route),
      has_body_(x.client.head().framing.kind != http::Framing::Kind::none) {
  request_.bytes = x.worker.spare().take();
  write_request(request);
  if (rule_.take.empty()) return;
  x.client.head().fields.remove_if([&](const http::Field& field) {
    return std::ranges::any_of(rule_.take, [&](const std::string& name) { return same_variable(name, field.name); });
  });
}

// A kept answer is one to the same bytes; what is new each time (request id, mark of loops) comes after they were hashed.
void AuthCall::write_request(const Request& request) {
  const http::RequestHead& head = x_.client.head();
  const Facts& facts = request.facts;
  Arena& arena = x_.worker.arena();
  arena.clear();
  http::Fields fields;
  fields.add(FieldId::host, x_.worker.names().text(upstream_.name));
  fields.add("X-Forwarded-Method", facts.method, FieldId::other);
  fields.add(FieldId::x_forwarded_proto, "http");
  fields.add(FieldId::x_forwarded_host,
             request.port ? arena.join({facts.host, ":", fmt::format_int(*request.port).c_str()}) : facts.host);
  fields.add("X-Forwarded-Uri", head.has_query ? arena.join({facts.path, "?", head.query}) : facts.path, FieldId::other);
  fields.add(FieldId::x_forwarded_for, arena.keep(to_string(facts.client)));
  for (const http::Field& field : head.fields.all()) {
    if (names(rule_.headers, field.name)) fields.add(field.name, field.value, field.id);
  }
  prepare({.method = "GET", .target = rule_.path, .fields = &fields, .framing = {}}, request_);
  const HashKey seed = x_.worker.shared().seed;
  if (rule_.cache) key_ = keyed_hash({.k0 = seed.k0 ^ rule_.digest, .k1 = seed.k1}, request_.bytes);

  put_field(request_.bytes, "x-request-id", x_.draft.get(Draft::request_id));
  for (const http::Field& field : head.fields.all()) {
    if (field.id == FieldId::cdn_loop) put_field(request_.bytes, "cdn-loop", field.value);
  }
  put_field(request_.bytes, "cdn-loop", x_.worker.loop_marks().mark(facts.hops));
}

void AuthCall::add_fields(wire::PreparedRequest& head) const { head.bytes.insert(head.bytes.size() - 2, answer_.fields); }

io::Task<AuthAnswer> AuthCall::ask() {
  AuthMemory& memory = x_.worker.auth_memory();
  AuthRecord& record = x_.record().auth;
  record.upstream = upstream_.name;
  if (rule_.cache) {
    if (const decide::KeptAnswer* const kept = memory.cache.find(key_, x_.now())) {
      answer_ = *kept;
      record.kept = true;
      record.result = answer_.answer.result;
      if (record.result == AuthResult::denied) {
        detail_ = fmt::format("auth service {} answered {} to the same request before", x_.worker.names().text(upstream_.name),
                              answer_.answer.status);
      }
      co_return answer_.answer;
    }
  }
  if (!memory.breakers[upstream_.name.value].allows(x_.now())) {
    record.result = AuthResult::unavailable;
    co_return unavailable("it failed too often of late, and is left alone for a second");
  }
  const Stamp began = x_.now();
  answer_.answer = co_await call();
  const std::int64_t micros = (x_.now() - began).count() / 1000;
  record.call.micros = static_cast<std::uint32_t>(std::clamp<std::int64_t>(micros, 0, UINT32_MAX));
  if (x_.client.peer_failed()) {
    record.call.cause = Cause::client_gone;
    record.call.status = 0;
    co_return answer_.answer;
  }
  record.result = answer_.answer.result;
  const bool failed = record.result == AuthResult::unavailable && answer_.answer.status == 0;
  memory.breakers[upstream_.name.value].on_result(!failed, x_.now());
  if (rule_.cache) memory.cache.keep(key_, answer_, x_.now() + rule_.cache->ttl, rule_.cache->max);
  co_return answer_.answer;
}

io::Task<AuthAnswer> AuthCall::call() {
  const Policy& policy = x_.policy();
  io::Deadline deadline = x_.now() + rule_.timeout.value;
  if (const OptionalTime& total = policy.timeouts_of(policy.routes[route_.index()]).total)
    deadline = std::min(deadline, x_.stamp + total->value);
  const std::optional<EndpointId> picked = x_.balancer().pick(
      {.policy = policy, .upstream = upstream_, .conditions = x_.conditions(), .seed = x_.worker.shared().seed,
       .exchange = x_.exchange, .except = EndpointId::none(), .now = x_.now()});
  if (!picked) co_return unavailable("none of its endpoints can be used");
  const Endpoint& endpoint = policy.endpoints[picked->index()];
  AttemptRecord& made = x_.record().auth.call;
  made.endpoint = endpoint.name;
  const decide::limits::InFlight::Hold hold = x_.worker.shared().in_flight.enter(endpoint.identity);

  Heard heard;
  Lease lease = take_idle(x_.worker, endpoint.identity);
  if (lease) {
    heard = co_await talk(lease, deadline);
    lease = Lease();
  }
  if (heard.status == 0 && (heard.stale || heard.cause == Cause::none)) {
    auto connected = co_await connect(x_.worker, endpoint.identity, x_.conditions().addresses(picked->index()), deadline);
    if (!connected) {
      made.cause = Cause::connect_failed;
      x_.balancer().avoid(endpoint.identity, x_.now());
      co_return unavailable(fmt::format("no connection: {}", to_string(connected.error())));
    }
    lease = std::move(*connected);
    heard = co_await talk(lease, deadline);
  }
  made.status = heard.status;
  made.cause = heard.cause;
  co_return judge(heard);
}

// One request and its whole answer.
io::Task<AuthCall::Heard> AuthCall::talk(Lease& lease, io::Deadline deadline) {
  Watch watch{x_, lease};
  struct Unwatch {
    wire::ServerStream& client;
    ~Unwatch() { client.on_peer_event(nullptr, nullptr); }
  };
  std::optional<Unwatch> watching;
  if (!has_body_) {
    x_.client.on_peer_event(&Watch::look, &watch);
    watching.emplace(x_.client);
  }
  wire::ClientStream& stream = lease.stream();
  const auto sent = co_await stream.send(&request_, {}, true, deadline);
  if (!sent) co_return broken(sent.error(), lease.reused() && !stream.answered());
  for (;;) {   // interim answers are bounded by the client
    auto head = co_await stream.read_head(deadline);
    if (!head) {
      const bool closed = head.error().kind == ErrorKind::closed || head.error().kind == ErrorKind::reset;
      co_return broken(head.error(), closed && lease.reused() && !stream.answered());
    }
    if ((*head)->status < 200 && (*head)->status != 101) continue;
    if (!take_over(**head)) co_return Heard{.cause = Cause::upstream_protocol_error};
    co_return co_await read_body(stream, **head, deadline);
  }
}

io::Task<AuthCall::Heard> AuthCall::read_body(wire::ClientStream& stream, const http::ResponseHead& head, io::Deadline deadline) {
  const std::uint16_t status = head.status;
  bool end = head.framing.kind == http::Framing::Kind::none;
  std::size_t bytes = 0;
  while (!end) {
    wire::Piece piece;
    if (!stream.try_read(piece)) {
      auto next = co_await stream.read(deadline);
      if (!next) {
        Heard heard = broken(next.error(), false);
        if (heard.cause == Cause::upstream_closed) heard.cause = Cause::body_truncated;
        co_return heard;
      }
      piece = *next;
    }
    end = piece.end;
    bytes += piece.bytes.size();
    if (bytes > kMostBody) {
      detail_ = fmt::format("its answer is larger than {} KiB", kMostBody / 1024);
      co_return Heard{.cause = Cause::upstream_protocol_error};
    }
  }
  co_return Heard{.status = status};
}

// What of the answer is used later: its head is gone at the next suspension. False: too much.
bool AuthCall::take_over(const http::ResponseHead& head) {
  answer_ = {};
  if (head.status / 100 == 3) detail_ = "it redirects, which is not followed";
  for (const http::Field& field : head.fields.all()) {
    if (head.status / 100 == 2 && names(rule_.take, field.name))
      answer_.fields += fmt::format("{}: {}\r\n", field.name, field.value);
    if ((head.status == 401 || head.status == 403) && http::same_name(field.name, "www-authenticate"))
      answer_.challenge += fmt::format("{}{}", answer_.challenge.empty() ? "" : ", ", field.value);
  }
  if (answer_.fields.size() + answer_.challenge.size() <= kMostFields) return true;
  detail_ = fmt::format("the headers to take over are larger than {} KiB", kMostFields / 1024);
  return false;
}

AuthCall::Heard AuthCall::broken(const Error& error, bool stale) {
  detail_ = error.kind == ErrorKind::timeout
                ? fmt::format("no whole answer within {} ms", rule_.timeout.value.count() / 1'000'000)
                : error.context;
  const Cause cause = error.kind == ErrorKind::timeout    ? Cause::response_timeout
                      : error.kind == ErrorKind::protocol ? Cause::upstream_protocol_error
                                                          : Cause::upstream_closed;
  return {.cause = cause, .stale = stale};
}

AuthAnswer AuthCall::judge(const Heard& heard) {
  if (heard.status / 100 == 2) return {.result = AuthResult::allowed};
  if (heard.status == 401 || heard.status == 403) {
    detail_ = fmt::format("auth service {} answered {}", x_.worker.names().text(upstream_.name), heard.status);
    return {.result = AuthResult::denied, .status = heard.status};
  }
  if (heard.status != 0) {
    AuthAnswer answer = unavailable(fmt::format("it answered {}{}{}", heard.status, detail_.empty() ? "" : ": ", detail_));
    if (heard.status == 413 || heard.status == 414 || heard.status == 431) answer.status = heard.status;
    return answer;
  }
  return unavailable(std::string(detail_));
}

AuthAnswer AuthCall::unavailable(std::string_view why) {
  answer_ = {};
  detail_ = fmt::format("auth service {}: {}", x_.worker.names().text(upstream_.name), why);
  return {};
}

}  // namespace weir::proxy
