// The gateway of a simulation: the real Workers on simulated kernels, a shared limit table for each policy that decides, policies compiled from
// YAML and published to each worker's loop as control/ does, with the real ConditionsKeeper on a loop of its own; observers
// that copy what they are told into the ledger.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "decide/limits/in_flight.h"
#include "decide/limits/table.h"
#include "export/outcome_tally.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/sim/world.h"
#include "ledger.h"
#include "model/names.h"
#include "model/policy.h"
#include "proxy/conditions_keeper.h"
#include "proxy/worker.h"
#include "record/observer.h"

namespace weir::simulated {

// Copies into the ledger, and hands on to `next` where there is one.
class Clerk final : public record::Observer {
 public:
  Clerk(Ledger& ledger, const NameTable& names, record::Observer* next, exporting::OutcomeTally::Told told)
      : ledger_(ledger), names_(names), next_(next) {
    outcomes_.tell(std::move(told));
  }
  void arrived(const Arrival& arrival, const record::Judged& judged) override;
  void finished(const ExchangeRecord& record, const ExchangeText& text) override;
  void held_back(const ExchangeRecord& record) override;
  void connection(NameId listener, record::ConnectionEvent event) override;
  void tick(Stamp now) override;

 private:
  Ledger& ledger_;
  const NameTable& names_;
  record::Observer* next_;
  exporting::OutcomeTally outcomes_;
};

// What the text compiles to; what is wrong with it ends the program.
std::shared_ptr<Policy> compile_or_die(const std::string& yaml, NameTable& names);

class Gateway {
 public:
  struct Options {
    std::size_t workers = 1;
    HashKey seed{.k0 = 1, .k1 = 2};
    std::function<record::Observer*(std::size_t worker)> also;   // who else listens; may answer null
    std::function<void(const Conditions&, const Policy&)> on_conditions;   // told of what the keeper publishes
    std::shared_ptr<const auth::KeyTables> keys = std::make_shared<auth::KeyTables>();   // of every policy
    // As in control each policy that decides has conditions of its own. Not kept: what decides beside takes all endpoints for well, and
    // its checks are no traffic.
    bool keeps_both = false;
  };
  Gateway(io::sim::SimWorld& world, Ledger& ledger, Options options);
  ~Gateway();

  // Compiles and posts to every worker; WEIR_CHECK on a text that does not compile. Waits for nothing, as a mailbox does;
  // false when a worker has as many epochs as it may.
  bool publish(const std::string& yaml);
  // As control does it while a change goes out: another policy decides too, with a copy of the limits and the conditions of the moment;
  // is enforced for some; is what holds, and the one before it beside; and one decides alone. False: as above, or none decides beside.
  bool decide_beside(const std::string& yaml);
  bool draw(Arms arms);
  bool change_places();
  bool decide_alone();
  bool publish_again();   // the same
  // What is known of callers from now on.
  void use_peaks(std::shared_ptr<const CallerPeaks> peaks) { keeper().use_peaks(std::move(peaks)); }
  // A policy that nobody is governed by, in this gateway's names.
  std::shared_ptr<const Policy> compile(const std::string& yaml) { return compile_or_die(yaml, names_); }
  // As control tells of memory and descriptors.
  void use(const proxy::ProcessLoad& load);
  void drain();
  // Ends whatever is under way; after it run the world until over().
  void cut();
  bool quiet() const;   // every worker drains and has no connection left
  bool over() const;   // nothing runs in any worker's scope
  // After quiet(): what is left that should not be, into the ledger.
  void look_for_leftovers();
  // Destroys workers and loops; then counts descriptors and policies still alive.
  void tear_down();

  std::vector<io::Loop*> loops();
  const Policy& policy() const { return *policies_.back(); }   // the newest
  const Policy& holds() const { return *snapshot_->policy; }
  const std::vector<std::shared_ptr<const Policy>>& policies() const { return policies_; }
  const NameTable& names() const { return names_; }
  proxy::Worker& worker(std::size_t number) { return *sides_[number]->worker; }
  std::size_t workers() const { return sides_.size(); }
  decide::limits::Table& limits() { return *snapshot_->limits; }
  // Which table each revision decides in, by number: one of those that there have been.
  const std::vector<std::size_t>& tables() const { return tables_; }
  const proxy::Shared& shared() const { return shared_; }

 private:
  struct Side {
    io::sim::SimKernel& kernel;
    io::Loop loop;
    Clerk clerk;
    std::optional<proxy::Worker> worker;
    Side(io::sim::SimKernel& on, std::atomic<std::size_t>& connections, Ledger& ledger, const NameTable& names, record::Observer* next,
         exporting::OutcomeTally::Told told)
        : kernel(on), loop(on, {.all_connections = &connections}), clerk(ledger, names, next, std::move(told)) {}
  };
  bool full() const;
  std::shared_ptr<Policy> next_policy(const std::string& yaml, std::size_t table);
  bool post(std::shared_ptr<const proxy::Snapshot> snapshot);
  void make_keeper(std::uint8_t seat);
  proxy::ConditionsKeeper& keeper() { return *keepers_[keeps_both_ ? snapshot_->seat : 0]; }   // of what holds
  void publish_conditions(std::uint8_t seat, std::shared_ptr<const Conditions> conditions);

  Ledger& ledger_;
  NameTable names_;
  decide::limits::InFlight in_flight_{64};
  proxy::Shared shared_;
  std::vector<std::shared_ptr<const Policy>> policies_;   // copies, for the checkers
  std::vector<std::size_t> tables_;                       // by revision
  std::size_t all_tables_ = 1;
  std::shared_ptr<const proxy::Snapshot> snapshot_;       // the newest
  std::vector<std::weak_ptr<const proxy::Snapshot>> snapshots_;
  std::vector<std::weak_ptr<const Policy>> real_;         // by revision
  std::size_t retired_ = 0, drained_ = 0;
  std::function<void(const Conditions&, const Policy&)> on_conditions_;
  std::shared_ptr<const auth::KeyTables> keys_;
  bool keeps_both_;
  std::atomic<std::size_t> all_connections_{0};   // of all workers' loops
  std::vector<std::unique_ptr<Side>> sides_;
  std::optional<io::Loop> control_;
  std::optional<io::Scope> scope_;              // of control_
  std::array<std::optional<proxy::ConditionsKeeper>, 2> keepers_;   // by seat; one for both unless both are kept
  std::uint64_t conditions_number_ = 0;
};

}  // namespace weir::simulated
