// WorkerRecords: everything one worker keeps of its exchanges, behind the one interface the proxy knows: the recording,
// the metrics shard, the access log, the ring of last exchanges. It lives as long as its worker; the scribe empties its
// lanes and any thread may read metrics() and ring().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "export/access_log.h"
#include "export/buffers.h"
#include "export/exchange_ring.h"
#include "export/metrics.h"
#include "export/outcome_tally.h"
#include "model/names.h"
#include "record/arrivals.h"
#include "record/flight.h"
#include "record/observer.h"
#include "record/shape.h"

namespace weir::exporting {

struct WorkerRecordsOptions {
  std::size_t log_buffers = 32;      // of 64 KiB; 0: no access log
  std::size_t record_buffers = 32;   // 0: no recording
  std::size_t ring_slots = 4096;
  MetricsBudget budget;
};

class WorkerRecords final : public record::Observer {
 public:
  WorkerRecords(const NameTable& names, const WorkerRecordsOptions& options);

  // On the worker's thread, before the first request is judged under a policy: how its requests are recorded. At most
  // eight are kept, by revision, the oldest goes; null for `record: false`. A request judged under a revision without
  // a Shaper is not recorded.
  void use(std::uint32_t revision, std::shared_ptr<const record::Shaper> shaper);
  // Before the first exchange: who is told, on the worker's thread at each tick, what became of requests since the last.
  void tell_outcomes(OutcomeTally::Told told) { outcomes_.tell(std::move(told)); }

  void arrived(const Arrival& arrival, const record::Judged& judged) override;
  record::Expected expect_arrival(std::uint32_t revision, const Facts& facts,
                                  std::span<const std::string_view> header_names) const override;
  void expect(const ExchangeRecord& record) const override;
  void finished(const ExchangeRecord& record, const ExchangeText& text) override;
  void held_back(const ExchangeRecord& record) override { outcomes_.add(record); }
  void connection(NameId listener, record::ConnectionEvent event) override;
  void tick(Stamp now) override;

  // Any thread.
  const MetricsShard& metrics() const { return metrics_; }
  const ExchangeRing& ring() const { return ring_; }
  // The scribe.
  Lane* log_lane() { return log_lane_.get(); }
  Lane* record_lane() { return record_lane_.get(); }

 private:
  const record::Shaper* shaper(std::uint32_t revision) const;
  void count_limits(const record::Judged& judged);
  // Appends to the buffer of the record lane what `write` puts into the room that it is given: it answers the bytes used, 0
  // where the room did not suffice. False: no buffer is free.
  template <class Write>
  bool keep(Write write);
  void submit_records();

  struct Use {
    bool known = false;
    std::uint32_t revision = 0;
    std::shared_ptr<const record::Shaper> shaper;
  };

  std::unique_ptr<Lane> log_lane_, record_lane_;
  std::unique_ptr<AccessLog> log_;
  MetricsShard metrics_;
  ExchangeRing ring_;
  std::array<Use, 8> uses_;
  std::size_t next_use_ = 0;
  record::ArrivalEncoder encoder_;
  Buffer* buffer_ = nullptr;      // of the record lane, being filled
  std::uint32_t epoch_ = 1;       // segment the encoder writes for
  std::uint64_t dropped_arrivals_ = 0, dropped_flights_ = 0;
  record::FlightSampler flights_;
  OutcomeTally outcomes_;
};

}  // namespace weir::exporting
