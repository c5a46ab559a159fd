// `weir drill`: a scenario with real processes on this machine, and the processes it is made of,
// which can be used by themselves: a simulated upstream and a fault proxy.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/diagnostic.h"
#include "config/schema.h"
#include "drill/behaviour.h"
#include "drill/fault_proxy.h"
#include "drill/report.h"
#include "drill/run.h"
#include "drill/upstream.h"
#include "fmt/core.h"
#include "io/epoll_kernel.h"

namespace weir::cmd {
namespace {

struct ProcessOptions {
  std::string listen = "127.0.0.1:0", control = "127.0.0.1:0";
  std::uint64_t seed = 1;
};

struct DrillUpstreamOptions {
  ProcessOptions process;
  std::string behaviour;                                    // a YAML mapping
  std::vector<std::pair<std::string, std::string>> values;  // key and value, laid over it
};

struct DrillFaultOptions {
  ProcessOptions process;
  std::string to;
  std::vector<std::string> faults;
};

struct DrillRunOptions {
  std::string file;
  std::string keep;  // "": what the processes leave behind is removed
  Output output = Output::text;
};

constexpr int kEndWaiting = SIGALRM;  // ends the thread that waits for the others

// Signals are waited for in a thread, so no code of ours ever runs in a signal handler.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (int signal : {SIGTERM, SIGINT, SIGQUIT, kEndWaiting}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
  }
  // `told` is called in the thread, for every signal.
  void serve(std::function<void()> told) {
    thread_ = std::thread([this, told = std::move(told)] {
      for (int signal = 0; sigwait(&set_, &signal) == 0 && signal != kEndWaiting;) told();
    });
  }
  ~Signals() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), kEndWaiting);
    thread_.join();
  }

 private:
  sigset_t set_{};
  std::thread thread_;
};

// A process of a drill: says where it listens, stays until it is told to end.
template <class Server>
int stay(io::Loop& loop, Server& server, const ProcessOptions& options) {
  Signals signals;
  const auto at = SocketAddress::parse(options.listen),
             controlled_at = SocketAddress::parse(options.control);
  if (!at) return failed(at.error(), kUsage);
  if (!controlled_at) return failed(controlled_at.error(), kUsage);
  if (!controlled_at->is_unix() && !controlled_at->address.is_loopback()) {
    complain(
        "the control address is not on loopback: whoever reaches it can change everything; write "
        "127.0.0.1:0");
    return kUsage;
  }
  if (auto opened = server.open(*at, *controlled_at); !opened) return failed(opened.error());
  print(fmt::format("listens on {}   control {}\n", to_string(server.local()),
                    to_string(server.control())));
  signals.serve([&loop] { loop.stop(); });
  loop.run();
  loop.root().cancel();
  while (loop.root().running() > 0) loop.turn(Nanos(0));
  return kFine;
}

std::string own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

int drill_upstream(const DrillUpstreamOptions& options) {
  drill::Behaviour behaviour;
  std::string yaml;
  for (const auto& [key, value] : options.values) {
    if (!value.empty()) yaml += key + ": " + value + "\n";
  }
  for (const std::string& text : {options.behaviour, yaml}) {
    if (text.empty()) continue;
    if (auto changed = drill::change(behaviour, text); !changed)
      return failed(changed.error(), kUsage);
  }
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  drill::Upstream upstream(loop, std::move(behaviour), options.process.seed);
  return stay(loop, upstream, options.process);
}

int drill_fault(const DrillFaultOptions& options) {
  const auto to = SocketAddress::parse(options.to);
  if (!to) return failed(to.error(), kUsage);
  drill::FaultList faults;
  for (const std::string& text : options.faults) {
    auto fault = drill::read_fault(text);
    if (!fault) {
      complain(fmt::format("{}: {}", fault.error().message, fault.error().remedy));
      return kUsage;
    }
    faults.faults.value.push_back({*fault, {}});
  }
  if (faults.faults.value.size() > drill::kMostFaults) {
    complain(fmt::format("more than {} faults", drill::kMostFaults));
    return kUsage;
  }
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  drill::FaultProxy proxy(loop, *to, std::move(faults), options.process.seed);
  return stay(loop, proxy, options.process);
}

