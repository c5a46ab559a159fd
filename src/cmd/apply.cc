// `weir apply FILE`: hands the texts to the running gateway, which checks and takes them or says
// why not. All or nothing. `weir rollback`: back to what was live before.
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/author.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/clean_text.h"
#include "config/compile.h"
#include "config/diagnostic.h"
#include "config/report.h"
#include "control/apply_text.h"
#include "control/load.h"
#include "control/rollout_text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct ApplyOptions {
  std::string file;
  Where where;
  std::string author, reason;  // author "": who is logged in
  std::string base;            // "r42": for that one alone
  bool retry = false;          // also what was taken back
  bool now = false, fast = false, protect = false, person = false;
  std::string confirm_within;  // "10m"; "": it need not be confirmed
  std::string wait = "live";   // live | settled | none
  Output output = Output::text;
};

struct RollbackOptions {
  std::string to;  // "r42"; "": what was live before
  Where where;
  std::string author, reason;
  bool person = false;
  Output output = Output::text;
};

struct PromoteOptions {
  Where where;
  std::string author;
  bool person = false;
  Output output = Output::text;
};

// Bytes that are no UTF-8 cannot travel as JSON: they are found here.
config::Outcome encoding_errors(const config::Input& input) {
  config::Outcome outcome;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    config::Diagnostics found;
    if (!config::clean_text(static_cast<std::uint16_t>(i), input.files[i].text, found)) outcome.diagnostics.push_back(found.take().front());
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
      .field("person", is_person(options.person))
      .field("now", options.now)
      .field("fast", options.fast)
      .field("protect", options.protect)
      .field("confirm_within", options.confirm_within)
      .key("files")
      .begin_array();
  for (const config::SourceFile& file : input.files) {
    json.begin_object().field("name", file.name).field("text", file.text).end_object();
  }
  json.end_array().end_object();
  return body;
}

int code_of(std::uint16_t status, const boost::json::value& applied) {
  if (status == 200) return kFine;
  if (status == 409) return kUnreachable;
  return applied.at("taken_back").as_bool() ? kHarm : kFailed;
}

// What a change on its way looks like, again and again: on a terminal in its place, else each stage once it has ended.
class Screen {
 public:
  void show(const boost::json::value& rollout) {
    if (is_lively()) return redraw(control::rollout_text(rollout, control::Bars::yes));
    const boost::json::array& finished = rollout.at("finished").as_array();
    for (std::size_t i = told_.size(); i < finished.size(); ++i) {
      const std::string_view result = finished[i].at("result").as_string();
      if (result == "failed" || result == "ended") return;   // the verdict says so in a moment
      print(told_.emplace_back(control::finished_line(finished[i], rollout)));
    }
  }
  // What was printed as it came is not printed again.
  void end(const boost::json::value& rollout) {
    if (is_lively()) return redraw(control::rollout_text(rollout, control::Bars::yes));
    std::string text = control::rollout_text(rollout, control::Bars::no);
    for (const std::string& line : told_) {
      if (const std::size_t at = text.find(line); at != std::string::npos) text.erase(at, line.size());
    }
    print(text);
  }

 private:
  void redraw(const std::string& text) {
    std::string out = lines_ > 0 ? fmt::format("\x1b[{}A\x1b[J", lines_) : std::string();
    lines_ = std::ranges::count(text, '\n');
    print(out + text);
  }

  std::vector<std::string> told_;
  std::ptrdiff_t lines_ = 0;
};

extern "C" void detach(int) {
  constexpr std::string_view kText = "\ndetached: the change goes on. weir status says how it stands, weir rollback takes it back\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(130);
}

// Another change came after it: what became of this one stands in the history.
int code_of_past(const ApplyOptions& options, const std::string& revision) {
  const Asked asked = ask_gateway(options.where, {.path = "/api/v1/revisions/" + revision});
  if (!asked.ok()) return asked.code;
  const boost::json::value row = boost::json::parse(asked.body);
  const std::string_view state = row.at("state").as_string();
  if (state == "taken_back" || state == "refused") return kHarm;
  const bool came_true = state != "stopped" && (options.wait == "live" || !row.at("settled_at").as_string().empty());
  if (!came_true && options.output != Output::json) print(fmt::format("{}: another change took its place\nnext: weir show {} | weir history\n", revision, revision));
  return came_true ? kFine : kUnreachable;
}

