// `weir change SUBJECT VERSION`: announces a deploy behind the gateway and waits for what the gateway sees of it.
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/author.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/deploy_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct ChangeOptions {
  std::string subject, version;
  std::string watch;     // "": an hour
  bool no_wait = false;
  unsigned limit = 20;   // list
  std::uint64_t number = 0;   // show
  std::string author, reason;
  Where where;
  Output output = Output::text;
};

constexpr std::string_view kPath = "/api/v1/changes";
constexpr auto kRestart = std::chrono::seconds(10);

extern "C" void leave_watched(int) {
  constexpr std::string_view kText = "\ndetached: it is still watched. weir status says how it stands\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(130);
}

std::string question(const ChangeOptions& options) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .field("subject", options.subject)
      .field("version", options.version)
      .field("watch", options.watch)
      .field("author", author_of(options.author))
      .field("reason", options.reason)
      .end_object();
  return body;
}

// One that starts anew is waited for.
Asked ask_patiently(const ChangeOptions& options, const std::string& path) {
  const auto until = std::chrono::steady_clock::now() + kRestart;
  for (;;) {
    const Result<std::string> socket = find_socket(options.where);
    const auto answer = socket ? ask(*socket, {.path = path}) : Result<AdminAnswer>(std::unexpected(socket.error()));
    if (answer) return judge(*answer);
    if (std::chrono::steady_clock::now() >= until) {
      complain(to_string(answer.error()));
      return {.code = kUnreachable};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

// Until there is an answer. The last that was seen is in `deploy`.
int follow(const ChangeOptions& options, boost::json::value& deploy) {
  ::signal(SIGINT, &leave_watched);
  const bool draws = options.output != Output::json && is_lively();
  const std::string path = fmt::format("{}/{}", kPath, deploy.at("id").to_number<std::int64_t>());
  while (deploy.at("exit_code").is_null()) {
    if (draws) print("\r\x1b[K" + control::within_columns(control::deploy_line(deploy)));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const Asked asked = ask_patiently(options, path);
    if (!asked.ok()) return asked.code;
    boost::json::value now = boost::json::parse(asked.body);
    if (now.at("began_at") != deploy.at("began_at")) {
      complain("the gateway started anew and had not kept it: announce it again");
      return kUnreachable;
    }
    deploy = std::move(now);
  }
  if (draws) print("\r\x1b[K");
  return static_cast<int>(deploy.at("exit_code").as_int64());
}

int show(const ChangeOptions& options, const std::string& path, std::string (*text)(const boost::json::value&)) {
  const Asked asked = ask_gateway(options.where, {.path = path});
  if (!asked.ok()) return asked.code;
  print(options.output == Output::json ? asked.body : text(boost::json::parse(asked.body)));
  return kFine;
}

int change(const ChangeOptions& options) {
  const Asked asked = ask_gateway(options.where, {.method = "POST", .path = kPath, .body = question(options)});
  if (!asked.ok()) return asked.code;
  boost::json::value deploy = boost::json::parse(asked.body);
  if (asked.status == 409) {
    complain(config::printable(std::string_view(deploy.at("title").as_string())));
    return kUnreachable;
  }
  const bool settled = !deploy.at("exit_code").is_null();
  const int code = options.no_wait && !settled ? kFine : follow(options, deploy);
  if (code == kUnreachable) return code;
  print(options.output == Output::json ? boost::json::serialize(deploy) + "\n" : control::deploy_text(deploy));
  return code;
}

int change_list(const ChangeOptions& options) {
  return show(options, fmt::format("{}?limit={}", kPath, options.limit), control::deploys_text);
}

int change_show(const ChangeOptions& options) { return show(options, fmt::format("{}/{}", kPath, options.number), control::deploy_text); }

}  // namespace

Command change_command() {
  auto options = std::make_shared<ChangeOptions>();
  const auto one = [&options](std::string name, std::string what,
                              int (*does)(const ChangeOptions&)) {
    Command made{.name = std::move(name), .what = std::move(what), .does = [options, does] {
                   return does(*options);
                 }};
    where_options(made, options->where);
    output_option(made, options->output);
    return made;
  };
  Command list =
      one("list", "What was announced, the newest first, and what came of it", change_list);
  Option& limit = list.add("--limit", &options->limit, "how many", "N");
  limit.range = {1, 1000};
  limit.shows_default = true;
  Command show = one("show", "One of them, and what it goes by", change_show);
  show.add("NUMBER", &options->number, "as list says it").required = true;
  Command command{
      .name = "change",
      .what = "Announce a deploy behind the gateway: before against after, and whether it did harm",
      .footer =
          "Examples:\n  weir change orders v42                        an upstream, watched for an hour\n"
          "  weir change worker v9 --watch 10m             a caller\n"
          "  weir change checkout v42                      a route with a stable and a candidate part\n"
          "  weir change list                              what was announced, and what came of it\n"
          "Announce it before the first instance runs the new version. Nothing is changed in the gateway.\n"
          "Ctrl-C detaches: it is still watched (weir status).\n"
          "Exits with 0 (healthy), 3 (harmed), 4 (not enough data), 5 (busy, not running).",
      .does =
          [options] {
            if (!options->version.empty()) return change(*options);
            throw UsageError{"change needs a SUBJECT and its VERSION, or list, or show NUMBER"};
          },
      .below = {std::move(list), std::move(show)}};
  command.add("SUBJECT", &options->subject,
              "the name of an upstream, a caller, a route, or of several");
  command.add("VERSION", &options->version, "what it runs from now on");
  command.add("--watch", &options->watch, "for how long (default 1h; 5s to 24h)", "TIME");
  command.add("--no-wait", &options->no_wait, "announce it, and do not wait for what comes of it");
  by_options(command, options->author, options->reason);
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
