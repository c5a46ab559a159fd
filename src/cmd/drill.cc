// `weir drill`: a scenario with real processes on this machine, and the processes it is made of,
// which can be used by themselves: a simulated upstream and a fault proxy.
#include "cmd/drill.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

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
int stay(io::Loop& loop, Server& server, const std::string& listen, const std::string& control) {
  Signals signals;
  const auto at = SocketAddress::parse(listen), controlled_at = SocketAddress::parse(control);
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

}  // namespace

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
  drill::Upstream upstream(loop, std::move(behaviour), options.seed);
  return stay(loop, upstream, options.listen, options.control);
}

std::vector<DrillKey> drill_upstream_keys() {
  std::vector<DrillKey> keys;
  for (const config::Field& field : drill::behaviour_object().fields)
    keys.push_back({std::string(field.key), std::string(field.doc), std::string(field.example)});
  return keys;
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
  drill::FaultProxy proxy(loop, *to, std::move(faults), options.seed);
  return stay(loop, proxy, options.listen, options.control);
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

}  // namespace weir::cmd
