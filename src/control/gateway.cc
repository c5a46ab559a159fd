#include "control/gateway.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include "base/check.h"
#include "control/health_text.h"
#include "control/learned_peaks.h"
#include "control/live_line.h"
#include "control/watch_files.h"
#include "export/process_stats.h"
#include "export/segment_files.h"
#include "fmt/core.h"
#include "io/ares_resolver.h"
#include "model/request_id.h"
#include "record/shape.h"

namespace weir::control {
namespace {

constexpr Nanos kSuccessorTime = std::chrono::seconds(60);
constexpr std::size_t kMaxWorkers = 256;
constexpr Nanos kLearnEvery = std::chrono::hours(1);   // peaks change with the day, or when a log was imported
constexpr std::size_t kMostOutcomes = 4096;   // batches of the workers that wait; further ones are lost, health judges by the rest

// The lock of the data folder is handed over like a socket, under its path: the successor owns the folder while this
// process still finishes what is under way.
SocketAddress lock_address(const std::string& data_dir) { return {.unix_path = data_dir + "/lock"}; }

// All descriptors of `address`, taken out of what was inherited.
std::vector<io::Descriptor> take(io::Inheritance& inherited, const SocketAddress& address) {
  std::vector<io::Descriptor> taken;
  std::erase_if(inherited.sockets, [&](const io::HandedSocket& socket) {
    if (socket.address != address) return false;
    taken.emplace_back(socket.descriptor);
    return true;
  });
  return taken;
}

// Those this process may run on, which is not all there are in a container or under taskset.
std::size_t cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? static_cast<std::size_t>(std::max(1, CPU_COUNT(&allowed))) : 1;
}

// A worker that finds no descriptor left could not begin: it is said before, with what helps.
Result<> room_for_workers(std::size_t workers) {
  constexpr std::uint64_t kBesides = 16;   // files that are opened after them
  const exporting::ProcessStats open = exporting::read_process_stats();
  const std::uint64_t wanted = open.open_fds + workers * WorkerThread::kDescriptors + kBesides;
  if (open.max_fds == 0 || wanted <= open.max_fds) return {};
  return fail(ErrorKind::full, fmt::format("{} workers need {} open files and {} are allowed: raise the limit (ulimit -n, LimitNOFILE) or write fewer `workers`",
                                           workers, wanted, open.max_fds), Origin::system);
}

}  // namespace

std::size_t Gateway::worker_count(const Policy& policy) {
  return std::clamp<std::size_t>(policy.workers == 0 ? cores() : policy.workers, 1, kMaxWorkers);
}

Result<std::unique_ptr<Gateway>> Gateway::start(GatewayOptions options, std::unique_ptr<NameTable> names, Loaded loaded,
                                                std::string why, io::Inheritance inherited) {
  WEIR_CHECK(loaded.outcome.policy != nullptr);
  io::EpollKernel kernel;
  std::vector<io::Descriptor> lock = take(inherited, lock_address(loaded.outcome.policy->data_dir));
  auto data_dir = store::DataDir::open(loaded.outcome.policy->data_dir,
                                       [&](std::span<std::byte> out) { kernel.random(out); }, lock.empty() ? -1 : lock.front().release());
  if (!data_dir) return std::unexpected(data_dir.error());
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(options), std::move(names), std::move(*data_dir)));
  if (auto booted = gateway->boot(std::move(loaded), std::move(why), std::move(inherited)); !booted) return std::unexpected(booted.error());
  return gateway;
}

Gateway::Gateway(GatewayOptions options, std::unique_ptr<NameTable> names, store::DataDir data_dir)
    : options_(std::move(options)), names_(std::move(names)), data_dir_(std::move(data_dir)), history_(data_dir_.file("revisions.db")), overrides_(data_dir_.file("revisions.db")), kept_deploys_(data_dir_.file("revisions.db")), loop_(kernel_, {.all_connections = &all_connections_}),
      started_(loop_.wall()), outcomes_(loop_, kMostOutcomes),
      scope_(std::make_unique<io::Scope>(loop_)) {
  for (std::uint8_t seat = 0; seat < keepers_.size(); ++seat) make_keepers(seat);
  outcomes_.on_value([this](std::vector<EndpointOutcomes> outcomes) {
    for (const Keepers& each : keepers_) each.conditions->on_outcomes(outcomes);
  });
}

