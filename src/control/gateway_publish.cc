// Which policies decide, and for whom (docs/design/028-two-policies.md).
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "control/gateway.h"
#include "control/health_text.h"
#include "fmt/core.h"
#include "record/shape.h"

namespace weir::control {
namespace {

// Cells are touched at random, so every limit would pay a page fault at first and a miss of the TLB ever after. Large
// pages, there before the first request: otherwise a worker would wait while the system clears them. Advice only: where
// the system cannot, the table works all the same.
void prepare_memory(std::span<std::byte> cells) {
  const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t skip = (page - reinterpret_cast<std::uintptr_t>(cells.data()) % page) % page;
  const std::size_t size = (cells.size() - skip) / page * page;
  ::madvise(cells.data() + skip, size, MADV_HUGEPAGE);
  ::madvise(cells.data() + skip, size, MADV_POPULATE_WRITE);
}

std::shared_ptr<const record::RecordedConfiguration> recorded_configuration(std::string hash, config::Input input) {
  auto recorded = std::make_shared<record::RecordedConfiguration>();
  recorded->hash = std::move(hash);
  recorded->directory = std::move(input.directory);
  for (config::SourceFile& file : input.files) {
    recorded->files.push_back({.name = std::move(file.name), .text = std::move(file.text)});
  }
  return recorded;
}

// The same policy, counted apart: it lives until both counts have come to nothing.
std::shared_ptr<const Policy> held_by_requests(std::shared_ptr<const Policy> policy) {
  const Policy* const here = policy.get();
  return {here, [policy = std::move(policy)](const Policy*) {}};
}

}  // namespace

void Gateway::make_keepers(std::uint8_t seat) {
  Keepers& keepers = keepers_[seat];
  const auto holds = [this, seat] { return snapshot_ == nullptr || snapshot_->seat == seat; };   // who only decides beside says nothing
  keepers.conditions = std::make_unique<proxy::ConditionsKeeper>(
      *scope_, *names_, data_dir_.key(), in_flight_,
      proxy::ConditionsKeeper::To{
          .publish = [this, seat](std::shared_ptr<const Conditions> conditions) { publish_conditions(seat, std::move(conditions)); },
          .tell = [this, holds](const Policy& policy, UpstreamId upstream, const decide::PoolEvent& event) {
            if (holds()) options_.say(health_line(policy, *names_, upstream, event));
          },
          .number = [this] { return ++conditions_number_; },
          .unreached = [this, seat](NameId endpoint) { keepers_[seat].names->on_unreached(endpoint); }});
  keepers.names = std::make_unique<proxy::NameKeeper>(
      *scope_, proxy::NameKeeper::To{
                   .resolver = [this](const DnsRules& rules) { return resolver(rules); },
                   .publish = [this, seat](std::shared_ptr<const EndpointAddresses> addresses) {
                     keepers_[seat].conditions->use_addresses(std::move(addresses));
                   },
                   .tell = [this, holds](const proxy::NameEvent& event) {
                     if (holds()) options_.say(name_line(event));
                   }});
}

io::Task<proxy::Opinion> Gateway::prepare(proxy::Opinion opinion) {
  if (!opinion.policy->limits.empty() && std::exchange(prepared_[opinion.seat], opinion.limits.get()) != opinion.limits.get()) {
    co_await study_.run(loop_, [&] {
      prepare_memory(opinion.limits->memory());
      return true;
    });
  }
  peaks_ = co_await peaks_for(opinion.policy);
  opinion.policy = co_await lay(opinion.seat, std::move(opinion.policy));
  co_return opinion;
}

// `beside`: the first conditions under which another enforces what this one decides beside.
Gateway::Seated Gateway::sit(proxy::Opinion opinion, config::Input input, std::optional<std::uint64_t> beside) {
  Seated seated{.opinion = std::move(opinion), .shaper = nullptr};
  const std::shared_ptr<const Policy> policy = std::move(seated.opinion.policy);
  Keepers& keepers = keepers_[seated.opinion.seat];
  // Follower and keepers hold it apart: the follower is seconds behind and would make every policy look as if requests still ran under it.
  recorded_ = recorded_ || policy->record.enabled;
  seated.opinion.conditions = keepers.conditions->use(policy, keepers.names->use(policy), peaks_);
  follower_->policy(beside.value_or(seated.opinion.conditions->number), policy);
  seated.opinion.policy = held_by_requests(policy);
  published_.push_back(seated.opinion.policy);
  if (policy->record.enabled) {
    seated.shaper = std::make_shared<const record::Shaper>(*policy, *names_, data_dir_.key());
    if (!input.files.empty()) scribe_->policy(*policy, seated.shaper->literals(), recorded_configuration(policy->hash, std::move(input)));
  }
  scribe_->conditions(*seated.opinion.conditions, *policy);
  return seated;
}

io::Task<> Gateway::publish(std::shared_ptr<proxy::Snapshot> snapshot, std::vector<Seated> fresh, std::vector<Opened> opened) {
  snapshot_ = snapshot;
  note_overrides();
  if (draining_) opened.clear();        // nobody accepts any more
  traffic_feed_->traffic().use(*snapshot->policy);
  traffic_feed_->deploys().use(*snapshot->policy, *names_);
  scribe_->set_access_log(snapshot->policy->access_log);
  struct Socket {
    SocketAddress address;
    std::shared_ptr<proxy::OpenConnections> connections;
    io::Descriptor* ours;
  };
  struct Taken {
    std::size_t worker = 0, sockets = 0;
    std::string why;                    // it took no more
  };
  std::vector<std::vector<Socket>> sockets(workers_.size());
  io::Mailbox<Taken> taken(loop_, workers_.size());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::vector<int> passed;
    for (Opened& one : opened) {
      for (std::size_t j = i; j < one.sockets.size(); j += workers_.size()) {
        sockets[i].push_back({one.address, one.connections, &one.sockets[j]});
        passed.push_back(one.sockets[j].get());
      }
    }
    workers_[i]->pass(passed);
    workers_[i]->post([&fresh, &taken, &offered = sockets[i], i, snapshot, thread = workers_[i].get(), records = records_[i].get()](proxy::Worker& worker) {
      for (const Seated& each : fresh) records->use(each.opinion.policy->revision, each.shaper);
      Taken took{.worker = i, .why = "it has no descriptor left; raise the limit of open files (ulimit -n, LimitNOFILE)"};
      std::vector<proxy::Worker::NewListener> listeners;
      for (io::Descriptor& socket : thread->passed(offered.size())) {
        auto listener = io::Listener::adopt(worker.loop(), socket.release());
        if (!listener) {   // it listens already: the system watches no more (epoll(7), max_user_watches)
          took.why = to_string(listener.error());
          break;
        }
        const Socket& at = offered[took.sockets++];
        listeners.push_back({.address = at.address, .socket = std::move(*listener), .open = at.connections});
      }
      worker.publish(snapshot, std::move(listeners));
      taken.post(std::move(took));
    });
  }
  for (std::size_t left = workers_.size(); left > 0;) {
    const auto by = co_await taken.receive(io::kNever);
    if (!by) {
      co_await loop_.yield();   // the workers still refer to what is here
      continue;
    }
    --left;
    // Nobody would accept there: who connects is better off with another worker's socket, or refused.
    for (const Socket& lost : std::span(sockets[by->worker]).subspan(by->sockets)) {
      *lost.ours = io::Descriptor();
      options_.say(fmt::format("worker {} cannot listen on {}: {}", by->worker, to_string(lost.address), by->why));
    }
  }
  std::erase_if(listening_, [&](const Opened& one) {
    return std::ranges::none_of(snapshot_->policy->listeners, [&](const Listener& listener) { return listener.address == one.address; });
  });
  for (Opened& one : opened) {
    std::erase_if(one.sockets, [](const io::Descriptor& socket) { return socket.get() < 0; });
    if (draining_ || one.sockets.empty()) continue;   // closed with it; the next change opens it again where nobody had room
    listening_.push_back(std::move(one));
  }
  protection_->use(snapshot_->policy->overload);
}

