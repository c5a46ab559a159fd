#include "control/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "fmt/core.h"

extern char** environ;

namespace weir::control {

std::vector<int> Handover::take(const SocketAddress& address) {
  std::vector<int> taken;
  std::erase_if(listeners, [&](const auto& entry) {
    if (entry.first != address) return false;
    taken.push_back(entry.second);
    return true;
  });
  return taken;
}

void Handover::close_rest() {
  for (const auto& [address, descriptor] : listeners) ::close(descriptor);
  listeners.clear();
}

void Handover::confirm() {
  if (ready < 0) return;
  const char byte = 1;
  // Where the old process is gone already there is nobody left to tell.
  [[maybe_unused]] const ssize_t wrote = ::write(ready, &byte, 1);
  ::close(ready);
  ready = -1;
}

Result<Handover> parse_handover(std::string_view text) {
  Handover handover;
  while (!text.empty()) {
    const std::size_t end = text.find(';');
    const std::string_view entry = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t equals = entry.rfind('=');
    int descriptor = -1;
    if (equals != std::string_view::npos) {
      const std::string_view digits = entry.substr(equals + 1);
      std::from_chars(digits.data(), digits.data() + digits.size(), descriptor);
    }
    if (descriptor < 3) return fail(ErrorKind::invalid, fmt::format("{}: \"{}\" names no descriptor", kHandoverVariable, entry));
    const std::string_view name = entry.substr(0, equals);
    if (name == "lock") {
      handover.lock = descriptor;
    } else if (name == "ready") {
      handover.ready = descriptor;
    } else {
      auto address = SocketAddress::parse(name);
      if (!address) return std::unexpected(address.error());
      handover.listeners.emplace_back(std::move(*address), descriptor);
    }
    // They came without close-on-exec; nobody after us shall inherit them by accident.
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return handover;
}

std::string print_handover(const Handover& handover) {
  std::string text = fmt::format("lock={};ready={}", handover.lock, handover.ready);
  for (const auto& [address, descriptor] : handover.listeners) text += fmt::format(";{}={}", to_string(address), descriptor);
  return text;
}

Result<int> start_successor(const std::string& program, const std::vector<std::string>& arguments, Handover handover) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    return fail(ErrorKind::full, fmt::format("could not make a pipe for the new process: {}", std::strerror(errno)), Origin::system);
  }
  handover.ready = pipe[1];
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // A descriptor duplicated onto itself is inherited: posix_spawn(3) clears its close-on-exec.
  ::posix_spawn_file_actions_adddup2(&actions, handover.ready, handover.ready);
  ::posix_spawn_file_actions_adddup2(&actions, handover.lock, handover.lock);
  for (const auto& [address, descriptor] : handover.listeners) {
    ::posix_spawn_file_actions_adddup2(&actions, descriptor, descriptor);
  }
  // Signals that this process blocks (it waits for them in one thread) must not stay blocked over there by accident.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with(fmt::format("{}=", kHandoverVariable))) environment.emplace_back(*variable);
  }
  environment.push_back(fmt::format("{}={}", kHandoverVariable, print_handover(handover)));
  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
  };
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, &attributes, pointers(arguments).data(),
                                   pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  if (failed != 0) {
    ::close(pipe[0]);
    return fail(ErrorKind::io, fmt::format("could not start {}: {}", program, std::strerror(failed)), Origin::system);
  }
  return pipe[0];
}

}  // namespace weir::control
