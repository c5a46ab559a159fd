// The walk of one request through transfer():
//   prepare   the head to send is written once, into memory of its own: it may wait for a connection, or be sent again
//   lease     an idle connection without waiting, or a new one within the connect timeout
//   send      head and what is here of the body in one system call; the rest of the body goes on beside what follows
//   answer    the upstream's head within the response timeout, interim answers passed on or dropped
//   respond   head and first bytes to the client in one system call, then piece by piece
// A failure before the client has seen a byte is asked of decide (retry or answer); after that the client's copy is cut,
// never ended cleanly.
#include "proxy/transfer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/hash.h"
#include "fmt/format.h"
#include "http/http1.h"
#include "io/scope.h"
#include "proxy/answer.h"
#include "proxy/external_auth.h"
#include "proxy/forward.h"
#include "proxy/late_probe.h"
#include "proxy/transit.h"
#include "proxy/upstream.h"
#include "proxy/worker.h"

namespace weir::proxy {
namespace {

using http::FieldId;
using Attempt = decide::AttemptEnd;

// A client that resets while it waits ends the upstream's work too. Once nothing is read of it any more.
struct Watch {
  Context& x;
  Lease& lease;
  void begin() {
    x.client.on_peer_event(&Watch::look, this);
    look(this);   // what had come before is not announced
  }
  void end() { x.client.on_peer_event(nullptr, nullptr); }
  static void look(void* context) {
    auto& [x, lease] = *static_cast<Watch*>(context);
    if (x.client.peer_failed()) lease.cut();
  }
};

// The request body on its way, beside the answer; or what goes up a tunnel.
struct Upload {
  Stamp done_at = io::kNever;         // when its last byte was sent
  Stamp moved = Stamp::min();         // when bytes of it came last
  bool alone = false;                 // of a tunnel: the way down has ended
  std::optional<Failure> failure;     // of the client's side
};

Failure failure_of(Cause cause, std::string detail) { return {.cause = cause, .detail = std::move(detail)}; }

Failure timed_out(Context& x, Phase phase, const ConfiguredTime& timeout) {
  x.record().timeout_phase = phase;
  x.record().timeout_line = timeout.source.line;
  const bool total = phase == Phase::total;
  const std::string_view name = phase == Phase::connect ? "connect" : phase == Phase::response ? "response"
                              : phase == Phase::idle    ? "idle"    : "total";
  Failure failure = failure_of(total ? Cause::deadline_expired : phase == Phase::connect ? Cause::connect_failed : Cause::response_timeout,
                               total && timeout.source.line == 0 ? fmt::format("the caller's deadline of {} ms", timeout.value.count() / 1'000'000)
                                                                 : fmt::format("{} timeout of {} ms", name, timeout.value.count() / 1'000'000));
  failure.timeout = timeout.value;
  return failure;
}

// ---- the request's body -----------------------------------------------------------------------------------------

Failure client_failure(Context& x, const Error& error) {
  switch (error.kind) {
    case ErrorKind::timeout: return failure_of(Cause::request_timeout, "the request body came too slowly");
    case ErrorKind::too_large: return failure_of(Cause::body_too_large, error.context);
    case ErrorKind::invalid: {
      x.record().violation = static_cast<std::uint8_t>(x.client.violation());
      Failure failure = failure_of(Cause::bad_request, error.context);
      failure.violation = x.client.violation();
      return failure;
    }
    default: return failure_of(Cause::client_gone, error.context);
  }
}

// An upstream that takes nothing of the request is given up as one that sends nothing of its answer.
io::Deadline send_deadline(const Context& x, const Transit& transit) { return std::min(after(x.now(), transit.timeouts.idle), transit.total); }

// Carries the body on until its end. A failure of the upstream's side is found by whoever reads its answer, to whom the
// upload counts as done then: what upstream has to say about it must come within the response timeout.
io::Task<> send_body(Context& x, Lease& lease, const Transit& transit, Upload& upload, Watch& watch) {
  for (bool end = false; !end;) {
    auto piece = co_await x.client.read(io::kNever);
    if (!piece) {
      if (piece.error().kind == ErrorKind::cancelled) co_return;
      upload.failure = client_failure(x, piece.error());
      lease.cut();
      co_return;
    }
    upload.moved = x.now();
    end = piece->end;
    if (!co_await lease.stream().send(nullptr, piece->bytes, end, send_deadline(x, transit))) break;
  }
  upload.done_at = x.now();
  watch.begin();
}

// ---- the answer -------------------------------------------------------------------------------------------------

struct HeadRead {
  http::ResponseHead* head = nullptr;
  Failure failure;
  Attempt::Kind kind = Attempt::Kind::answered;
};

io::Task<HeadRead> read_head(Context& x, Lease& lease, const Transit& transit, const Upload& upload) {
  HeadRead read;
  wire::ClientStream& upstream = lease.stream();
  for (;;) {
    // The response timeout runs from the moment the whole request is sent; until then the body's minimum rate guards.
    const bool sending = upload.done_at == io::kNever;
    const Stamp since = sending ? x.now() : upload.done_at;
    const bool try_first = transit.per_try && (!transit.timeouts.response || *transit.per_try < *transit.timeouts.response);
    const OptionalTime& patience = try_first ? transit.per_try : transit.timeouts.response;
    auto head = co_await upstream.read_head(std::min(after(since, patience), transit.total));
    if (head) {
      if ((*head)->status >= 200 || (*head)->status == 101) {
        read.head = *head;
        co_return read;
      }
      if ((*head)->status == 103) {   // early hints are for the client; 100 and 102 were for us
        http::strip_hop_by_hop((*head)->fields);
        const wire::ResponseStart hints{.status = 103, .reason = {}, .fields = &(*head)->fields, .framing = {}};
        (void)co_await x.client.send_interim(hints);
      }
      continue;
    }
    const Error& error = head.error();
    if (error.kind == ErrorKind::timeout) {
      if (x.now() >= transit.total) {
        read.failure = timed_out(x, Phase::total, *transit.timeouts.total);
      } else if (upload.done_at == io::kNever || x.now() < after(upload.done_at, patience)) {
        continue;
      } else {
        read.failure = timed_out(x, Phase::response, *patience);
      }
      read.kind = Attempt::Kind::timed_out;
    } else if (error.kind == ErrorKind::protocol) {
      x.record().violation = static_cast<std::uint8_t>(upstream.violation());
      read.failure = failure_of(Cause::upstream_protocol_error, error.context);
      read.failure.violation = upstream.violation();
      read.kind = Attempt::Kind::protocol_error;
    } else {
      read.failure = failure_of(Cause::upstream_closed, error.context);
      read.kind = upstream.answered() ? Attempt::Kind::closed_within : Attempt::Kind::closed_unanswered;
    }
    co_return read;
  }
}

// How the answer's body is announced to the client. HEAD and 304 announce what a GET would have had.
http::Framing answer_framing(const http::ResponseHead& head, bool head_request) {
  if (!head_request && head.status != 304) return head.framing;
  if (!head.declared_length) return {};
  return {.kind = http::Framing::Kind::length, .length = *head.declared_length};
}

Failure body_failure(Context& x, const Error& error, const Transit& transit, const wire::ClientStream& upstream) {
  if (error.kind == ErrorKind::timeout) {
    return x.now() >= transit.total ? timed_out(x, Phase::total, *transit.timeouts.total)
                                 : timed_out(x, Phase::idle, *transit.timeouts.idle);
  }
  if (error.kind == ErrorKind::protocol) {
    x.record().violation = static_cast<std::uint8_t>(upstream.violation());
    return failure_of(Cause::upstream_protocol_error, error.context);
  }
  return failure_of(Cause::body_truncated, error.context);
}

// The way up of a tunnel, until the client ends it. Whether anything moves at all is watched by who carries the way down, for as long
// as there is one.
io::Task<> tunnel_up(Context& x, Lease& lease, const Transit& transit, Upload& upload) {
  for (;;) {
    auto piece = co_await x.client.read(send_deadline(x, transit));
    if (!piece) {
      const ErrorKind kind = piece.error().kind;
      if (kind == ErrorKind::cancelled) co_return;
      if (kind == ErrorKind::timeout && !upload.alone && x.now() < transit.total) continue;
      if (kind != ErrorKind::timeout) upload.failure = client_failure(x, piece.error());
      lease.cut();
      co_return;
    }
    upload.moved = x.now();
    const bool end = piece->end;
    if (!co_await lease.stream().send(nullptr, piece->bytes, end, send_deadline(x, transit)) || end) co_return;
  }
}

// The answer's body, or the way down of a tunnel.
io::Task<> pump_body(Context& x, Lease& lease, const Transit& transit, wire::Piece piece, const Upload& upload) {
  wire::ClientStream& upstream = lease.stream();
  Stamp moved = x.now();
  bool end = piece.end;
  while (!end) {
    // A read that finds something looks at no deadline, and a slow client may have used up all the time.
    Result<wire::Piece> next = fail(ErrorKind::timeout, "no time is left", Origin::system);
    const io::Deadline until = std::min(after(std::max(moved, upload.moved), transit.timeouts.idle), transit.total);
    if (x.now() < transit.total) next = co_await upstream.read(until);
    if (!next) {
      const bool up_moved = upload.moved > moved && x.now() < std::min(after(upload.moved, transit.timeouts.idle), transit.total);
      if (next.error().kind == ErrorKind::timeout && up_moved) continue;
      // What was cut for the client's sake says nothing about the endpoint.
      const Failure failure = upload.failure ? *upload.failure : body_failure(x, next.error(), transit, upstream);
      x.fail(x.client.peer_failed() ? Cause::client_gone : failure.cause, failure.detail);
      x.client.abort();
      co_return;
    }
    moved = x.now();
    end = next->end;
    if (!co_await x.client.send(nullptr, next->bytes, end)) {
      x.fail(Cause::client_gone, "the client went away within the answer");
      lease.cut();
      co_return;
    }
  }
}

io::Task<> respond(Context& x, Lease& lease, const Transit& transit, http::ResponseHead& head, Upload& upload) {
  ExchangeRecord& record = x.record();
  record.status = record.upstream_status = head.status;
  record.response_time = x.now() - record.arrived - std::chrono::microseconds(record.auth.call.micros);
  note_attempt(x, transit, head.status, Cause::none);
  if (head.status >= 500) record.cause = Cause::upstream_error;
  x.worker.observer().expect(record);
  if (!transit.version_header.empty()) {
    if (const http::Field* const field = head.fields.find(transit.version_header); field != nullptr)
      record.version = keyed_hash(x.worker.shared().seed, field->value);
  }
  const bool tunnel = head.status == 101;
  http::Framing framing = answer_framing(head, transit.head_request);
  if (tunnel) framing = {.kind = http::Framing::Kind::tunnel};
  forward_response_fields(transit.response_headers, x.worker.via(head.version), x.worker.date(),
                          x.draft.get(Draft::request_id), head);

  wire::ClientStream& upstream = lease.stream();
  wire::Piece piece{.bytes = {}, .end = head.framing.kind == http::Framing::Kind::none && !tunnel};
  if (!piece.end) (void)upstream.try_read(piece);
  const wire::ResponseStart start{.status = head.status, .reason = head.reason, .fields = &head.fields, .framing = framing};
  const bool sent = (co_await x.client.send(&start, piece.bytes, piece.end)).has_value();
  x.epoch.release();   // a tunnel or a long body must not keep an old policy alive
  if (!sent) {
    x.fail(Cause::client_gone, "the client went away before the answer");
    if (!piece.end) lease.cut();
    co_return;
  }
  if (piece.end) co_return;
  if (!tunnel) co_return co_await pump_body(x, lease, transit, piece, upload);
  record.flags |= ExchangeRecord::kTunnel;
  io::Scope up(x.worker.loop());
  up.spawn([&] { return tunnel_up(x, lease, transit, upload); });
  co_await pump_body(x, lease, transit, piece, upload);
  upload.alone = true;
  if (record.cause != Cause::none) up.cancel();
  co_await up.join();
}

// ---- one attempt ------------------------------------------------------------------------------------------------

struct AttemptResult {
  Attempt end;
  Failure failure;         // none: the client has its answer, or its part of one
  std::optional<decide::AttemptVerdict> next;   // an answer came that is not passed on: one more attempt follows
};

bool too_late(const Context& x, const Transit& transit, Nanos wait) { return transit.total != io::kNever && x.now() + wait >= transit.total; }

// RFC 9110 10.2.3, in seconds; a date is taken as longer than anybody waits.
std::optional<Nanos> retry_after(const http::ResponseHead& head) {
  const http::Field* const field = head.fields.find(FieldId::retry_after);
  if (field == nullptr) return std::nullopt;
  std::uint32_t seconds = 0;
  const char* const end = field->value.data() + field->value.size();
  const auto [at, error] = std::from_chars(field->value.data(), end, seconds);
  if (error != std::errc() || at != end) return std::chrono::hours(1);
  return std::chrono::seconds(seconds);
}

// Asks whether a good attempt shall come in the place of an answer that says that the upstream could not; its connection goes
// back to the pool where the body is here already.
bool try_again(Context& x, Lease& lease, const Transit& transit, decide::Decision& decision, const http::ResponseHead& head, AttemptResult& result) {
  if (head.status < 502 || head.status > 504 || !transit.repeatable) return false;
  result.end.endpoint = decision.verdict().endpoint;
  result.end.repeatable = true;
  result.end.status = head.status;
  result.end.retry_after = retry_after(head);
  auto next = decision.on_attempt_end(result.end, x.now());
  if (!next.retry || too_late(x, transit, next.wait)) return false;
  note_attempt(x, transit, head.status, Cause::none);
  wire::Piece rest;
  if (head.framing.kind != http::Framing::Kind::none) (void)lease.stream().try_read(rest);
  result.next = std::move(next);
  return true;
}

io::Task<AttemptResult> attempt(Context& x, Lease& lease, Transit& transit, decide::Decision& decision) {
  AttemptResult result;
  result.end.reused = lease.reused();
  Upload upload;
  Watch watch{x, lease};
  wire::Piece piece{.bytes = {}, .end = !transit.has_body};
  if (transit.has_body) (void)x.client.try_read(piece);
  const bool whole = piece.end;
  result.end.body_spent = transit.has_body;
  const auto sent = co_await lease.stream().send(&transit.prepared, piece.bytes, whole, send_deadline(x, transit));
  if (whole || !sent) upload.done_at = x.now();

  // Whatever goes to the client is sent by this coroutine alone: first the word to go on, then the answer.
  if (!whole && sent && x.expects_continue) {
    const wire::ResponseStart go_on{.status = 100, .reason = {}, .fields = nullptr, .framing = {}};
    if (!co_await x.client.send_interim(go_on)) {
      lease.cut();
      result.failure = failure_of(Cause::client_gone, "the client went away before its request body");
      co_return result;
    }
  }
  std::optional<io::Scope> sending;
  if (!whole && sent) {
    sending.emplace(x.worker.loop());
    sending->spawn([&] { return send_body(x, lease, transit, upload, watch); });
  } else if (whole) {
    watch.begin();
  }

  // Even where sending failed there may be an answer that says why (RFC 9112 9.5).
  HeadRead read = co_await read_head(x, lease, transit, upload);
  watch.end();
  if (read.head != nullptr) {
    if (try_again(x, lease, transit, decision, *read.head, result)) co_return result;   // nothing is being sent any more
    co_await respond(x, lease, transit, *read.head, upload);
  } else {
    result.failure = std::move(read.failure);
    result.end.kind = read.kind;
  }
  if (sending) {
    sending->cancel();
    co_await sending->join();
    watch.end();   // it may have begun since
  }
  if (upload.failure && read.head == nullptr) result.failure = std::move(*upload.failure);
  co_return result;
}

// What the client is told where no attempt follows.
Failure final_failure(const Context& x, Failure failure, Cause cause) {
  if (cause != Cause::retries_exhausted && cause != Cause::retry_budget_spent) return failure;
  failure.status = failure.status != 0 ? failure.status : info(failure.cause).status;   // as the last try
  failure.detail = fmt::format("{} after {} attempts: {}", info(failure.cause).name, x.draft.record.attempts, failure.detail);
  failure.cause = cause;
  return failure;
}

}  // namespace

io::Task<> transfer(Context& x, Request& request, decide::Decision& decision, AuthCall* first) {
  EndpointId endpoint = decision.verdict().endpoint;
  Transit transit(x.worker.spare());
  prepare_transit(x, request, decision.verdict(), transit);
  if (first != nullptr) {
    if (!co_await authorise(x, decision, *first)) co_return;
    first->add_fields(transit.prepared);
    shorten_deadline(x, transit);
  }
  decide::limits::InFlight& in_flight = x.worker.shared().in_flight;
  decide::limits::InFlight::Hold hold = in_flight.enter(transit.key);
  decide::limits::InFlight::Hold permit;   // of a retry under way

  bool fresh = false;   // a stale connection is followed by a new one, never by another idle one

  for (;;) {
    x.record().endpoint = x.policy().endpoints[endpoint.index()].name;
    ++x.record().attempts;
    transit.attempt_began = x.now();
    AttemptResult result;
    bool out_of_time = false;   // before there was a connection
    Lease lease = fresh ? Lease() : take_idle(x.worker, transit.key);
    if (!lease) {
      const Stamp until = std::min(transit.attempt_began + transit.timeouts.connect.value, transit.total);
      auto connected = co_await connect(x.worker, transit.key, x.conditions().addresses(endpoint.index()), until);
      x.record().connect_time += x.now() - transit.attempt_began;
      if (connected) {
        lease = std::move(*connected);
      } else {
        const bool timeout = connected.error().kind == ErrorKind::timeout;
        out_of_time = timeout && x.now() >= transit.total;
        result.end.kind = out_of_time ? Attempt::Kind::timed_out : Attempt::Kind::connect_failed;
        result.failure = out_of_time ? timed_out(x, Phase::total, *transit.timeouts.total)
                         : timeout ? timed_out(x, Phase::connect, transit.timeouts.connect)
                         : failure_of(connected.error().kind == ErrorKind::not_found ? Cause::dns_failed : Cause::connect_failed,
                                      to_string(connected.error()));
      }
    }
    if (lease) {
      if (lease.reused()) x.record().flags |= ExchangeRecord::kReused;
      result = co_await attempt(x, lease, transit, decision);
    }
    if (!result.next) {
      if (result.failure.cause == Cause::none) co_return;
      if (x.client.peer_failed()) {
        note_attempt(x, transit, 0, Cause::client_gone);
        co_return x.fail(Cause::client_gone, "the client went away before the answer");
      }
      result.end.endpoint = endpoint;
      result.end.repeatable = transit.repeatable;
      result.next = decision.on_attempt_end(result.end, x.now());
      // A stale connection says nothing about its endpoint, nor does a connect that there was no time for.
      note_attempt(x, transit, 0, result.next->fresh || out_of_time ? Cause::none : result.failure.cause);
    }
    decide::AttemptVerdict next = std::move(*result.next);
    const bool last = !next.retry || too_late(x, transit, next.wait);
    if (last) keep_for_probe(x, decision, lease, {.endpoint = hold, .key = transit.key, .timeout = result.failure.timeout});
    lease = Lease();
    if (last) {
      if (result.failure.cause == Cause::client_gone) co_return x.fail(Cause::client_gone, result.failure.detail);
      co_return co_await answer_failure(x, final_failure(x, result.failure, next.cause));
    }
    x.record().flags |= ExchangeRecord::kRetried;
    x.record().timeout_phase = Phase::none;   // the record tells of the attempt that counts
    x.record().timeout_line = 0;
    permit = std::move(next.permit);
    if (next.wait > Nanos(0)) {
      if (!co_await x.worker.loop().sleep_for(next.wait)) co_return x.fail(Cause::draining, "the gateway ended before the next attempt");
      if (x.client.peer_failed()) co_return x.fail(Cause::client_gone, "the client went away before the answer");
    }
    endpoint = next.endpoint;
    fresh = next.fresh;
    transit.key = key_of(x, endpoint);
    shorten_deadline(x, transit);
    hold = in_flight.enter(transit.key);
  }
}

}  // namespace weir::proxy
