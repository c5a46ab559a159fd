#include "export/worker_records.h"

#include <algorithm>
#include <span>
#include <utility>

namespace weir::exporting {

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

void WorkerRecords::arrived(const Arrival& arrival, const record::Judged& judged) {
  count_limits(judged);
  if (record_lane_ == nullptr || !record_lane_->wanted()) return;
  if (const record::Shaper* shaper = this->shaper(arrival.revision)) keep(arrival, judged, *shaper);
}

void WorkerRecords::keep(const Arrival& arrival, const record::Judged& judged, const record::Shaper& shaper) {
  const std::uint32_t epoch = record_lane_->epoch();
  if (epoch != epoch_) {
    submit_records();
    encoder_.begin_segment();
    epoch_ = epoch;
  }
  // A second buffer is asked for at most once: an empty one takes whatever encode writes.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (buffer_ == nullptr) buffer_ = record_lane_->take();
    if (buffer_ == nullptr) break;
    buffer_->epoch = epoch_;
    const std::size_t used = encoder_.encode(arrival, judged, shaper, std::span(buffer_->bytes).subspan(buffer_->used));
    buffer_->used += static_cast<std::uint32_t>(used);
    if (used > 0) return;
    submit_records();
  }
  ++dropped_arrivals_;
}

void WorkerRecords::submit_records() {
  if (buffer_ == nullptr || buffer_->used == 0) return;
  record_lane_->submit(buffer_);
  buffer_ = nullptr;
}

void WorkerRecords::count_limits(const record::Judged& judged) {
  const Verdict& verdict = judged.verdict;
  if (verdict.rule.kind == Rule::Kind::limit) {
    metrics_.on_limit(verdict.rule.name, LimitVerdict::refused, LimitMode::enforce);
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(verdict.would_refuse_count, verdict.would_refuse.size()); ++i) {
    const Limit& limit = judged.policy.limits[verdict.would_refuse[i].index()];
    metrics_.on_limit(limit.name, LimitVerdict::refused, LimitMode::observe);
  }
}

void WorkerRecords::finished(const ExchangeRecord& record, const ExchangeText& text) {
  metrics_.on_exchange(record);
  ring_.write(record, text);
  if (log_ != nullptr && log_lane_->wanted()) log_->write(record, text);
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
  metrics_.set_dropped(MetricsShard::Drop::arrival, dropped_arrivals_);
  metrics_.set_dropped(MetricsShard::Drop::shape, encoder_.shapes_dropped());
}

}  // namespace weir::exporting
