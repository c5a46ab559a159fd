// Worker: everything one core owns. Its loop, its listeners' sockets, its pool of upstream connections, its epochs, the
// cursors of balancing, and the scratch memory in which heads are read and written. Nothing here is shared but what
// Shared names. Workers talk to other threads only by mailboxes and the Observer.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/ids.h"
#include "decide/clients.h"
#include "decide/decide.h"
#include "decide/loop.h"
#include "http/head.h"
#include "io/loop.h"
#include "io/listener.h"
#include "io/stream.h"
#include "model/request_id.h"
#include "proxy/epoch.h"
#include "proxy/answer.h"
#include "proxy/forward.h"
#include "proxy/load_watch.h"
#include "proxy/spare.h"
#include "record/observer.h"
#include "wire/http1_server.h"
#include "wire/pool.h"

namespace weir::proxy {

// What all workers of a process share.
struct Shared {
  decide::limits::InFlight& in_flight;
  HashKey seed;                    // the installation's key
  InstallationId installation;
  const NameTable& names;
  bool alone = true;               // no other worker charges these limits
};

class Worker;
struct Request;
struct AuthMemory;

// What deciding by one policy needs of a worker: its own cursors, the clients that came last, and room for the decision at hand.
struct Seat {
  Seat(WorkerId worker, const decide::limits::InFlight& in_flight);
  ~Seat();
  void use(const Policy& policy, HashKey seed);
  decide::Balancer balancer;
  decide::AskedLimits asked;
  std::unique_ptr<Request> request;
  std::optional<decide::Clients> clients;   // under the newest policy that sits here
};

// Of a listener, at all workers together: what its cap counts.
using OpenConnections = std::atomic<std::size_t>;

// One listener as one worker sees it: its socket, its options under the newest policy, its connections.
class WorkerListener final : public wire::ServerHost, private wire::Handler {
 public:
  WorkerListener(Worker& worker, io::Listener socket, SocketAddress address, std::shared_ptr<OpenConnections> open);
  ~WorkerListener() override;

  void configure(ListenerId id, const Listener& listener);
  // Its place in the other policy of the newest epoch, where there is one and has this address too.
  void configure_other(std::optional<ListenerId> id) { id_in_other_ = id; }
  std::optional<ListenerId> id_in_other() const { return id_in_other_; }
  io::Task<> accept_loop();   // once
  // Lets those go that have been idle for a while, the oldest first and some at a time: room is short.
  void close_idle();
  bool accepting() const { return accepting_; }   // its accept_loop() has not ended
  double accept_queue() const { return draining_ ? 0 : socket_.queue_share(); }
  // Accepts nothing more; idle connections end now, busy ones after their exchange, and those that were just accepted
  // have kFirstRequest for it. The second call, from housekeeping, ends what did not use it.
  void drain();
  void finish_drain();
  void cut();

  const wire::ServerOptions& options() const override { return options_; }
  bool draining() const override;
  bool short_of_room() const override;
  wire::Handler& handler() override { return *this; }
  wire::Scratch& scratch() override;
  void connection_opened() override;
  void connection_closed() override;

  const SocketAddress& address() const { return address_; }
  // As the newest policy that names this listener has them.
  ListenerId id() const { return id_; }
  NameId name() const { return name_; }
  const std::vector<Net>& trusted_proxies() const { return trusted_proxies_; }
  std::size_t connections() const { return connections_.size(); }
  Worker& worker() { return worker_; }

 private:
  io::Task<> accept_all();
  io::Task<> handle(wire::ServerStream& stream) override;
  io::Task<> refuse(wire::ServerStream& stream, http::Violation violation, bool timed_out) override;

  Worker& worker_;
  io::Listener socket_;
  SocketAddress address_;
  ListenerId id_;
  std::optional<ListenerId> id_in_other_;
  NameId name_;
  std::vector<Net> trusted_proxies_;
  wire::ServerOptions options_;
  std::size_t max_connections_ = 0;
  std::shared_ptr<OpenConnections> open_;
  bool draining_ = false, accepting_ = true;
  Stamp drained_at_;
  wire::Connections connections_;
};

class Worker {
 public:
  Worker(io::Loop& loop, WorkerId id, const Shared& shared, record::Observer& observer, Epochs::Retire retire);
  ~Worker();

