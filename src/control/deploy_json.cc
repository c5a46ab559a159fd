#include "control/deploy_json.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <utility>

#include "base/json.h"
#include "config/values.h"
#include "control/rollout_json.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using rollout::DeployAnswer;

constexpr std::size_t kMaxName = 100, kMaxReason = 500;
constexpr Nanos kUsualWatch = std::chrono::hours(1), kShortest = std::chrono::seconds(5), kLongest = std::chrono::hours(24);

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorKind::invalid, fmt::format("{}; send {{\"subject\": \"orders\", \"version\": \"v42\", \"watch\": \"1h\"}}", what), Origin::client);
}

// "" where it is left out.
Result<std::string> text(const boost::json::object& in, std::string_view key, std::size_t most) {
  const boost::json::value* const value = in.if_contains(key);
  if (value == nullptr) return "";
  if (!value->is_string()) return wrong(fmt::format("\"{}\" is a text", key));
  if (value->as_string().size() > most) return wrong(fmt::format("\"{}\" is longer than {} bytes", key, most));
  return std::string(value->as_string());
}

Result<std::int64_t> read_watch(const std::string& text) {
  if (text.empty()) return kUsualWatch / std::chrono::seconds(1);
  const auto time = config::read_duration(text);
  if (!time) return wrong(fmt::format("\"watch\": {}", time.error().message));
  if (*time < kShortest || *time > kLongest) return wrong("\"watch\" is from 5s to 24h");
  return *time / std::chrono::seconds(1);
}

std::optional<int> code_of(DeployAnswer answer) {
  switch (answer) {
    case DeployAnswer::healthy: return 0;
    case DeployAnswer::harmed: return 3;
    case DeployAnswer::not_enough_data: return 4;
    case DeployAnswer::under_way: return std::nullopt;
  }
  return std::nullopt;
}

void optional(JsonWriter& json, std::string_view key, std::optional<double> value) {
  json.key(key);
  if (value) json.value(*value);
  else json.null();
}

void figures(JsonWriter& json, std::string_view key, const rollout::DeployFigures& of) {
  json.key(key).begin_object().field("seconds", of.seconds).field("requests", of.requests);
  optional(json, "rate", of.seconds > 0 ? std::optional(of.requests / of.seconds) : std::nullopt);
  optional(json, "bad_share", of.bad_share);
  optional(json, "p90_ms", of.p90_ms);
  json.end_object();
}

void arms(JsonWriter& json, const rollout::ArmsReading& reading) {
  json.begin_object().field("answer", to_string(reading.answer)).field("harm", reading.harm ? to_string(*reading.harm) : "");
  figures(json, "stable", reading.stable);
  figures(json, "candidate", reading.candidate);
  json.field("harms_at", rollout::kRollsBackAt).key("guards").begin_array();
  for (const rollout::Guard guard : {rollout::Guard::bad, rollout::Guard::slow}) {
    const rollout::GuardReading& of = reading.guards[static_cast<std::size_t>(guard)];
    json.begin_object().field("guard", to_string(guard));
    json.field("stable", of.count.control / std::max(1.0, of.of.control)).field("candidate", of.count.candidate / std::max(1.0, of.of.candidate));
    json.field("evidence", std::min(kMostEvidence, std::exp(of.log_evidence))).end_object();
  }
  json.end_array().end_object();
}

// Of two that lack something the arms, if they are all there is.
rollout::Lack lack_of(const AnnouncedDeploy::As& as) {
  if (as.answer() != DeployAnswer::not_enough_data) return rollout::Lack::none;
  if (as.role != rollout::Role::split) return as.deploy.reading().lack;
  return as.compared == nullptr ? rollout::Lack::replaced : as.compared->arms.reading().lack;
}

