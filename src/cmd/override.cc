// `weir override add|list|remove`: temporary changes over what is live, with an end.
#include <boost/json/parse.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/author.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "control/overrides_text.h"
#include "fmt/core.h"
#include "http/percent.h"

namespace weir::cmd {
namespace {

struct OverrideOptions {
  std::vector<std::string> words;  // of what it does: config/override_text.h
  std::string name;                // "o3"
  std::string lasts = "1h";
  Where where;
  std::string author, reason;
  bool person = false, yes = false;
  unsigned ended = 0;  // so many that ended, too
  Output output = Output::text;
};

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

}  // namespace

Command override_command() {
  auto options = std::make_shared<OverrideOptions>();
  const auto one = [&options](std::string name, std::string what,
                              int (*does)(const OverrideOptions&)) {
    Command made{.name = std::move(name), .what = std::move(what), .does = [options, does] {
                   return does(*options);
                 }};
    where_options(made, options->where);
    output_option(made, options->output);
    return made;
  };
  Command add = one("add", "Lay one over what is live, until it ends by itself", override_add);
  add.add("WHAT", &options->words, "block net 192.0.2.0/24, say; weir help override has all")
      .required = true;
  add.add("--for", &options->lasts, "it ends by itself then; at most 30d", "TIME").shows_default =
      true;
  by_options(add, options->author, options->reason);
  add.options.back().required = true;  // a reason
  add.add("--yes", &options->yes, "also where it hurts known callers");
  add.add("--person", &options->person, "a person wants it, though there is no terminal");
  Command list = one("list", "Those in force: what, by whom, why, until when", override_list);
  list.add("--ended", &options->ended, "and so many that ended", "N").range = {0, 1000};
  Command remove = one("remove", "Take one away before its time", override_remove);
  remove.add("NAME", &options->name, "o3").required = true;
  by_options(remove, options->author, options->reason);
  return {.name = "override",
          .what = "Temporary changes over what is live, each with an end",
          .footer =
              "What it may do:\n"
              "  cap caller NAME RATE       cap net NET RATE        refused above that: 429 caller_capped\n"
              "  block caller NAME          block net NET           refused: 403 caller_capped\n"
              "  drain endpoint ADDRESS     weigh endpoint ADDRESS N    [of UPSTREAM]\n"
              "  observe limit NAME         scale limit NAME 2\n"
              "  shed priority sheddable    pause route NAME        refused: 503 paused\n"
              "  give back route NAME from UPSTREAM                 a split's candidate to its stable part\n"
              "Examples:\n  weir override add block net 192.0.2.0/24 --for 30m --reason 'scans the login'\n"
              "  weir override add cap caller 'acme-*' 20/s --reason 'runs wild'\n"
              "  weir override list --ended 10\n  weir override remove o3\n"
              "It is rehearsed over the recording first and says whom it hurts; known callers only with --yes.",
          .below = {std::move(add), std::move(list), std::move(remove)}};
}

}  // namespace weir::cmd
