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
#include "cmd/terminal.h"
#include "control/deploy_text.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

constexpr std::string_view kPath = "/api/v1/changes";

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

// Until there is an answer. The last that was seen is in `deploy`.
int follow(const ChangeOptions& options, boost::json::value& deploy) {
  ::signal(SIGINT, &leave_watched);
  const bool draws = options.output != Output::json && is_lively();
  const std::int64_t id = deploy.at("id").to_number<std::int64_t>();
  while (deploy.at("exit_code").is_null()) {
    if (draws) print("\r\x1b[K" + control::within_columns(control::deploy_line(deploy)));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const Asked asked = ask_gateway(options.where, {.path = kPath});
    if (!asked.ok()) return asked.code;
    const boost::json::value all = boost::json::parse(asked.body);
    bool found = false;
    for (const boost::json::value& each : all.at("changes").as_array()) {
      if (each.at("id").to_number<std::int64_t>() != id || each.at("began_at") != deploy.at("began_at")) continue;
      deploy = each;
      found = true;
      break;
    }
    if (found) continue;
    complain("the gateway started anew and watches it no more: announce it again");
    return kUnreachable;
  }
  if (draws) print("\r\x1b[K");
  return static_cast<int>(deploy.at("exit_code").as_int64());
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

}  // namespace weir::cmd