void role(JsonWriter& json, const AnnouncedDeploy::As& as, WallTime began) {
  const rollout::DeployReading reading = as.deploy.reading();
  json.begin_object()
      .field("role", to_string(as.role))
      .field("answer", to_string(as.answer()))
      .field("lack", to_string(lack_of(as)));
  figures(json, "before", reading.before);
  figures(json, "after", reading.after);
  json.key("harms").begin_array();
  for (const rollout::DeployHarm& harm : reading.harms) {
    json.begin_object()
        .field("signal", to_string(harm.signal))
        .field("usual", harm.usual)
        .field("highest", harm.highest)
        .field("now", harm.now)
        .field("began_at", time_text(began + std::chrono::seconds(harm.after)))
        .field("lasted_s", harm.lasted)
        .end_object();
  }
  json.end_array().key("arms");
  if (as.compared != nullptr) arms(json, as.compared->arms.reading());
  else json.null();
  json.end_object();
}

void deploy(JsonWriter& json, const AnnouncedDeploy& of, WallTime now) {
  const Announcement& said = of.announced;
  const DeployAnswer answer = of.answer();
  const std::int64_t gone = (now - of.began) / std::chrono::seconds(1);
  json.begin_object()
      .field("id", of.id)
      .field("subject", said.subject)
      .field("version", said.version)
      .field("author", said.author)
      .field("reason", said.reason)
      .field("began_at", time_text(of.began))
      .field("watch_s", said.watch_s)
      .field("left_s", answer == DeployAnswer::under_way ? std::clamp<std::int64_t>(said.watch_s - gone, 0, said.watch_s) : 0)
      .field("answer", to_string(answer))
      .key("exit_code");
  if (const auto code = code_of(answer)) json.value(*code);
  else json.null();
  json.field("kept", of.kept).field("split", of.split).field("returned", of.returned).key("as").begin_array();
  for (const AnnouncedDeploy::As& as : of.as) role(json, as, of.began);
  json.end_array().end_object();
}

}  // namespace

Result<Announcement> read_announcement(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(body, error);
  if (error || !document.is_object()) return wrong("the body is no JSON object");
  const boost::json::object& in = document.as_object();
  Announcement out;
  for (const auto& [key, into] : {std::pair("subject", &out.subject), std::pair("version", &out.version), std::pair("author", &out.author)}) {
    auto given = text(in, key, kMaxName);
    if (!given) return std::unexpected(given.error());
    *into = std::move(*given);
  }
  if (out.subject.empty() || out.version.empty()) return wrong("\"subject\" and \"version\" are needed");
  auto reason = text(in, "reason", kMaxReason);
  if (!reason) return std::unexpected(reason.error());
  const auto watch = text(in, "watch", kMaxName);
  if (!watch) return std::unexpected(watch.error());
  const auto seconds = read_watch(*watch);
  if (!seconds) return std::unexpected(seconds.error());
  out.reason = std::move(*reason);
  out.watch_s = *seconds;
  return out;
}

std::string deploy_json(const AnnouncedDeploy& of, WallTime now) {
  std::string out;
  JsonWriter json(out);
  deploy(json, of, now);
  return out;
}

std::string deploys_json(const DeployFeed& feed, const std::vector<store::DeployRow>& rows, std::size_t most, WallTime now) {
  std::map<std::uint64_t, std::string> all;   // by number
  for (const store::DeployRow& row : rows) all.emplace(row.id, row.json);
  for (const AnnouncedDeploy& each : feed.deploys()) all[each.id] = deploy_json(each, now);
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("changes").begin_array();
  for (const auto& [id, text] : all | std::views::reverse | std::views::take(most)) json.json(text);
  json.end_array().end_object();
  return out + "\n";
}

std::string deploys_under_way_json(const DeployFeed& feed, WallTime now) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const AnnouncedDeploy& each : feed.deploys() | std::views::reverse) {
    if (each.answer() == DeployAnswer::under_way) deploy(json, each, now);
  }
  json.end_array();
  return out;
}

}  // namespace weir::control
