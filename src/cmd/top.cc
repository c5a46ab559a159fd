// `weir top`: who asks how often. With --by one kind beside its usual rate, as the gateway counts
// it all the time; else routes, callers, endpoints and refusals between two looks. Drawn anew on a
// terminal; where standard output is none, or colour is not wanted, pictures follow each other
// instead.
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "cmd/admin_client.h"
#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "control/top_text.h"
#include "control/traffic_text.h"
#include "fmt/core.h"

namespace weir::cmd {
namespace {

struct TopOptions {
  Where where;
  std::string by;     // "": all kinds at once, between two looks
  unsigned rows = 0;  // of each kind; 0: as many as is usual, 20 with `by`, else 8
  bool once = false;
  unsigned seconds = 0;  // between two pictures; 0: as is usual, 1 with `by`, else 2
  Output output = Output::text;
};

// To look until one has seen enough is no failure. Every picture is flushed, so nothing is lost.
void end_well_on_interrupt() {
  struct sigaction action = {};
  action.sa_handler = [](int) { ::_exit(kFine); };
  ::sigaction(SIGINT, &action, nullptr);
}

std::string path_of(const TopOptions& options, unsigned seconds) {
  const unsigned rows = options.rows == 0 ? 20 : options.rows;
  if (options.by.empty()) return fmt::format("/api/v1/top?seconds={}&n={}", seconds, rows);
  return fmt::format("/api/v1/top?by={}&n={}", options.by, rows);
}

std::string text_of(const TopOptions& options, const std::string& body) {
  const auto answer = boost::json::parse(body);
  return options.by.empty() ? control::top_text(answer, options.rows == 0 ? 8 : options.rows)
                            : control::traffic_text(answer);
}

std::size_t lines_of_terminal() {
  winsize size = {};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
}

// Home; each line clears what was there before it, and what is left of the old picture goes: no
// flicker. What does not fit is left out, or the terminal would scroll the first line away.
std::string over_the_old(const std::string& text) {
  std::size_t left = lines_of_terminal() - 1;
  std::string out = "\x1b[H";
  for (const char c : text) {
    if (c == '\n') out += "\x1b[K";
    out += c;
    if (c == '\n' && --left == 0) break;
  }
  return out + "\x1b[J";
}

int top(const TopOptions& options) {
  const bool text = options.output == Output::text, redraw = !options.once && text && is_lively();
  const unsigned seconds = options.seconds != 0 ? options.seconds : options.by.empty() ? 2 : 1;
  const std::string path = path_of(options, seconds);
  end_well_on_interrupt();
  for (;;) {
    const Asked asked =
        ask_gateway(options.where, {.path = path, .patience = std::chrono::seconds(seconds + 10)});
    if (!asked.ok()) return asked.code;
    const std::string picture = text ? text_of(options, asked.body) : asked.body;
    print(redraw ? over_the_old(picture) : picture);
    if (options.once) return kFine;
    if (!redraw && text) print("\n");
    // Without --by the gateway has waited between its two looks.
    if (!options.by.empty()) std::this_thread::sleep_for(std::chrono::seconds(seconds));
  }
}

}  // namespace

Command top_command() {
  auto options = std::make_shared<TopOptions>();
  Command command{
      .name = "top",
      .what = "Show who asks how often, live: beside what is usual, or all kinds at once",
      .footer =
          "Examples:\n  weir top --by edge             caller -> upstream: the one most above its usual rate first\n"
          "  weir top --by caller --once -o json\n"
          "  weir top                       routes, callers, endpoints and refusals",
      .does = [options] { return top(*options); }};
  command
      .add("--by", &options->by, "caller, route, endpoint or edge, beside its usual rate", "KIND")
      .only = {"caller", "route", "endpoint", "edge"};
  command.add("-n", &options->rows, "rows of a kind (default 20 with --by, else 8)", "N").range = {
      1, 1000};
  command.add("--once", &options->once, "one picture, then end");
  command
      .add("--seconds", &options->seconds, "between two pictures (default 1 with --by, else 2)",
           "N")
      .range = {1, 60};
  where_options(command, options->where);
  output_option(command, options->output);
  return command;
}

}  // namespace weir::cmd
