#include "proxy/worker.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "fmt/core.h"
#include "proxy/answer.h"
#include "proxy/context.h"
#include "proxy/exchange.h"
#include "proxy/external_auth.h"
#include "proxy/upstream.h"

namespace weir::proxy {
namespace {

std::optional<ListenerId> listener_at(const Policy& policy, const SocketAddress& address) {
  const auto named = std::ranges::find(policy.listeners, address, &Listener::address);
  if (named == policy.listeners.end()) return std::nullopt;
  return ListenerId{static_cast<std::uint16_t>(named - policy.listeners.begin())};
}

void add_places(const Opinion& opinion, wire::Pool::Places& places) {
  for (std::size_t i = 0; i < opinion.policy->endpoints.size(); ++i) {
    const Endpoint& endpoint = opinion.policy->endpoints[i];
    if (endpoint.host.empty()) continue;
    std::vector<std::uint64_t>& of = places[endpoint.identity];
    for (const SocketAddress& address : opinion.conditions->addresses(i)) of.push_back(place_of(address));
  }
}

// A connection that was accepted just before a drain began has this long for its first request.
constexpr Nanos kFirstRequest = std::chrono::seconds(1);
// Where room is short: idle for so long is idle; at most this part of a listener's connections go a tick, but some.
constexpr Nanos kIdle = std::chrono::seconds(1);
constexpr std::size_t kIdlePart = 16, kIdleSome = 8;
constexpr Nanos kAcceptPause = std::chrono::milliseconds(50);

}  // namespace

WorkerListener::WorkerListener(Worker& worker, io::Listener socket, SocketAddress address, std::shared_ptr<OpenConnections> open)
    : worker_(worker), socket_(std::move(socket)), address_(std::move(address)), open_(std::move(open)) {}

WorkerListener::~WorkerListener() = default;

void WorkerListener::configure(ListenerId id, const Listener& listener) {
  id_ = id;
  name_ = listener.name;
  trusted_proxies_ = listener.trusted_proxies;
  options_ = {.caps = {.head = listener.caps.head.count, .line = listener.caps.line.count, .fields = listener.caps.fields},
              .body_cap = listener.caps.body,
              .head = listener.timeouts.head,
              .body = listener.timeouts.body,
              .idle = listener.timeouts.idle,
              .min_rate = listener.caps.min_rate.count};
  max_connections_ = listener.caps.connections;
}

io::Task<> WorkerListener::accept_loop() {
  co_await accept_all();
  accepting_ = false;
}

io::Task<> WorkerListener::accept_all() {
  while (!draining_) {
    // What is left is for upstreams; who connects waits in the backlog. An accept that is under way already may pass: one for each
    // listener of each worker.
    if (worker_.load().pauses_accepting()) {
      if (!co_await worker_.loop().sleep_for(kAcceptPause)) co_return;
      continue;
    }
    auto stream = co_await socket_.accept(io::kNever);
    if (!stream) {
      if (draining_ || stream.error().kind == ErrorKind::cancelled) co_return;
      worker_.observer().connection(name_, record::ConnectionEvent::failed);
      continue;   // the listener backs off by itself while descriptors are short
    }
    const std::size_t before = open_->fetch_add(1, std::memory_order_relaxed);
    if (max_connections_ != 0 && before >= max_connections_) {
      open_->fetch_sub(1, std::memory_order_relaxed);
      worker_.observer().connection(name_, record::ConnectionEvent::refused);
      stream->reset();   // past the cap a refusal must cost less than what it refuses
      continue;
    }
    worker_.scope().adopt(connections_.serve(std::move(*stream), *this));
  }
}

void WorkerListener::connection_opened() { worker_.observer().connection(name_, record::ConnectionEvent::opened); }
void WorkerListener::connection_closed() {
  open_->fetch_sub(1, std::memory_order_relaxed);
  worker_.observer().connection(name_, record::ConnectionEvent::closed);
}

void WorkerListener::drain() {
  draining_ = true;
  drained_at_ = worker_.loop().now();
  socket_.close();
  connections_.drain(false);
}

void WorkerListener::finish_drain() {
  if (draining_ && worker_.loop().now() - drained_at_ >= kFirstRequest) connections_.drain(true);
}

void WorkerListener::cut() {
  connections_.cut();
}

void WorkerListener::close_idle() {
  connections_.close_idle(worker_.loop().now() - kIdle, connections_.size() / kIdlePart + kIdleSome);
}

bool WorkerListener::draining() const { return draining_; }
bool WorkerListener::short_of_room() const { return worker_.load().is_short_of_room(); }
wire::Scratch& WorkerListener::scratch() { return worker_.scratch(); }

io::Task<> WorkerListener::handle(wire::ServerStream& stream) { return exchange(*this, stream); }

io::Task<> WorkerListener::refuse(wire::ServerStream& stream, http::Violation violation, bool timed_out) {
  return refuse_bytes(*this, stream, violation, timed_out);
}

Worker::Worker(io::Loop& loop, WorkerId id, const Shared& shared, record::Observer& observer, Epochs::Retire retire)
    : loop_(loop), id_(id), shared_(shared), observer_(observer), epochs_(std::move(retire)),
      pool_(wire::PoolOptions{}), seats_{{{id, shared.in_flight}, {id, shared.in_flight}}}, load_(loop),
      sequence_(first_sequence(loop.wall())), loop_marks_(shared.seed),
      wall_at_(loop.now()), wall_(loop.wall()), auth_memory_(std::make_unique<AuthMemory>()), scope_(loop) {
  scope_.spawn([this] { return housekeeping(); });
}

Worker::~Worker() = default;

Seat::Seat(WorkerId worker, const decide::limits::InFlight& in_flight) : balancer(worker, in_flight), request(std::make_unique<Request>()) {}
Seat::~Seat() = default;

void Seat::use(const Policy& policy, HashKey seed) {
  constexpr std::size_t kMostClients = 1024;   // 64 bytes each
  balancer.on_policy(policy);
  clients.emplace(policy, seed, kMostClients);
}

void Worker::publish(std::shared_ptr<const Snapshot> snapshot, std::vector<NewListener> sockets) {
  const Policy& policy = *snapshot->policy;
  const Policy* const other = snapshot->other == nullptr ? nullptr : snapshot->other->policy.get();
  keep_to_addresses(*snapshot);
  for (Seat& seat : seats_) seat.clients.reset();   // views of policies that may go
  seat(*snapshot).use(policy, shared_.seed);
  if (other != nullptr) seat(*snapshot->other).use(*other, shared_.seed);
  epochs_.publish(std::move(snapshot));
  load_.use(policy.overload);
  via_ = fmt::format("1.1 {}", policy.via_name);
  via10_ = fmt::format("1.0 {}", policy.via_name);
  constexpr std::array<std::string_view, 3> kNumbers = {"1.0", "1.1", "2"};   // of http::Version
  for (std::size_t i = 0; i < kNumbers.size(); ++i) request_via_[i] = fmt::format("{} {} ({})", kNumbers[i], policy.via_name, loop_marks_.id());
  for (NewListener& fresh : sockets) {
    auto& listener = listeners_.emplace_back(
        std::make_unique<WorkerListener>(*this, std::move(fresh.socket), std::move(fresh.address), std::move(fresh.open)));
    scope_.spawn([raw = listener.get()] { return raw->accept_loop(); });
  }
  for (const auto& listener : listeners_) {
    listener->configure_other(other == nullptr ? std::nullopt : listener_at(*other, listener->address()));
    if (const auto id = listener_at(policy, listener->address())) {
      listener->configure(*id, policy.listeners[id->index()]);
    } else if (!listener->draining()) {
      listener->drain();
    }
  }
}

void Worker::republish(const std::function<void(Snapshot&)>& change) {
  auto next = std::make_shared<Snapshot>(epochs_.newest());
  change(*next);
  keep_to_addresses(*next);
  epochs_.publish(std::move(next));
}

// Connections to an address that its name does not have any more carry on what they carry, and end.
void Worker::keep_to_addresses(const Snapshot& snapshot) {
  const auto of_other = snapshot.other == nullptr ? nullptr : snapshot.other->conditions->resolved;
  if (snapshot.conditions->resolved == resolved_[0] && of_other == resolved_[1]) return;
  resolved_ = {snapshot.conditions->resolved, of_other};
  wire::Pool::Places places;
  add_places(snapshot, places);
  if (snapshot.other != nullptr) add_places(*snapshot.other, places);
  pool_.keep_to(std::move(places));
}

void Worker::drain() {
  draining_ = true;
  for (const auto& listener : listeners_) {
    if (!listener->draining()) listener->drain();
  }
}

void Worker::cut() {
  drain();
  for (const auto& listener : listeners_) listener->cut();
  scope_.cancel();
}

bool Worker::quiet() const { return connections() == 0 && late_ == 0; }

std::size_t Worker::connections() const {
  std::size_t total = 0;
  for (const auto& listener : listeners_) total += listener->connections();
  return total;
}

std::string_view Worker::date() {
  if (loop_.now() >= date_until_) {
    const WallTime wall = this->wall();
    date_ = http_date(wall);
    date_until_ = loop_.now() + std::chrono::seconds(1) - wall.time_since_epoch() % std::chrono::seconds(1);
  }
  return date_;
}

io::Task<> Worker::housekeeping() {
  for (unsigned tick = 0; co_await loop_.sleep_to_beat(std::chrono::milliseconds(50)); ++tick) {
    wall_at_ = loop_.refresh();
    wall_ = loop_.wall();
    observer_.tick(loop_.now());
    watch_load();
    if (tick % 20 != 0) continue;
    pool_.age(loop_.now());
    for (const auto& listener : listeners_) listener->finish_drain();
    // Listeners that were taken away leave when their last connection has.
    std::erase_if(listeners_, [](const auto& listener) { return listener->draining() && !listener->accepting() && listener->connections() == 0; });
  }
}

void Worker::watch_load() {
  double fullest = 0;
  for (const auto& listener : listeners_) fullest = std::max(fullest, listener->accept_queue());
  load_.tick(fullest);
  if (!load_.is_short_of_room()) return;
  if (load_.pauses_accepting()) pool_.clear();   // descriptors that nobody uses
  for (const auto& listener : listeners_) listener->close_idle();
}

}  // namespace weir::proxy