io::Task<> Gateway::enforce(Made made, std::uint32_t number) {
  made.policy->revision = number;
  proxy::Opinion opinion{.policy = std::move(made.policy), .keys = std::move(made.keys)};
  opinion.limits = snapshot_ == nullptr ? std::make_shared<decide::limits::Table>(kLimitCells) : snapshot_->limits;
  opinion.seat = snapshot_ == nullptr ? 0 : snapshot_->seat;
  opinion = co_await prepare(std::move(opinion));
  std::vector<Seated> fresh = {sit(std::move(opinion), std::move(made.input))};
  auto next = snapshot_ == nullptr ? std::make_shared<proxy::Snapshot>() : std::make_shared<proxy::Snapshot>(*snapshot_);
  static_cast<proxy::Opinion&>(*next) = fresh.front().opinion;
  co_await publish(std::move(next), std::move(fresh), std::move(made.opened));
}

// It begins with the buckets as they stand: limits that the change leaves alone go on, those that it changes start full.
io::Task<> Gateway::decide_beside(Made made, std::uint32_t number) {
  made.opened.clear();   // they could be opened; they are opened again when somebody accepts on them
  made.policy->revision = number;
  proxy::Opinion opinion{.policy = std::move(made.policy), .keys = std::move(made.keys), .seat = free_seat()};
  opinion.limits = co_await study_.run(loop_, [] {
    auto table = std::make_shared<decide::limits::Table>(kLimitCells);
    prepare_memory(table->memory());
    return table;
  });
  // Close around the copy: what is charged in between is in doubt for the follower.
  const Stamp from = loop_.refresh();
  co_await study_.run(loop_, [&] {
    WEIR_CHECK(opinion.limits->restore(snapshot_->limits->owed(from)));
    return true;
  });
  follower_->decides_beside(number, from, loop_.refresh());
  prepared_[opinion.seat] = opinion.limits.get();
  keepers_[opinion.seat].conditions->take_over(conditions());
  keepers_[opinion.seat].names->take_over(*keepers_[snapshot_->seat].names);
  opinion = co_await prepare(std::move(opinion));
  std::vector<Seated> fresh = {sit(std::move(opinion), std::move(made.input), snapshot_->conditions->number)};
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->other = std::make_shared<proxy::Opinion>(fresh.front().opinion);
  next->arms = {};
  co_await publish(std::move(next), std::move(fresh), {});
}

