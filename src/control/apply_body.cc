#include "control/apply_body.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/json.h"
#include "control/gateway.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

constexpr std::size_t kMaxFiles = 1000, kMaxReason = 500;

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

}  // namespace

Result<ApplyQuestion> read_apply(std::string_view body) {
  boost::system::error_code error;
  const boost::json::value document = boost::json::parse(body, error);
  if (error) return wrong(fmt::format("the body is no JSON ({})", error.message()));
  if (!document.is_object()) return wrong("the body is no JSON object");
  const boost::json::object& in = document.as_object();
  const boost::json::value* files = in.if_contains("files");
  if (files == nullptr || !files->is_array() || files->as_array().empty())
    return wrong("\"files\" is missing");
  if (files->as_array().size() > kMaxFiles) return wrong("more than 1,000 files");
  ApplyQuestion question;
  for (const boost::json::value& each : files->as_array()) {
    const auto name = each.is_object() ? text(each.as_object(), "name") : std::nullopt;
    const auto content = each.is_object() ? text(each.as_object(), "text") : std::nullopt;
    if (!name || !content || name->empty()) return wrong("a file is {\"name\", \"text\"}");
    question.input.files.push_back({.name = *name, .text = *content});
  }
  const auto directory = text(in, "directory"), reason = text(in, "reason");
  if (!directory || !reason) return wrong("\"directory\" and \"reason\" are texts");
  if (reason->size() > kMaxReason) return wrong("\"reason\" is longer than 500 bytes");
  question.input.directory = *directory;
  question.reason = *reason;
  return question;
}

std::string applied_json(const Applied& applied) {
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("live", applied.live)
      .field("busy", applied.busy)
      .field("revision", fmt::format("r{}", applied.revision));
  json.field("hash", applied.hash)
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
