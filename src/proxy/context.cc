#include "proxy/context.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "auth/gather.h"
#include "decide/client.h"
#include "decide/deadline.h"
#include "decide/loop.h"
#include "decide/route.h"
#include "fmt/core.h"
#include "http/canonical.h"
#include "http/query.h"
#include "model/request_id.h"
#include "proxy/late_probe.h"
#include "proxy/trace_context.h"

namespace weir::proxy {
namespace {

using http::FieldId;

// Hashed here once for all that ask: limits of one policy or two, and the arrival that is recorded.
WatchedValue watched(std::optional<std::string_view> value, HashKey seed) {
  if (!value) return {};
  return {.state = WatchedValue::State::text, .text = *value, .digest = keyed_hash(seed, *value)};
}

std::uint16_t saturated(std::size_t bytes) { return static_cast<std::uint16_t>(std::min<std::size_t>(bytes, UINT16_MAX)); }

// Names of the head's fields and its size, as received: what forwarding adds comes later.
void measure_head(const http::RequestHead& head, Request& request) {
  std::size_t bytes = head.method.size() + head.target.size() + 12;
  for (const http::Field& field : head.fields.all()) {
    request.header_names.push_back(field.name);
    bytes += field.name.size() + field.value.size() + 4;
  }
  request.head_bytes = saturated(bytes);
}

// Most requests come with neither field, and finding none costs two bits.
std::uint8_t hops_of(const http::Fields& fields, const decide::LoopMarks& marks, std::string_view via_name) {
  if (fields.find(FieldId::cdn_loop) == nullptr && fields.find(FieldId::via) == nullptr) return 0;
  decide::HopCount count(marks, via_name);
  for (const http::Field& field : fields.all()) {
    if (field.id == FieldId::cdn_loop) count.cdn_loop(field.value);
    if (field.id == FieldId::via) count.via(field.value);
  }
  return count.hops();
}

bool in_any(const std::vector<Net>& nets, const Address& address) {
  return std::ranges::any_of(nets, [&](const Net& net) { return net.contains(address); });
}

// A client's own request id is taken from trusted peers only, and only if it could not be mistaken for anything else.
bool believable_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

Context::Context(WorkerListener& on, wire::ServerStream& stream)
    : listener(on), worker(on.worker()), client(stream), epoch(worker.epochs().enter()),
      exchange(worker.next_exchange()), stamp(now()), draft(worker.spare()), opinion_(&*epoch) {
  ++worker.in_flight();
  ExchangeRecord& r = record();
  r.exchange = exchange;
  r.arrived = stamp;
  r.arrived_wall = worker.wall();
  r.head_time = stamp - client.head_began();
  r.revision = policy().revision;
  r.in_flight = worker.in_flight();
  r.listener = listener.name();
}

void Context::enforce(const Opinion& opinion) {
  opinion_ = &opinion;
  record().revision = policy().revision;
}

Context::~Context() {
  ExchangeRecord& r = record();
  r.total_time = now() - r.arrived;
  r.bytes_in = client.body_bytes_received();
  r.bytes_out = client.body_bytes_sent();
  --worker.in_flight();
  if (late == nullptr) {
    worker.observer().finished(r, draft.text());
  } else {
    worker.observer().held_back(r);
    worker.late_began();
    worker.scope().adopt(probe_late(worker, std::move(late), std::make_unique<Draft>(std::move(draft))));
  }
}

// The order of replay is that of stamps. Where several workers charge one table, the clock is therefore read between what
// prepares a decision and what charges by it, and not once a turn: whatever lies in between is time in which another worker
// may come first (docs/design/012-follower.md has the figures).
Stamp Context::stamp_decision() {
  const bool asks = !worker.seat(*epoch).asked.all().empty() || (epoch->other != nullptr && !worker.seat(*epoch->other).asked.all().empty());
  if (!worker.shared().alone && asks) record().arrived = stamp = worker.loop().refresh();
  return stamp;
}

void Context::fail(Cause cause, std::string_view detail) {
  record().cause = cause;
  if (!detail.empty()) draft.set(Draft::detail, detail);
}

Address client_of(const Context& x, const std::vector<Net>& trusted) {
  const SocketAddress peer = x.client.peer();
  std::array<std::string_view, 8> forwarded;
  std::size_t lines = 0;
  if (peer.is_unix() || in_any(trusted, peer.address)) {
    for (const http::Field& field : x.client.head().fields.all()) {
      if (field.id == FieldId::x_forwarded_for && lines < forwarded.size()) forwarded[lines++] = field.value;
    }
  }
  return decide::client_address(peer.address, {forwarded.data(), lines}, trusted);
}

void read_request(Context& x, Request& request) {
  const http::RequestHead& head = x.client.head();
  const Policy& policy = x.policy();
  const std::vector<Net>& trusted = x.listener.trusted_proxies();
  request.clear();
  Facts& facts = request.facts;
  const auto host = http::canonical_host(head.authority, request.host);
  facts.host = host.host;
  decide::expect_host(policy, facts.host);   // what follows needs no memory that may be far
  if (x.epoch->other != nullptr) decide::expect_host(*x.epoch->other->policy, facts.host);

  measure_head(head, request);
  facts.listener = x.listener.id();
  facts.protocol = head.version == http::Version::http2 ? Protocol::http2 : Protocol::http1;
  facts.method = head.method;
  facts.query = head.query;

  request.peer = x.client.peer();
  request.peer_trusted = request.peer.is_unix() || in_any(trusted, request.peer.address);
  facts.client = client_of(x, trusted);

  const auto path = http::canonical_path(head.path, http::EncodedSlash::keep, request.path);
  if (!head.authority.empty()) request.violation = host.violation;
  if (request.violation == http::Violation::none && head.path != "*") request.violation = path.violation;
  facts.path = head.path == "*" ? head.path : path.path;
  facts.encoded_slash = facts.path.find("%2F") != std::string_view::npos;
  request.port = host.port;
  facts.hops = x.record().hops = hops_of(head.fields, x.worker.loop_marks(), policy.via_name);

  if (!policy.deadline_header.empty() && request.peer_trusted) {
    if (const http::Field* sent = head.fields.find(policy.deadline_header)) facts.deadline = decide::deadline_of(sent->value);
  }

  if (const Nanos waited = x.client.waited(); x.worker.load().is_long(waited)) {
    facts.waited = waited;
    if (facts.deadline) facts.deadline = std::max(*facts.deadline - facts.waited, Nanos(0));
  }

  read_watched(x, policy, request);
}

void name_request(Context& x, const Request& request) {
  const RequestIdText own = request_id(x.worker.shared().installation, x.exchange);
  const http::Field* sent = request.peer_trusted ? x.client.head().fields.find(FieldId::x_request_id) : nullptr;
  x.draft.set(Draft::request_id, sent != nullptr && believable_id(sent->value) ? sent->value : own.view());
  const http::Field* parent = x.client.head().fields.find(FieldId::traceparent);
  const TraceParent trace = next_traceparent(parent == nullptr ? std::string_view() : parent->value,
                                             x.worker.shared().seed, own, x.exchange);
  x.draft.set(Draft::traceparent, trace.view());
}

void note_request(Context& x, const Request& request) {
  const http::RequestHead& head = x.client.head();
  const Facts& facts = request.facts;
  x.draft.reserve(128 + facts.host.size() + facts.path.size() + facts.query.size());
  x.draft.set(Draft::method, facts.method);
  x.draft.set(Draft::host, facts.host);
  x.draft.set(Draft::path, facts.path);
  x.draft.set(Draft::query, facts.query);
  if (const http::Field* agent = head.fields.find(FieldId::user_agent)) x.draft.set(Draft::user_agent, agent->value);
  x.record().client = facts.client;
  x.detail_full = facts.client.is_loopback() || in_any(x.listener.trusted_proxies(), facts.client);
  x.expects_continue = head.expect_continue;
}

void read_watched(const Context& x, const Policy& policy, Request& request) {
  const http::RequestHead& head = x.client.head();
  const HashKey seed = x.worker.shared().seed;
  for (const std::string& name : policy.watched_headers) {
    const http::Field* field = head.fields.find(name);
    request.headers.push_back(watched(field == nullptr ? std::nullopt : std::optional(field->value), seed));
  }
  for (const std::string& name : policy.watched_queries) request.queries.push_back(watched(http::query_value(head.query, name), seed));
  request.facts.headers = request.headers;
  request.facts.queries = request.queries;
}

void read_evidence(Context& x, const Opinion& opinion, Request& request) {
  const http::RequestHead& head = x.client.head();
  request.evidence.resize(opinion.policy->identities.size());
  auth::gather(*opinion.policy, *opinion.keys,
               {.header = [&](std::string_view name) -> std::optional<std::string_view> {
                  const http::Field* field = head.fields.find(name);
                  return field == nullptr ? std::nullopt : std::optional(field->value);
                },
                .peer = request.peer.address, .client = request.facts.client, .wall = x.record().arrived_wall},
               request.evidence);
}

void note_verdict(Context& x, const Request& request, const Verdict& verdict) {
  const Policy& policy = x.policy();
  ExchangeRecord& r = x.record();
  r.rule = verdict.rule.name;
  r.cause = verdict.action == Action::forward ? Cause::none : verdict.cause;
  if (verdict.route.valid()) r.route = policy.routes[verdict.route.index()].name;
  if (verdict.upstream.valid()) r.upstream = policy.upstreams[verdict.upstream.index()].name;
  if (verdict.expected) r.flags |= ExchangeRecord::kExpected;
  r.who.caller = verdict.caller.digest;
  std::memcpy(&r.who.method, request.facts.method.data(), std::min(sizeof r.who.method, request.facts.method.size()));
  if (verdict.caller.kind != CallerRef::Kind::address) {
    const Evidence& proof = request.evidence[verdict.caller.rule.index()];
    x.detail_full = true;
    x.draft.set(Draft::caller, proof.subject);
    r.who.identity = policy.identities[verdict.caller.rule.index()].name;
    if (!proof.groups.empty()) r.who.group = keyed_hash(x.worker.shared().seed, proof.groups.front());
  }
}

void expect_arrival(const Context& x, Request& request) {
  if (x.policy().record.enabled) request.expected = x.worker.observer().expect_arrival(x.policy().revision, request.facts, request.header_names);
}

void write_arrival(Context& x, const Request* request, const Verdict& verdict) {
  if (!x.policy().record.enabled) return;
  Arrival arrival;
  arrival.stamp = x.stamp;
  arrival.exchange = x.exchange;
  arrival.revision = x.policy().revision;
  arrival.second = x.record().second.revision;
  arrival.rule = verdict.rule.name;
  arrival.cause = verdict.cause;
  arrival.action = verdict.action;
  if (verdict.route.valid()) arrival.route = x.policy().routes[verdict.route.index()].name;
  if (verdict.endpoint.valid()) arrival.endpoint = x.policy().endpoints[verdict.endpoint.index()].name;
  arrival.conditions = x.conditions().number;
  record::Judged judged{.policy = x.policy(), .verdict = verdict};
  if (request != nullptr) {
    arrival.head_bytes = request->head_bytes;
    arrival.hops = request->facts.hops;
    arrival.asks = verdict.asks;
    judged.facts = &request->facts;
    judged.evidence = request->evidence;
    judged.header_names = request->header_names;
    judged.expected = request->expected;
  }
  x.worker.observer().arrived(arrival, judged);
}

}  // namespace weir::proxy