Gateway::~Gateway() {
  if (admin_ != nullptr) admin_->stop();
  scope_->cancel();
  if (admin_ != nullptr) admin_->scope().cancel();
  while (scope_->running() > 0 || (admin_ != nullptr && admin_->scope().running() > 0)) loop_.turn(std::chrono::milliseconds(10));
  workers_.clear();
  scribe_.reset();
  follower_.reset();
}

Result<> Gateway::boot(Loaded loaded, std::string why, io::Inheritance inherited) {
  std::shared_ptr<Policy> policy = std::move(loaded.outcome.policy);
  const Change booting{.input = loaded.input, .way = store::Revision::Way::start, .author = "start", .reason = std::move(why)};
  policy->revision = history_.boot(booting, policy->hash, loop_.wall());
  if (!history_.error().empty()) options_.say(fmt::format("{}; changes are refused until it is put right, or moved away", history_.error()));
  // A name that does not resolve now may later: it must not keep the others down.
  for (const Error& error : io::block_on(loop_, [&] { return keepers_[0].names->look_up(*policy); })) {
    options_.say(fmt::format("{}; asked again and again, it takes no requests until then", to_string(error)));
  }
  auto opened = open_listeners(*policy, inherited);
  if (!opened) return std::unexpected(opened.error());

  admin_ = std::make_unique<Admin>(loop_, Admin::Access{.token = data_dir_.token(), .hosts = policy->admin_hosts}, admin_routes(*this));
  std::vector<std::pair<SocketAddress, bool>> doors = {{SocketAddress{.unix_path = data_dir_.file("admin.sock")}, true}};
  if (policy->admin) doors.emplace_back(*policy->admin, false);
  std::vector<io::Listener> admin_sockets;
  for (const auto& [address, local] : doors) {
    std::vector<io::Descriptor> handed = take(inherited, address);
    auto socket = handed.empty() ? io::Listener::open(loop_, address) : io::Listener::adopt(loop_, handed.front().release());
    if (!socket) return wrap(socket.error(), fmt::format("the admin interface cannot listen on {}", to_string(address)));
    admin_sockets.push_back(std::move(*socket));
  }
  for (const io::HandedSocket& unwanted : std::exchange(inherited.sockets, {})) ::close(unwanted.descriptor);

  if (auto room = room_for_workers(worker_count(*policy)); !room) return room;
  start_workers(*policy);
  protection_ = std::make_unique<OwnProtection>(
      loop_, workers_,
      OwnProtection::To{.publish = [this](const proxy::ProcessLoad& load) {
                          for (const auto& worker : workers_) worker->post([load](proxy::Worker& here) { here.load().use(load); });
                        },
                        .say = [this](std::string line) { options_.say(line); },
                        .trim = [this] { study_.submit([] { ::malloc_trim(0); }); }});
  traffic_feed_ = std::make_unique<TrafficFeed>(data_dir_.key(), records_);
  std::vector<exporting::Lane*> logs, recordings;
  for (const auto& records : records_) {
    if (records->log_lane() != nullptr) logs.push_back(records->log_lane());
    if (records->record_lane() != nullptr) recordings.push_back(records->record_lane());
  }
  // The stamp of `started_`: times in segments and in the directory are those of the requests' own.
  const Stamp start_stamp = loop_.refresh() - (loop_.wall() - started_);
  caller_feed_ = std::make_unique<CallerFeed>(
      CallerFeed::Options{.path = data_dir_.file("callers.db"), .key = data_dir_.key(),
                          .shift = started_.time_since_epoch() - start_stamp.time_since_epoch(),
                          .tell = [this](std::shared_ptr<const decide::KnownCallers> known) {
                            loop_.post([this, known = std::move(known)]() mutable { publish_known(std::move(known)); });
                          }},
      *names_);
  const std::uint64_t start_id = exporting::start_id(data_dir_.file("segments"), started_);
  auto scribe = exporting::Scribe::start(
      {.access_log = policy->access_log,
       .segments = data_dir_.file("segments"),  // written to once a policy says `record: true`
       .key = data_dir_.key(),
       .start_id = start_id,
       .start_wall = started_,
       .start_stamp = start_stamp,
       .sink = caller_feed_.get()},
      *names_, std::move(logs), std::move(recordings));
  if (!scribe) return std::unexpected(scribe.error());
  scribe_ = std::move(*scribe);
  std::vector<std::uint64_t> first_sequences;
  for (const auto& worker : workers_) first_sequences.push_back(worker->first_sequence());
  follower_ = std::make_unique<FollowerThread>(
      *names_, FollowerThread::Options{.folder = data_dir_.file("segments"),
                                       .seed = data_dir_.key(),
                                       .start_id = start_id,
                                       .start_wall = started_,
                                       .start_stamp = start_stamp,
                                       .limit_cells = kLimitCells,
                                       .first_sequences = std::move(first_sequences),
                                       .say = [this](std::string_view text) {
                                         loop_.post([this, text = std::string(text)] { options_.say(text); });
                                       }});

  Made made;
  made.policy = std::move(policy);
  made.keys = std::move(loaded.keys);
  made.input = std::move(loaded.input);
  made.tree = std::move(loaded.outcome.tree);
  made.opened = std::move(*opened);
  const std::uint32_t number = made.policy->revision;
  live_input_ = made.input;
  live_tree_ = made.tree;
  protection_->use(made.policy->overload);   // before the first connection is accepted
  take_over_overrides();
  io::block_on(loop_, [&] { return enforce(std::move(made), number); });
  take_over_deploys();
  // Only now is there something to answer about; who asked earlier has waited in the backlog.
  for (std::size_t i = 0; i < doors.size(); ++i) admin_->listen(std::move(admin_sockets[i]), doors[i].second);
  io::tell_ready(inherited);
  scope_->spawn([this] { return watch_keys(); });
  scope_->spawn([this] { return learn_peaks(); });
  scope_->spawn([this] { return expire_overrides(); });
  scope_->spawn([this] { return keep_deploys(); });
  scope_->spawn([this] { return follow(); });
  scope_->spawn([this] { return tally_traffic(); });
  scope_->spawn([this] { return keep_rollout(); });
  scope_->spawn([this] { return protection_->keep(); });
  if (options_.show) scope_->spawn([this] { return print_live(); });
  return {};
}

