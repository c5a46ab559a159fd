#include "io/resolver.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fmt/core.h"
#include "io/ares_resolver.h"
#include "io/epoll_kernel.h"
#include "io/loop.h"

namespace weir::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Resolver, KnowsAddressesAndLocalhostWithoutAsking) {
  EXPECT_EQ(known_without_asking("192.0.2.7")->addresses,
            std::vector<Address>{Address::v4(192, 0, 2, 7)});
  EXPECT_EQ(known_without_asking("[2001:db8::1]")->addresses,
            std::vector<Address>{Address::parse("2001:db8::1").value()});
  for (const char* name : {"localhost", "LocalHost.", "a.b.localhost"}) {  // RFC 6761 6.3
    ASSERT_TRUE(known_without_asking(name)) << name;
    EXPECT_TRUE(known_without_asking(name)->addresses[0].is_loopback());
  }
  for (const char* name : {"notlocalhost", "localhost.example", "example.com", "", "1.2.3"})
    EXPECT_FALSE(known_without_asking(name)) << name;
}

// A name server on loopback: answers A questions for two.example (two addresses, one twice) and
// short.example, says NXDOMAIN to what starts with "no", SERVFAIL to "bad", nothing to "mute", and
// an empty answer to the rest. RFC 1035 4.
class NameServer {
 public:
  NameServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~NameServer() {
    thread_.request_stop();
    thread_.join();
    ::close(socket_);
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  int asked() const { return asked_; }

 private:
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      char packet[512];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got =
          ::recvfrom(socket_, packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 17) continue;
      const std::string answer = answer_to({packet, static_cast<std::size_t>(got)});
      if (!answer.empty())
        ::sendto(socket_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 size);
    }
  }

  std::string answer_to(std::string_view question) {
    ++asked_;
    std::string name;
    std::size_t at = 12;
    while (question[at] != 0) {
      const auto length = static_cast<unsigned char>(question[at]);
      name += std::string(question.substr(at + 1, length)) + ".";
      at += length + 1u;
    }
    const bool is_a = question[at + 2] == 1;
    const std::size_t end = at + 5;
    if (name.starts_with("mute")) return {};
    std::vector<std::string> records;
    int code = 0;
    if (name.starts_with("no")) code = 3;
    if (name.starts_with("bad")) code = 2;
    if (is_a && name == "two.example.") records = {{10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 0, 1}};
    if (is_a && name == "short.example.") records = {{10, 0, 0, 3}};
    std::string answer(question.substr(0, end));
    answer[2] = static_cast<char>(0x81);
    answer[3] = static_cast<char>(0x80 | code);
    answer[6] = 0;
    answer[7] = static_cast<char>(records.size());
    for (int i = 8; i < 12; ++i) answer[static_cast<std::size_t>(i)] = 0;  // no EDNS in the answer
    const char ttl = name == "short.example." ? 0 : 60;
    for (const std::string& record : records) {
      answer +=
          std::string("\xc0\x0c\0\x01\0\x01\0\0\0", 9) + ttl + std::string("\0\x04", 2) + record;
    }
    return answer;
  }

  int socket_;
  std::uint16_t port_ = 0;
  std::atomic<int> asked_{0};
  std::jthread thread_;
};

class AresTest : public ::testing::Test {
 protected:
  Result<Resolution> resolve(const std::string& host, Nanos limit = seconds(10)) {
    return block_on(loop_, [&]() -> Task<Result<Resolution>> {
      co_return co_await resolver_.resolve_with_ttl(host, loop_.now() + limit);
    });
  }
  NameServer server_;
  EpollKernel kernel_;
  Loop loop_{kernel_};
  AresResolver resolver_{
      loop_, {.servers = server_.address(), .attempt = milliseconds(300), .attempts = 1}};
};

