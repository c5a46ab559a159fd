// `weir run`: boots the gateway from its file, or from two addresses, and stays until it is told to
// end.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cmd/commands.h"
#include "cmd/configuration.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "config/init.h"
#include "control/boot.h"
#include "control/gateway.h"
#include "control/load.h"
#include "control/version.h"
#include "fmt/core.h"
#include "io/handover.h"

namespace weir::cmd {
namespace {

struct RunOptions {
  std::string config;
  std::string to, listen = "127.0.0.1:8080";  // without a file
  bool live = false;
  std::string program;  // of this process, so that USR2 can start it anew
  std::vector<std::string> arguments;
};

constexpr int kEndWaiting = SIGALRM;  // ends the thread that waits for the others

// Blocked before any thread is started and waited for in one of them, so no code of ours ever runs
// in a signal handler.
sigset_t take_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, kEndWaiting})
    sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is that write's error
  return signals;
}

void serve_signals(control::Gateway& gateway, const sigset_t& signals) {
  for (int signal = 0; sigwait(&signals, &signal) == 0;) {
    switch (signal) {
      case SIGTERM:
        gateway.drain();
        break;
      case SIGINT:
      case SIGQUIT:
        gateway.stop();
        break;
      case SIGHUP:
        gateway.reload();
        break;
      case SIGUSR1:
        gateway.reopen_logs();
        break;
      case SIGUSR2:
        gateway.hand_over();
        break;
      default:
        return;
    }
  }
}

// What cannot be said is not said: traffic does not depend on who reads it, nor on whether anybody does.
void write_line(int descriptor, std::string_view text) {
  constexpr int kPatience = 2;   // ms, for each piece
  const std::string line = fmt::format("{}\n", text);
  for (std::string_view left = line; !left.empty();) {
    pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, kPatience) <= 0) return;
    const ssize_t written = ::write(descriptor, left.data(), std::min<std::size_t>(left.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR) return;
    left.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
}

void say(std::string_view text) { write_line(STDERR_FILENO, text); }
void show_line(std::string_view line) { write_line(STDOUT_FILENO, line); }

// What a successor is started from: a path stays the path it is, so that a new binary there is the
// one that starts; a word that the shell looked up is what is running now.
std::string program_path(const std::string& word) {
  std::error_code error;
  const bool path = word.find('/') != std::string::npos;
  const auto found = path ? std::filesystem::absolute(word, error)
                          : std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? word : found.string();
}

// The configuration that `run --to` stands for; it is shown, so that it can be kept and grown.
Result<config::Input> made_input(const RunOptions& options) {
  auto text = config::run_to_text({.to = options.to, .listen = options.listen});
  if (!text) return std::unexpected(text.error());
  say(fmt::format("# the file that this equals:\n{}", *text));
  config::Input input{.files = {{.name = "run --to", .text = std::move(*text)}}};
  std::error_code error;
  input.directory = std::filesystem::current_path(error).string();
  return input;
}

std::string banner(const control::Gateway& gateway) {
  const Policy& policy = gateway.policy();
  const std::string config =
      gateway.path().empty() ? "" : fmt::format(" -c {}", config::printable(gateway.path()));
  std::string text =
      fmt::format("weir {} serves r{} of {}   pid {}\n", control::kVersion, policy.revision,
                  config::printable(policy.files.front()), ::getpid());
  std::string example = "http://127.0.0.1/";
  for (const Listener& listener : policy.listeners) {
    text += fmt::format("  {:<11} {}   {}\n",
                        &listener == &policy.listeners.front() ? "listens on" : "",
                        to_string(listener.address), gateway.names().text(listener.name));
  }
  if (!policy.listeners.front().address.is_unix()) {
    SocketAddress address = policy.listeners.front().address;
    if (address.address == Address{}) address.address = Address::v4(127, 0, 0, 1);
    example = fmt::format("http://{}/", to_string(address));
  }
  text += fmt::format("  {:<11} {}\n", "admin",
                      config::printable(gateway.data_dir().file("admin.sock")));
  if (policy.admin)
    text += fmt::format("  {:<11} http://{}   /metrics /healthz /readyz\n", "",
                        to_string(*policy.admin));
  return text + fmt::format("try: weir status{0}\n     weir explain GET {1}{0}", config, example);
}

int stay(control::Gateway& gateway, const sigset_t& signals) {
  std::thread waiter([&] { serve_signals(gateway, signals); });
  gateway.run();
  pthread_kill(waiter.native_handle(), kEndWaiting);
  waiter.join();
  return kFine;
}

int run(const RunOptions& options) {
  const sigset_t signals = take_signals();
  const bool made = !options.to.empty();
  const auto path = made ? Result<std::string>("") : find_configuration(options.config);
  if (!path) return failed(path.error());
  auto input = made ? made_input(options) : control::read_configuration(*path);
  if (!input && made) return failed(input.error(), kUsage);
  auto names = std::make_unique<NameTable>();
  control::Booting booting =
      control::what_boots(std::move(input), *path, state_directory(), *names);
  if (!booting.report.empty()) say(booting.report.substr(0, booting.report.size() - 1));
  if (booting.loaded.outcome.policy == nullptr) return kFailed;
  if (!booting.why.empty()) say(booting.why);
  booting.loaded.outcome.policy->data_dir = booting.data_dir;

  auto inherited = io::inherited();
  if (!inherited) return failed(inherited.error());
  control::GatewayOptions gateway_options{.path = *path,
                                          .say = say,
                                          .program = program_path(options.program),
                                          .arguments = options.arguments};
  if (options.live) gateway_options.show = show_line;
  auto gateway = control::Gateway::start(std::move(gateway_options), std::move(names),
                                         std::move(booting.loaded), std::move(booting.why),
                                         std::move(*inherited));
  if (!gateway) return failed(gateway.error());
  say(banner(**gateway));
  return stay(**gateway, signals);
}

}  // namespace

Command run_command(const std::vector<std::string>& arguments) {
  auto options = std::make_shared<RunOptions>();
  options->program = arguments.front();
  options->arguments = arguments;
  Command command{.name = "run",
                  .what = "Run the gateway",
                  .footer =
                      "Examples:\n  weir run\n  weir run -c /etc/weir/gateway.yaml\n"
                      "  weir run --to 127.0.0.1:3000 --listen :8080 --live\n"
                      "Signals: TERM drains (twice: ends), INT ends, HUP takes the file anew, USR1 reopens logs, USR2 hands over to a new binary.",
                  .does = [options] { return run(*options); }};
  config_option(command, options->config);
  command.options.back().excludes = "--to";
  command.add("--to", &options->to, "without a file: everything goes to this address", "HOST:PORT");
  command
      .add("--listen", &options->listen,
           "with --to: where clients connect (default 127.0.0.1:8080)", "ADDRESS")
      .needs = "--to";
  command.add("--live", &options->live, "print one line per request");
  return command;
}

}  // namespace weir::cmd
