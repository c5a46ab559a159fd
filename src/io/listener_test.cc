// What only Linux has: descriptors that run out, socket files, listeners handed over; and the
// system calls of a request.
#include "io/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/epoll_kernel.h"
#include "io/loop.h"
#include "io/stream.h"

namespace weir::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kAnyPort = SocketAddress::parse("127.0.0.1:0").value();

Task<Result<>> say(Stream& to, std::string_view text) {
  const iovec piece{const_cast<char*>(text.data()), text.size()};
  co_return co_await to.write(std::span(&piece, 1), kNever);
}

// Descriptors up to the limit are taken, but `left`.
class Exhausted {
 public:
  explicit Exhausted(int left) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(lowest);
    const rlimit low{.rlim_cur = static_cast<rlim_t>(lowest + 64), .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    for (int got; (got = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken_.push_back(got);
    for (int i = 0; i < left; ++i) release();
  }
  ~Exhausted() {
    while (!taken_.empty()) release();
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  void release() {
    ::close(taken_.back());
    taken_.pop_back();
  }

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST(Listener, BacksOffWithoutDescriptorsAndServesTheWaitingLater) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer's own checks need descriptors; the simulation has the same case";
#endif
  EpollKernel kernel;
  Loop loop(kernel);
  Listener listener = std::move(Listener::open(loop, kAnyPort).value());
  Exhausted exhausted(1);  // for the client's end
  block_on(loop, [&]() -> Task<> {
    auto client = co_await Stream::connect(loop, listener.local(), loop.now() + seconds(5));
    EXPECT_TRUE(client);
    if (!client) co_return;
    auto none = co_await listener.accept(loop.now() + milliseconds(200));
    EXPECT_TRUE(!none && none.error().kind == ErrorKind::timeout);
    EXPECT_GE(listener.exhausted(), 2u);  // once per 50 ms, not once per turn
    EXPECT_LE(listener.exhausted(), 5u);
    exhausted.release();
    auto server = co_await listener.accept(loop.now() + seconds(5));
    EXPECT_TRUE(server);
    if (!server) co_return;
    EXPECT_TRUE(co_await say(*server, "served"));
    auto text = co_await client->read(loop.now() + seconds(5));
    EXPECT_TRUE(text && text->size() == 6);
  });
}

TEST(Listener, SaysWhyItCannotListen) {
  EpollKernel kernel;
  Loop loop(kernel);
  const Listener first = std::move(Listener::open(loop, kAnyPort).value());
  const auto second = Listener::open(loop, first.local());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_EQ(second.error().context,
            "listen on " + to_string(first.local()) + ": the address is in use by another process");
  const auto nowhere = Listener::open(loop, SocketAddress::parse("192.0.2.1:80").value());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::unreachable);
}

TEST(Listener, SeveralShareAPortOnRequestOnly) {
  EpollKernel kernel;
  Loop loop(kernel);
  const Listener first = std::move(Listener::open(loop, kAnyPort, {.reuse_port = true}).value());
  EXPECT_TRUE(Listener::open(loop, first.local(), {.reuse_port = true}));
  EXPECT_FALSE(Listener::open(loop, first.local()));
}

class UnixListener : public ::testing::Test {
 protected:
  UnixListener() { ::unlink(path_.c_str()); }
  ~UnixListener() override { ::unlink(path_.c_str()); }
  SocketAddress address() const { return SocketAddress::parse("unix:" + path_).value(); }
  mode_t mode() const {
    struct stat info{};
    EXPECT_EQ(::stat(path_.c_str(), &info), 0);
    return info.st_mode & 07777;
  }
  const std::string path_ = testing::TempDir() + "weir_listener_test_" + std::to_string(getpid());
  EpollKernel kernel_;
  Loop loop_{kernel_};
};

TEST_F(UnixListener, HasTheModeItWasGiven) {
  {
    const Listener owner_only = std::move(Listener::open(loop_, address()).value());
    EXPECT_EQ(mode(), 0600u);
  }
  const Listener for_all = std::move(Listener::open(loop_, address(), {.unix_mode = 0666}).value());
  EXPECT_EQ(mode(), 0666u);
}

TEST_F(UnixListener, RemovesAStaleFileButNeitherALiveNorAForeignOne) {
  {
    const Listener gone = std::move(Listener::open(loop_, address()).value());
  }  // leaves its file behind
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
  {
    const auto live = Listener::open(loop_, address());
    ASSERT_TRUE(live);
    const auto second = Listener::open(loop_, address());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy);
  }
  ::unlink(path_.c_str());
  ::close(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_FALSE(Listener::open(loop_, address()));
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
}

TEST(Listener, AnAdoptedSocketServesWhatWaitedOnIt) {
  EpollKernel old_kernel, new_kernel;
  Loop old_loop(old_kernel), new_loop(new_kernel);
  Listener old_listener = std::move(Listener::open(old_loop, kAnyPort).value());
  const SocketAddress address = old_listener.local();
  block_on(old_loop, [&]() -> Task<> {
    auto client = co_await Stream::connect(old_loop, address, old_loop.now() + seconds(5));
    EXPECT_TRUE(client);
  });
  const int handed =
      ::dup(old_listener.descriptor());  // as inheritance or SCM_RIGHTS would make it
  old_listener.close();
  Listener listener = std::move(Listener::adopt(new_loop, handed).value());
  EXPECT_EQ(listener.local(), address);
  const bool accepted = block_on(new_loop, [&]() -> Task<bool> {
    auto stream = co_await listener.accept(new_loop.now() + seconds(5));
    co_return stream.has_value();
  });
  EXPECT_TRUE(accepted);
}

TEST(Listener, AdoptsOnlyListeningSockets) {
  EpollKernel kernel;
  Loop loop(kernel);
  EXPECT_FALSE(Listener::adopt(loop, 0x7fff));
  const int plain = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_FALSE(Listener::adopt(loop, plain));
  ::close(plain);
}

// Counts what reaches the kernel.
class Counting final : public Kernel {
 public:
  std::map<std::string, int> calls;
  int total() const {
    int sum = 0;
    for (const auto& [name, count] : calls) sum += count;
    return sum;
  }

  Stamp now() override { return count("clock"), kernel_.now(); }
  WallTime wall() override { return count("wall"), kernel_.wall(); }
  void random(std::span<std::byte> out) override { count("random"), kernel_.random(out); }
  int listen(const SocketAddress& a, const ListenOptions& o, Handle& out) override {
    return count("listen"), kernel_.listen(a, o, out);
  }
  int adopt(int descriptor, Handle& out) override {
    return count("adopt"), kernel_.adopt(descriptor, out);
  }
  int accept(Handle l, Handle& out, SocketAddress& peer) override {
    return count("accept"), kernel_.accept(l, out, peer);
  }
  int connect(const SocketAddress& peer, Handle& out) override {
    return count("connect"), kernel_.connect(peer, out);
  }
  int connect_result(Handle handle) override {
    return count("connect_result"), kernel_.connect_result(handle);
  }
  int local_address(Handle handle, SocketAddress& out) override {
    return count("name"), kernel_.local_address(handle, out);
  }
  int watch(Handle handle, void* token) override {
    return count("watch"), kernel_.watch(handle, token);
  }
  int pause(Handle listener, bool paused) override {
    return count("pause"), kernel_.pause(listener, paused);
  }
  int watch_foreign(int fd, void* token, std::uint32_t flags) override {
    return count("foreign"), kernel_.watch_foreign(fd, token, flags);
  }
  ssize_t receive(Handle handle, std::span<std::byte> into) override {
    return count("receive"), kernel_.receive(handle, into);
  }
  ssize_t send(Handle handle, std::span<const iovec> pieces) override {
    return count("send"), kernel_.send(handle, pieces);
  }
  int end_sending(Handle handle) override { return count("end"), kernel_.end_sending(handle); }
  void close(Handle handle) override { count("close"), kernel_.close(handle); }
  void reset(Handle handle) override { count("reset"), kernel_.reset(handle); }
  int wait(std::span<Ready> out, Nanos timeout) override {
    return count("wait"), kernel_.wait(out, timeout);
  }
  void wake() override { count("wake"), kernel_.wake(); }

 private:
  void count(const char* name) { ++calls[name]; }
  EpollKernel kernel_;
};

// One request through two connections, as a proxy does it: each side receives once and sends once,
// the loop waits once and reads the clock once per turn. Nothing else.
TEST(Stream, ARequestCostsTwoReceivesAndTwoSends) {
  EpollKernel peers_kernel;
  Counting kernel;
  Loop peers(peers_kernel), loop(kernel);
  Listener front = std::move(Listener::open(loop, kAnyPort).value());
  Listener back = std::move(Listener::open(peers, kAnyPort).value());
  const auto pass_on = [](Stream& from, Stream& to) -> Task<bool> {
    auto bytes = co_await from.read(from.loop().now() + seconds(5));
    if (!bytes || bytes->empty()) co_return false;
    const iovec piece{const_cast<std::byte*>(bytes->data()), bytes->size()};
    co_return (co_await to.write(std::span(&piece, 1), kNever)).has_value();
  };
  loop.root().spawn([&]() -> Task<> {
    auto client = co_await front.accept(kNever);
    auto upstream = co_await Stream::connect(loop, back.local(), kNever);
    while (co_await pass_on(*client, *upstream) && co_await pass_on(*upstream, *client)) {
    }
  });
  peers.root().spawn([&]() -> Task<> {
    auto stream = co_await back.accept(kNever);
    while (co_await pass_on(*stream, *stream)) {
    }
  });
  constexpr int kRequests = 100;
  bool done = false;
  peers.root().spawn([&]() -> Task<> {
    auto stream = co_await Stream::connect(peers, front.local(), kNever);
    for (int i = -1; i < kRequests; ++i) {
      if (i == 0) kernel.calls.clear();  // connecting is over
      EXPECT_TRUE(co_await say(*stream, "question"));
      auto answer = co_await stream->read(peers.now() + seconds(5));
      EXPECT_TRUE(answer && answer->size() == 8);
    }
    done = true;
  });
  while (!done) {
    loop.turn(milliseconds(1));
    peers.turn(milliseconds(1));
  }
  EXPECT_EQ(kernel.calls["receive"], 2 * kRequests);
  EXPECT_EQ(kernel.calls["send"], 2 * kRequests);
  EXPECT_EQ(kernel.calls["clock"], kernel.calls["wait"]);
  EXPECT_EQ(kernel.total(), 4 * kRequests + 2 * kernel.calls["wait"]);
}

TEST(Listener, ConnectionsThatComeOneByOneCostOneAcceptEach) {
  EpollKernel peers_kernel;
  Counting kernel;
  Loop peers(peers_kernel), loop(kernel);
  Listener listener = std::move(Listener::open(loop, kAnyPort).value());
  bool done = false;
  loop.root().spawn([&]() -> Task<> {
    while (auto stream = co_await listener.accept(kNever)) {
    }
  });
  peers.root().spawn([&]() -> Task<> {
    for (int i = 0; i < 50; ++i) {
      auto stream = co_await Stream::connect(peers, listener.local(), kNever);
      EXPECT_TRUE(stream);
      if (!stream) co_return;
      auto end = co_await stream->read(peers.now() + seconds(5));  // until the other side closed it
      EXPECT_TRUE(end && end->empty());
    }
    done = true;
  });
  while (!done) {
    loop.turn(milliseconds(1));
    peers.turn(milliseconds(1));
  }
  EXPECT_EQ(kernel.calls["accept"], 50);
  EXPECT_EQ(kernel.calls["watch"], 51);
  EXPECT_EQ(kernel.calls["pause"], 0);
  EXPECT_EQ(listener.accepted(), 50u);
}

TEST(Loop, AFloodReadsNoMoreThanItsShareOfATurn) {
  EpollKernel peers_kernel;
  Counting kernel;
  Loop peers(peers_kernel), loop(kernel, {.receive_buffer = 1_KiB});
  Listener listener = std::move(Listener::open(loop, kAnyPort).value());
  std::size_t got = 0;
  loop.root().spawn([&]() -> Task<> {
    auto stream = co_await listener.accept(kNever);
    for (;;) {
      auto bytes = co_await stream->read(kNever);
      if (!bytes || bytes->empty()) co_return;
      got += bytes->size();
    }
  });
  constexpr std::size_t kSent = 100 * 1024;
  peers.root().spawn([&]() -> Task<> {
    auto stream = co_await Stream::connect(peers, listener.local(), kNever);
    const std::string text(kSent, 'x');
    EXPECT_TRUE(co_await say(*stream, text));
    auto end = co_await stream->read(kNever);
    EXPECT_TRUE(!end || end->empty());
  });
  int most = 0;
  while (got < kSent) {
    peers.turn(Nanos(0));
    const int before = kernel.calls["receive"];
    loop.turn(milliseconds(1));
    most = std::max(most, kernel.calls["receive"] - before);
  }
  EXPECT_LE(most, Loop::kImmediate + 1);
}

TEST(EpollKernel, TellsHowFullAnAcceptQueueIs) {
  EpollKernel kernel;
  Loop loop(kernel);
  auto listener = Listener::open(loop, kAnyPort, {.backlog = 8});
  ASSERT_TRUE(listener);
  EXPECT_EQ(listener->queue_share(), 0);
  block_on(loop, [&]() -> Task<> {
    std::vector<Stream> clients;
    for (int i = 0; i < 6; ++i) clients.push_back(std::move(*co_await Stream::connect(loop, listener->local(), kNever)));
    EXPECT_DOUBLE_EQ(listener->queue_share(), 6.0 / 8);
    auto first = co_await listener->accept(kNever);
    EXPECT_DOUBLE_EQ(listener->queue_share(), 5.0 / 8);
    EXPECT_GE(first->descriptor(), 3);
  });
}

}  // namespace
}  // namespace weir::io
