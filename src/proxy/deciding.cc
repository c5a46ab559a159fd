#include "proxy/deciding.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "base/hash.h"

namespace weir::proxy {
namespace {

decide::State state_of(Context& x, const Opinion& opinion) {
  Seat& seat = x.worker.seat(opinion);
  return {.limits = *opinion.limits, .asked = seat.asked, .balancer = seat.balancer, .conditions = *opinion.conditions,
          .in_flight = x.worker.shared().in_flight, .seed = x.worker.shared().seed, .own = x.worker.load().own()};
}

std::uint64_t unit_of(const Context& x, Unit unit, const Deciding& first) {
  switch (unit) {
    case Unit::caller: return first.decision.caller().digest;
    case Unit::client: return first.client.caller;
    case Unit::request: break;
  }
  return mix(x.exchange.sequence) ^ x.exchange.worker.value;
}

std::uint8_t hundredths(const decide::AskedLimit& asked) {
  const std::uint64_t burst = asked.burst(), left = std::min(burst, decide::limits::remaining(asked.fill, asked.pace));
  return static_cast<std::uint8_t>((burst - left) * 100 / burst);
}

void note_fills(Context& x, const Opinion& own, const Opinion& other, SecondOpinion& out) {
  const std::span<const decide::AskedLimit> others = std::as_const(x.worker.seat(other).asked).all();
  std::size_t next = 0;
  for (const decide::AskedLimit& asked : std::as_const(x.worker.seat(own).asked).all()) {
    if (next == out.fills.size()) return;
    const auto same = std::ranges::find(others, asked.limit->name, [](const decide::AskedLimit& one) { return one.limit->name; });
    if (same == others.end()) continue;
    out.fills[next++] = {.limit = asked.limit->name, .own = hundredths(asked), .other = hundredths(*same)};
  }
}

void note(Context& x, const Opinion& own, const Deciding& beside) {
  const Policy& policy = *beside.opinion.policy;
  const Verdict& verdict = beside.decision.verdict();
  SecondOpinion& out = x.record().second;
  out.action = verdict.action;
  out.cause = verdict.action == Action::forward ? Cause::none : verdict.cause;
  out.expected = verdict.expected;
  out.rule = verdict.rule.name;
  if (verdict.endpoint.valid()) out.endpoint = policy.endpoints[verdict.endpoint.index()].name;
  if (verdict.route.valid()) {
    const Route& route = policy.routes[verdict.route.index()];
    if (const OptionalTime& response = policy.timeouts_of(route).response) out.response = response->value;
    if (const ExternalAuth* const auth = policy.external_auth_of(route)) out.auth = auth->timeout.value;
  }
  note_fills(x, own, beside.opinion, out);
}

// The same head, as the other policy looks at it; what it views is the first's.
void read_beside(Context& x, const Request& first, const Policy& policy, ListenerId listener, Request& out) {
  out.clear();
  out.facts = first.facts;
  out.facts.listener = listener;
  const std::vector<Net>& trusted = policy.listeners[listener.index()].trusted_proxies;
  if (trusted != x.listener.trusted_proxies()) out.facts.client = client_of(x, trusted);
  out.port = first.port;
  out.peer = first.peer;
  out.peer_trusted = first.peer_trusted;
  out.head_bytes = first.head_bytes;
  read_watched(x, policy, out);
}

}  // namespace

Deciding::Deciding(Context& x, const Opinion& of, Request& read)
    : opinion(of), request(read), matched(decide::match_route(*of.policy, read.facts, x.worker.shared().seed)),
      client(x.worker.seat(of).clients->of(read.facts.client)),
      decision(*of.policy, state_of(x, of), x.exchange, {.client = &client}) {}

void Deciding::on_head(Context& x) {
  step = decision.on_routed(request.facts, matched);
  if (step != decide::Step::need_evidence) return;
  read_evidence(x, opinion, request);
  step = decision.on_evidence(request.facts, request.evidence);
}

void look_beside(Context& x, const Deciding& first, std::optional<Deciding>& second) {
  const Opinion* const other = x.epoch->other.get();
  if (other == nullptr) return;
  const std::optional<ListenerId> listener = x.listener.id_in_other();
  if (!listener) return;
  Request& again = *x.worker.seat(*other).request;
  read_beside(x, first.request, *other->policy, *listener, again);
  second.emplace(x, *other, again);
}

Deciding& decide_at_stamp(Context& x, Deciding& first, std::optional<Deciding>& second) {
  const Stamp now = x.stamp_decision();
  SecondOpinion& record = x.record().second;
  if (x.epoch->other != nullptr) record.revision = x.epoch->other->policy->revision;
  if (!second) {
    first.on_stamp(now);
    if (x.epoch->other == nullptr) return first;
    record.action = Action::refuse;   // there it would not have been accepted
    record.cause = Cause::no_route;
    return first;
  }
  const bool takes_other = x.epoch->arms.takes_other(x.worker.shared().seed, unit_of(x, x.epoch->arms.unit, first));
  Deciding& enforced = takes_other ? *second : first;
  Deciding& beside = takes_other ? first : *second;
  // What is not enforced looks first: it must not see the request that it is asked about as under way.
  beside.decision.decides_beside();
  beside.on_stamp(now);
  enforced.on_stamp(now);
  if (takes_other) {
    x.enforce(second->opinion);
    record.revision = first.opinion.policy->revision;
    std::swap(second->request.header_names, first.request.header_names);
  }
  note(x, enforced.opinion, beside);
  return enforced;
}

}  // namespace weir::proxy
