// `weir apply FILE`: hands the texts to the running gateway, which checks and takes them or says
// why not. All or nothing. `weir rollback`: back to what was live before.
#include <boost/json/parse.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/author.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "config/compile.h"
#include "config/node.h"
#include "config/report.h"
#include "control/apply_text.h"
#include "control/load.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

// Bytes that are no UTF-8 cannot travel as JSON: they are found here.
config::Outcome encoding_errors(const config::Input& input) {
  config::Outcome outcome;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    config::Diagnostics found;
    config::parse(static_cast<std::uint16_t>(i), input.files[i].text, {}, found);
    for (const config::Diagnostic& diagnostic : found.list()) {
      if (diagnostic.rule == config::Rule::encoding) outcome.diagnostics.push_back(diagnostic);
    }
  }
  outcome.errors = outcome.diagnostics.size();
  return outcome;
}

std::string question(const config::Input& input, const ApplyOptions& options) {
  std::string body;
  JsonWriter json(body);
  json.begin_object()
      .field("directory", input.directory)
      .field("author", author_of(options.author))
      .field("reason", options.reason)
      .field("base", options.base)
      .field("retry", options.retry)
      .key("files")
      .begin_array();
  for (const config::SourceFile& file : input.files) {
    json.begin_object().field("name", file.name).field("text", file.text).end_object();
  }
  json.end_array().end_object();
  return body;
}

// Asks for the change and prints what became of it.
int change(const Where& where, std::string_view path, const std::string& body, Output output) {
  const Asked asked = ask_gateway(
      where, {.method = "POST", .path = path, .body = body, .patience = std::chrono::minutes(5)});
  if (!asked.ok()) return asked.code;
  const boost::json::value applied = boost::json::parse(asked.body);
  print(output == Output::json ? asked.body : control::applied_text(applied));
  if (asked.status == 200) return kFine;
  if (asked.status == 409) return kUnreachable;
  return applied.at("taken_back").as_bool() ? kHarm : kFailed;
}

}  // namespace

int apply(const ApplyOptions& options) {
  const auto input = control::read_configuration(options.file);
  if (!input) return failed(input.error());
  if (const auto wrong = encoding_errors(*input); wrong.errors > 0) {
    print(config::render_text(wrong, input->files));
    return kFailed;
  }
  return change(options.where, "/api/v1/apply", question(*input, options), options.output);
}

int rollback(const RollbackOptions& options) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .field("to", options.to)
      .field("author", author_of(options.author))
      .field("reason", options.reason)
      .end_object();
  return change(options.where, "/api/v1/rollback", body, options.output);
}

}  // namespace weir::cmd
