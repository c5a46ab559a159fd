// The gateway as one running process: workers, scribe, study, admin, and the control loop that ties them. It boots from a
// configuration, takes new ones while it runs (all or nothing: a bad one leaves the running one untouched), drains and
// ends. All but the calls named "from any thread" belong to the thread that calls start() and run().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "auth/gather.h"
#include "base/result.h"
#include "config/compile.h"
#include "control/admin.h"
#include "control/caller_feed.h"
#include "control/follower_thread.h"
#include "control/history.h"
#include "control/load.h"
#include "control/overrides.h"
#include "control/own_protection.h"
#include "control/study.h"
#include "control/traffic_feed.h"
#include "control/worker_thread.h"
#include "decide/limits/in_flight.h"
#include "decide/limits/table.h"
#include "export/scribe.h"
#include "io/epoll_kernel.h"
#include "io/handover.h"
#include "io/loop.h"
#include "io/mailbox.h"
#include "io/resolver.h"
#include "model/names.h"
#include "model/outcomes.h"
#include "proxy/conditions_keeper.h"
#include "proxy/epoch.h"
#include "proxy/name_keeper.h"
#include "store/data_dir.h"

namespace weir::control {

struct GatewayOptions {
  std::string path;                        // the configuration: read again by HUP; "" where there is no file (--to)
  std::function<void(std::string_view)> say;    // what happens to the gateway, a line or a few for the operator
  std::function<void(std::string_view)> show = {};   // where set: one line per exchange (--live)
  std::string program;                     // what a successor is started from (USR2)
  std::vector<std::string> arguments;
};

// What became of a change.
struct Applied {
  bool live = false;
  bool busy = false;                       // not looked at: another change is under way, or too many revisions are alive
  bool stale = false;                      // made for another revision than the one that is live
  bool taken_back = false;                 // its text was live before, and taken back
  WallTime at;
  std::string author, reason;              // as given
  std::uint32_t revision = 0;              // of what runs now
  std::string hash;
  std::size_t errors = 0, warnings = 0;
  std::string report_text, report_json;    // the diagnostics as config/report.h renders them; "" when there is none
  std::string error;                       // a failure outside the text: a port in use, a name that does not resolve
  std::vector<std::string> notes;          // what takes effect only at a restart
};

// What the operator is told about it: a line, and the diagnostics.
std::string describe(const Applied& applied);

class Gateway {
 public:
  static constexpr std::size_t kMaxLivePolicies = 8;

  // `loaded` compiled without errors; its names were interned in `names`.
  // `why` it is not the file's that boots; "" where it is.
  static Result<std::unique_ptr<Gateway>> start(GatewayOptions options, std::unique_ptr<NameTable> names, Loaded loaded,
                                                std::string why, io::Inheritance inherited);
  ~Gateway();

  void run();                              // until drained or stopped

  // From any thread.
  void reload();                           // HUP
  void drain();                            // TERM: finishes what is under way, bounded by `drain:`
  void stop();                             // at once
  void reopen_logs();                      // USR1
  void hand_over();                        // USR2: a new process takes the sockets, this one drains

  // On the control loop.
  io::Task<Applied> apply(Change change);
  // Back to `to`, or where that is 0, to what was live before. What is left is marked: its text is not taken again unless asked for.
  io::Task<Applied> roll_back(std::uint32_t to, std::string author, std::string reason);
  // A temporary change, rehearsed first; until it ends by itself, or is ended.
  io::Task<Overridden> lay_override(OverrideQuestion question);
  io::Task<Overridden> end_override(std::uint32_t number, std::string author, std::string reason);
  const Overrides& overrides() const { return overrides_; }
  // On the study.
  History& history() { return history_; }
  const Policy& policy() const { return *snapshot_->policy; }
  const proxy::Snapshot& snapshot() const { return *snapshot_; }
  const NameTable& names() const { return *names_; }
  const store::DataDir& data_dir() const { return data_dir_; }
  proxy::ConditionsKeeper& conditions() { return *conditions_; }
  const proxy::NameKeeper& endpoint_names() const { return *name_keeper_; }
  decide::limits::Table& limits() { return limits_; }
  decide::limits::InFlight& in_flight() { return in_flight_; }
  exporting::Scribe& scribe() { return *scribe_; }
  const FollowerThread& follower() const { return *follower_; }
  const CallerFeed& caller_feed() const { return *caller_feed_; }
  const OwnProtection& protection() const { return *protection_; }
  TrafficFeed& traffic_feed() { return *traffic_feed_; }
  std::vector<std::unique_ptr<WorkerThread>>& workers() { return workers_; }
  std::vector<const exporting::MetricsShard*> shards() const;
  io::Loop& loop() { return loop_; }
  Study& study() { return study_; }
  bool draining() const { return draining_; }
  WallTime started() const { return started_; }
  const std::string& path() const { return options_.path; }
  const Applied& last_change() const { return last_change_; }   // at == WallTime{}: there was none yet
  std::uint64_t changes_applied() const { return applied_; }
  std::uint64_t changes_refused() const { return refused_; }