  // Takes a new snapshot into use: every request from now on is judged by it. Listeners that are no longer named are
  // drained; `sockets` brings those that are new.
  struct NewListener {
    SocketAddress address;
    io::Listener socket;
    std::shared_ptr<OpenConnections> open = std::make_shared<OpenConnections>(0);
  };
  void publish(std::shared_ptr<const Snapshot> snapshot, std::vector<NewListener> sockets);
  // The same policies with something else; `change` is given a copy of the newest snapshot.
  void republish(const std::function<void(Snapshot&)>& change);

  void drain();                            // no new connections, none kept; returns at once
  void cut();                              // ends everything
  bool quiet() const;                      // nothing is under way any more
  std::size_t connections() const;

  io::Loop& loop() { return loop_; }
  WorkerId id() const { return id_; }
  const Shared& shared() const { return shared_; }
  record::Observer& observer() { return observer_; }
  const NameTable& names() const { return shared_.names; }
  Epochs& epochs() { return epochs_; }
  const Epochs& epochs() const { return epochs_; }
  wire::Pool& pool() { return pool_; }
  wire::Scratch& scratch() { return scratch_; }
  Arena& arena() { return arena_; }
  SpareStrings& spare() { return spare_; }
  Answer& answer() { return answer_; }
  Seat& seat(const Opinion& opinion) { return seats_[opinion.seat]; }
  ExchangeId next_exchange() { return {.worker = id_, .sequence = sequence_++}; }
  std::uint64_t next_sequence() const { return sequence_; }
  std::uint32_t& in_flight() { return in_flight_; }
  LoadWatch& load() { return load_; }
  void late_began() { ++late_; }           // a probe (proxy/late_probe.h)
  void late_ended() { --late_; }
  bool draining() const { return draining_; }
  io::Scope& scope() { return scope_; }
  std::string_view date();                 // of this second
  // Our entry in Via of an answer that came in by this version.
  std::string_view via(http::Version version = http::Version::http11) const {
    return version == http::Version::http10 ? via10_ : via_;
  }
  // That of a request on its way to an upstream: a comment says which installation we are.
  std::string_view request_via(http::Version version) const { return request_via_[static_cast<std::size_t>(version)]; }
  const decide::LoopMarks& loop_marks() const { return loop_marks_; }
  WallTime wall() const { return wall_ + (loop_.now() - wall_at_); }   // read from the system every 50 ms
  AuthMemory& auth_memory() { return *auth_memory_; }
  std::vector<std::unique_ptr<WorkerListener>>& listeners() { return listeners_; }

 private:
  io::Task<> housekeeping();
  void watch_load();
  void keep_to_addresses(const Snapshot& snapshot);

  io::Loop& loop_;
  const WorkerId id_;
  const Shared shared_;
  record::Observer& observer_;
  Epochs epochs_;
  wire::Pool pool_;
  std::array<std::shared_ptr<const EndpointAddresses>, 2> resolved_;   // that pool_ keeps to
  wire::Scratch scratch_;
  Arena arena_;
  SpareStrings spare_;
  Answer answer_;
  std::array<Seat, 2> seats_;
  LoadWatch load_;
  std::uint64_t sequence_;
  std::uint32_t in_flight_ = 0, late_ = 0;
  bool draining_ = false;
  const decide::LoopMarks loop_marks_;
  std::string date_, via_, via10_;
  std::array<std::string, 3> request_via_;   // by version
  Stamp date_until_{}, wall_at_{};
  WallTime wall_{};
  std::unique_ptr<AuthMemory> auth_memory_;
  std::vector<std::unique_ptr<WorkerListener>> listeners_;
  io::Scope scope_;
};

}  // namespace weir::proxy
