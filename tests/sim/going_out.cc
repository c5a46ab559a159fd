#include "going_out.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "config/change_class.h"
#include "config/difference.h"
#include "control/differs.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Nanos kTurn = milliseconds(250), kJudge = seconds(1), kDrain = seconds(60);
constexpr std::size_t kIdentities = 3;   // that a configuration may have

const SocketAddress& gateway_address() {
  static const SocketAddress address = SocketAddress::parse("10.1.0.1:80").value();
  return address;
}

config::Input input_of(const std::string& yaml) { return {.files = {{"gateway.yaml", yaml}}, .directory = "/nowhere", .lint = false}; }

}  // namespace

GoingOut::GoingOut(const GoingOutOptions& options)
    : world_(options.setting.seed), client_loop_(world_.kernel("clients")), service_loop_(world_.kernel("services")), live_(options.live) {
  crowd_ = std::make_unique<Crowd>(client_loop_, options.setting, gateway_address());
  for (std::size_t i = 0; i < options.services.size(); ++i) {
    services_.push_back(std::make_unique<Service>(service_loop_, fmt::format("10.2.0.1:{}", 9001 + i), options.services[i], mix(options.setting.seed + i)));
  }
  gateway_ = std::make_unique<Gateway>(world_, ledger_, Gateway::Options{.workers = 1, .seed = kGoingOutKey, .also = [this](std::size_t) {
    return records_.emplace_back(std::make_unique<exporting::WorkerRecords>(none_, exporting::WorkerRecordsOptions{.log_buffers = 0, .record_buffers = 0})).get();
  }, .on_conditions = {}, .keys = crowd_->keys(kIdentities), .keeps_both = true});
  feed_ = std::make_unique<control::TrafficFeed>(kGoingOutKey, records_);
  feed_->judge().use(crowd_->known(kGoingOutKey));
  loops_ = gateway_->loops();
  loops_.push_back(&client_loop_);
  loops_.push_back(&service_loop_);
  WEIR_CHECK(gateway_->publish(live_));
  feed_->traffic().use(gateway_->policy());
  world_.run(loops_, world_.now() + milliseconds(20));
  crowd_->start();
}

GoingOut::~GoingOut() {
  if (!ended_) (void)end();
}

void GoingOut::run(Nanos time) {
  (void)run_until([] { return false; }, time);
}

bool GoingOut::run_until(const std::function<bool()>& done, Nanos time) {
  for (const Stamp until = world_.now() + time; world_.now() < until;) {
    world_.run(loops_, std::min(until, world_.now() + kTurn));
    step();
    if (done()) return true;
  }
  return false;
}

void GoingOut::force(const std::string& candidate) {
  WEIR_CHECK(gateway_->publish(candidate));
  live_ = candidate;
}

void GoingOut::begin(const std::string& candidate, const rollout::Request& request) {
  WEIR_CHECK(!machine_ || machine_->ended());
  const config::Comparison comparison = config::compare(input_of(live_), input_of(candidate)).value();
  const std::shared_ptr<const Policy> live = gateway_->compile(live_), next = gateway_->compile(candidate);
  revision_ = static_cast<std::uint32_t>(gateway_->policies().size() + 1);
  candidate_ = candidate;
  differs_ = control::differs_of(comparison, *live, *next, gateway_->names());
  machine_.emplace(rollout::Rollout::Change{.revision = revision_, .before = gateway_->holds().revision, .request = request,
                                            .touches = config::change_class(comparison, *live, *next), .rules = live->rollout,
                                            .ground = judge().ground(world_.now()), .checked = "", .check_took = Nanos(0)},
                   world_.now());
  judgement_ = {};
}

void GoingOut::step() {
  ledger_.arrivals.clear();   // an hour of them is too much, and nobody looks
  ledger_.records.clear();
  feed_->turn(world_.now());
  if (machine_ && !machine_->ended()) step_machine();
}

void GoingOut::step_machine() {
  using Kind = rollout::Order::Kind;
  const Stamp now = world_.now();
  if (beside_ && now - judged_at_ >= kJudge) {
    judged_at_ = now;
    judgement_ = judge().judge().verdict(now);
    machine_->judged(judgement_, judge().seen(now), judge().judge().comparison_time(), now);
  }
  for (rollout::Order order = machine_->next(now); order.kind != Kind::none; order = machine_->next(now)) {
    if (order.kind == Kind::plan) {
      machine_->planned({.answer = rollout::PlanOutcome::Answer::not_enough_data, .text = "nothing is recorded"}, now);
      continue;
    }
    if (order.kind == Kind::make_live) told_(order);
    if (!carry_out(order)) {
      machine_->failed("the workers do not take it", now);
      continue;
    }
    machine_->done(now);
    if (order.kind != Kind::make_live) told_(order);
    if (order.enters_stage()) judge().enter(order.stage(), judged_at_ = now);
  }
  if (!machine_->ended()) return;
  judge().end();
  if (beside_) beside_ = !gateway_->decide_alone();
}

bool GoingOut::carry_out(const rollout::Order& order) {
  using Kind = rollout::Order::Kind;
  const auto seat = [this] {
    if (beside_) return true;
    if (!gateway_->decide_beside(candidate_)) return false;
    judge().begin(revision_, std::move(differs_), world_.now());
    return beside_ = true;
  };
  switch (order.kind) {
    case Kind::shadow: return seat();
    case Kind::enforce: return seat() && gateway_->draw({.unit = judge().unit(), .share = order.share, .lot = revision_});
    case Kind::make_live:
      if (!seat() || !gateway_->change_places()) return false;
      std::swap(live_, candidate_);
      feed_->traffic().use(gateway_->holds());
      return true;
    case Kind::compare:
    case Kind::redraw:
      if (!gateway_->draw({.unit = judge().unit(), .share = order.share, .lot = mix(revision_) + ++lot_})) return false;
      if (order.kind == Kind::redraw) judge().redraw(world_.now());
      return true;
    case Kind::end_compare: return gateway_->draw({});
    case Kind::settle:
    case Kind::stop:
      if (beside_) beside_ = !gateway_->decide_alone();
      return !beside_;
    case Kind::roll_back:
      if (!gateway_->change_places()) return false;
      std::swap(live_, candidate_);
      feed_->traffic().use(gateway_->holds());
      beside_ = !gateway_->decide_alone();
      return true;
    default: return true;
  }
}

std::vector<std::string> GoingOut::end() {
  ended_ = true;
  crowd_->stop();
  if (!run_until([&] { return crowd_->quiet(); }, kDrain)) ledger_.find("callers are not answered");
  if (beside_) beside_ = !gateway_->decide_alone();
  gateway_->drain();
  crowd_->leave();
  if (!world_.run(loops_, world_.now() + kDrain, [&] { return gateway_->quiet(); })) ledger_.find("the drain does not end");
  world_.run(loops_, world_.now() + milliseconds(10));
  gateway_->look_for_leftovers();
  gateway_->cut();
  for (const auto& service : services_) service->stop();
  if (!world_.run(loops_, world_.now() + seconds(10), [&] { return gateway_->over() && std::ranges::all_of(services_, [](const auto& each) { return each->scope().running() == 0; }); })) {
    ledger_.find("something still runs");
  }
  gateway_->tear_down();
  return std::move(ledger_.findings);
}

}  // namespace weir::simulated
