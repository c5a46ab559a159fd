// `weir callers` and `weir callers show NAME`: asks the running gateway; where none runs, or a
// data_dir is named, reads the directory itself.
#include <boost/json/parse.hpp>
#include <memory>
#include <string>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "control/callers_json.h"
#include "control/callers_text.h"
#include "fmt/core.h"
#include "http/percent.h"
#include "io/epoll_kernel.h"

namespace weir::cmd {
namespace {

struct CallersOptions {
  Where where;
  std::string data_dir;  // "": the running gateway's, else that of the configuration
  std::string name;      // of one caller; "": a list
  std::string by = "refused";
  unsigned limit = 20;
  Output output = Output::text;
};

std::string path_of(const CallersOptions& options) {
  // As the directory calls it: a name too long is cut there, and a request line has a bound.
  if (!options.name.empty())
    return "/api/v1/callers/" +
           http::percent_encode(
               record::CallerName::of(record::CallerKind::client, options.name).name);
  return fmt::format("/api/v1/callers?by={}&limit={}", options.by, options.limit);
}

Result<std::string> read_directory(const CallersOptions& options, const std::string& folder) {
  auto directory = store::CallerDirectory::open(folder + "/callers.db",
                                                {.mode = store::CallerDirectory::Mode::read});
  if (!directory) {
    if (directory.error().kind != ErrorKind::not_found) return std::unexpected(directory.error());
    return fail(ErrorKind::not_found,
                fmt::format("no gateway runs there, and {} holds no caller directory: a gateway "
                            "begins one, and so does `weir import --log`",
                            config::printable(folder)),
                Origin::system);
  }
  const WallTime now = io::EpollKernel().wall();
  if (!options.name.empty()) return control::caller_json(*directory, options.name, now);
  const auto question =
      control::callers_question(fmt::format("by={}&limit={}", options.by, options.limit));
  if (!question) return std::unexpected(question.error());
  return control::callers_json(*directory, *question, now);
}

int show(const CallersOptions& options, const std::string& body) {
  if (options.output == Output::json)
    print(body);
  else
    print(options.name.empty() ? control::callers_text(boost::json::parse(body))
                               : control::caller_text(boost::json::parse(body)));
  return kFine;
}

int callers(const CallersOptions& options) {
  if (options.data_dir.empty()) {
    const auto socket = find_socket(options.where);
    if (!socket) return failed(socket.error());
    if (const auto answer = ask(*socket, {.path = path_of(options)})) {
      const Asked asked = judge(*answer);
      return asked.ok() ? show(options, asked.body) : asked.code;
    } else if (!nobody_there(answer.error())) {
      return failed(answer.error(), kUnreachable);
    }
    if (!options.where.socket.empty()) {
      complain(fmt::format("no weir is running at {}", config::printable(options.where.socket)));
      return kUnreachable;
    }
  }
  const auto folder = find_data_dir(options.data_dir, options.where.config);
  if (!folder) return failed(folder.error());
  const auto body = read_directory(options, *folder);
  if (!body) return failed(body.error());
  return show(options, *body);
}

}  // namespace

Command callers_command() {
  auto options = std::make_shared<CallersOptions>();
  const auto does = [options] { return callers(*options); };
  Command list{
      .name = "callers",
      .what = "Say who calls, who is known, and who is being refused",
      .footer =
          "Examples:\n  weir callers                         those most refused first\n"
          "  weir callers --by requests --limit 50\n"
          "  weir callers show partner-hub        is it being hurt, by which rule, since when\n"
          "  weir callers --data-dir /var/lib/weir    without a running gateway\n"
          "A caller is named by its credential, else by its address (IPv6 by /64).",
      .does = does};
  list.add("--by", &options->by, "what the list begins with", "ORDER").only = {
      "refused", "requests", "last_seen"};
  list.add("--limit", &options->limit, "how many (default 20)", "N").range = {1, 10'000};
  Command show{
      .name = "show",
      .what = "One caller: hurt or not, by which rule, since when",
      .footer = "Examples:\n  weir callers show partner-hub\n  weir callers show 192.0.2.7 -o json",
      .does = does};
  show.add("NAME", &options->name, "of a credential, or an address").required = true;
  for (Command* each : {&list, &show}) {
    where_options(*each, options->where);
    each->add("--data-dir", &options->data_dir, "read this data_dir, and ask no running gateway",
              "DIR");
    output_option(*each, options->output);
  }
  list.below = {show};
  return list;
}

}  // namespace weir::cmd
