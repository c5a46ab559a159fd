// `weir apply FILE`: hands the texts to the running gateway, which checks and takes them or says
// why not. All or nothing.
#include <boost/json/parse.hpp>
#include <string>
#include <utility>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "config/compile.h"
#include "config/node.h"
#include "config/report.h"
#include "control/apply_text.h"
#include "control/load.h"

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

std::string question(const config::Input& input, const std::string& reason) {
  std::string body;
  JsonWriter json(body);
  json.begin_object()
      .field("directory", input.directory)
      .field("reason", reason)
      .key("files")
      .begin_array();
  for (const config::SourceFile& file : input.files) {
    json.begin_object().field("name", file.name).field("text", file.text).end_object();
  }
  json.end_array().end_object();
  return body;
}

}  // namespace

int apply(const ApplyOptions& options) {
  const auto input = control::read_configuration(options.file);
  if (!input) return failed(input.error());
  if (const auto wrong = encoding_errors(*input); wrong.errors > 0) {
    print(config::render_text(wrong, input->files));
    return kFailed;
  }
  const Asked asked = ask_gateway(options.where, {.method = "POST",
                                                  .path = "/api/v1/apply",
                                                  .body = question(*input, options.reason),
                                                  .patience = std::chrono::minutes(5)});
  if (!asked.ok()) return asked.code;
  print(options.output == Output::json ? asked.body
                                       : control::applied_text(boost::json::parse(asked.body)));
  return asked.status == 200 ? kFine : asked.status == 409 ? kUnreachable : kFailed;
}

}  // namespace weir::cmd
