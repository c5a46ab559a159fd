#include "control/deploy_feed.h"

#include <algorithm>
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

DeployAnswer AnnouncedDeploy::answer() const {
  auto best = DeployAnswer::not_enough_data;
  for (const auto wanted : {DeployAnswer::healthy, DeployAnswer::under_way, DeployAnswer::harmed}) {
    if (std::ranges::any_of(as, [&](const As& each) { return each.deploy.answer() == wanted; })) best = wanted;
  }
  return best;
}

void DeployFeed::use(const Policy& policy) {
  homes_.clear();
  for (const Route& route : policy.routes) {
    const auto* forward = std::get_if<Forward>(&route.action);
    if (forward != nullptr && forward->split.size() == 1) homes_.emplace(route.name.value, policy.upstreams[forward->split.front().upstream.index()].name);
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
    if (const auto of = past(Role::upstream, upstream.value, second)) {
      of->add(second, {.bad = is_bad_of_upstream(record), .took = answered_in(record), .weight = weight});
    }
  }
  if (caller.empty()) return;
  if (const auto of = past(Role::caller, key_of(caller), second)) {
    of->add(second, {.bad = record::is_bad(record), .took = answered_in(record), .weight = weight});
  }
}

void DeployFeed::turn(Stamp now) {
  for (AnnouncedDeploy& each : deploys_) {
    if (each.answer() != DeployAnswer::under_way) continue;
    for (AnnouncedDeploy::As& as : each.as) {
      if (as.seen == nullptr) continue;
      as.seen->advance(second_of(now));
      const auto& seconds = as.seen->seconds();
      for (; as.next < as.seen->open(); ++as.next) {
        const std::int64_t place = as.next - (as.seen->open() - static_cast<std::int64_t>(seconds.size()));
        as.deploy.add(place < 0 ? rollout::SubjectSecond{} : seconds[static_cast<std::size_t>(place)]);
      }
    }
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

Result<std::uint64_t> DeployFeed::announce(Announcement announcement, NameId upstream, Stamp now, WallTime wall) {
  const auto under_way = std::ranges::count_if(deploys_, [](const AnnouncedDeploy& each) { return each.answer() == DeployAnswer::under_way; });
  if (static_cast<std::size_t>(under_way) >= kMostUnderWay)
    return fail(ErrorKind::busy, fmt::format("{} deploys are watched already; GET /api/v1/changes lists them", under_way), Origin::client);
  if (deploys_.size() >= kMostKept) {
    deploys_.erase(std::ranges::find_if(deploys_, [](const AnnouncedDeploy& each) { return each.answer() != DeployAnswer::under_way; }));
  }
  AnnouncedDeploy& deploy = deploys_.emplace_back(AnnouncedDeploy{.id = ++announced_, .announced = std::move(announcement), .began = wall, .as = {}});
  if (upstream.valid()) watch(deploy, Role::upstream, upstream.value, now);
  const std::uint64_t caller = key_of(deploy.announced.subject);
  if (callers_.contains(caller)) watch(deploy, Role::caller, caller, now);
  return deploy.id;
}

}  // namespace weir::control
