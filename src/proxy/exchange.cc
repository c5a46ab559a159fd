#include "proxy/exchange.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "decide/decide.h"
#include "decide/rewrite.h"
#include "decide/route.h"
#include "fmt/core.h"
#include "model/request_id.h"
#include "proxy/answer.h"
#include "proxy/context.h"
#include "proxy/deciding.h"
#include "proxy/external_auth.h"
#include "proxy/forward.h"
#include "proxy/transfer.h"
#include "proxy/worker.h"

namespace weir::proxy {
namespace {

io::Task<> answer_with(Context& x, const Answer& answer);
io::Task<> answer_refusal(Context& x, const Facts* facts, const Verdict& verdict, http::Violation violation);
io::Task<> answer_redirect(Context& x, const Request& request, const Verdict& verdict);
io::Task<> answer_direct(Context& x, const Verdict& verdict);
io::Task<> ask_first(Context& x, Request& request, decide::Decision& decision);
bool announces_too_much(const WorkerListener& listener, const http::RequestHead& head);

}  // namespace

io::Task<> exchange(WorkerListener& listener, wire::ServerStream& client) {
  Context x(listener, client);
  Request& head = *x.worker.seat(x.opinion()).request;
  read_request(x, head);
  note_request(x, head);   // while the lines of the host are on their way
  if (head.violation != http::Violation::none) {
    name_request(x, head);
    x.record().violation = static_cast<std::uint8_t>(head.violation);
    Verdict verdict{.cause = Cause::bad_request, .status = http::info(head.violation).status};
    write_arrival(x, nullptr, verdict);
    client.close_after();
    co_return co_await answer_refusal(x, nullptr, verdict, head.violation);
  }

  if (announces_too_much(listener, client.head())) {
    name_request(x, head);
    Verdict verdict{.cause = Cause::body_too_large};
    write_arrival(x, &head, verdict);
    client.close_after();
    co_return co_await answer_refusal(x, nullptr, verdict, http::Violation::none);
  }

  Deciding first(x, x.opinion(), head);
  std::optional<Deciding> second;
  look_beside(x, first, second);
  name_request(x, head);   // while those of the routes are
  if (second) second->on_head(x);
  first.on_head(x);
  expect_arrival(x, head);   // while those of the buckets are
  Deciding& deciding = decide_at_stamp(x, first, second);
  Request& request = deciding.request;
  decide::Decision& decision = deciding.decision;
  const Verdict& verdict = decision.verdict();
  note_verdict(x, request, verdict);
  write_arrival(x, &request, verdict);
  if (deciding.step == decide::Step::need_external_auth) co_return co_await ask_first(x, request, decision);

  switch (verdict.action) {
    case Action::forward: co_return co_await transfer(x, request, decision);
    case Action::redirect: co_return co_await answer_redirect(x, request, verdict);
    case Action::direct_response: co_return co_await answer_direct(x, verdict);
    case Action::refuse: co_return co_await answer_refusal(x, &request.facts, verdict, http::Violation::none);
  }
}

io::Task<> refuse_bytes(WorkerListener& listener, wire::ServerStream& client, http::Violation violation, bool timed_out) {
  Context x(listener, client);
  const SocketAddress peer = client.peer();
  x.record().client = peer.address;
  x.record().violation = static_cast<std::uint8_t>(violation);
  x.detail_full = peer.address.is_loopback();
  x.draft.set(Draft::request_id, request_id(x.worker.shared().installation, x.exchange).view());
  Verdict verdict{.cause = Cause::request_timeout};
  if (!timed_out) {
    verdict.status = http::info(violation).status;
    verdict.cause = verdict.status == 431 || verdict.status == 414 ? Cause::head_too_large : Cause::bad_request;
  }
  write_arrival(x, nullptr, verdict);
  client.close_after();
  co_await answer_refusal(x, nullptr, verdict, violation);
}

io::Task<> answer_failure(Context& x, const Failure& failure) {
  x.fail(failure.cause, failure.detail);
  if (info(failure.cause).side == Side::client) x.client.close_after();   // its body cannot be read to an end
  Refusal refusal{.cause = failure.cause, .status = failure.status, .request_id = x.draft.get(Draft::request_id),
                  .detail = failure.detail, .revision = x.record().revision, .violation = failure.violation,
                  .retry_after = failure.retry_after, .full = x.detail_full};
  x.worker.arena().clear();
  Answer& answer = x.worker.answer();
  write_refusal(refusal, x.worker.date(), x.worker.via(), x.worker.arena(), answer);
  co_await answer_with(x, answer);
}

io::Task<bool> authorise(Context& x, decide::Decision& decision, AuthCall& call) {
  const AuthAnswer answer = co_await call.ask();
  ExchangeRecord& record = x.record();
  if (record.auth.result == AuthResult::none) {
    x.fail(Cause::client_gone, "the client went away while an auth service was asked");
    co_return false;
  }
  decision.on_external_auth(answer);
  const Verdict& verdict = decision.verdict();
  if (verdict.action != Action::refuse) co_return true;
  record.upstream = NameId::none();   // it was never asked
  record.rule = verdict.rule.name;
  x.fail(verdict.cause, call.detail());
  const Policy& policy = x.policy();
  x.worker.arena().clear();
  Refusal refusal{.cause = verdict.cause, .status = verdict.status, .request_id = x.draft.get(Draft::request_id),
                  .detail = x.detail_full ? call.detail() : std::string(), .rule = x.worker.names().text(verdict.rule.name),
                  .revision = policy.revision, .retry_after = verdict.retry_after, .challenge = call.challenge(),
                  .full = x.detail_full};
  if (policy.refusal_detail) refusal.full = *policy.refusal_detail == RefusalDetail::full;
  Answer& refused = x.worker.answer();
  write_refusal(refusal, x.worker.date(), x.worker.via(), x.worker.arena(), refused);
  co_await answer_with(x, refused);
  co_return false;
}

namespace {

// All that is needed of the head is read before the service is asked.
io::Task<> ask_first(Context& x, Request& request, decide::Decision& decision) {
  AuthCall call(x, request, decision.verdict().route);
  if (decision.verdict().action == Action::forward) co_return co_await transfer(x, request, decision, &call);
  if (co_await authorise(x, decision, call)) co_await answer_direct(x, decision.verdict());
}

// A body that says by itself that it is over the cap need not be read to be refused.
bool announces_too_much(const WorkerListener& listener, const http::RequestHead& head) {
  const std::optional<Bytes> cap = listener.options().body_cap;
  return cap && head.framing.kind == http::Framing::Kind::length && head.framing.length > cap->count;
}

// The fields that every answer of our own carries.
Answer& begin_answer(Context& x, std::uint16_t status) {
  x.worker.arena().clear();
  Answer& answer = x.worker.answer();
  answer.status = status;
  answer.body.clear();
  answer.fields.clear();
  answer.fields.add(http::FieldId::date, x.worker.date());
  answer.fields.add(http::FieldId::x_request_id, x.draft.get(Draft::request_id));
  answer.fields.add(http::FieldId::via, x.worker.via());
  return answer;
}

io::Task<> answer_with(Context& x, const Answer& answer) {
  if (!x.client.body_finished() && x.expects_continue) x.client.close_after();
  x.record().status = answer.status;
  http::Framing framing;
  if (!answer.body.empty()) framing = {.kind = http::Framing::Kind::length, .length = answer.body.size()};
  const wire::ResponseStart start{.status = answer.status, .reason = {}, .fields = &answer.fields, .framing = framing};
  if (!co_await x.client.send(&start, answer.body, true)) x.record().status = 0;
}

std::string refusal_detail(const Context& x, const Verdict& verdict, http::Violation violation) {
  if (violation != http::Violation::none) return std::string(http::info(violation).text);
  if (verdict.cause == Cause::limit_rejected && x.detail_full) {
    return fmt::format("limit {} refused this request", x.worker.names().text(verdict.rule.name));
  }
  if ((verdict.cause == Cause::caller_capped || verdict.cause == Cause::paused) && x.detail_full) {
    return fmt::format("the temporary change {} refused this request", x.worker.names().text(verdict.rule.name));
  }
  if (verdict.cause == Cause::gateway_overloaded && x.detail_full) {
    return fmt::format("the gateway is short of this: {}", x.worker.names().text(verdict.rule.name));
  }
  if (verdict.cause == Cause::loop_detected && x.detail_full) {
    return fmt::format("this request was here {} times before, and loop.depth is {}", x.draft.record.hops,
                       x.policy().loop.depth);
  }
  return {};
}

io::Task<> answer_refusal(Context& x, const Facts* facts, const Verdict& verdict, http::Violation violation) {
  const std::string detail = refusal_detail(x, verdict, violation);
  x.fail(verdict.cause, violation != http::Violation::none ? http::info(violation).name : std::string_view(detail));
  const Policy& policy = x.policy();
  Arena& arena = x.worker.arena();
  arena.clear();
  Refusal refusal{.cause = verdict.cause, .status = verdict.status, .request_id = x.draft.get(Draft::request_id),
                  .detail = detail, .rule = x.worker.names().text(verdict.rule.name), .revision = policy.revision,
                  .violation = violation, .retry_after = verdict.retry_after, .full = x.detail_full};
  if (policy.refusal_detail) refusal.full = *policy.refusal_detail == RefusalDetail::full;
  if (verdict.status == 401) refusal.challenge = "ApiKey";
  if (verdict.cause == Cause::method_not_allowed && facts != nullptr) {
    refusal.allow = arena.keep(decide::allowed_methods(policy, *facts, x.worker.shared().seed));
  }
  Answer& answer = x.worker.answer();
  write_refusal(refusal, x.worker.date(), x.worker.via(), arena, answer);
  if (verdict.tightest) {
    const Limit& limit = policy.limits[verdict.tightest->limit.index()];
    add_rate_limit_fields(policy.rate_limit_fields, x.worker.names().text(limit.name), limit, *verdict.tightest, arena, answer.fields);
  }
  co_await answer_with(x, answer);
}

io::Task<> answer_redirect(Context& x, const Request& request, const Verdict& verdict) {
  const Route& route = x.policy().routes[verdict.route.index()];
  x.fail(Cause::redirect);
  Answer& answer = begin_answer(x, verdict.status);
  answer.fields.add(http::FieldId::location, x.worker.arena().keep(decide::location(route, request.facts, request.port)));
  apply_operations(x.policy().settings_of(route).response_headers, answer.fields);
  co_await answer_with(x, answer);
}

io::Task<> answer_direct(Context& x, const Verdict& verdict) {
  const Route& route = x.policy().routes[verdict.route.index()];
  const auto& direct = *std::get<Boxed<DirectResponse>>(route.action);
  x.fail(Cause::direct_response);
  Answer& answer = begin_answer(x, verdict.status);
  if (!direct.content_type.empty()) answer.fields.add(http::FieldId::content_type, direct.content_type);
  answer.body = direct.body;
  apply_operations(x.policy().settings_of(route).response_headers, answer.fields);
  co_await answer_with(x, answer);
}

}  // namespace
}  // namespace weir::proxy
