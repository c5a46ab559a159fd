// Deploys behind the gateway, kept over a restart, and splits given back: what the judges say (control/deploy_feed.h) is written down
// as soon as it is an answer, every kKeep while there is none; a candidate that is harmed loses its requests to the stable part, by an
// override that a person may take away. Nobody waits for the disk but who announces.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <map>
#include <utility>

#include "config/override_text.h"
#include "control/deploy_json.h"
#include "control/deploy_rows.h"
#include "control/deploy_text.h"
#include "control/gateway.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using rollout::DeployAnswer;

constexpr Nanos kLook = std::chrono::milliseconds(250), kKeep = std::chrono::seconds(10);
constexpr std::size_t kMostLeft = 100;   // rows that are looked at at a start

std::string line_of(const AnnouncedDeploy& deploy, WallTime now) {
  return "deploy " + deploy_line(boost::json::parse(deploy_json(deploy, now)));
}

// Of what was written: of bytes that may be damaged.
bool found_no_harm(const std::string& json) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(json, error);
  if (error || !document.is_object()) return false;
  const boost::json::value* const answer = document.as_object().if_contains("answer");
  return answer != nullptr && answer->is_string() && std::string_view(answer->as_string()) != to_string(DeployAnswer::harmed);
}

std::string reason_of(const AnnouncedDeploy& deploy, const rollout::ArmsReading& reading) {
  const auto share = [](const rollout::DeployFigures& of) { return of.bad_share.value_or(0) * 100; };
  const auto p90 = [](const rollout::DeployFigures& of) { return of.p90_ms.value_or(0); };
  const bool slow = reading.harm == rollout::Guard::slow;
  return fmt::format("change {}: {} {}", deploy.id, deploy.announced.version,
                     slow ? fmt::format("is slower, p90 {:.1f} ms against {:.1f} ms", p90(reading.candidate), p90(reading.stable))
                          : fmt::format("fails more, {:.2g} % against {:.2g} %", share(reading.candidate), share(reading.stable)));
}

}  // namespace

// What a gateway before this one watched, and what it had found of splits.
void Gateway::take_over_deploys() {
  auto rows = kept_deploys_.list(0, kMostLeft);
  if (!rows) {
    if (history_.error().empty()) options_.say(fmt::format("deploys are not known: {}", to_string(rows.error())));
    return;
  }
  DeployFeed& feed = traffic_feed_->deploys();
  if (!rows->empty()) feed.number_from(rows->front().id);
  std::map<std::string, bool> seen;   // splits
  for (const store::DeployRow& row : *rows) {
    if (row.split.empty() || !seen.emplace(row.subject, true).second || row.under_way) continue;
    if (found_no_harm(row.json)) feed.was_judged(row.subject, row.split);
  }
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    if (!row->under_way) continue;
    auto deploy = deploy_of(*row);
    if (!deploy) {
      options_.say(fmt::format("deploy {} {} cannot be gone on with: its row is damaged, or of another version; announce it again", row->subject, row->version));
      deploy = AnnouncedDeploy{.id = row->id, .announced = {.subject = row->subject, .version = row->version}, .began = row->at};
    }
    deploy->kept = true;
    feed.restore(std::move(*deploy), loop_.refresh(), loop_.wall());
  }
}

io::Task<Result<std::uint64_t>> Gateway::announce(Announcement announcement) {
  const Stamp now = loop_.refresh();
  traffic_feed_->turn(now);
  const auto id = traffic_feed_->deploys().announce(std::move(announcement), now, loop_.wall());
  if (id) co_await keep_deploys_now();
  co_return id;
}

// Those that the store does not know, or not as they stand.
io::Task<> Gateway::keep_deploys_now() {
  const Stamp now = loop_.refresh();
  const WallTime wall = loop_.wall();
  std::vector<store::DeployRow> rows;
  for (AnnouncedDeploy& each : traffic_feed_->deploys().deploys()) {
    const bool answered = each.answer() != DeployAnswer::under_way;
    if (answered && !std::exchange(each.told, true)) options_.say(line_of(each, wall));
    const bool lately = now - each.kept_at < kKeep;
    if (answered ? each.kept_answer : each.kept && lately) continue;
    if (deploys_unkept_ && lately) continue;
    each.kept_at = now;
    rows.push_back(row_of(each, wall));
  }
  if (rows.empty()) co_return;
  const auto done = co_await study_.run(loop_, [&] { return kept_deploys_.put(rows); });
  if (!done && !std::exchange(deploys_unkept_, true)) options_.say(fmt::format("deploys are watched and not kept: {}", to_string(done.error())));
  if (!done) co_return;
  deploys_unkept_ = false;
  for (const store::DeployRow& row : rows) {
    AnnouncedDeploy* const each = traffic_feed_->deploys().find(row.id);
    if (each == nullptr) continue;
    each->kept = true;
    each->kept_answer = !row.under_way && row.json == deploy_json(*each, wall);
  }
}

io::Task<> Gateway::keep_deploys() {
  while (co_await loop_.sleep_to_beat(kLook)) {
    if (draining_) co_return;   // one that was handed the sockets goes on with them
    traffic_feed_->deploys().watch_splits(loop_.now(), loop_.wall());
    co_await keep_deploys_now();
    std::vector<std::uint64_t> harmed;
    for (const AnnouncedDeploy& each : traffic_feed_->deploys().deploys()) {
      if (!each.split.empty() && each.returned.empty() && each.answer() == DeployAnswer::harmed) harmed.push_back(each.id);
    }
    for (const std::uint64_t id : harmed) co_await give_back(id);
    if (!harmed.empty()) co_await keep_deploys_now();
  }
}

// The harm of any other role of the same name does not concern the split.
io::Task<> Gateway::give_back(std::uint64_t id) {
  const auto as_split = [&]() -> const AnnouncedDeploy::As* {
    const AnnouncedDeploy* const deploy = traffic_feed_->deploys().find(id);
    if (deploy == nullptr) return nullptr;
    const auto found = std::ranges::find(deploy->as, rollout::Role::split, &AnnouncedDeploy::As::role);
    return found == deploy->as.end() || found->answer() != DeployAnswer::harmed ? nullptr : &*found;
  };
  const AnnouncedDeploy::As* const as = as_split();
  if (as == nullptr) co_return;
  const AnnouncedDeploy deploy = *traffic_feed_->deploys().find(id);
  const std::string candidate(names_->text(as->compared->candidate));
  OverrideQuestion question{.what = {.kind = OverrideWhat::Kind::give_back, .subject = deploy.announced.subject, .upstream = candidate},
                            .lasts = Override::kLongest, .author = "weir", .reason = reason_of(deploy, as->compared->arms.reading())};
  const Overridden laid = co_await lay_unrehearsed(std::move(question));
  AnnouncedDeploy* const after = traffic_feed_->deploys().find(id);
  if (after == nullptr) co_return;
  if (!laid.done) {
    if (!std::exchange(after->told_stuck, true)) options_.say(fmt::format("route {} still asks {}: {}", deploy.announced.subject, candidate, laid.error));
    co_return;
  }
  after->returned = fmt::format("o{}", laid.override_->given.number);
  after->kept_answer = false;
}

}  // namespace weir::control