TEST_F(AresTest, AsksAServerAndTellsHowLongTheAnswerHolds) {
  auto resolution = resolve("two.example");
  ASSERT_TRUE(resolution) << to_string(resolution.error());
  std::sort(resolution->addresses.begin(), resolution->addresses.end());
  EXPECT_EQ(resolution->addresses,
            (std::vector<Address>{Address::v4(10, 0, 0, 1), Address::v4(10, 0, 0, 2)}));
  EXPECT_EQ(resolution->ttl, seconds(60));
}

TEST_F(AresTest, KeepsNothingAndNeverHoldsForNoTimeAtAll) {
  EXPECT_EQ(resolve("short.example")->ttl, seconds(1));
  const int asked = server_.asked();
  EXPECT_TRUE(resolve("short.example"));
  EXPECT_GT(server_.asked(), asked);
}

TEST_F(AresTest, SaysWhatWentWrong) {
  EXPECT_EQ(resolve("no.example").error().kind, ErrorKind::not_found);
  EXPECT_EQ(resolve("empty.example").error().kind, ErrorKind::not_found);
  EXPECT_EQ(resolve("bad.example").error().kind, ErrorKind::unreachable);
  const auto mute = resolve("mute.example");
  EXPECT_EQ(mute.error().kind, ErrorKind::timeout);
  EXPECT_TRUE(mute.error().retryable);
  EXPECT_NE(mute.error().context.find("mute.example"), std::string::npos);
  EXPECT_FALSE(resolve(std::string(300, 'x')));
}

TEST_F(AresTest, ItsDeadlineEndsALookup) {
  AresResolver patient(loop_,
                       {.servers = server_.address(), .attempt = seconds(20), .attempts = 1});
  const Stamp before = loop_.now();
  const auto late = block_on(loop_, [&]() -> Task<Result<Resolution>> {
    co_return co_await patient.resolve_with_ttl("mute.example", loop_.now() + milliseconds(30));
  });
  EXPECT_EQ(late.error().kind, ErrorKind::timeout);
  EXPECT_LT(loop_.refresh() - before, seconds(10));
  EXPECT_TRUE(resolve("two.example"));  // what the server says later disturbs nobody
}

TEST_F(AresTest, CanBeCancelledAndDestroyedWhileTheServerIsSilent) {
  block_on(loop_, [&]() -> Task<> {
    Scope scope(loop_);
    scope.spawn([&]() -> Task<> {
      const auto resolution = co_await resolver_.resolve("mute.example", kNever);
      EXPECT_TRUE(!resolution && resolution.error().kind == ErrorKind::cancelled);
    });
    auto slept = co_await loop_.sleep_for(milliseconds(10));
    EXPECT_TRUE(slept);
    scope.cancel();
    co_await scope.join();
  });
}

TEST_F(AresTest, ManyLookupsAtOnceAllEnd) {
  int right = 0;
  block_on(loop_, [&]() -> Task<> {
    Scope scope(loop_);
    for (int i = 0; i < 100; ++i) {
      scope.spawn(
          [&](int number) -> Task<> {
            const bool exists = number % 2 == 0;
            const auto resolution = co_await resolver_.resolve(
                exists ? "two.example" : "no.example", loop_.now() + seconds(10));
            right += resolution.has_value() == exists ? 1 : 0;
          },
          i);
    }
    co_await scope.join();
  });
  EXPECT_EQ(right, 100);
}

TEST_F(AresTest, HonoursTheHostsFile) {
  std::ifstream hosts("/etc/hosts");
  std::string address, name;
  for (std::string line; std::getline(hosts, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string first, second;
    if (words >> first >> second && Address::parse(first) && !known_without_asking(second)) {
      address = first;
      name = second;
      break;
    }
  }
  if (name.empty()) GTEST_SKIP() << "/etc/hosts names nothing but localhost";
  const int asked = server_.asked();
  const auto resolution = resolve(name);
  ASSERT_TRUE(resolution) << to_string(resolution.error());
  EXPECT_NE(std::ranges::find(resolution->addresses, Address::parse(address).value()),
            resolution->addresses.end());
  EXPECT_EQ(server_.asked(), asked);
}

}  // namespace
}  // namespace weir::io