int drill_run(const DrillRunOptions& options) {
  Signals signals;
  io::EpollKernel kernel;
  io::Loop loop(kernel);
  const bool lively = is_lively() && ::isatty(STDERR_FILENO) != 0;
  const auto clear = [lively] {
    if (lively) fmt::print(stderr, "\r\x1b[K");
  };
  drill::RunOptions run_options{
      .file = options.file, .program = own_program(), .keep = options.keep, .say = {}, .live = {}};
  run_options.say = [&](std::string_view line) {
    clear();
    fmt::print(stderr, "{}\n", line);
  };
  if (lively) {
    run_options.live = [&](std::string_view line) {
      clear();
      fmt::print(stderr, "{}", line);
      std::fflush(stderr);
    };
  }
  drill::Run run(loop, std::move(run_options));
  signals.serve([&run] { run.interrupt(); });
  auto answer = run.go();
  clear();
  if (!answer) {
    const Error& error = answer.error();
    if (error.origin != Origin::config) return failed(error);
    std::fputs(error.context.c_str(), stderr);  // a whole report, as `weir check` prints it
    return kFailed;
  }
  print(options.output == Output::json ? drill::report_json(**answer)
                                       : drill::report_text(**answer));
  if ((*answer)->interrupted || !(*answer)->problem.empty()) return kFailed;
  return (*answer)->good() ? kFine : kNotMet;
}

Command run_command() {
  auto options = std::make_shared<DrillRunOptions>();
  Command command{
      .name = "run",
      .what = "Run a scenario: upstreams, faults, the gateway and its traffic",
      .footer =
          "Examples:\n  weir drill run examples/drill/slow.yaml\n"
          "  weir drill run examples/drill/t0.yaml -o json --keep /tmp/t0\n"
          "Exit codes: 0 as expected, 99 not, 1 it did not run or was interrupted; 2 as ever.",
      .does = [options] { return drill_run(*options); }};
  command.add("FILE", &options->file, "the scenario").required = true;
  command.add("--keep", &options->keep,
              "leave configurations, logs and data of the processes in this folder", "DIR");
  output_option(command, options->output);
  return command;
}

void process_options(Command& to, ProcessOptions& into) {
  to.add("--listen", &into.listen, "where it listens (default: a free port of 127.0.0.1)",
         "ADDRESS");
  to.add("--control", &into.control, "where it can be changed, on loopback (default: a free port)",
         "ADDRESS");
  to.add("--seed", &into.seed, "chance is drawn from it (default 1)", "N");
}

Command upstream_command() {
  auto options = std::make_shared<DrillUpstreamOptions>();
  Command command{
      .name = "upstream",
      .what = "A simulated service: workers, a queue, latency, errors",
      .footer =
          "Examples:\n  weir drill upstream --listen 127.0.0.1:9001 --workers 2 --latency 40ms --queue 64\n"
          "  curl http://CONTROL/                                 what is set, what was counted\n"
          "  curl -X PUT -d '{slowdown: 4, errors: 30%}' http://CONTROL/",
      .does = [options] { return drill_upstream(*options); }};
  process_options(command, options->process);
  command.add("--behaviour", &options->behaviour,
              "several of the following at once, as a YAML mapping", "YAML");
  const std::span<const config::Field> fields = drill::behaviour_object().fields;
  options->values.reserve(fields.size());  // options point into it
  for (const config::Field& field : fields) {
    auto& value = options->values.emplace_back(field.key, "").second;
    std::string name = "--" + std::string(field.key);
    std::ranges::replace(name, '_', '-');
    command.add(std::move(name), &value, std::string(field.doc), std::string(field.example));
  }
  return command;
}

Command fault_command() {
  auto options = std::make_shared<DrillFaultOptions>();
  Command command{
      .name = "fault",
      .what = "A TCP proxy with faults: delay, reset, blackhole, trickle, …",
      .footer =
          "Faults:\n"
          "  delay 200ms [jitter 50ms] [up|down]    rate 10KiB/s [up|down]\n"
          "  trickle 1B every 100ms [up|down]       corrupt 0.1% [up|down]\n"
          "  reset [after 1KiB]                     half-open [after 1KiB]\n"
          "  blackhole                              behind all others: on 5%, of the requests\n"
          "Examples:\n  weir drill fault --to 127.0.0.1:9001 --fault 'delay 200ms' --fault 'reset on 5%'\n"
          "  curl -X PUT -d '{faults: [blackhole]}' http://CONTROL/\n"
          "  curl -X PUT -d '{faults: []}' http://CONTROL/",
      .does = [options] { return drill_fault(*options); }};
  process_options(command, options->process);
  command.add("--to", &options->to, "where connections go on to", "ADDRESS").required = true;
  command.add_many("--fault", &options->faults, "what is done to them", "FAULT");
  return command;
}

}  // namespace

Command drill_command() {
  return {
      .name = "drill",
      .what = "Rehearse incidents with real processes on this machine",
      .footer =
          "Examples:\n  weir drill run slow.yaml\n"
          "  weir drill upstream --listen 127.0.0.1:9001 --workers 8 --latency 'lognormal(20ms, 0.4)'\n"
          "  weir drill fault --listen 127.0.0.1:9101 --to 127.0.0.1:9001 --fault 'delay 200ms'\n"
          "Scenarios, faults and what they look like: docs/guide/drill.md",
      .below = {run_command(), upstream_command(), fault_command()}};
}

}  // namespace weir::cmd
