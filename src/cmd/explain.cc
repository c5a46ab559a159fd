// `weir explain METHOD URL` and `weir explain REQUEST_ID`: what would be decided, or was, and why;
// nothing is spent.
#include "control/explain.h"

#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/explain_offline.h"
#include "control/explain_text.h"
#include "control/load.h"
#include "fmt/core.h"
#include "io/epoll_kernel.h"
#include "model/request_id.h"

namespace weir::cmd {
namespace {

struct ExplainOptions {
  std::string method, url;           // a request
  std::string request_id;            // or one of the past
  std::vector<std::string> headers;  // "Name: value"
  std::string client;
  Where where;
  Output output = Output::text;
};

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

// Where nobody listens, the file itself can be asked; an exchange of the past cannot.
bool can_be_asked_offline(const ExplainOptions& options) {
  if (!options.request_id.empty() || !options.where.socket.empty()) return false;
  const auto socket = find_socket(options.where);
  if (!socket) return false;
  const auto answer = ask(*socket, {.path = "/healthz"});
  return !answer && nobody_there(answer.error());
}

int print_answer(const std::string& body, Output output) {
  print(output == Output::json ? body : control::explain_text(boost::json::parse(body)));
  return kFine;
}

int explain_by_file(const ExplainOptions& options, const std::string& body) {
  const auto path = find_configuration(options.where.config);
  if (!path) return failed(path.error());
  auto input = control::read_configuration(*path);
  if (!input) return failed(input.error());
  const auto asked = control::read_explain(body);
  if (!asked) return failed(asked.error(), kUsage);
  io::EpollKernel kernel;
  const auto answer =
      control::explain_offline(std::move(*input), asked->question, kernel.now(), kernel.wall());
  return answer ? print_answer(*answer, options.output) : failed(answer.error());
}

int explain(const ExplainOptions& options) {
  const std::string body = question(options);
  if (body.empty()) return kUsage;
  if (can_be_asked_offline(options)) return explain_by_file(options, body);
  const Asked asked =
      ask_gateway(options.where, {.method = "POST", .path = "/api/v1/explain", .body = body});
  if (!asked.ok()) return asked.code;
  return print_answer(asked.body, options.output);
}

// One word is a request of the past.
int ask_about(ExplainOptions options) {
  if (options.url.empty() && !parse_request_id(options.method)) {
    throw UsageError{fmt::format(
        "weir explain takes METHOD URL, or a REQUEST_ID of 32 hex digits; {} is neither",
        config::quote(options.method))};
  }
  if (options.url.empty()) options.request_id = options.method;
  return explain(options);
}

}  // namespace

Command explain_command() {
  auto options = std::make_shared<ExplainOptions>();
  Command command{
      .name = "explain",
      .what = "Say what would be decided about a request, or was, and why; spends nothing",
      .footer =
          "Examples:\n  weir explain GET http://api.example.com/users/1\n"
          "  weir explain GET /orders -H 'X-Api-Key: weir_…' --client 192.0.2.7\n"
          "  weir explain 61f0c2d89ab30000000069cd9ba2000001    an X-Request-Id",
      .does = [options] { return ask_about(*options); }};
  command
      .add("METHOD", &options->method, "GET, POST, …; or the REQUEST_ID of an exchange of the past")
      .required = true;
  command.add("URL", &options->url, "of the request, not with a REQUEST_ID");
  command.add_many("-H,--header", &options->headers, "a header field, 'Name: value'", "FIELD");
  command.add("--client", &options->client, "the address that asks (default 127.0.0.1)", "ADDRESS");
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
