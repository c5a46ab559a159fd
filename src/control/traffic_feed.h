// What workers have finished, read from their rings into the tallies of traffic, on the control
// loop: every kEvery, and when somebody asks. Bound: about kMost exchanges a worker and turn are
// looked at, 5,120 a second; where there were more, those stand for all (export/exchange_ring.h:
// sample), so rates are estimates then and the price stays what it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/time.h"
#include "control/deploy_feed.h"
#include "control/judge_feed.h"
#include "export/amplification.h"
#include "export/traffic.h"
#include "export/worker_records.h"

namespace weir::control {

class TrafficFeed {
 public:
  static constexpr Nanos kEvery = std::chrono::milliseconds(50);
  static constexpr std::size_t kMost = 256;

  // `records`: of the workers; they outlive it.
  TrafficFeed(HashKey key, std::span<const std::unique_ptr<exporting::WorkerRecords>> records)
      : traffic_(key), judge_(key), deploys_(key), records_(records), after_(records.size()) {}

  void turn(Stamp now) {
    for (std::size_t i = 0; i < records_.size(); ++i) {
      records_[i]->ring().sample(
          after_[i], kMost,
          [&](const ExchangeRecord& record, std::string_view caller, double weight) {
            judge_.add(record, caller, now);
            traffic_.add(record, caller, now, weight);
            amplification_.add(record.upstream, record.attempts, now, weight);
            deploys_.add(record, caller, now, weight);
          });
    }
    deploys_.turn(now);
  }

  exporting::Traffic& traffic() { return traffic_; }
  JudgeFeed& judge() { return judge_; }
  DeployFeed& deploys() { return deploys_; }
  const exporting::Amplification& amplification() const { return amplification_; }

 private:
  exporting::Traffic traffic_;
  JudgeFeed judge_;
  DeployFeed deploys_;
  exporting::Amplification amplification_;
  std::span<const std::unique_ptr<exporting::WorkerRecords>> records_;
  std::vector<std::uint64_t> after_;  // of each ring
};

}  // namespace weir::control