void Gateway::start_workers(const Policy& policy) {
  const std::size_t count = worker_count(policy);
  const proxy::Shared shared{.in_flight = in_flight_, .seed = data_dir_.key(),
                             .installation = InstallationId::of(data_dir_.key()), .names = *names_,
                             .alone = count == 1};
  // Spinning for microseconds pays only where there is a core to spare.
  const bool spare_core = count < cores();
  for (std::size_t i = 0; i < count; ++i) {
    records_.push_back(std::make_unique<exporting::WorkerRecords>(*names_, exporting::WorkerRecordsOptions{}));
    records_.back()->tell_outcomes([this](std::span<const EndpointOutcomes> outcomes) {
      outcomes_.post({outcomes.begin(), outcomes.end()});
    });
    workers_.push_back(std::make_unique<WorkerThread>(
        WorkerThread::Options{.id = WorkerId{static_cast<std::uint16_t>(i)}, .spin = spare_core ? io::kSpinMax : Nanos(0),
                              .all_connections = &all_connections_, .control = kernel_.descriptors()}, shared,
        *records_.back(), [this](std::shared_ptr<const proxy::Snapshot> old) {
          study_.submit([old = std::move(old)]() mutable { old.reset(); });
        }));
  }
}

std::vector<int> Gateway::descriptor_tables() const {
  std::vector<int> tables;
  for (const auto& worker : workers_) {
    if (worker->table() != 0) tables.push_back(worker->table());
  }
  return tables;
}

std::shared_ptr<io::Resolver> Gateway::resolver(const DnsRules& rules) {
  io::AresOptions options;
  for (const SocketAddress& server : rules.servers) options.servers += (options.servers.empty() ? "" : ",") + to_string(server);
  return std::make_shared<io::AresResolver>(loop_, std::move(options));
}

Result<std::vector<Gateway::Opened>> Gateway::open_listeners(const Policy& policy, io::Inheritance& inherited) {
  const std::size_t workers = workers_.empty() ? worker_count(policy) : workers_.size();
  std::vector<Opened> opened;
  for (const Listener& listener : policy.listeners) {
    const bool known = std::ranges::any_of(listening_, [&](const Opened& one) { return one.address == listener.address; });
    if (known) continue;
    Opened& fresh = opened.emplace_back(Opened{.address = listener.address, .sockets = take(inherited, listener.address)});
    const auto cannot = [&](int code) {
      return fail(code == EADDRINUSE ? ErrorKind::busy : ErrorKind::io,
                  fmt::format("{}:{}: listener {} cannot listen on {}: {}", policy.files[listener.source.file], listener.source.line,
                              names_->text(listener.name), to_string(listener.address), std::strerror(code)),
                  Origin::system);
    };
    const bool one_for_all = listener.address.is_unix() || listener.address.port == 0;
    if (fresh.sockets.empty()) {
      // With SO_REUSEPORT a second weir would silently share the port; asked for without it first, it says so.
      io::Handle probe;
      if (const int code = kernel_.listen(listener.address, {.reuse_port = false}, probe); code < 0) return cannot(-code);
      if (one_for_all) fresh.sockets.emplace_back(probe.value);
      else kernel_.close(probe);
    }
    // Whom sockets were handed to may have more workers.
    for (std::size_t i = fresh.sockets.size(); !one_for_all && i < workers; ++i) {
      io::Handle socket;
      if (const int code = kernel_.listen(listener.address, {.reuse_port = true}, socket); code < 0) return cannot(-code);
      fresh.sockets.emplace_back(socket.value);
    }
  }
  return opened;
}