// Follows the change until it is where `wait` says, or has ended. `rollout` is the last that was seen of it.
int follow(const ApplyOptions& options, const std::string& revision, boost::json::value& rollout) {
  ::signal(SIGINT, &detach);
  Screen screen;
  const bool shows = options.output != Output::json;
  for (;;) {
    if (rollout.is_null() || rollout.at("revision").as_string() != revision) return code_of_past(options, revision);
    const boost::json::value& code = rollout.at("exit_code");
    const bool there = options.wait == "live" && rollout.at("live").as_bool();
    if (!code.is_null() || there) {
      if (shows) screen.end(rollout);
      return code.is_null() ? kFine : static_cast<int>(code.as_int64());
    }
    if (shows) screen.show(rollout);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const Asked asked = ask_gateway(options.where, {.path = "/api/v1/rollout"});
    if (!asked.ok()) return asked.code;
    rollout = boost::json::parse(asked.body).at("rollout");
  }
}

// The answer was given before it was live, or taken back.
void name_what_runs(const ApplyOptions& options, const std::string& revision, boost::json::value& applied) {
  const Asked asked = ask_gateway(options.where, {.path = "/api/v1/revisions/" + revision});
  if (!asked.ok()) return;
  applied.at("revision") = revision;
  applied.at("hash") = boost::json::parse(asked.body).at("hash");
}

int after_applying(const ApplyOptions& options, const Asked& asked) {
  boost::json::value applied = boost::json::parse(asked.body);
  const std::string revision(applied.at("under_way").as_string());
  if (revision.empty()) {
    print(options.output == Output::json ? asked.body : control::applied_text(applied));
    return code_of(asked.status, applied);
  }
  int code = kFine;
  const bool waits = options.wait == "settled" || (options.wait == "live" && !applied.at("live").as_bool());
  if (options.output != Output::json && !waits) print(control::applied_text(applied));
  if (waits) {
    boost::json::value& rollout = applied.at("rollout");
    code = follow(options, revision, rollout);
    const bool own = !rollout.is_null() && rollout.at("revision").as_string() == revision;
    const bool live = own ? rollout.at("live").as_bool() && rollout.at("outcome").as_string() != "rolled back" : code == kFine;
    applied.at("live") = live;
    if (live || own) name_what_runs(options, live ? revision : std::string(rollout.at("before").as_string()), applied);
  }
  if (options.output == Output::json) print(boost::json::serialize(applied) + "\n");
  return code;
}

int change(const Where& where, std::string_view path, const std::string& body, Output output) {
  const Asked asked = ask_gateway(where, {.method = "POST", .path = path, .body = body});
  if (!asked.ok()) return asked.code;
  const boost::json::value answer = boost::json::parse(asked.body);
  if (asked.status != 200) {
    complain(config::printable(std::string_view(answer.at("title").as_string())));
    return asked.status == 409 ? kUnreachable : kFailed;
  }
  const boost::json::value& rollout = answer.at("rollout");
  print(output == Output::json ? asked.body : rollout.is_null() ? "" : control::rollout_text(rollout, control::Bars::no));
  return kFine;
}

int apply(const ApplyOptions& options) {
  const auto input = control::read_configuration(options.file);
  if (!input) return failed(input.error());
  if (const auto wrong = encoding_errors(*input); wrong.errors > 0) {
    print(config::render_text(wrong, input->files));
    return kFailed;
  }
  const Asked asked = ask_gateway(options.where, {.method = "POST", .path = "/api/v1/apply", .body = question(*input, options), .patience = std::chrono::minutes(5)});
  return asked.ok() ? after_applying(options, asked) : asked.code;
}

