#include "proxy/late_probe.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "decide/late.h"
#include "proxy/context.h"
#include "proxy/worker.h"

namespace weir::proxy {
namespace {

// How soon a probe is gone once there is no room for it.
constexpr Nanos kLook = std::chrono::milliseconds(20);

bool has_room(const Worker& worker, const LateProbe& probe, NameId upstream) {
  const Snapshot& newest = worker.epochs().newest();
  if (worker.draining() || probe.where.index() >= newest.policy->upstreams.size()) return false;
  if (newest.policy->upstreams[probe.where.index()].name != upstream) return false;   // a new policy has another one there
  return decide::late_has_room({.policy = *newest.policy, .conditions = *newest.conditions, .in_flight = worker.shared().in_flight,
                                .upstream = probe.where, .endpoint = probe.key});
}

struct Probing {
  Worker& worker;
  LateProbe& probe;
  ExchangeRecord& record;
  Stamp until;

  io::Deadline next_look() const { return std::min(until, worker.loop().now() + kLook); }
  // Why a wait that ended without bytes was the last one; absent: it was not.
  std::optional<LateResult> end_of(const Error& error) const {
    if (error.kind == ErrorKind::cancelled) return LateResult::dropped;
    if (error.kind != ErrorKind::timeout) return LateResult::failure;
    if (worker.loop().now() >= until) return LateResult::none;
    return has_room(worker, probe, record.upstream) ? std::nullopt : std::optional(LateResult::dropped);
  }
};

io::Task<http::ResponseHead*> late_head(Probing& probing) {
  for (;;) {
    auto head = co_await probing.probe.lease.stream().read_head(probing.next_look());
    if (!head) {
      const auto end = probing.end_of(head.error());
      if (!end) continue;
      probing.record.late.result = *end;
      co_return nullptr;
    }
    if ((*head)->status >= 200 || (*head)->status == 101) co_return *head;
  }
}

// So that its connection can be used again; a long one is not worth it.
io::Task<> read_away(Probing& probing, http::Framing framing) {
  if (framing.kind == http::Framing::Kind::length && framing.length > decide::kMostLateBytes) co_return;
  for (std::uint64_t bytes = 0; bytes <= decide::kMostLateBytes && probing.worker.loop().now() < probing.until;) {
    auto piece = co_await probing.probe.lease.stream().read(probing.next_look());
    if (piece) {
      if (piece->end) co_return;
      bytes += piece->bytes.size();
    } else if (probing.end_of(piece.error())) {
      co_return;
    }
  }
}

}  // namespace

void keep_for_probe(Context& x, decide::Decision& decision, Lease& lease, const CutAttempt& cut) {
  if (cut.timeout == Nanos(0) || !lease || !lease.sent_whole() || !decide::late_drawn(x.worker.shared().seed, x.exchange)) return;
  auto probe = std::make_unique<LateProbe>();
  probe->where = decision.verdict().upstream;
  probe->key = cut.key;
  probe->patience = decide::late_patience(cut.timeout);
  if (!has_room(x.worker, *probe, x.record().upstream)) return;
  probe->place = x.worker.shared().in_flight.enter(decide::kLateIdentity);
  if (const auto count = probe->place.count(); count == 0 || count > decide::kMostLate) return;
  probe->lease = std::move(lease);
  probe->upstream = decision.hand_over();
  probe->endpoint = std::move(cut.endpoint);
  x.late = std::move(probe);
}

io::Task<> probe_late(Worker& worker, std::unique_ptr<LateProbe> probe, std::unique_ptr<Draft> draft) {
  ExchangeRecord& record = draft->record;
  const Nanos before = record.arrived.time_since_epoch() + std::chrono::microseconds(record.auth.call.micros);
  Probing probing{.worker = worker, .probe = *probe, .record = record, .until = worker.loop().now() + probe->patience};
  const http::ResponseHead* const head = co_await late_head(probing);
  const Nanos took = worker.loop().now().time_since_epoch() - before;
  record.late.micros = static_cast<std::uint32_t>(std::min<std::int64_t>(took.count() / 1000, std::numeric_limits<std::uint32_t>::max()));
  if (head != nullptr) {
    record.late.status = head->status;
    record.late.result = head->status < 500 ? LateResult::success : LateResult::failure;
    if (head->status != 101) co_await read_away(probing, head->framing);
  }
  probe.reset();
  worker.observer().finished(record, draft->text());
  worker.late_ended();
}

}  // namespace weir::proxy
