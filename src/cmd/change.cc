// `weir change SUBJECT VERSION`: announces a deploy behind the gateway and waits for what the gateway sees of it.
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>

#include "base/json.h"
#include "cmd/admin_client.h"
#include "cmd/author.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/terminal.h"
#include "control/deploy_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

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

}  // namespace

int change(const ChangeOptions& options) {
  const Asked asked = ask_gateway(options.where, {.method = "POST", .path = kPath, .body = question(options)});
  if (!asked.ok()) return asked.code;
  boost::json::value deploy = boost::json::parse(asked.body);
  if (asked.status == 409) {
    complain(std::string(deploy.at("title").as_string()));
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

}  // namespace weir::cmd