 private:
  Gateway(GatewayOptions options, std::unique_ptr<NameTable> names, store::DataDir data_dir);

  Result<> boot(Loaded loaded, std::string why, io::Inheritance inherited);
  void start_workers(const Policy& policy);
  std::shared_ptr<io::Resolver> resolver(const DnsRules& rules);
  // Sockets for every address of `policy` that does not listen yet: one per worker.
  struct Opened {
    SocketAddress address;
    std::vector<int> descriptors;
  };
  static std::size_t worker_count(const Policy& policy);
  static void close_all(const std::vector<Opened>& opened);
  Result<std::vector<Opened>> open_listeners(const Policy& policy, io::Inheritance& inherited);
  // `input`: what the policy was compiled from; nothing where it was recorded before. A snapshot without keys goes on with those that
  // are in use by then.
  io::Task<> publish(std::shared_ptr<proxy::Snapshot> snapshot, config::Input input, std::vector<Opened> opened);
  void publish_conditions(std::shared_ptr<const Conditions> conditions);
  io::Task<Applied> change(std::function<io::Task<Applied>()> way, std::string author, std::string reason);
  io::Task<Applied> apply_now(Change change);
  io::Task<Applied> roll_back_now(std::uint32_t to, std::string author, std::string reason);
  struct Made;
  io::Task<Made> make(config::Input input);
  io::Task<> enforce(Made made, std::uint32_t number);
  // Overrides (gateway_overrides.cc). lay: the revision plus what is in force.
  io::Task<std::shared_ptr<const Policy>> lay(std::shared_ptr<const Policy> configured);
  std::shared_ptr<const Policy> lay_at_boot(std::shared_ptr<const Policy> configured);
  io::Task<> lay_anew();
  io::Task<bool> take_turn();
  io::Task<> expire_overrides();
  store::Clocks clocks();
  void publish_known(std::shared_ptr<const decide::KnownCallers> known);
  io::Task<> watch_keys();
  io::Task<> learn_peaks();
  // As the directory tells them now; those in use where it cannot be read.
  io::Task<std::shared_ptr<const CallerPeaks>> peaks_for(std::shared_ptr<const Policy> policy);
  io::Task<> follow();
  io::Task<> print_live();
  io::Task<> tally_traffic();
  io::Task<> drain_and_stop();
  io::Task<std::size_t> connections();
  io::Task<> hand_over_now();

  GatewayOptions options_;
  std::unique_ptr<NameTable> names_;
  store::DataDir data_dir_;
  History history_;
  Overrides overrides_;
  io::EpollKernel kernel_;
  io::Loop loop_;
  Study study_;
  decide::limits::Table limits_;
  decide::limits::InFlight in_flight_;
  std::vector<std::unique_ptr<exporting::WorkerRecords>> records_;
  std::unique_ptr<TrafficFeed> traffic_feed_;
  std::unique_ptr<CallerFeed> caller_feed_;   // of the scribe, which ends first
  std::unique_ptr<exporting::Scribe> scribe_;
  std::unique_ptr<FollowerThread> follower_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<OwnProtection> protection_;
  std::unique_ptr<Admin> admin_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;
  std::shared_ptr<const Policy> configured_;   // the live revision without overrides
  std::vector<std::weak_ptr<const Policy>> published_;   // as requests hold them: the follower holds them apart
  std::vector<Opened> listening_;           // what the workers listen on now
  std::shared_ptr<const CallerPeaks> peaks_;   // null: nothing was learned yet
  std::uint64_t applied_ = 0, refused_ = 0;
  Applied last_change_;
  std::string hup_refused_;                 // the hash of a text that was taken back, so that it is told once
  WallTime started_;
  bool memory_prepared_ = false;
  bool recorded_ = false;                   // some policy so far
  bool changing_ = false;
  bool reload_waits_ = false;
  bool draining_ = false;
  io::Mailbox<std::vector<EndpointOutcomes>> outcomes_;   // from the workers
  std::unique_ptr<io::Scope> scope_;
  std::unique_ptr<proxy::ConditionsKeeper> conditions_;   // run in scope_
  std::unique_ptr<proxy::NameKeeper> name_keeper_;
};

}  // namespace weir::control
