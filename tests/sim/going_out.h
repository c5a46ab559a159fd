// A change that goes out in stages through the whole proxy, in simulated time: callers of the judge's world (crowd.h), a worker by which two
// policies decide, services, and control's own parts: the records and their feed to the judge, the judge, the machine of the
// stages. What is made up is whoever drives them: as control/gateway_rollout.cc does, orders become snapshots for the worker, but on no
// thread of its own and beside no disk; and a plan has nothing that was recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../judge/world.h"
#include "control/traffic_feed.h"
#include "crowd.h"
#include "export/worker_records.h"
#include "gateway.h"
#include "io/loop.h"
#include "io/sim/world.h"
#include "ledger.h"
#include "rollout/rollout.h"
#include "service.h"

namespace weir::simulated {

inline constexpr HashKey kGoingOutKey{.k0 = 3, .k1 = 5};   // of the installation

struct GoingOutOptions {
  judged::Setting setting;
  std::string live;                      // the configuration
  std::vector<ServiceOptions> services;  // the n-th at 10.2.0.1:(9001 + n)
};

class GoingOut {
 public:
  explicit GoingOut(const GoingOutOptions& options);
  ~GoingOut();

  void run(Nanos time);
  // True: `done` before `time` is over. Asked four times a second.
  bool run_until(const std::function<bool()>& done, Nanos time);
  // Begins; carried out by run().
  void begin(const std::string& candidate, const rollout::Request& request);
  // Live at once and for all, judged by nobody.
  void force(const std::string& candidate);

  // Told of an order once it is carried out, and of make_live before: what boots after a kill in between is what was about to be.
  void on_order(std::function<void(const rollout::Order&)> told) { told_ = std::move(told); }

  rollout::Rollout* machine() { return machine_ ? &*machine_ : nullptr; }   // null: none began yet
  rollout::Status status() const { return machine_->status(world_.now()); }
  std::uint32_t revision() const { return revision_; }                      // the candidate's
  const rollout::Judgement& judgement() const { return judgement_; }        // the last one of the change
  control::JudgeFeed& judge() { return feed_->judge(); }
  Crowd& crowd() { return *crowd_; }
  Service& service(std::size_t number) { return *services_[number]; }
  Gateway& gateway() { return *gateway_; }
  Stamp now() const { return world_.now(); }
  WallTime wall() const { return world_.wall(); }
  // Ends it all. What was left that should not be.
  std::vector<std::string> end();

 private:
  void step();
  void step_machine();
  bool carry_out(const rollout::Order& order);

  io::sim::SimWorld world_;
  Ledger ledger_;
  io::Loop client_loop_, service_loop_;
  std::unique_ptr<Crowd> crowd_;
  std::vector<std::unique_ptr<Service>> services_;
  NameTable none_;   // of what is not exported
  std::vector<std::unique_ptr<exporting::WorkerRecords>> records_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<control::TrafficFeed> feed_;
  std::vector<io::Loop*> loops_;
  std::string live_, candidate_;
  std::optional<rollout::Rollout> machine_;
  control::Differs differs_;
  std::function<void(const rollout::Order&)> told_ = [](const rollout::Order&) {};
  rollout::Judgement judgement_;
  bool beside_ = false, ended_ = false;
  std::uint32_t revision_ = 0;
  std::uint64_t lot_ = 0;
  Stamp judged_at_{};
};

}  // namespace weir::simulated
