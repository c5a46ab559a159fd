#include "io/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "fmt/core.h"
#include "io/errors.h"

namespace weir::io {
namespace {

constexpr const char* kVariable = "WEIR_HANDOVER";
constexpr Nanos kLook = std::chrono::milliseconds(10);
constexpr int kLooksForTheEnd = 100;

bool read_descriptor(std::string_view text, int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

std::unexpected<Error> malformed(std::string_view part) {
  return fail(ErrorKind::invalid,
              fmt::format("{}: \"{}\" is not descriptor=address", kVariable, part));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_with(std::string handover) {
  std::vector<std::string> result;
  const std::string own = std::string(kVariable) + "=";
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with(own)) result.emplace_back(*each);
  }
  result.push_back(own + std::move(handover));
  return result;
}

}  // namespace

std::string encode(const Inheritance& inheritance) {
  std::string text = fmt::format("ready={}", inheritance.ready);
  for (const HandedSocket& socket : inheritance.sockets)
    text += fmt::format(";{}={}", socket.descriptor, to_string(socket.address));
  return text;
}

Result<Inheritance> decode(std::string_view text) {
  Inheritance inheritance;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return malformed(part);
    if (part.substr(0, equals) == "ready") {
      if (!read_descriptor(part.substr(equals + 1), inheritance.ready)) return malformed(part);
      continue;
    }
    HandedSocket socket;
    auto address = SocketAddress::parse(part.substr(equals + 1));
    if (!address || !read_descriptor(part.substr(0, equals), socket.descriptor))
      return malformed(part);
    socket.address = std::move(*address);
    if (inheritance.sockets.size() == kHandedMax)
      return fail(ErrorKind::too_large,
                  fmt::format("{}: more than {} sockets", kVariable, kHandedMax));
    inheritance.sockets.push_back(std::move(socket));
  }
  return inheritance;
}

Result<Inheritance> inherited() {
  const char* value = std::getenv(kVariable);
  if (value == nullptr) return Inheritance{};
  auto inheritance = decode(value);
  ::unsetenv(kVariable);
  if (!inheritance) return inheritance;
  for (const HandedSocket& socket : inheritance->sockets) {
    if (::fcntl(socket.descriptor, F_SETFD, FD_CLOEXEC) < 0)
      return fail_with(errno, fmt::format("inherit {}", to_string(socket.address)));
  }
  if (inheritance->ready >= 0) ::fcntl(inheritance->ready, F_SETFD, FD_CLOEXEC);
  return inheritance;
}

void tell_ready(Inheritance& inheritance) {
  if (inheritance.ready < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(inheritance.ready, "r", 1);
  ::close(std::exchange(inheritance.ready, -1));
}

Result<Successor> start_successor(const std::string& path,
                                  const std::vector<std::string>& arguments,
                                  const std::vector<HandedSocket>& sockets) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC | O_NONBLOCK) < 0)
    return fail_with(errno, "start the successor");
  const Inheritance inheritance{.sockets = sockets, .ready = pipe[1]};
  std::vector<std::string> texts = arguments;
  std::vector<std::string> environment = environment_with(encode(inheritance));

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // A descriptor moved onto itself is one the child keeps (POSIX,
  // posix_spawn_file_actions_adddup2).
  posix_spawn_file_actions_adddup2(&actions, pipe[1], pipe[1]);
  for (const HandedSocket& socket : sockets)
    posix_spawn_file_actions_adddup2(&actions, socket.descriptor, socket.descriptor);
  Successor successor{.pid = -1, .ready = pipe[0]};
  const int error = ::posix_spawn(&successor.pid, path.c_str(), &actions, nullptr,
                                  pointers(texts).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  if (error == 0) return successor;
  ::close(pipe[0]);
  return fail(error == ENOENT ? ErrorKind::not_found : ErrorKind::io,
              fmt::format("start {}: {}", path, strerrordesc_np(error)), Origin::system);
}

// A look every 10 ms: this happens once in the life of a process, and a pipe needs no place in the
// loop for it.
Task<Result<>> await_ready(Loop& loop, Successor& successor, Deadline deadline) {
  Result<> result;
  for (;;) {
    char told = 0;
    const ssize_t got = ::read(successor.ready, &told, 1);
    if (got == 1) break;
    if (got == 0) {
      result = fail(ErrorKind::closed, "the successor ended before it was ready", Origin::system);
      break;
    }
    if (loop.now() >= deadline) {
      result = fail(ErrorKind::timeout, "the successor was not ready in time", Origin::system);
      break;
    }
    result = co_await loop.sleep_until(std::min(deadline, loop.now() + kLook));
    if (!result) break;
  }
  ::close(std::exchange(successor.ready, -1));
  if (!result) {
    ::kill(successor.pid, SIGKILL);  // later it would serve beside this one
    for (int i = 0; i < kLooksForTheEnd && ::waitpid(successor.pid, nullptr, WNOHANG) == 0; ++i) {
      if (!co_await loop.sleep_for(kLook)) break;
    }
  }
  co_return result;
}

}  // namespace weir::io
