#include "io/stream.h"

#include <gtest/gtest.h>

#include <string>

#include "io/epoll_kernel.h"
#include "io/listener.h"
#include "io/loop.h"

namespace weir::io {
namespace {

Task<> echo(Stream stream) {
  for (;;) {
    auto bytes = co_await stream.read(stream.loop().now() + std::chrono::seconds(5));
    if (!bytes || bytes->empty()) co_return;
    const iovec piece{const_cast<std::byte*>(bytes->data()), bytes->size()};
    auto sent = co_await stream.write(std::span(&piece, 1), kNever);
    if (!sent) co_return;
  }
}

TEST(Stream, EchoesOnLoopback) {
  EpollKernel kernel;
  Loop loop(kernel);
  auto listener = Listener::open(loop, SocketAddress::parse("127.0.0.1:0").value());
  ASSERT_TRUE(listener) << to_string(listener.error());
  const auto answer = block_on(loop, [&]() -> Task<Result<std::string>> {
    Scope scope(loop);
    scope.spawn([&]() -> Task<> {
      auto accepted = co_await listener->accept(kNever);
      if (accepted) co_await echo(std::move(*accepted));
    });
    auto client = co_await Stream::connect(loop, listener->local(), kNever);
    if (!client) co_return std::unexpected(client.error());
    std::string text = "hello";
    const iovec piece{text.data(), text.size()};
    auto sent = co_await client->write(std::span(&piece, 1), kNever);
    if (!sent) co_return std::unexpected(sent.error());
    auto bytes = co_await client->read(kNever);
    if (!bytes) co_return std::unexpected(bytes.error());
    std::string got(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    client->close();
    co_await scope.join();
    co_return got;
  });
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_EQ(*answer, "hello");
}

}  // namespace
}  // namespace weir::io
