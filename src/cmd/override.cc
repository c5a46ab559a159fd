// `weir override add|list|remove`: temporary changes over what is live, with an end.
#include <boost/json/parse.hpp>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/author.h"
#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "control/overrides_text.h"
#include "fmt/core.h"
#include "http/percent.h"

namespace weir::cmd {
namespace {

// A rehearsal reads the newest of the recording.
constexpr Nanos kPatience = std::chrono::minutes(5);

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

int finish(const Asked& asked, Output output, std::string (*text)(const boost::json::value&)) {
  if (!asked.ok()) return asked.code;
  const boost::json::value answer = boost::json::parse(asked.body);
  print(output == Output::json ? asked.body : text(answer));
  if (asked.status == 200) return kFine;
  if (asked.status == 409) return kUnreachable;
  return answer.at("harms").as_bool() ? kHarm : kFailed;
}

}  // namespace

int override_add(const OverrideOptions& options) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .field("what", joined(options.words))
      .field("for", options.lasts)
      .field("author", author_of(options.author))
      .field("reason", options.reason)
      .field("person", is_person(options.person))
      .field("yes", options.yes)
      .end_object();
  return finish(
      ask_gateway(
          options.where,
          {.method = "POST", .path = "/api/v1/overrides", .body = body, .patience = kPatience}),
      options.output, control::overridden_text);
}

int override_list(const OverrideOptions& options) {
  return finish(ask_gateway(options.where,
                            {.path = fmt::format("/api/v1/overrides?ended={}", options.ended)}),
                options.output, control::overrides_text);
}

int override_remove(const OverrideOptions& options) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .field("author", author_of(options.author))
      .field("reason", options.reason)
      .end_object();
  const std::string path = "/api/v1/overrides/" + http::percent_encode(options.name);
  return finish(
      ask_gateway(options.where,
                  {.method = "DELETE", .path = path, .body = body, .patience = kPatience}),
      options.output, control::override_ended_text);
}

}  // namespace weir::cmd
