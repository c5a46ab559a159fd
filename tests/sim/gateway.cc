#include "gateway.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/check.h"
#include "config/compile.h"
#include "decide/admission.h"
#include "decide/late.h"
#include "io/listener.h"

namespace weir::simulated {

void Clerk::arrived(const Arrival& arrival, const record::Judged& judged) {
  ArrivalSeen& seen = ledger_.arrivals.emplace_back(ArrivalSeen{.arrival = arrival});
  if (judged.facts != nullptr) {
    seen.has_facts = true;
    seen.path = judged.facts->path;
    seen.client = to_string(judged.facts->client);
    const CallerRef& caller = judged.verdict.caller;
    if (caller.kind != CallerRef::Kind::address) seen.caller = judged.evidence[caller.rule.index()].subject;
  }
  if (judged.verdict.route.valid()) seen.route = names_.text(judged.policy.routes[judged.verdict.route.index()].name);
  ledger_.note("gateway: {}/{} decides {} {} on route {}", arrival.exchange.worker.value, arrival.exchange.sequence & 0xffffff, seen.path,
               arrival.cause == Cause::none ? "forward" : info(arrival.cause).name, seen.route);
  if (next_ != nullptr) next_->arrived(arrival, judged);
}

void Clerk::finished(const ExchangeRecord& record, const ExchangeText& text) {
  ledger_.records.push_back({.record = record, .request_id = std::string(text.request_id), .path = std::string(text.path),
                             .detail = std::string(text.detail), .route = std::string(names_.text(record.route))});
  ledger_.note("gateway: {}/{} finished {} status {} cause {} attempts {} in {} ms: {}", record.exchange.worker.value,
               record.exchange.sequence & 0xffffff, text.path, record.status, info(record.cause).name, record.attempts,
               record.total_time.count() / 1'000'000, text.detail);
  if (record.late.result == LateResult::not_asked) outcomes_.add(record);
  if (next_ != nullptr) next_->finished(record, text);
}

void Clerk::held_back(const ExchangeRecord& record) {
  outcomes_.add(record);
  if (next_ != nullptr) next_->held_back(record);
}

void Clerk::connection(NameId listener, record::ConnectionEvent event) {
  ledger_.connections_opened += event == record::ConnectionEvent::opened;
  ledger_.connections_closed += event == record::ConnectionEvent::closed;
  if (next_ != nullptr) next_->connection(listener, event);
}

void Clerk::tick(Stamp now) {
  outcomes_.flush();
  if (next_ != nullptr) next_->tick(now);
}

std::shared_ptr<Policy> compile_or_die(const std::string& yaml, NameTable& names) {
  config::Outcome outcome = config::compile({.files = {{"gateway.yaml", yaml}}, .directory = "/nowhere", .lint = false}, names);
  for (const config::Diagnostic& diagnostic : outcome.diagnostics) std::fprintf(stderr, "%s\n", diagnostic.message.c_str());
  WEIR_CHECK(outcome.policy != nullptr);
  return std::move(outcome.policy);
}

namespace {

constexpr std::size_t kCells = 4096, kReservedCells = 256;

std::shared_ptr<const EndpointAddresses> addresses_of(const Policy& policy) {
  auto addresses = std::make_shared<EndpointAddresses>();
  for (const Endpoint& endpoint : policy.endpoints) addresses->push_back({endpoint.address});
  return addresses;
}

}  // namespace

Gateway::Gateway(io::sim::SimWorld& world, Ledger& ledger, Options options)
    : ledger_(ledger),
      shared_{.in_flight = in_flight_, .seed = options.seed,
              .installation = InstallationId::of(options.seed), .names = names_},
      on_conditions_(std::move(options.on_conditions)), keys_(std::move(options.keys)), keeps_both_(options.keeps_both) {
  control_.emplace(world.kernel("control"));
  scope_.emplace(*control_);
  make_keeper(0);
  if (keeps_both_) make_keeper(1);
  for (std::size_t i = 0; i < options.workers; ++i) {
    const auto told = [this](std::span<const EndpointOutcomes> outcomes) {
      control_->post([this, outcomes = std::vector(outcomes.begin(), outcomes.end())] {
        for (auto& keeper : keepers_) {
          if (keeper) keeper->on_outcomes(outcomes);
        }
      });
    };
    Side& side = *sides_.emplace_back(std::make_unique<Side>(world.kernel(fmt::format("worker-{}", i)), all_connections_, ledger_,
                                                             names_, options.also ? options.also(i) : nullptr, told));
    side.worker.emplace(side.loop, WorkerId{static_cast<std::uint16_t>(i)}, shared_, side.clerk,
                        [this](std::shared_ptr<const proxy::Snapshot>) { ++retired_; });
  }
}

Gateway::~Gateway() = default;

void Gateway::make_keeper(std::uint8_t seat) {
  keepers_[seat].emplace(*scope_, names_, shared_.seed, in_flight_,
                         proxy::ConditionsKeeper::To{
                             .publish = [this, seat](std::shared_ptr<const Conditions> conditions) {
                               publish_conditions(keeps_both_ ? seat : snapshot_->seat, std::move(conditions));
                             },
                             .tell = [this](const Policy& policy, UpstreamId upstream, const decide::PoolEvent& event) {
                               ledger_.note("control: {} event {} of endpoint {}", names_.text(policy.upstreams[upstream.index()].name),
                                            static_cast<int>(event.kind), event.offset);
                             },
                             .number = [this] { return ++conditions_number_; }});
}

bool Gateway::full() const {
  return std::ranges::any_of(sides_, [](const auto& side) { return side->worker->epochs().live() >= proxy::Epochs::kMaxLive; });
}

std::shared_ptr<Policy> Gateway::next_policy(const std::string& yaml, std::size_t table) {
  std::shared_ptr<Policy> policy = compile_or_die(yaml, names_);
  policy->revision = static_cast<std::uint32_t>(policies_.size() + 1);
  policies_.push_back(std::make_shared<Policy>(*policy));   // a copy: the run must not keep the real one alive
  real_.push_back(policy);
  tables_.push_back(table);
  return policy;
}

bool Gateway::publish(const std::string& yaml) {
  if (full()) return false;
  const std::size_t table = snapshot_ == nullptr ? 0 : tables_[snapshot_->policy->revision - 1];
  const std::shared_ptr<Policy> policy = next_policy(yaml, table);
  // The keeper has a copy, as control's is kept apart: only workers and the newest snapshot keep a policy alive.
  auto conditions = (snapshot_ == nullptr ? *keepers_[0] : keeper()).use(policies_.back(), addresses_of(*policy));
  if (on_conditions_) on_conditions_(*conditions, *policies_.back());
  auto limits = snapshot_ == nullptr ? std::make_shared<decide::limits::Table>(kCells, kReservedCells) : snapshot_->limits;
  ledger_.note("control: publishes r{}", policy->revision);
  return post(std::make_shared<proxy::Snapshot>(proxy::Snapshot{
      {.policy = policy, .conditions = conditions, .keys = keys_, .limits = std::move(limits),
       .seat = snapshot_ == nullptr ? std::uint8_t{0} : snapshot_->seat}, nullptr, {}}));
}

bool Gateway::decide_beside(const std::string& yaml) {
  if (full() || snapshot_->other != nullptr) return false;
  auto limits = std::make_shared<decide::limits::Table>(kCells, kReservedCells);
  WEIR_CHECK(limits->restore(snapshot_->limits->owed(control_->now())));
  const std::shared_ptr<Policy> policy = next_policy(yaml, all_tables_++);
  const auto seat = static_cast<std::uint8_t>(1 - snapshot_->seat);
  std::shared_ptr<const Conditions> conditions;
  if (keeps_both_) {
    keepers_[seat]->take_over(keeper());
    conditions = keepers_[seat]->use(policies_.back(), addresses_of(*policy));
  } else {
    auto all_well = std::make_shared<Conditions>(Conditions{.number = 0, .endpoints = std::vector<EndpointConditions>(policy->endpoints.size())});
    all_well->resolved = addresses_of(*policy);
    conditions = std::move(all_well);
  }
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->other = std::make_shared<proxy::Opinion>(
      proxy::Opinion{.policy = policy, .conditions = std::move(conditions), .keys = keys_, .limits = std::move(limits), .seat = seat});
  ledger_.note("control: r{} decides beside", policy->revision);
  return post(std::move(next));
}

bool Gateway::draw(Arms arms) {
  if (full() || snapshot_->other == nullptr) return false;
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->arms = arms;
  ledger_.note("control: r{} is enforced for {} of each {}", next->other->policy->revision, arms.share, to_string(arms.unit));
  return post(std::move(next));
}

bool Gateway::change_places() {
  if (full() || snapshot_->other == nullptr) return false;
  auto next = std::make_shared<proxy::Snapshot>();
  static_cast<proxy::Opinion&>(*next) = *snapshot_->other;
  next->other = std::make_shared<proxy::Opinion>(*snapshot_);
  if (!keeps_both_) next->conditions = keepers_[0]->use(policies_[next->policy->revision - 1], addresses_of(*next->policy));
  if (on_conditions_) on_conditions_(*next->conditions, *next->policy);
  ledger_.note("control: r{} holds, r{} decides beside", next->policy->revision, next->other->policy->revision);
  return post(std::move(next));
}

bool Gateway::decide_alone() {
  if (full() || snapshot_->other == nullptr) return false;
  if (keeps_both_) keepers_[1 - snapshot_->seat]->rest();
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->other = nullptr;
  next->arms = {};
  ledger_.note("control: r{} decides alone", next->policy->revision);
  return post(std::move(next));
}

bool Gateway::publish_again() { return !full() && post(std::make_shared<proxy::Snapshot>(*snapshot_)); }

bool Gateway::post(std::shared_ptr<const proxy::Snapshot> snapshot) {
  snapshot_ = snapshot;
  snapshots_.push_back(snapshot);
  for (const auto& side : sides_) {
    side->loop.post([&worker = *side->worker, snapshot] {
      std::vector<proxy::Worker::NewListener> fresh;
      for (const Listener& listener : snapshot->policy->listeners) {
        const bool known = std::ranges::any_of(worker.listeners(), [&](const auto& own) { return own->address() == listener.address && !own->draining(); });
        if (known) continue;
        auto opened = io::Listener::open(worker.loop(), listener.address, {.backlog = 64, .reuse_port = true});
        WEIR_CHECK(opened.has_value());
        fresh.push_back({.address = listener.address, .socket = std::move(*opened)});
      }
      worker.publish(snapshot, std::move(fresh));
    });
  }
  return true;
}

void Gateway::publish_conditions(std::uint8_t seat, std::shared_ptr<const Conditions> conditions) {
  const proxy::Opinion* const opinion = snapshot_->seat == seat ? snapshot_.get() : snapshot_->other.get();
  if (opinion == nullptr) return;
  ledger_.note("control: publishes conditions {}", conditions->number);
  if (on_conditions_) on_conditions_(*conditions, *opinion->policy);
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->change(seat, [&](proxy::Opinion& at) { at.conditions = conditions; });
  snapshot_ = std::move(next);
  for (const auto& side : sides_) {
    side->loop.post([&worker = *side->worker, conditions, seat] {
      worker.republish([&](proxy::Snapshot& snapshot) { snapshot.change(seat, [&](proxy::Opinion& at) { at.conditions = conditions; }); });
    });
  }
}

void Gateway::use(const proxy::ProcessLoad& load) {
  ledger_.note("control: memory {} descriptors {}", static_cast<int>(load.memory), static_cast<int>(load.descriptors));
  for (const auto& side : sides_) {
    side->loop.post([&worker = *side->worker, load] { worker.load().use(load); });
  }
}

void Gateway::drain() {
  ledger_.note("control: drains");
  for (const auto& side : sides_) {
    side->loop.post([this, &worker = *side->worker] {
      worker.drain();
      ++drained_;
    });
  }
}

void Gateway::cut() {
  ledger_.note("control: cuts");
  for (const auto& side : sides_) side->worker->cut();
  scope_->cancel();
}

bool Gateway::quiet() const {
  return drained_ == sides_.size() && std::ranges::all_of(sides_, [](const auto& side) { return side->worker->quiet(); });
}

bool Gateway::over() const {
  return scope_->running() == 0 && std::ranges::all_of(sides_, [](const auto& side) { return side->worker->scope().running() == 0; });
}

void Gateway::look_for_leftovers() {
  for (const auto& side : sides_) {
    proxy::Worker& worker = *side->worker;
    if (worker.in_flight() != 0) ledger_.find("{} still counts {} exchanges in flight", side->kernel.name(), worker.in_flight());
    if (const auto count = in_flight_.count(decide::kLateIdentity); count != 0) ledger_.find("{} late probes are still counted", count);
    if (worker.epochs().live() != 1) ledger_.find("{} still holds {} policies", side->kernel.name(), worker.epochs().live());
  }
  for (const auto& policy : policies_) {
    for (const Endpoint& endpoint : policy->endpoints) {
      if (const auto count = in_flight_.count(endpoint.identity); count != 0) {
        ledger_.find("endpoint {} still counts {} in flight", names_.text(endpoint.name), count);
      }
    }
    for (const Upstream& upstream : policy->upstreams) {
      if (const auto count = in_flight_.count(decide::in_flight_identity(upstream)); count != 0) {
        ledger_.find("upstream {} still counts {} in flight", names_.text(upstream.name), count);
      }
    }
  }
  for (std::size_t i = 0; i + 1 < snapshots_.size(); ++i) {
    if (!snapshots_[i].expired()) ledger_.find("snapshot {} is still alive", i + 1);
  }
  for (std::size_t i = 0; i < real_.size(); ++i) {
    const std::shared_ptr<const Policy> policy = real_[i].lock();
    const bool decides = policy == snapshot_->policy || (snapshot_->other != nullptr && policy == snapshot_->other->policy);
    if (policy != nullptr && !decides) ledger_.find("the policy of r{} is still alive", i + 1);
  }
}

void Gateway::tear_down() {
  for (const auto& side : sides_) {
    side->worker.reset();
    if (side->loop.connections() != 0) ledger_.find("{} leaves {} connections", side->kernel.name(), side->loop.connections());
    if (side->kernel.open_handles() != 0) ledger_.find("{} leaves {} descriptors open", side->kernel.name(), side->kernel.open_handles());
  }
  sides_.clear();
  snapshot_.reset();
  for (auto& keeper : keepers_) keeper.reset();
  scope_.reset();
  control_.reset();
  for (std::size_t i = 0; i < snapshots_.size(); ++i) {
    if (!snapshots_[i].expired()) ledger_.find("snapshot {} outlives its workers", i + 1);
  }
  for (std::size_t i = 0; i < real_.size(); ++i) {
    if (!real_[i].expired()) ledger_.find("the policy of r{} outlives its workers", i + 1);
  }
}

std::vector<io::Loop*> Gateway::loops() {
  std::vector<io::Loop*> all;
  for (const auto& side : sides_) all.push_back(&side->loop);
  all.push_back(&*control_);
  return all;
}

}  // namespace weir::simulated
