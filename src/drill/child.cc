#include "drill/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <utility>

#include "fmt/core.h"
#include "io/errors.h"
#include "store/files.h"

namespace weir::drill {
namespace {

constexpr Nanos kLook = std::chrono::milliseconds(2);

// Between fork and exec: calls that are safe there, and nothing else.
[[noreturn]] void become(const char* program, char* const* arguments, int output, int errors,
                         pid_t parent, int orphaned) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, orphaned);
  if (::getppid() == parent) {  // else it has gone already
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execv(program, arguments);
  }
  for (;;) ::kill(::getpid(), SIGKILL);  // this copy of the drill must not run on
}

}  // namespace

Child::Child(Child&& other) noexcept
    : program_(std::move(other.program_)),
      arguments_(std::move(other.arguments_)),
      output_(std::move(other.output_)),
      orphaned_(other.orphaned_),
      pid_(std::exchange(other.pid_, -1)),
      status_(std::exchange(other.status_, std::nullopt)) {}

Result<> Child::start() {
  if (running()) return fail(ErrorKind::busy, fmt::format("process {} runs already", pid_));
  const int output = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int errors =
      ::open((output_ + ".err").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::vector<char*> words = {program_.data()};
  for (std::string& word : arguments_) words.push_back(word.data());
  words.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_t pid = -1;
  if (output >= 0 && errors >= 0) pid = ::fork();
  if (pid == 0) become(program_.c_str(), words.data(), output, errors, parent, orphaned_);
  const int error = errno;
  ::close(output);
  ::close(errors);
  if (pid < 0) return io::fail_with(error, "start " + program_);
  pid_ = pid;
  status_.reset();
  return {};
}

// True when it has ended.
bool Child::look() {
  if (pid_ < 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  pid_ = -1;
  return true;
}

bool Child::running() { return !look(); }

std::optional<int> Child::exit_code() {
  look();
  return status_;
}

void Child::signal(int number) {
  if (running()) ::kill(pid_, number);
}

bool Child::end(Nanos patience) {
  if (!running()) return true;
  signal(SIGCONT);  // a frozen one hears nothing
  signal(SIGINT);
  for (Nanos waited{0}; waited < patience && running(); waited += kLook)
    std::this_thread::sleep_for(kLook);
  if (!running()) return true;
  ::kill(pid_, SIGKILL);
  while (!look()) std::this_thread::sleep_for(kLook);
  return false;
}

std::string Child::printed() const {
  auto text = store::read_front(output_, 64 * 1024);
  return text ? std::move(*text) : std::string();
}

std::string Child::complained() const {
  std::ifstream file(output_ + ".err", std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - 4096));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace weir::drill
