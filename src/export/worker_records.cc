#include "export/worker_records.h"

#include <algorithm>
#include <bit>
#include <span>
#include <utility>
#include <vector>

namespace weir::exporting {
namespace {

// An override's: it is on no route, and no series of its own.
const Limit* cap_that_refused(const Policy& policy, const Verdict& verdict) {
  if (verdict.cause != Cause::caller_capped || verdict.rule.kind != Rule::Kind::limit) return nullptr;
  for (const Restraint& each : policy.overlay->restraints) {
    if (each.name == verdict.rule.name) return &policy.limits[each.cap.index()];
  }
  return nullptr;
}

}  // namespace

WorkerRecords::WorkerRecords(const NameTable& names, const WorkerRecordsOptions& options)
    : log_lane_(options.log_buffers > 0 ? std::make_unique<Lane>(options.log_buffers) : nullptr),
      record_lane_(options.record_buffers > 0 ? std::make_unique<Lane>(options.record_buffers) : nullptr),
      log_(log_lane_ != nullptr ? std::make_unique<AccessLog>(*log_lane_, names) : nullptr),
      metrics_(options.budget),
      ring_(options.ring_slots) {}

void WorkerRecords::use(std::uint32_t revision, std::shared_ptr<const record::Shaper> shaper) {
  for (Use& use : uses_) {
    if (use.known && use.revision == revision) {
      use.shaper = std::move(shaper);
      return;
    }
  }
  uses_[next_use_] = {.known = true, .revision = revision, .shaper = std::move(shaper)};
  next_use_ = (next_use_ + 1) % uses_.size();
}

const record::Shaper* WorkerRecords::shaper(std::uint32_t revision) const {
  for (const Use& use : uses_) {
    if (use.known && use.revision == revision) return use.shaper.get();
  }
  return nullptr;
}

record::Expected WorkerRecords::expect_arrival(std::uint32_t revision, const Facts& facts,
                                               std::span<const std::string_view> header_names) const {
  if (record_lane_ == nullptr || !record_lane_->wanted()) return {};
  const record::Shaper* const shaper = this->shaper(revision);
  return shaper == nullptr ? record::Expected() : encoder_.expect(facts, header_names, *shaper);
}

void WorkerRecords::arrived(const Arrival& arrival, const record::Judged& judged) {
  if (const UpstreamId upstream = judged.verdict.upstream; upstream.valid()) {
    metrics_.expect(arrival.route, judged.policy.upstreams[upstream.index()].name);
  }
  count_limits(judged);
  if (record_lane_ == nullptr || !record_lane_->wanted()) return;
  const record::Shaper* shaper = this->shaper(arrival.revision);
  if (shaper == nullptr) return;
  const bool kept = keep([&](std::span<std::byte> room) { return encoder_.encode(arrival, judged, *shaper, room); });
  if (!kept) ++dropped_arrivals_;
}

template <class Write>
bool WorkerRecords::keep(Write write) {
  const std::uint32_t epoch = record_lane_->epoch();
  if (epoch != epoch_) {
    submit_records();
    encoder_.begin_segment();
    epoch_ = epoch;
  }
  // A second buffer is asked for at most once: an empty one takes whatever is written.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (buffer_ == nullptr) buffer_ = record_lane_->take();
    if (buffer_ == nullptr) return false;
    buffer_->epoch = epoch_;
    const std::size_t used = write(std::span(buffer_->bytes).subspan(buffer_->used));
    buffer_->used += static_cast<std::uint32_t>(used);
    if (used > 0) return true;
    submit_records();
  }
  return false;
}

void WorkerRecords::submit_records() {
  if (buffer_ == nullptr || buffer_->used == 0) return;
  record_lane_->submit(buffer_);
  buffer_ = nullptr;
}

// A limit is counted as passed where it let the request through and was charged: not where another one of its group
// refused, because then none was.
void WorkerRecords::count_limits(const record::Judged& judged) {
  const Verdict& verdict = judged.verdict;
  if (verdict.limits_asked == 0) return;
  const Policy& policy = judged.policy;
  const auto& limits = policy.routes[verdict.route.index()].limits;
  const auto observed = std::span(verdict.would_refuse).first(
      std::min<std::size_t>(verdict.would_refuse_count, verdict.would_refuse.size()));
  const Limit* refusing = cap_that_refused(policy, verdict);
  for (std::uint32_t left = verdict.limits_asked; left != 0; left &= left - 1) {
    const Limit& limit = policy.limits[limits[static_cast<std::size_t>(std::countr_zero(left))].index()];
    if (verdict.rule.kind == Rule::Kind::limit && limit.name == verdict.rule.name) refusing = &limit;
  }
  for (std::uint32_t left = verdict.limits_asked; left != 0; left &= left - 1) {
    const LimitId id = limits[static_cast<std::size_t>(std::countr_zero(left))];
    const Limit& limit = policy.limits[id.index()];
    const bool refused = &limit == refusing || std::ranges::find(observed, id) != observed.end();
    if (!refused && refusing != nullptr && refusing->before_auth == limit.before_auth) continue;
    metrics_.on_limit(limit.name, refused ? LimitVerdict::refused : LimitVerdict::passed, limit.mode);
  }
}

void WorkerRecords::expect(const ExchangeRecord& record) const {
  ring_.expect(record.exchange);
  metrics_.expect(record);
  if (log_ != nullptr) log_->expect(record);
}

void WorkerRecords::finished(const ExchangeRecord& record, const ExchangeText& text) {
  metrics_.on_exchange(record);
  if (record.late.result == LateResult::not_asked) outcomes_.add(record);
  ring_.write(record, text);
  if (log_ != nullptr && log_lane_->wanted()) log_->write(record, text);
  if (record_lane_ == nullptr || !record_lane_->wanted() || shaper(record.revision) == nullptr) return;
  const std::uint8_t weight = flights_.weight(record, text.caller);
  if (weight == 0) return;
  const record::Flight flight = record::flight_of(record, weight);
  if (!keep([&](std::span<std::byte> room) { return record::put_flight(flight, room); })) ++dropped_flights_;
}

void WorkerRecords::connection(NameId listener, record::ConnectionEvent event) {
  metrics_.on_connection(listener, event);
}

void WorkerRecords::tick(Stamp) {
  if (log_ != nullptr) {
    log_->flush();
    metrics_.set_dropped(MetricsShard::Drop::log_line, log_->dropped());
  }
  submit_records();
  outcomes_.flush();
  metrics_.set_dropped(MetricsShard::Drop::arrival, dropped_arrivals_);
  metrics_.set_dropped(MetricsShard::Drop::shape, encoder_.shapes_dropped());
  metrics_.set_dropped(MetricsShard::Drop::flight, dropped_flights_);
}

}  // namespace weir::exporting