void Gateway::publish_known(std::shared_ptr<const decide::KnownCallers> known) {
  known_callers_ = known;
  traffic_feed_->judge().use(known);
  for (const auto& worker : workers_) worker->post([known](proxy::Worker& here) { here.load().use(known); });
}

// Of both policies, each by itself: a key that was revoked must not come back with what decides beside, and a file that only one of
// them names keeps the other from nothing.
io::Task<> Gateway::watch_keys() {
  using Keys = std::vector<Result<std::shared_ptr<const auth::KeyTables>>>;
  FileTimes times;
  std::vector<std::weak_ptr<const Policy>> known;   // whose keys are as the files were
  std::string said;
  while (co_await loop_.sleep_to_beat(std::chrono::seconds(1))) {
    const std::vector<std::shared_ptr<const Policy>> policies = deciding();
    const bool same = std::ranges::equal(policies, known, {}, {}, [](const auto& each) { return each.lock(); });
    if (!same) times = {};   // what came has keys of the time when it was read
    known.assign(policies.begin(), policies.end());
    FileTimes::Change change = FileTimes::Change::none;
    const Keys fresh = co_await study_.run(loop_, [&] {
      std::vector<const Policy*> looked_at;
      for (const auto& policy : policies) looked_at.push_back(policy.get());
      change = times.look(looked_at);
      Keys loaded;
      for (std::size_t i = 0; change != FileTimes::Change::none && i < policies.size(); ++i) loaded.push_back(load_keys(*policies[i]));
      return loaded;
    });
    if (fresh.empty()) continue;
    if (deciding() != policies) {
      times = {};   // these are of others: once more, for those that came
      continue;
    }
    std::string why;
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      if (!fresh[i]) {
        why = to_string(fresh[i].error());
        continue;
      }
      const std::uint8_t seat = i == 0 ? snapshot_->seat : snapshot_->other->seat;
      change_opinion(seat, [keys = *fresh[i]](proxy::Opinion& opinion) { opinion.keys = keys; });
    }
    const bool was_wrong = !said.empty();
    if (std::exchange(said, why) != why && !why.empty()) options_.say(fmt::format("keys not reloaded, the old ones stay in force: {}", why));
    if (!why.empty()) times = {};   // whatever puts them right, they are read again
    else if (change == FileTimes::Change::changed || was_wrong) options_.say("keys reloaded");
  }
}

// The one that holds first.
std::vector<std::shared_ptr<const Policy>> Gateway::deciding() const {
  std::vector<std::shared_ptr<const Policy>> policies = {snapshot_->policy};
  if (snapshot_->other != nullptr) policies.push_back(snapshot_->other->policy);
  return policies;
}

// A change may have been on its way for long.
io::Task<> Gateway::read_keys_again(Made& made) {
  auto keys = co_await study_.run(loop_, [&] { return load_keys(*made.policy); });
  if (keys) made.keys = std::move(*keys);
  else options_.say(fmt::format("keys not read again: {}", to_string(keys.error())));
}

io::Task<std::shared_ptr<const CallerPeaks>> Gateway::peaks_for(std::shared_ptr<const Policy> policy) {
  const PeaksQuestion question{.data_dir = data_dir_.path(), .key = data_dir_.key(), .now = loop_.wall(), .before = peaks_};
  auto peaks = co_await study_.run(loop_, [&] { return learned_peaks(*policy, question); });
  if (peaks) co_return *peaks == nullptr ? question.before : std::move(*peaks);   // numbers go on where nothing is learned for a time
  options_.say(fmt::format("rates not learned, those in use stay: {}", to_string(peaks.error())));
  if (question.before != nullptr) co_return question.before;
  co_return std::make_shared<CallerPeaks>(CallerPeaks{.number = 1, .all = {}});   // said, so that it is recorded: nobody has a past
}

