#include "control/overrides_json.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <optional>
#include <utility>

#include "config/override_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr std::size_t kMaxReason = 500, kMaxAuthor = 100;

std::unexpected<Error> wrong(std::string what) {
  return fail(
      ErrorKind::invalid,
      fmt::format(
          "{}; send {{\"what\": \"block net 192.0.2.0/24\", \"for\": \"1h\", \"reason\": \"why\"}}",
          what),
      Origin::client);
}

Result<boost::json::object> read_object(std::string_view body) {
  boost::system::error_code error;
  boost::json::value document = boost::json::parse(body, error);
  if (error || !document.is_object()) return wrong("the body is no JSON object");
  return std::move(document.as_object());
}

// "" where it is left out; nothing where it is no text, or longer than that.
std::optional<std::string> text(const boost::json::object& in, std::string_view key,
                                std::size_t most) {
  const boost::json::value* value = in.if_contains(key);
  if (value == nullptr) return "";
  if (!value->is_string() || value->as_string().size() > most) return std::nullopt;
  return std::string(value->as_string());
}

Result<EndQuestion> read_by(const boost::json::object& in) {
  auto author = text(in, "author", kMaxAuthor), reason = text(in, "reason", kMaxReason);
  if (!author || !reason)
    return wrong("\"author\" and \"reason\" are texts of at most 100 and 500 bytes");
  return EndQuestion{.author = std::move(*author), .reason = std::move(*reason)};
}

Result<bool> yes_or_no(const boost::json::object& in, std::string_view key) {
  const boost::json::value* value = in.if_contains(key);
  if (value != nullptr && !value->is_bool())
    return wrong(fmt::format("\"{}\" is true or false", key));
  return value != nullptr && value->as_bool();
}

double seconds(Nanos time) { return static_cast<double>(time.count() / 1'000'000) / 1e3; }

}  // namespace

Result<OverrideQuestion> read_override_question(std::string_view body, bool local) {
  const auto in = read_object(body);
  if (!in) return std::unexpected(in.error());
  auto by = read_by(*in);
  if (!by) return std::unexpected(by.error());
  const auto what = text(*in, "what", 512), lasts = text(*in, "for", 64);
  if (!what || !lasts) return wrong("\"what\" and \"for\" are texts");
  if (by->reason.empty()) return wrong("\"reason\" is missing: whoever looks later asks why");
  const auto person = yes_or_no(*in, "person"), yes = yes_or_no(*in, "yes");
  if (!person || !yes) return std::unexpected((person ? yes : person).error());
  auto read = config::read_override(*what);
  if (!read)
    return fail(ErrorKind::invalid,
                fmt::format("{}; {}", read.error().message, read.error().remedy), Origin::client);
  OverrideQuestion question{.what = std::move(*read),
                            .author = std::move(by->author),
                            .reason = std::move(by->reason),
                            .person = *person && local,
                            .yes = *yes};
  if (lasts->empty()) return question;
  const auto time = config::read_duration(*lasts);
  if (!time)
    return fail(ErrorKind::invalid,
                fmt::format("{}; {}", time.error().message, time.error().remedy), Origin::client);
  if (*time > Override::kLongest)
    return fail(
        ErrorKind::invalid,
        "a temporary change lasts at most 30d; what is to stay belongs in the configuration",
        Origin::client);
  question.lasts = *time;
  return question;
}

Result<EndQuestion> read_end_question(std::string_view body) {
  if (body.empty()) return EndQuestion{};
  const auto in = read_object(body);
  if (!in) return std::unexpected(in.error());
  return read_by(*in);
}

void write_in_force(JsonWriter& json, const OverrideInForce& one, Stamp now) {
  const Override& given = one.given;
  json.begin_object()
      .field("override", override_name(given.number))
      .field("what", config::override_text(given.what));
  json.field("author", given.author)
      .field("reason", given.reason)
      .field("revision", fmt::format("r{}", given.revision));
  json.field("person", given.person).field("hurt", given.hurt);
  json.field("at", time_text(given.at))
      .field("until", time_text(given.until))
      .field("lasts_s", seconds(given.lasts));
  json.field("left_s", seconds(std::max(one.until - now, Nanos(0))))
      .field("idle", one.idle)
      .end_object();
}

void write_in_force(JsonWriter& json, std::string_view key, const std::vector<OverrideInForce>& all,
                    Stamp now) {
  json.key(key).begin_array();
  for (const OverrideInForce& each : all) write_in_force(json, each, now);
  json.end_array();
}

std::string overridden_json(const Overridden& answer, Stamp now) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("done", answer.done)
      .field("busy", answer.busy)
      .field("harms", answer.harms)
      .field("error", answer.error)
      .key("override");
  if (answer.override_)
    write_in_force(json, *answer.override_, now);
  else
    json.null();
  json.key("rehearsal");
  if (answer.rehearsal)
    write_rehearsal(json, *answer.rehearsal);
  else
    json.null();
  json.end_object();
  return out + "\n";
}

std::string overrides_json(std::uint32_t revision, const std::vector<OverrideInForce>& in_force,
                           const std::vector<store::OverrideRow>& rows, std::size_t most,
                           Stamp now) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("revision", fmt::format("r{}", revision));
  write_in_force(json, "overrides", in_force, now);
  json.key("ended").begin_array();
  for (const store::OverrideRow& row : rows) {
    if (row.ended_at == WallTime()) continue;
    if (most-- == 0) break;
    json.begin_object()
        .field("override", override_name(row.number))
        .field("what", row.what)
        .field("author", row.author);
    json.field("reason", row.reason)
        .field("revision", fmt::format("r{}", row.revision))
        .field("person", row.person)
        .field("hurt", row.hurt)
        .field("at", time_text(row.at));
    json.field("until", time_text(row.until))
        .field("ended_at", time_text(row.ended_at))
        .field("ended_by", row.ended_by);
    json.field("ended_reason", row.ended_reason).end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace weir::control
