// weir: parse flags, wire, nothing else.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "control/gateway.h"
#include "control/load.h"

namespace {

using namespace weir;

// Signals are waited for in one thread, so no code of ours ever runs in a signal handler.
void serve_signals(control::Gateway& gateway, sigset_t signals) {
  for (int signal = 0; sigwait(&signals, &signal) == 0;) {
    switch (signal) {
      case SIGTERM: gateway.drain(); break;
      case SIGINT:
      case SIGQUIT: gateway.stop(); break;
      case SIGHUP: gateway.reload(); break;
      case SIGUSR1: gateway.reopen_logs(); break;
      case SIGUSR2: gateway.hand_over(); break;
      default: return;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  std::string path = "gateway.yaml";
  bool live = false;
  for (int i = 2; i < argc; ++i) {
    if (std::string_view(argv[i]) == "-c" && i + 1 < argc) path = argv[++i];
    if (std::string_view(argv[i]) == "--live") live = true;
  }
  auto names = std::make_unique<NameTable>();
  auto input = control::read_configuration(path);
  if (!input) {
    std::fprintf(stderr, "%s\n", to_string(input.error()).c_str());
    return 1;
  }
  auto loaded = control::load(std::move(*input), *names);
  if (loaded.outcome.policy == nullptr) {
    for (const auto& d : loaded.outcome.diagnostics) std::fprintf(stderr, "%u: %s\n", d.at.line, d.message.c_str());
    return 1;
  }
  const char* handed = std::getenv("WEIR_HANDOVER");
  auto handover = control::parse_handover(handed == nullptr ? "" : handed);
  auto gateway = control::Gateway::start(
      {.path = path, .say = [](std::string_view line) { std::printf("%.*s\n", static_cast<int>(line.size()), line.data()); std::fflush(stdout); },
       .live = live, .program = argv[0], .arguments = {argv, argv + argc}},
      std::move(names), std::move(loaded), std::move(*handover));
  if (!gateway) {
    std::fprintf(stderr, "%s\n", to_string(gateway.error()).c_str());
    return 1;
  }
  std::thread waiter([&] { serve_signals(**gateway, signals); });
  (*gateway)->run();
  pthread_kill(waiter.native_handle(), SIGALRM);
  waiter.join();
  return 0;
}
