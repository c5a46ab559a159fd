// The gateway as one running process: workers, scribe, study, admin, and the control loop that ties them. It boots from a
// configuration, takes new ones while it runs (all or nothing: a bad one leaves the running one untouched), drains and
// ends. All but the calls named "from any thread" belong to the thread that calls start() and run().
#pragma once

#include <array>
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
#include "control/plan_job.h"
#include "control/rollout_json.h"
#include "control/said_once.h"
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
#include "record/shape.h"
#include "rollout/admit.h"
#include "rollout/judge.h"
#include "rollout/rollout.h"
#include "store/data_dir.h"
#include "store/deploys.h"

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
  bool taken_back = false;                 // its text is marked: it was taken back, or refused for harm
  bool queued = false;                     // and by `rollout.busy: queue` it waits for that
  std::uint32_t under_way = 0;             // the candidate's revision, where it takes its way through the stages; 0: none does
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

// What the operator is told at the end of a change; "" where that is nothing new.
std::string rollout_line(const rollout::Status& status);

class Gateway {
 public:
  static constexpr std::size_t kMaxLivePolicies = 8;
  // 2 M cells of limits, 32 MiB, for a million keys at half load. What a full table does: decide/limits/table.cc.
  static constexpr std::size_t kLimitCells = 2 << 20;

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
  io::Task<Applied> roll_back(std::uint32_t to, bool person, std::string author, std::string reason);
  io::Task<Result<>> promote(bool person, std::string author);
  io::Task<Result<>> confirm();
  // The change under way, else the last one since the start (control/rollout_json.h); "null": there was none.
  std::string rollout_json();
  // A temporary change, rehearsed first; until it ends by itself, or is ended.
  io::Task<Overridden> lay_override(OverrideQuestion question);
  io::Task<Overridden> end_override(std::uint32_t number, std::string author, std::string reason);
  const Overrides& overrides() const { return overrides_; }
  // A deploy behind the gateway is watched from now on; its number. Error: busy.
  io::Task<Result<std::uint64_t>> announce(Announcement announcement);
  // On the study.
  const store::Deploys& kept_deploys() const { return kept_deploys_; }
  // On the study.
  History& history() { return history_; }
  const Policy& policy() const { return *snapshot_->policy; }
  const proxy::Snapshot& snapshot() const { return *snapshot_; }
  const NameTable& names() const { return *names_; }
  const store::DataDir& data_dir() const { return data_dir_; }
  // Of the policy that holds.
  proxy::ConditionsKeeper& conditions() { return *keepers_[snapshot_->seat].conditions; }
  const proxy::NameKeeper& endpoint_names() const { return *keepers_[snapshot_->seat].names; }
  decide::limits::Table& limits() { return *snapshot_->limits; }
  decide::limits::InFlight& in_flight() { return in_flight_; }
  exporting::Scribe& scribe() { return *scribe_; }
  const FollowerThread& follower() const { return *follower_; }
  const CallerFeed& caller_feed() const { return *caller_feed_; }
  const OwnProtection& protection() const { return *protection_; }
  // As the workers have them; null: callers are not told apart.
  std::shared_ptr<const decide::KnownCallers> known_callers() const { return known_callers_; }
  TrafficFeed& traffic_feed() { return *traffic_feed_; }
  std::vector<std::unique_ptr<WorkerThread>>& workers() { return workers_; }
  std::vector<int> descriptor_tables() const;   // those that are not the process's (WorkerThread::table)
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
    std::vector<io::Descriptor> sockets;   // control's own: workers have theirs
    std::shared_ptr<proxy::OpenConnections> connections = std::make_shared<proxy::OpenConnections>(0);
  };
  // A configuration that could go live: compiled, its names looked up, its listeners open.
  struct Made {
    Applied applied;                         // `policy` is null: why not
    config::Input input;
    std::shared_ptr<const config::CompactTree> tree;   // null: it was not kept
    std::shared_ptr<Policy> policy;
    std::shared_ptr<const auth::KeyTables> keys;
    std::vector<Opened> opened;
  };
  static std::size_t worker_count(const Policy& policy);
  Result<std::vector<Opened>> open_listeners(const Policy& policy, io::Inheritance& inherited);
  // gateway_publish.cc: which policies decide, and for whom.
  // A policy takes its seat; nothing decides by it yet. From `sit` on until it is published nothing may be waited for: what the keepers
  // say in between would be said of no policy in use. `input`: what it was compiled from; nothing where that was recorded before.
  struct Seated {
    proxy::Opinion opinion;
    std::shared_ptr<const record::Shaper> shaper;   // null: it does not record
  };
  io::Task<proxy::Opinion> prepare(proxy::Opinion opinion);
  Seated sit(proxy::Opinion opinion, config::Input input, std::optional<std::uint64_t> beside = {});
  // Every worker goes by `snapshot`; those of `fresh` decide from now on.
  io::Task<> publish(std::shared_ptr<proxy::Snapshot> snapshot, std::vector<Seated> fresh, std::vector<Opened> opened);
  // `made` holds alone, or decides beside what holds.
  io::Task<> enforce(Made made, std::uint32_t number);
  io::Task<> decide_beside(Made made, std::uint32_t number);
  // For whom the one that decides beside is enforced.
  void draw(Arms arms);
  std::vector<std::shared_ptr<const Policy>> deciding() const;
  io::Task<> read_keys_again(Made& made);
  // It holds, and what held decides beside.
  io::Task<> change_places(std::vector<Opened> opened);   // those of what decides beside
  // Nothing decides beside any more.
  io::Task<> decide_alone();
  void make_keepers(std::uint8_t seat);
  void change_opinion(std::uint8_t seat, const std::function<void(proxy::Opinion&)>& with);
  std::uint8_t free_seat() const { return static_cast<std::uint8_t>(1 - snapshot_->seat); }
  void publish_conditions(std::uint8_t seat, std::shared_ptr<const Conditions> conditions);
  io::Task<Applied> change(std::function<io::Task<Applied>()> way, std::string author, std::string reason);
  void conclude(const Applied& applied);
  io::Task<Applied> apply_now(Change change);
  io::Task<Applied> read_again(Made made);
  io::Task<Applied> roll_back_now(std::uint32_t to, bool person, std::string author, std::string reason);
  io::Task<Made> make(config::Input input);

  // gateway_rollout.cc: a change on its way through the stages (rollout/rollout.h).
  struct UnderWay {
    rollout::Rollout machine;
    RolloutView view;                        // what does not change of it
    std::uint32_t number = 0, before = 0;
    std::optional<Made> made;                // what will decide beside, until it has a seat
    Differs differs;
    config::Input input;
    std::shared_ptr<const config::CompactTree> tree, tree_before;
    std::uint64_t lot = 0;
    std::size_t told = 0;                    // stages that stand in the history
    bool returns = true;                     // what was live stays beside it once it is live
    std::optional<Nanos> confirm_within;
    std::string said;                        // why it is not rolled back
    bool answered = false;                   // whoever asked has an answer already
    std::unique_ptr<PlanJob> plan;
  };
  io::Task<Applied> begin_rollout(Change asked, Made made);
  rollout::Present present() const;
  // What somebody says to the change under way, once no other step of it is taken.
  io::Task<Result<>> command(std::function<Result<>(rollout::Rollout&)> said);
  io::Task<> keep_rollout();
  io::Task<> step_rollout();
  io::Task<Result<>> carry_out(rollout::Order order);
  void conclude_rollout(std::string stopped);
  void begin_plan();
  io::Task<Result<>> seat_candidate();
  io::Task<Result<>> make_candidate_live();
  io::Task<Result<>> roll_back_candidate();
  io::Task<Result<>> stop_candidate();
  io::Task<> tell_history();
  io::Task<> write_review(const rollout::Status& status);
  io::Task<> watch_what_booted();
  io::Task<> freeze_again();
  store::Step step_of(std::size_t n);
  RolloutView rollout_view();
  void name_group(const rollout::SliceName& slice);

  // Overrides (gateway_overrides.cc). lay: the revision plus what is in force.
  // Of the policy on `seat`; of the one that holds it is told what became idle by it.
  io::Task<std::shared_ptr<const Policy>> lay(std::uint8_t seat, std::shared_ptr<const Policy> configured);
  void take_over_overrides();
  void note_overrides();
  io::Task<> lay_anew();
  io::Task<bool> take_turn();
  void end_turn() { changing_ = stepping_ = false; }
  io::Task<> expire_overrides();
  // Without a rehearsal; what cannot be laid over or written is not done.
  io::Task<Overridden> lay_unrehearsed(OverrideQuestion question);
  io::Task<> keep_override(OverrideQuestion question, Overridden& answer);
  // gateway_deploys.cc
  void take_over_deploys();
  io::Task<> keep_deploys();
  io::Task<> keep_deploys_now();
  io::Task<> give_back(std::uint64_t deploy);
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
  store::Deploys kept_deploys_;
  io::EpollKernel kernel_;
  std::atomic<std::size_t> all_connections_{0};   // of all loops
  io::Loop loop_;
  Study study_;
  decide::limits::InFlight in_flight_;
  std::vector<std::unique_ptr<exporting::WorkerRecords>> records_;
  std::unique_ptr<TrafficFeed> traffic_feed_;
  std::unique_ptr<CallerFeed> caller_feed_;   // of the scribe, which ends first
  std::unique_ptr<exporting::Scribe> scribe_;
  std::unique_ptr<FollowerThread> follower_;
  std::vector<std::unique_ptr<WorkerThread>> workers_;
  std::unique_ptr<OwnProtection> protection_;
  std::shared_ptr<const decide::KnownCallers> known_callers_;
  std::unique_ptr<Admin> admin_;
  std::shared_ptr<const proxy::Snapshot> snapshot_;   // null while it boots
  std::array<std::shared_ptr<const Policy>, 2> configured_;   // by seat: the revision without overrides,
  std::array<config::Laid, 2> laid_;        // and what of them is idle over it
  std::vector<std::weak_ptr<const Policy>> published_;   // as requests hold them: the follower holds them apart
  std::vector<Opened> listening_;           // what the workers listen on now
  config::Input live_input_;                // what the policy that holds was compiled from,
  std::shared_ptr<const config::CompactTree> live_tree_;   // and what it says; null: to be read from there
  std::shared_ptr<const CallerPeaks> peaks_;   // null: nothing was learned yet
  std::uint64_t applied_ = 0, refused_ = 0;
  Applied last_change_;
  SaidOnce hup_refused_;                    // of texts that were taken back
  WallTime started_;
  bool recorded_ = false;                   // some policy so far
  bool changing_ = false;
  bool looks_back_ = false;                 // for what to watch, once it has booted; changes wait for that
  std::unique_ptr<UnderWay> rollout_;
  bool stepping_ = false;                   // who has the turn takes a step of it
  std::optional<Stamp> frozen_until_;       // for pipelines
  std::string last_rollout_ = "null";
  rollout::Judgement judgement_;            // the judge's last word about the change under way
  Stamp judged_at_{};
  bool reload_waits_ = false;               // for the change that is under way
  bool hand_over_waits_ = false;            // likewise
  bool draining_ = false;
  bool deploys_unkept_ = false;             // said that they cannot be written
  io::Mailbox<std::vector<EndpointOutcomes>> outcomes_;   // from the workers
  std::unique_ptr<io::Scope> scope_;
  // Of the policy on each seat: where its endpoints are, and how they do. They run in scope_.
  struct Keepers {
    std::unique_ptr<proxy::ConditionsKeeper> conditions;
    std::unique_ptr<proxy::NameKeeper> names;
  };
  std::array<Keepers, 2> keepers_;
  std::uint64_t conditions_number_ = 0;
  std::array<const decide::limits::Table*, 2> prepared_{};   // by seat: whose memory is there
};

}  // namespace weir::control
