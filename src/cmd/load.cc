// `weir load`: asks a server as callers do, at a rate that does not wait for answers, and says how
// it bore it.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cmd/commands.h"
#include "cmd/load_run.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "fmt/core.h"
#include "load/job.h"
#include "load/words.h"
#include "store/files.h"

namespace weir::cmd {
namespace {

constexpr std::size_t kMostCallerBytes = 64u << 20;

Result<std::vector<std::string>> read_lines(const std::string& path) {
  auto text = store::read_file(path, Bytes{kMostCallerBytes});
  if (!text) return std::unexpected(text.error());
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    std::string line = text->substr(at, end - at);
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    at = end + 1;
  }
  if (lines.empty() || lines.size() > load::Pick::kMost) {
    return fail(ErrorKind::invalid,
                fmt::format("{} holds {} values: 1 to {}, one a line", config::printable(path),
                            lines.size(), load::Pick::kMost),
                Origin::config);
  }
  return lines;
}

int load(const LoadOptions& options) {
  one_kind_of_traffic(options.logs, options.recordings);
  if (!options.words.find_capacity.empty() && !options.html.empty())
    throw UsageError{"--report is of one run: not with --find-capacity"};
  LoadOptions read = options;
  if (!options.caller_values.empty()) {
    auto lines = read_lines(options.caller_values);
    if (!lines) return failed(lines.error());
    read.words.caller_values = std::move(*lines);
  }
  read.words.is_replay = !options.logs.empty() || !options.recordings.empty();
  auto job = load::read_job(read.words);
  if (!job) return failed(job.error(), kUsage);
  return run_load(options, std::move(*job));
}

void call_options(Command& to, LoadOptions& into) {
  load::Words& words = into.words;
  to.add("URL", &words.url, "http://host:port/path").required = true;
  to.add("--rate", &words.rate, "calls: 1000/s, 30/min; left out: a closed loop", "RATE");
  to.add("--ramp", &words.ramp, "from --rate to this one, in a straight line", "RATE");
  to.add("--steps", &words.steps, "instead of --rate, one after another: 100/s,200/s,400/s",
         "RATES");
  to.add("--for", &words.length, "how long (default 10s; a trial 5s; a log all of it)", "TIME");
  to.add("--arrivals", &words.arrivals, "constant (default), poisson, pareto:1.5, on-off:1s,4s",
         "KIND");
  to.add_many("--route", &words.routes, "by weight, not the URL's path: '/a=3', 'POST /b=1'",
              "ROUTE");
  to.add("-X,--method", &words.method, "GET (default), or POST where there is --data", "METHOD");
  to.add_many("-H,--header", &words.headers, "'Name: value'", "FIELD");
  to.add("-d,--data", &words.data, "the body of each request", "TEXT");
  to.add("--host", &words.host, "the Host to send (default: the URL's; of a log, what it says)",
         "NAME");
}

void caller_options(Command& to, load::Words& words, std::string& caller_values) {
  to.add("--callers", &words.callers, "so many callers, by X-Forwarded-For", "N");
  to.add("--zipf", &words.zipf, "the k-th caller asks 1/k^S as often (default 0: alike)", "S");
  to.add("--caller-header", &words.caller_header,
         "callers by this header instead; of a log: send its clients in it", "NAME");
  to.add("--caller-values", &caller_values, "what callers send in it, one a line: API keys",
         "FILE");
  to.add("--session", &words.session, "callers come for so many calls on average (default 1)", "N");
  to.add("--pause", &words.pause, "of a session, between calls on average (default 1s)", "TIME");
  to.add("--seed", &words.seed, "another one makes other chances (default 1)", "N");
}

void replay_options(Command& to, LoadOptions& into) {
  to.add_many("--log", &into.logs, "send what an access log says, when it says", "LOG").takes_rest =
      true;
  to.add_many("--recording", &into.recordings, "the same from a data_dir of weir", "DIR");
  to.add("--log-format", &into.log_format, "auto (default), or a format: weir help log-format",
         "FORMAT");
  to.add_many("--field", &into.fields, "a field of the log that holds a fact: client=F", "FACT=F");
  to.add("--speed", &into.words.speed, "of a log or recording: 2 is twice as fast (default 1)",
         "X");
  to.add("--all-methods", &into.all_methods,
         "of a log or recording, also those that change something");
}

void run_options(Command& to, LoadOptions& into) {
  load::Words& words = into.words;
  to.add("--connections", &words.connections,
         "at once, at most (default 256; in a closed loop 64, all of them)", "N");
  to.add("--timeout", &words.timeout, "for an answer, from when it was asked (default 10s)",
         "TIME");
  to.add_many("--fail-if", &words.fail_if, "exit 99 if it holds: 'p99 > 200ms', 'errors > 0.1%'",
              "THRESHOLD");
  to.add("--find-capacity", &words.find_capacity,
         "the highest rate of each route at which this holds: 'p99 < 100ms'", "GOAL");
  to.add("--anywhere", &into.anywhere, "targets that are on no private network too");
  to.add("--report", &into.html, "write an HTML page too", "FILE");
  output_option(to, into.output);
}

}  // namespace

Command load_command() {
  auto options = std::make_shared<LoadOptions>();
  Command command{
      .name = "load",
      .what = "Ask a server at a rate that does not wait for its answers, and say how it bore it",
      .footer =
          "Examples:\n"
          "  weir load http://127.0.0.1:8080/users --rate 1000/s --for 30s\n"
          "  weir load http://127.0.0.1:8080 --route /users=3 --route 'POST /orders=1' --rate 200/s\n"
          "  weir load http://127.0.0.1:8080/ --rate 100/s --ramp 2000/s --for 1m --fail-if 'p99 > 200ms'\n"
          "  weir load http://127.0.0.1:8080/ --rate 500/s --arrivals poisson --callers 2000 --zipf 1.1\n"
          "  weir load http://127.0.0.1:8080/ --find-capacity 'p99 < 100ms'\n"
          "  weir load http://staging.internal:8080 --log access.log.gz --speed 2\n"
          "  weir load http://127.0.0.1:8080/ --connections 64       closed loop, as wrk does\n"
          "Latency counts from when a call was due, so a stall of the server is seen by all who would\n"
          "have asked meanwhile; service counts from when it was sent. Ctrl-C ends early, with a report.\n"
          "Exit codes: 0 done, 99 a threshold is broken, 4 this machine could not send in time, 1 no\n"
          "answer at all, 5 nobody listens there, 2 wrong words. More: docs/guide/load.md",
      .does = [options] { return load(*options); }};
  call_options(command, *options);
  caller_options(command, options->words, options->caller_values);
  replay_options(command, *options);
  run_options(command, *options);
  return command;
}

}  // namespace weir::cmd
