// `weir explain METHOD URL` and `weir explain REQUEST_ID`: what would be decided, or was, and why;
// nothing is spent.
#include <boost/json/parse.hpp>
#include <string>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/explain_text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "" and a complaint where a header has no colon.
std::string question(const ExplainOptions& options) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  if (!options.request_id.empty()) {
    json.field("request_id", options.request_id).end_object();
    return body;
  }
  json.field("method", options.method)
      .field("url", options.url)
      .field("client", options.client)
      .key("headers")
      .begin_array();
  for (const std::string& header : options.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0) {
      complain(fmt::format("-H takes 'Name: value', not {}", config::quote(header)));
      return "";
    }
    json.begin_array()
        .value(std::string_view(header).substr(0, colon))
        .value(trimmed(std::string_view(header).substr(colon + 1)))
        .end_array();
  }
  json.end_array().end_object();
  return body;
}

}  // namespace

int explain(const ExplainOptions& options) {
  const std::string body = question(options);
  if (body.empty()) return kUsage;
  const Asked asked =
      ask_gateway(options.where, {.method = "POST", .path = "/api/v1/explain", .body = body});
  if (!asked.ok()) return asked.code;
  print(options.output == Output::json ? asked.body
                                       : control::explain_text(boost::json::parse(asked.body)));
  return kFine;
}

}  // namespace weir::cmd
