#include "control/deploy_feed.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>
#include <variant>

#include "fmt/core.h"
#include "model/outcomes.h"
#include "record/flight.h"

namespace weir::control {
namespace {

using rollout::DeployAnswer;
using rollout::Role;
using rollout::SubjectPast;

constexpr std::int64_t kSplitWatch = 3600;

std::int64_t second_of(Stamp at) { return std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count(); }

// The gateway's no for the upstream's sake.
bool for_the_upstream(Cause cause) {
  return cause == Cause::no_healthy_endpoint || cause == Cause::breaker_open || cause == Cause::concurrency_rejected;
}

bool is_bad_of_upstream(const ExchangeRecord& record) {
  if (for_the_upstream(record.cause)) return true;
  for (std::size_t i = 0; i < std::min<std::size_t>(record.attempts, record.tries.size()); ++i)
    if (result_of(record, i) == AttemptResult::failed) return true;
  return record.attempts > 0 && info(record.cause).side != Side::client && record::is_bad(record);
}

std::optional<Nanos> answered_in(const ExchangeRecord& record) {
  return record.response_time > Nanos(0) ? std::optional(record.response_time) : std::nullopt;
}

}  // namespace

namespace {

// The later of these, of all there are.
DeployAnswer most(std::initializer_list<DeployAnswer> answers) {
  for (const auto wanted : {DeployAnswer::harmed, DeployAnswer::under_way, DeployAnswer::healthy}) {
    if (std::ranges::find(answers, wanted) != answers.end()) return wanted;
  }
  return DeployAnswer::not_enough_data;
}

}  // namespace

DeployAnswer AnnouncedDeploy::As::answer() const {
  if (role == Role::split) return compared == nullptr ? DeployAnswer::not_enough_data : compared->arms.answer();
  return compared == nullptr ? deploy.answer() : most({deploy.answer(), compared->arms.answer()});
}

DeployAnswer AnnouncedDeploy::answer() const {
  auto answer = DeployAnswer::not_enough_data;
  for (const As& each : as) answer = most({answer, each.answer()});
  return answer;
}

void DeployFeed::use(const Policy& policy, const NameTable& names) {
  homes_.clear();
  known_.clear();
  splits_.clear();
  for (const Upstream& each : policy.upstreams) {
    known_.emplace(std::string(names.text(each.name)),
                   Known{.name = each.name, .version_header = each.version_header, .by_caller = each.balance == BalanceKind::ring_hash});
  }
  const auto name = [&](const WeightedUpstream& part) { return policy.upstreams[part.upstream.index()].name; };
  for (const Route& route : policy.routes) {
    const auto* forward = std::get_if<Forward>(&route.action);
    if (forward == nullptr) continue;
    if (forward->split.size() == 1) homes_.emplace(route.name.value, name(forward->split.front()));
    JudgedSplit split{.route = route.name, .subject = std::string(names.text(route.name))};
    for (const WeightedUpstream& part : forward->split) {
      if (part.weight == 0 || part.arm == SplitArm::none) continue;
      (part.arm == SplitArm::stable ? split.stable : split.candidate) = name(part);
      split.weights += fmt::format("{}{} {}", split.weights.empty() ? "" : ", ", names.text(name(part)), part.weight);
    }
    if (!split.stable.valid() || !split.candidate.valid()) continue;
    split.version = std::string(names.text(split.candidate));
    splits_.push_back(std::move(split));
  }
}

std::shared_ptr<SubjectPast> DeployFeed::past(Role role, std::uint64_t key, std::int64_t second) {
  Pasts& all = pasts(role);
  if (const auto found = all.find(key); found != all.end()) return found->second;
  const std::size_t most = role == Role::upstream ? kMostUpstreams : kMostCallers;
  if (all.size() >= most) {
    if (std::exchange(swept_, second) == second) return nullptr;
    boost::unordered::erase_if(all, [&](const auto& each) {
      const bool watched = each.second.use_count() > 1;
      return !watched && each.second->heard() + static_cast<std::int64_t>(SubjectPast::kMost) < second;
    });
    if (all.size() >= most) return nullptr;
  }
  return all.emplace(key, std::make_shared<SubjectPast>()).first->second;
}

void DeployFeed::add(const ExchangeRecord& record, std::string_view caller, Stamp now, double weight) {
  if ((record.flags & ExchangeRecord::kInternal) != 0) return;
  const std::int64_t second = second_of(now);
  NameId upstream = record.upstream;
  if (!upstream.valid() && for_the_upstream(record.cause)) {
    if (const auto home = homes_.find(record.route.value); home != homes_.end()) upstream = home->second;
  }
  if (upstream.valid() && (record.attempts > 0 || for_the_upstream(record.cause))) {
    const bool bad = is_bad_of_upstream(record);
    if (const auto of = past(Role::upstream, upstream.value, second)) of->add(second, {.bad = bad, .took = answered_in(record), .weight = weight});
    add_to_arms(record, upstream, bad, now);
  }
  if (caller.empty()) return;
  if (const auto of = past(Role::caller, key_of(caller), second)) {
    of->add(second, {.bad = record::is_bad(record), .took = answered_in(record), .weight = weight});
  }
}

std::uint64_t DeployFeed::version_of(const ExchangeRecord& record) {
  const std::size_t last = std::min<std::size_t>(record.attempts, record.tries.size());
  if (last == 0) return record.version;
  const std::uint32_t endpoint = record.tries[last - 1].endpoint.value;
  const auto known = versions_.find(endpoint);
  if (record.version == 0) return known == versions_.end() ? 0 : known->second;
  if (known != versions_.end()) known->second = record.version;
  else if (versions_.size() < kMostEndpoints) versions_.emplace(endpoint, record.version);
  return record.version;
}

void DeployFeed::add_to_arms(const ExchangeRecord& record, NameId upstream, bool bad, Stamp now) {
  const std::uint64_t version = version_of(record);
  for (const auto& each : compared_) {
    std::optional<rollout::Arm> arm;
    if (each->upstream.valid()) {
      if (upstream == each->upstream && version != 0) arm = version == each->version ? rollout::Arm::candidate : rollout::Arm::control;
    } else if (record.route == each->route) {
      if (upstream == each->candidate) arm = rollout::Arm::candidate;
      if (upstream == each->stable) arm = rollout::Arm::control;
    }
    if (!arm) continue;
    const std::uint64_t exchange = mix(record.exchange.sequence) ^ record.exchange.worker.value;
    each->arms.add({.at = now, .unit = each->by_caller ? record.who.caller : exchange, .method = record.who.method, .route = record.route,
                    .arm = *arm, .bad = bad, .took = answered_in(record)});
  }
}

void DeployFeed::turn(Stamp now) {
  for (const auto& each : compared_) each->arms.turn(now);
  for (AnnouncedDeploy& each : deploys_) {
    if (each.answer() != DeployAnswer::under_way) continue;
    for (AnnouncedDeploy::As& as : each.as) judge(as, now);
  }
  std::erase_if(compared_, [](const auto& each) { return each->arms.answer() != DeployAnswer::under_way; });
}

// What is compared now is not judged by what was before.
void DeployFeed::judge(AnnouncedDeploy::As& as, Stamp now) {
  if (as.seen == nullptr) return;
  as.seen->advance(second_of(now));
  const auto& seconds = as.seen->seconds();
  const bool beside = as.compared != nullptr && as.compared->arms.both_run(now);
  for (; as.next < as.seen->open(); ++as.next) {
    const std::int64_t place = as.next - (as.seen->open() - static_cast<std::int64_t>(seconds.size()));
    if (beside) as.deploy.skip(1);
    else as.deploy.add(place < 0 ? rollout::SubjectSecond{} : seconds[static_cast<std::size_t>(place)]);
  }
}

void DeployFeed::watch(AnnouncedDeploy& deploy, Role role, std::uint64_t key, Stamp now) {
  std::vector<rollout::SubjectSecond> before;
  auto seen = past(role, key, second_of(now));
  if (seen != nullptr) {
    seen->advance(second_of(now));
    before.assign(seen->seconds().begin(), seen->seconds().end());
  }
  // The running second is of both times.
  deploy.as.push_back({.role = role, .seen = std::move(seen), .next = second_of(now) + 1, .deploy = rollout::Deploy(role, before, deploy.announced.watch_s)});
}

void DeployFeed::compare(AnnouncedDeploy::As& as, const Known& upstream, const Announcement& announced, Nanos watch, Stamp now) {
  if (upstream.version_header.empty() || compared_.size() >= kMostCompared) return;
  as.compared = std::make_shared<Compared>(Compared{.upstream = upstream.name, .version = key_of(announced.version), .by_caller = upstream.by_caller,
                                                    .arms = rollout::TwoArms(now, watch, upstream.by_caller)});
  compared_.push_back(as.compared);
}

void DeployFeed::compare(AnnouncedDeploy::As& as, const JudgedSplit& split, Nanos watch, Stamp now) {
  as.compared = std::make_shared<Compared>(Compared{.route = split.route, .stable = split.stable, .candidate = split.candidate,
                                                    .arms = rollout::TwoArms(now, watch, false)});
  compared_.push_back(as.compared);
}

AnnouncedDeploy* DeployFeed::find(std::uint64_t id) {
  const auto found = std::ranges::find(deploys_, id, &AnnouncedDeploy::id);
  return found == deploys_.end() ? nullptr : &*found;
}

AnnouncedDeploy* DeployFeed::split_of(std::string_view route) {
  const auto found = std::ranges::find_if(deploys_.rbegin(), deploys_.rend(), [&](const AnnouncedDeploy& each) { return !each.split.empty() && each.announced.subject == route; });
  return found == deploys_.rend() ? nullptr : &*found;
}

const JudgedSplit* DeployFeed::judged_split(std::string_view route) const {
  const auto found = std::ranges::find(splits_, route, &JudgedSplit::subject);
  return found == splits_.end() ? nullptr : &*found;
}

AnnouncedDeploy& DeployFeed::make_room() {
  if (deploys_.size() >= kMostKept) {
    deploys_.erase(std::ranges::find_if(deploys_, [](const AnnouncedDeploy& each) { return each.answer() != DeployAnswer::under_way; }));
  }
  return deploys_.emplace_back();
}

Result<std::uint64_t> DeployFeed::announce(Announcement announcement, Stamp now, WallTime wall, As as) {
  const auto under_way = std::ranges::count_if(deploys_, [](const AnnouncedDeploy& each) { return each.answer() == DeployAnswer::under_way; });
  if (static_cast<std::size_t>(under_way) >= kMostUnderWay)
    return fail(ErrorKind::busy, fmt::format("{} deploys are watched already; GET /api/v1/changes lists them", under_way), Origin::client);
  const JudgedSplit* const split = judged_split(announcement.subject);
  if (AnnouncedDeploy* const before = split == nullptr ? nullptr : split_of(split->subject)) end_split(*before);
  if (split != nullptr && compared_.size() >= kMostCompared)
    return fail(ErrorKind::busy, fmt::format("{} deploys are compared arm against arm already; GET /api/v1/changes lists them", kMostCompared), Origin::client);
  const Nanos watching = std::chrono::seconds(announcement.watch_s);
  AnnouncedDeploy& deploy = make_room();
  deploy.id = ++announced_;
  deploy.announced = std::move(announcement);
  deploy.began = wall;
  if (const auto known = known_.find(deploy.announced.subject); as == As::each && known != known_.end()) {
    watch(deploy, Role::upstream, known->second.name.value, now);
    compare(deploy.as.back(), known->second, deploy.announced, watching, now);
  }
  const std::uint64_t caller = key_of(deploy.announced.subject);
  if (as == As::each && callers_.contains(caller)) watch(deploy, Role::caller, caller, now);
  if (split == nullptr) return deploy.id;
  deploy.split = split->weights;
  deploy.as.push_back({.role = Role::split, .deploy = rollout::Deploy(Role::split, {}, 0)});
  compare(deploy.as.back(), *split, watching, now);
  return deploy.id;
}

void DeployFeed::end_split(AnnouncedDeploy& deploy) {
  for (AnnouncedDeploy::As& as : deploy.as) {
    if (as.role != Role::split || as.compared == nullptr) continue;
    as.compared->arms.end(rollout::Lack::replaced);
    std::erase(compared_, as.compared);
  }
}

void DeployFeed::watch_splits(Stamp now, WallTime wall) {
  for (AnnouncedDeploy& each : deploys_) {
    if (each.split.empty() || each.answer() != DeployAnswer::under_way) continue;
    const JudgedSplit* const split = judged_split(each.announced.subject);
    if (split == nullptr || split->weights != each.split) end_split(each);
  }
  for (const JudgedSplit& split : splits_) {
    const AnnouncedDeploy* const before = split_of(split.subject);
    const bool judged = before != nullptr ? before->split == split.weights && (before->answer() != DeployAnswer::harmed || before->returned.empty())
                                          : judged_.contains({split.subject, split.weights});
    if (judged || compared_.size() >= kMostCompared) continue;
    (void)announce({.subject = split.subject, .version = split.version, .author = "weir", .reason = split.weights, .watch_s = kSplitWatch}, now, wall, As::split);
  }
}

void DeployFeed::restore(AnnouncedDeploy deploy, Stamp now, WallTime wall) {
  number_from(deploy.id);
  const std::int64_t gone = std::max<std::int64_t>(0, (wall - deploy.began) / std::chrono::seconds(1));
  const Nanos left = std::chrono::seconds(std::max<std::int64_t>(0, deploy.announced.watch_s - gone));
  const auto known = known_.find(deploy.announced.subject);
  const JudgedSplit* const split = judged_split(deploy.announced.subject);
  AnnouncedDeploy& restored = make_room() = std::move(deploy);
  for (AnnouncedDeploy::As& as : restored.as) {
    as.next = second_of(now) + 1;
    as.deploy.skip(gone - as.deploy.gone());
    if (as.role == Role::caller) as.seen = past(Role::caller, key_of(restored.announced.subject), second_of(now));
    if (as.role == Role::upstream && known != known_.end()) {
      as.seen = past(Role::upstream, known->second.name.value, second_of(now));
      compare(as, known->second, restored.announced, left, now);
    }
    if (as.role == Role::split && split != nullptr && split->weights == restored.split && compared_.size() < kMostCompared) compare(as, *split, left, now);
    if (as.seen != nullptr) as.seen->advance(second_of(now));
    else as.deploy.skip(restored.announced.watch_s);   // it is not there any more
  }
}

}  // namespace weir::control
