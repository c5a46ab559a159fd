#include "io/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "fmt/core.h"
#include "io/epoll_kernel.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/stream.h"

namespace weir::io {
namespace {

using std::chrono::seconds;

TEST(Handover, WritesWhatItReads) {
  const std::string text =
      "ready=9;5=127.0.0.1:8080;6=127.0.0.1:8080;7=[::1]:80;8=unix:/run/weir.sock";
  const auto inheritance = decode(text);
  ASSERT_TRUE(inheritance);
  ASSERT_EQ(inheritance->sockets.size(), 4u);
  EXPECT_EQ(inheritance->ready, 9);
  EXPECT_EQ(inheritance->sockets[1].descriptor, 6);
  EXPECT_EQ(inheritance->sockets[3].address.unix_path, "/run/weir.sock");
  EXPECT_EQ(encode(*inheritance), text);
}

TEST(Handover, RefusesWhatItDoesNotUnderstand) {
  for (const char* text : {"x", "5", "5=", "=127.0.0.1:80", "-1=127.0.0.1:80", "5=127.0.0.1",
                           "ready=", "5x=127.0.0.1:80"}) {
    EXPECT_FALSE(decode(text)) << text;
  }
  EXPECT_TRUE(decode("")->sockets.empty());
}

TEST(Handover, WithoutAPredecessorNothingIsInherited) {
  ::unsetenv("WEIR_HANDOVER");
  auto inheritance = inherited();
  ASSERT_TRUE(inheritance);
  EXPECT_TRUE(inheritance->sockets.empty());
  tell_ready(*inheritance);  // nobody to tell
}

// The successor is this shell script: it accepts nothing, but proves that the socket is there, and
// says so.
TEST(Handover, ASuccessorInheritsTheSocketsAndReportsBack) {
  EpollKernel kernel;
  Loop loop(kernel);
  Listener listener =
      std::move(Listener::open(loop, SocketAddress::parse("127.0.0.1:0").value()).value());
  const std::string script = fmt::format(
      "test -S /proc/self/fd/{} || exit 3; IFS=';'; for part in $WEIR_HANDOVER; do case $part in "
      "ready=*) fd=${{part#ready=}};; esac; done; printf r >&$fd",
      listener.descriptor());
  auto successor =
      start_successor("/bin/bash", {"bash", "-c", script},
                      {{.address = listener.local(), .descriptor = listener.descriptor()}});
  ASSERT_TRUE(successor) << to_string(successor.error());
  const auto ready =
      block_on(loop, [&] { return await_ready(loop, *successor, loop.now() + seconds(10)); });
  EXPECT_TRUE(ready) << to_string(ready.error());
  int status = 0;
  ASSERT_EQ(::waitpid(successor->pid, &status, 0), successor->pid);
  EXPECT_EQ(status, 0);
}

TEST(Handover, NoticesASuccessorThatFails) {
  EpollKernel kernel;
  Loop loop(kernel);
  auto successor = start_successor("/bin/bash", {"bash", "-c", "exit 1"}, {});
  ASSERT_TRUE(successor);
  const auto ready =
      block_on(loop, [&] { return await_ready(loop, *successor, loop.now() + seconds(10)); });
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().kind, ErrorKind::closed);
  const auto missing = start_successor("/nowhere/weir", {"weir"}, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
}

// One that was only slow would serve beside its predecessor, which goes on.
TEST(Handover, ASuccessorThatIsNotReadyInTimeIsEnded) {
  EpollKernel kernel;
  Loop loop(kernel);
  auto successor = start_successor("/bin/bash", {"bash", "-c", "trap '' TERM; exec sleep 60"}, {});
  ASSERT_TRUE(successor);
  const auto ready = block_on(
      loop, [&] { return await_ready(loop, *successor, loop.now() + std::chrono::milliseconds(50)); });
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().kind, ErrorKind::timeout);
  EXPECT_EQ(::kill(successor->pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Handover, TheSuccessorAdoptsWhatItInherited) {
  EpollKernel kernel;
  Loop loop(kernel);
  const Listener listener =
      std::move(Listener::open(loop, SocketAddress::parse("127.0.0.1:0").value()).value());
  const int inherited_descriptor = ::fcntl(listener.descriptor(), F_DUPFD, 3);
  ::setenv("WEIR_HANDOVER",
           encode({.sockets = {{.address = listener.local(), .descriptor = inherited_descriptor}},
                   .ready = ::open("/dev/null", O_WRONLY)})
               .c_str(),
           1);
  auto inheritance = inherited();
  ASSERT_TRUE(inheritance) << to_string(inheritance.error());
  EXPECT_EQ(std::getenv("WEIR_HANDOVER"), nullptr);  // not passed on to children of the successor
  EXPECT_NE(::fcntl(inherited_descriptor, F_GETFD) & FD_CLOEXEC, 0);
  tell_ready(*inheritance);
  EXPECT_EQ(inheritance->ready, -1);
  const auto adopted = Listener::adopt(loop, inheritance->sockets.at(0).descriptor);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->local(), listener.local());
}

}  // namespace
}  // namespace weir::io