int rollback(const RollbackOptions& options) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .field("to", options.to)
      .field("author", author_of(options.author))
      .field("reason", options.reason)
      .field("person", is_person(options.person))
      .end_object();
  const Asked asked = ask_gateway(options.where, {.method = "POST", .path = "/api/v1/rollback", .body = body, .patience = std::chrono::minutes(5)});
  if (!asked.ok()) return asked.code;
  const boost::json::value applied = boost::json::parse(asked.body);
  print(options.output == Output::json ? asked.body : control::applied_text(applied));
  return code_of(asked.status, applied);
}

int promote(const PromoteOptions& options) {
  std::string body;
  JsonWriter(body).begin_object().field("author", author_of(options.author)).field("person", is_person(options.person)).end_object();
  return change(options.where, "/api/v1/promote", body, options.output);
}

int confirm(const PromoteOptions& options) { return change(options.where, "/api/v1/confirm", "{}", options.output); }

}  // namespace

Command apply_command() {
  auto options = std::make_shared<ApplyOptions>();
  Command command{
      .name = "apply",
      .what = "Take a file into the running gateway: planned, in shadow, canary, watched",
      .footer =
          "Examples:\n  weir apply gateway.yaml\n  weir apply gateway.yaml --reason 'CHG-1182: more for acme'\n"
          "  weir apply gateway.yaml --fast                    30 s of shadow, a minute of 5 %\n"
          "  weir apply gateway.yaml --now --reason 'outage'   at once, and watched\n"
          "Ctrl-C detaches: the change goes on (weir status, weir rollback).\n"
          "Exits with 0 (live), 1 (invalid, or could not be carried out), 3 (harm, stopped by a person, or\n"
          "a text that was refused or taken back), 4 (not enough data, not confirmed), 5 (busy, frozen, stale,\n"
          "superseded, nobody there), 130 (detached).",
      .does = [options] { return apply(*options); }};
  command.add("FILE", &options->file, "a file or a folder").required = true;
  by_options(command, options->author, options->reason);
  command.add("--base", &options->base, "refuse where another revision than this is live", "rN");
  command.add("--retry", &options->retry, "also a text that was taken back or refused").needs =
      "--reason";
  command.add("--fast", &options->fast, "short stages");
  Option& now = command.add("--now", &options->now,
                            "without plan and stages; recorded as forced, and watched");
  now.needs = "--reason";
  now.excludes = "--fast";
  command.add("--confirm-within", &options->confirm_within,
              "taken back by itself unless weir confirm comes within this time of going live",
              "TIME");
  command.add("--protect", &options->protect, "only a person may roll it back");
  command.add("--wait", &options->wait, "live (default), settled (its watched hour is over), none")
      .only = {"live", "settled", "none"};
  person_option(command, options->person);
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

Command promote_command() {
  auto options = std::make_shared<PromoteOptions>();
  Command command{.name = "promote",
                  .what = "End the present stage of the change under way: it goes on to the next",
                  .footer = "Examples:\n  weir promote",
                  .does = [options] { return promote(*options); }};
  command.add("--author", &options->author, "who; left out: who is logged in");
  person_option(command, options->person);
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

Command confirm_command() {
  auto options = std::make_shared<PromoteOptions>();
  Command command{.name = "confirm",
                  .what = "Confirm a change made with --confirm-within: it stays",
                  .footer = "Examples:\n  weir confirm",
                  .does = [options] { return confirm(*options); }};
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

Command rollback_command() {
  auto options = std::make_shared<RollbackOptions>();
  Command command{
      .name = "rollback",
      .what = "Return to an earlier revision; what is left is not taken again unless asked for",
      .footer =
          "Examples:\n  weir rollback --reason 'checkout fails'\n  weir rollback r42\n"
          "Without REVISION a change that is still on its way is stopped; else it goes back to the newest settled revision\n"
          "with another text, and where none has settled to the one that was live before.",
      .does = [options] { return rollback(*options); }};
  command.add("REVISION", &options->to, "r42; left out: see below");
  by_options(command, options->author, options->reason);
  person_option(command, options->person);
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