io::Task<> Gateway::learn_peaks() {
  while (co_await loop_.sleep_for(kLearnEvery)) {
    const std::shared_ptr<const Policy> policy = snapshot_->policy;
    if (changing_) continue;
    auto peaks = co_await peaks_for(policy);
    if (changing_ || snapshot_->policy != policy || peaks == peaks_) continue;   // a change has asked by itself
    peaks_ = std::move(peaks);
    conditions().use_peaks(peaks_);
  }
}

io::Task<> Gateway::follow() {
  while (co_await loop_.sleep_to_beat(std::chrono::milliseconds(500))) {
    if (recorded_) follower_->turn(loop_.now());
  }
}

io::Task<> Gateway::print_live() {
  std::vector<std::uint64_t> seen(records_.size());
  while (co_await loop_.sleep_for(std::chrono::milliseconds(50))) {
    for (std::size_t i = 0; i < records_.size(); ++i) {
      for (const exporting::KeptExchange& kept : records_[i]->ring().since(seen[i], 200)) {
        options_.show(live_line(kept, *names_));
      }
    }
  }
}

io::Task<> Gateway::tally_traffic() {
  while (co_await loop_.sleep_to_beat(TrafficFeed::kEvery)) traffic_feed_->turn(loop_.now());
}

std::vector<const exporting::MetricsShard*> Gateway::shards() const {
  std::vector<const exporting::MetricsShard*> all;
  for (const auto& records : records_) all.push_back(&records->metrics());
  return all;
}

void Gateway::run() { loop_.run(); }

void Gateway::drain() {
  loop_.post([this] {
    if (draining_) return loop_.stop();   // the second TERM
    draining_ = true;
    options_.say(fmt::format("draining: {} s for what is under way", policy().drain.count() / 1'000'000'000));
    scope_->spawn([this] { return drain_and_stop(); });
  });
}

io::Task<> Gateway::drain_and_stop() {
  for (const auto& worker : workers_) worker->post([](proxy::Worker& here) { here.drain(); });
  for (Opened& one : listening_) one.sockets.clear();   // who connects from now on is refused, or is the successor's
  const Stamp until = loop_.refresh() + policy().drain;
  while (loop_.now() < until) {
    if (co_await connections() == 0) break;
    if (!co_await loop_.sleep_for(std::chrono::milliseconds(20))) co_return;
  }
  loop_.stop();
}

io::Task<std::size_t> Gateway::connections() {
  io::Mailbox<std::size_t> answers(loop_, workers_.size());
  for (const auto& worker : workers_) worker->post([&answers](proxy::Worker& here) { answers.post(here.connections()); });
  std::size_t total = 0;
  for (std::size_t left = workers_.size(); left > 0;) {
    if (auto count = co_await answers.receive(io::kNever)) {
      total += *count;
      --left;
    } else {
      co_await loop_.yield();
    }
  }
  co_return total;
}

void Gateway::stop() {
  loop_.post([this] { loop_.stop(); });
}

void Gateway::reopen_logs() {
  loop_.post([this] { scribe_->reopen(); });
}

void Gateway::hand_over() {
  loop_.post([this] {
    if (std::exchange(hand_over_waits_, true)) return;
    scope_->spawn([this] { return hand_over_now(); });
  });
}

io::Task<> Gateway::hand_over_now() {
  while (changing_) {
    if (!co_await loop_.sleep_for(std::chrono::milliseconds(10))) co_return;   // the gateway ends
  }
  hand_over_waits_ = false;
  if (draining_) co_return;
  changing_ = true;
  std::vector<io::HandedSocket> sockets = {{lock_address(data_dir_.path()), data_dir_.lock_descriptor()}};
  for (const auto& [address, descriptor] : admin_->descriptors()) sockets.push_back({address, descriptor});
  for (const Opened& one : listening_) {
    for (const io::Descriptor& socket : one.sockets) sockets.push_back({one.address, socket.get()});
  }
  auto successor = io::start_successor(options_.program, options_.arguments, sockets);
  Result<> ready;
  if (successor) {
    ready = co_await io::await_ready(loop_, *successor, loop_.refresh() + kSuccessorTime);
  } else {
    ready = std::unexpected(successor.error());
  }
  changing_ = false;
  if (!ready) {
    options_.say(fmt::format("no new process, this one goes on: {}", to_string(ready.error())));
    co_return;
  }
  options_.say("a new process serves; this one finishes what is under way");
  draining_ = true;
  admin_->stop();
  co_await drain_and_stop();
}

}  // namespace weir::control
