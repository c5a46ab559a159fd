#include "control/deploy_json.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <ranges>
#include <utility>

#include "base/json.h"
#include "config/values.h"
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

void role(JsonWriter& json, const AnnouncedDeploy::As& as, WallTime began) {
  const rollout::DeployReading reading = as.deploy.reading();
  json.begin_object()
      .field("role", to_string(as.role))
      .field("answer", to_string(reading.answer))
      .field("lack", to_string(reading.lack));
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
  json.end_array().end_object();
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
  json.key("as").begin_array();
  for (const AnnouncedDeploy::As& as : of.as) role(json, as, of.began);
  json.end_array().end_object();
}

std::string listed(const DeployFeed& feed, WallTime now, bool all) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const AnnouncedDeploy& each : feed.deploys() | std::views::reverse) {
    if (all || each.answer() == DeployAnswer::under_way) deploy(json, each, now);
  }
  json.end_array();
  return out;
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

std::string deploys_json(const DeployFeed& feed, WallTime now) { return "{\"changes\":" + listed(feed, now, true) + "}\n"; }
std::string deploys_under_way_json(const DeployFeed& feed, WallTime now) { return listed(feed, now, false); }

}  // namespace weir::control
