#include "proxy/transit.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <variant>

#include "decide/retry.h"
#include "decide/rewrite.h"
#include "fmt/format.h"
#include "proxy/forward.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

namespace weir::proxy {
namespace {

using http::FieldId;

// Host keeps its place among the fields; only its value is the canonical one (RFC 9112 3.2).
void set_host(http::Fields& fields, std::string_view authority) {
  for (http::Field& field : fields.all()) {
    if (field.id != FieldId::host) continue;
    field.value = authority;
    return;   // no request has two
  }
  fields.add(FieldId::host, authority);
}

// Whole milliseconds until then.
fmt::format_int left_of(Stamp until, Stamp now) {
  return fmt::format_int(std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(until - now).count()));
}

struct Place {
  std::size_t at = 0, size = 0;
};
// Of the last field of this name in a head as it is sent.
Place find_value(std::string_view head, std::string_view name) {
  for (std::size_t at = head.rfind(name); at != std::string_view::npos && at >= 2; at = head.rfind(name, at - 1)) {
    if (head.substr(at - 2, 2) != "\r\n" || head.substr(at + name.size(), 2) != ": ") continue;
    const std::size_t value = at + name.size() + 2;
    return {.at = value, .size = head.find("\r\n", value) - value};
  }
  return {};
}

}  // namespace

void prepare_transit(Context& x, Request& request, const Verdict& verdict, Transit& transit) {
  const Policy& policy = x.policy();
  const Route& route = policy.routes[verdict.route.index()];
  http::RequestHead& head = x.client.head();
  Arena& arena = x.worker.arena();
  arena.clear();

  const RouteSettings& settings = policy.settings_of(route);
  transit.timeouts = settings.timeouts;
  transit.per_try = settings.retry.per_try_timeout;
  if (const auto& left = request.facts.deadline; left && (!transit.timeouts.total || *left < transit.timeouts.total->value)) {
    transit.timeouts.total = ConfiguredTime{.value = *left, .source = {}};   // a peer may tighten, never widen
  }
  transit.total = after(x.stamp, transit.timeouts.total);
  transit.head_request = head.method == "HEAD";
  transit.has_body = head.framing.kind != http::Framing::Kind::none;
  transit.repeatable = !transit.has_body && decide::idempotent(head.method);
  transit.key = key_of(x, verdict.endpoint);
  const Upstream& upstream = policy.upstreams[verdict.upstream.index()];
  transit.learns = upstream.balance == BalanceKind::peak_ewma;
  transit.version_header = upstream.version_header;
  transit.deadline_header = policy.deadline_header;
  transit.response_headers = settings.response_headers;

  const std::string_view authority =
      request.port ? arena.join({request.facts.host, ":", fmt::format_int(*request.port).c_str()}) : request.facts.host;
  char* const client = arena.room(kAddressText);
  const fmt::format_int left = left_of(transit.total, x.now());
  const ForwardedBy by{.client = {client, put(client, request.peer.address)}, .host = authority,
                       .request_id = x.draft.get(Draft::request_id), .traceparent = x.draft.get(Draft::traceparent),
                       .via = x.worker.request_via(head.version), .loop_mark = x.worker.loop_marks().mark(request.facts.hops),
                       .deadline_header = policy.deadline_header,
                       .deadline = transit.total == io::kNever ? std::string_view() : arena.keep({left.data(), left.size()}),
                       .peer_trusted = request.peer_trusted};
  forward_request_fields(settings.request_headers, by, head, arena);
  const auto& forward = std::get<Forward>(route.action);
  http::Fields& fields = head.fields;
  set_host(fields, decide::rewritten_host(forward, authority));
  std::string storage;
  std::string_view target = decide::rewritten_path(forward, route.match, request.facts.path, storage);
  if (head.has_query) target = arena.join({target, "?", head.query});
  prepare({.method = head.method, .target = target, .fields = &fields, .framing = head.framing,
           .websocket = head.websocket}, transit.prepared);
}

// What is left is less at the next attempt. The head stands; spaces after a value do not count (RFC 9110 5.5).
void shorten_deadline(Context& x, Transit& transit) {
  if (transit.deadline_header.empty() || transit.total == io::kNever) return;
  std::string& head = transit.prepared.bytes;
  const Place told = find_value(head, transit.deadline_header);
  const fmt::format_int left = left_of(transit.total, x.now());
  const std::string_view text(left.data(), std::min(left.size(), told.size));
  head.replace(told.at, told.size, told.size, ' ').replace(told.at, text.size(), text);
}

void note_attempt(Context& x, const Transit& transit, std::uint16_t status, Cause cause) {
  ExchangeRecord& record = x.record();
  const Nanos took = x.now() - transit.attempt_began;
  if (transit.learns) {
    x.balancer().learn(transit.key, result_of({.status = status, .cause = cause}), took, x.now());
  }
  if (record.attempts > ExchangeRecord::kAttempts) return;
  const std::int64_t micros = took.count() / 1000;
  record.tries[record.attempts - 1u] = {.endpoint = record.endpoint, .micros = static_cast<std::uint32_t>(std::clamp<std::int64_t>(micros, 0, UINT32_MAX)),
                                        .status = status, .cause = cause};
}

}  // namespace weir::proxy
