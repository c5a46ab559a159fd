#include "control/apply_body.h"

#include <charconv>
#include <system_error>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/json.h"
#include "config/values.h"
#include "control/gateway.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr std::size_t kMaxFiles = 1000, kMaxReason = 500, kMaxAuthor = 100;

// "" where it is left out; nothing where it is no text.
std::optional<std::string> text(const boost::json::object& in, std::string_view key) {
  const boost::json::value* value = in.if_contains(key);
  if (value == nullptr) return "";
  if (!value->is_string()) return std::nullopt;
  return std::string(value->as_string());
}

std::unexpected<Error> wrong(std::string_view what) {
  return fail(ErrorKind::invalid,
              fmt::format("{}; send {{\"files\": [{{\"name\": \"gateway.yaml\", \"text\": "
                          "\"…\"}}], \"directory\": \"/etc/weir\", \"reason\": \"why\"}}",
                          what),
              Origin::client);
}

// The list of diagnostics out of the document that render_json made: [...].
std::string_view diagnostics_of(std::string_view report) {
  const std::size_t begin = report.find("\"diagnostics\":");
  if (begin == std::string_view::npos) return "[]";
  const std::string_view rest = report.substr(begin + std::string_view("\"diagnostics\":").size());
  return rest.substr(0, rest.rfind(']') + 1);
}

// Who and why, of any change.
struct By {
  std::string author, reason;
};
Result<By> read_by(const boost::json::object& in) {
  const auto author = text(in, "author"), reason = text(in, "reason");
  if (!author || !reason) return wrong("\"author\" and \"reason\" are texts");
  if (reason->size() > kMaxReason) return wrong("\"reason\" is longer than 500 bytes");
  if (author->size() > kMaxAuthor) return wrong("\"author\" is longer than 100 bytes");
  return By{.author = *author, .reason = *reason};
}

// False where it is left out.
Result<bool> yes(const boost::json::object& in, std::string_view key) {
  const boost::json::value* value = in.if_contains(key);
  if (value != nullptr && !value->is_bool()) return wrong(fmt::format("\"{}\" is true or false", key));
  return value != nullptr && value->as_bool();
}

// A revision that is left out is 0.
Result<std::uint32_t> revision_at(const boost::json::object& in, std::string_view key) {
  const auto name = text(in, key);
  const std::uint32_t number = name ? read_revision(*name) : 0;
  if (!name || (!name->empty() && number == 0)) return wrong(fmt::format("\"{}\" is a revision, such as \"r42\"", key));
  return number;
}

}  // namespace

std::uint32_t read_revision(std::string_view text) {
  std::uint32_t number = 0;
  if (!text.starts_with('r')) return 0;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

Result<RollbackQuestion> read_rollback(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(body, error);
  if (error || !document.is_object()) return fail(ErrorKind::invalid, "send {\"to\": \"r42\", \"reason\": \"why\"}, or {}", Origin::client);
  auto by = read_by(document.as_object());
  if (!by) return std::unexpected(by.error());
  const auto to = revision_at(document.as_object(), "to");
  if (!to) return std::unexpected(to.error());
  const auto person = yes(document.as_object(), "person");
  if (!person) return std::unexpected(person.error());
  return RollbackQuestion{.to = *to, .author = std::move(by->author), .reason = std::move(by->reason), .person = *person};
}

Result<Change> read_apply(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(body, error);
  if (error) return wrong(fmt::format("the body is no JSON ({})", error.message()));
  if (!document.is_object()) return wrong("the body is no JSON object");
  const boost::json::object& in = document.as_object();
  const boost::json::value* files = in.if_contains("files");
  if (files == nullptr || !files->is_array() || files->as_array().empty())
    return wrong("\"files\" is missing");
  if (files->as_array().size() > kMaxFiles) return wrong("more than 1,000 files");
  Change question;
  for (const boost::json::value& each : files->as_array()) {
    const auto name = each.is_object() ? text(each.as_object(), "name") : std::nullopt;
    const auto content = each.is_object() ? text(each.as_object(), "text") : std::nullopt;
    if (!name || !content || name->empty()) return wrong("a file is {\"name\", \"text\"}");
    question.input.files.push_back({.name = *name, .text = *content});
  }
  const auto directory = text(in, "directory");
  if (!directory) return wrong("\"directory\" is a text");
  auto by = read_by(in);
  if (!by) return std::unexpected(by.error());
  const auto base = revision_at(in, "base");
  if (!base) return std::unexpected(base.error());
  for (const auto& [key, flag] : {std::pair("retry", &question.retry), std::pair("person", &question.person), std::pair("now", &question.forced),
                                  std::pair("fast", &question.fast), std::pair("protect", &question.protect)}) {
    const auto given = yes(in, key);
    if (!given) return std::unexpected(given.error());
    *flag = *given;
  }
  const auto within = text(in, "confirm_within");
  if (!within) return wrong("\"confirm_within\" is a time, such as \"10m\"");
  if (!within->empty()) {
    const auto time = config::read_duration(*within);
    if (!time) return wrong(fmt::format("\"confirm_within\": {}", time.error().message));
    question.confirm_within = *time;
  }
  question.input.directory = *directory;
  question.author = std::move(by->author);
  question.reason = std::move(by->reason);
  question.base = *base;
  return question;
}

std::string applied_json(const Applied& applied, std::string_view rollout) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("live", applied.live)
      .field("busy", applied.busy)
      .field("stale", applied.stale)
      .field("taken_back", applied.taken_back)
      .field("under_way", applied.under_way == 0 ? "" : fmt::format("r{}", applied.under_way))
      .key("rollout")
      .json(rollout)
      .field("revision", fmt::format("r{}", applied.revision));
  json.field("hash", applied.hash)
      .field("author", applied.author)
      .field("reason", applied.reason)
      .field("at", time_text(applied.at));
  json.field("errors", applied.errors)
      .field("warnings", applied.warnings)
      .field("error", applied.error);
  json.key("notes").begin_array();
  for (const std::string& note : applied.notes) json.value(note);
  json.end_array().field("report", applied.report_text).end_object();
  // The diagnostics are JSON already.
  out.pop_back();
  out += fmt::format(",\"diagnostics\":{}}}\n", diagnostics_of(applied.report_json));
  return out;
}

}  // namespace weir::control
