// What is told when of an exchange whose record is held back.
#include "export/worker_records.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::exporting {
namespace {

ExchangeRecord timed_out(NameTable& names) {
  ExchangeRecord record;
  record.exchange = {.worker = WorkerId{0}, .sequence = 5};
  record.upstream = names.intern("main");
  record.endpoint = names.intern("127.0.0.1:9001");
  record.status = 504;
  record.cause = Cause::response_timeout;
  record.attempts = 1;
  record.tries[0] = {.endpoint = record.endpoint, .micros = 50'000, .status = 0, .cause = Cause::response_timeout};
  return record;
}

TEST(WorkerRecords, HealthHearsOfWhatIsHeldBackAtOnceAndOnce) {
  NameTable names;
  WorkerRecords records(names, {.log_buffers = 0, .record_buffers = 0, .ring_slots = 16, .budget = {}});
  std::vector<std::uint32_t> failed;
  records.tell_outcomes([&](std::span<const EndpointOutcomes> all) {
    for (const EndpointOutcomes& each : all) failed.push_back(each.outcomes.failed);
  });
  ExchangeRecord record = timed_out(names);
  records.held_back(record);
  records.tick({});
  EXPECT_EQ(failed, (std::vector<std::uint32_t>{1}));
  EXPECT_FALSE(records.ring().find(record.exchange));   // it is not finished
  record.late = {.result = LateResult::success, .status = 200, .micros = 150'000};
  records.finished(record, {});
  records.tick({});
  EXPECT_EQ(failed.size(), 1u);
  ASSERT_TRUE(records.ring().find(record.exchange));
  EXPECT_EQ(records.ring().find(record.exchange)->record.late.status, 200);
  record.late = {};
  records.finished(record, {});   // another one, that was not probed
  records.tick({});
  EXPECT_EQ(failed.size(), 2u);
}

}  // namespace
}  // namespace weir::exporting
