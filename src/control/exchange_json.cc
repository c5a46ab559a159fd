#include "control/exchange_json.h"

#include <array>

#include "control/text.h"
#include "fmt/core.h"
#include "http/violation.h"
#include "model/cause.h"

namespace weir::control {
namespace {

double milliseconds(Nanos time) { return static_cast<double>(time.count()) / 1e6; }

// null where there is nothing to say.
void optional(JsonWriter& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty())
    json.null();
  else
    json.value(text);
}

std::string_view phase_name(Phase phase) {
  static constexpr std::array<std::string_view, 8> kNames = {
      "none", "head", "connect", "send", "response", "idle", "body", "total"};
  return kNames[static_cast<std::size_t>(phase)];
}

}  // namespace

void write_exchange(JsonWriter& json, const exporting::KeptExchange& exchange,
                    const NameTable& names) {
  const ExchangeRecord& r = exchange.record;
  const CauseInfo& cause = info(r.cause);
  const auto flag = [&](ExchangeRecord::Flags which) { return (r.flags & which) != 0; };
  json.begin_object()
      .field("request_id", exchange.request_id)
      .field("at", time_text(r.arrived_wall));
  json.field("worker", r.exchange.worker.value).field("sequence", r.exchange.sequence);
  json.field("method", exchange.method).field("host", exchange.host).field("path", exchange.path);
  optional(json, "query", exchange.query);
  json.field("path_cut", exchange.path_cut).field("query_cut", exchange.query_cut);
  json.field("client", to_string(r.client));
  optional(json, "caller", exchange.caller);
  optional(json, "user_agent", exchange.user_agent);
  optional(json, "traceparent", exchange.traceparent);
  json.field("revision", fmt::format("r{}", r.revision));
  optional(json, "listener", names.text(r.listener));
  optional(json, "route", names.text(r.route));
  optional(json, "upstream", names.text(r.upstream));
  optional(json, "endpoint", names.text(r.endpoint));
  json.field("status", r.status).field("upstream_status", r.upstream_status);
  json.field("cause", cause.name).field("side", to_string(cause.side));
  optional(json, "rule", r.cause == Cause::none ? std::string_view() : names.text(r.rule));
  optional(json, "detail", exchange.detail);
  optional(json, "violation",
           r.violation == 0 ? std::string_view()
                            : http::info(static_cast<http::Violation>(r.violation)).name);
  json.field("hops", r.hops);
  json.field("attempts", r.attempts)
      .field("reused", flag(ExchangeRecord::kReused))
      .field("retried", flag(ExchangeRecord::kRetried));
  json.field("tunnel", flag(ExchangeRecord::kTunnel));
  json.field("head_ms", milliseconds(r.head_time))
      .field("connect_ms", milliseconds(r.connect_time));
  json.key("auth");
  if (r.auth.result == AuthResult::none)
    json.null();
  else
    json.begin_object()
        .field("upstream", names.text(r.auth.upstream))
        .field("endpoint", names.text(r.auth.call.endpoint))
        .field("result", to_string(r.auth.result))
        .field("kept", r.auth.kept)
        .field("status", r.auth.call.status)
        .field("ms", static_cast<double>(r.auth.call.micros) / 1e3)
        .end_object();
  json.field("response_ms", milliseconds(r.response_time))
      .field("total_ms", milliseconds(r.total_time));
  json.key("timeout");
  if (r.timeout_phase == Phase::none)
    json.null();
  else
    json.begin_object()
        .field("phase", phase_name(r.timeout_phase))
        .field("line", r.timeout_line)
        .end_object();
  json.key("second_opinion");
  if (r.second.revision == 0) {
    json.null();
  } else {
    const bool passes = r.second.action != Action::refuse;
    json.begin_object().field("revision", fmt::format("r{}", r.second.revision)).field("passes", passes);
    json.field("cause", passes ? "none" : info(r.second.cause).name).field("rule", names.text(r.second.rule)).end_object();
  }
  json.key("late");
  if (r.late.result == LateResult::not_asked)
    json.null();
  else
    json.begin_object()
        .field("result", to_string(r.late.result))
        .field("status", r.late.status)
        .field("ms", static_cast<double>(r.late.micros) / 1e3)
        .end_object();
  json.field("bytes_in", r.bytes_in)
      .field("bytes_out", r.bytes_out)
      .field("in_flight", r.in_flight)
      .end_object();
}

}  // namespace weir::control