void Gateway::draw(Arms arms) {
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->arms = arms;
  snapshot_ = next;
  for (const auto& worker : workers_) {
    worker->post([arms](proxy::Worker& here) { here.republish([&](proxy::Snapshot& snapshot) { snapshot.arms = arms; }); });
  }
}

io::Task<> Gateway::change_places(std::vector<Opened> opened) {
  auto next = std::make_shared<proxy::Snapshot>();
  static_cast<proxy::Opinion&>(*next) = *snapshot_->other;
  next->other = std::make_shared<proxy::Opinion>(*snapshot_);
  co_await publish(std::move(next), {}, std::move(opened));
}

io::Task<> Gateway::decide_alone() {
  keepers_[free_seat()].conditions->rest();
  keepers_[free_seat()].names->rest();
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->other = nullptr;
  next->arms = {};
  co_await publish(std::move(next), {}, {});
  follower_->decides_alone(policy().revision, policy().hash, loop_.refresh());
}

// The same revisions with what is in force now. Only who has the turn.
io::Task<> Gateway::lay_anew() {
  proxy::Opinion holds = *snapshot_;
  holds.policy = configured_[holds.seat];
  holds = co_await prepare(std::move(holds));
  std::optional<proxy::Opinion> other;
  if (snapshot_->other != nullptr) {
    other = *snapshot_->other;
    other->policy = configured_[other->seat];
    other = co_await prepare(std::move(*other));
  }
  holds.keys = snapshot_->keys;   // they may be newer by now
  std::vector<Seated> fresh = {sit(std::move(holds), {})};
  if (other) {
    other->keys = snapshot_->other->keys;
    fresh.push_back(sit(std::move(*other), {}, fresh.front().opinion.conditions->number));
  }
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  static_cast<proxy::Opinion&>(*next) = fresh.front().opinion;
  if (other) next->other = std::make_shared<proxy::Opinion>(fresh.back().opinion);
  co_await publish(std::move(next), std::move(fresh), {});
}

void Gateway::change_opinion(std::uint8_t seat, const std::function<void(proxy::Opinion&)>& with) {
  auto next = std::make_shared<proxy::Snapshot>(*snapshot_);
  next->change(seat, with);
  snapshot_ = next;
  for (const auto& worker : workers_) {
    worker->post([seat, with](proxy::Worker& here) { here.republish([&](proxy::Snapshot& snapshot) { snapshot.change(seat, with); }); });
  }
}

void Gateway::publish_conditions(std::uint8_t seat, std::shared_ptr<const Conditions> conditions) {
  const proxy::Opinion* const opinion = snapshot_->seat == seat ? snapshot_.get() : snapshot_->other.get();
  if (opinion == nullptr) return;
  scribe_->conditions(*conditions, *opinion->policy);
  change_opinion(seat, [conditions](proxy::Opinion& at) { at.conditions = conditions; });
}

}  // namespace weir::control
