#include "base/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace weir {
namespace {

std::string round_trip(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? to_string(*address) : "refused";
}

TEST(Address, PrintsIpv6AsRfc5952Recommends) {
  EXPECT_EQ(round_trip("2001:db8:0:0:0:0:2:1"), "2001:db8::2:1");
  EXPECT_EQ(round_trip("2001:0db8::0001"), "2001:db8::1");
  EXPECT_EQ(round_trip("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");   // 4.2.2: one group stays
  EXPECT_EQ(round_trip("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");      // 4.2.3: the first of equals
  EXPECT_EQ(round_trip("::"), "::");
  EXPECT_EQ(round_trip("::1"), "::1");
  EXPECT_EQ(round_trip("1::"), "1::");
}

TEST(Address, FoldsMappedIpv4) { EXPECT_EQ(round_trip("::ffff:192.0.2.1"), "192.0.2.1"); }

TEST(Address, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "010.0.0.1", "256.0.0.1", "1.2.3.4 ", "1:2:3", ":::",
                           "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::1:", "0x1.2.3.4", "1:2:3:4:5:6:7::8"}) {
    EXPECT_EQ(round_trip(text), "refused") << text;
  }
}

// inet_pton refuses leading zeros too.
TEST(Address, ReadsDottedDecimalAsInetPtonDoes) {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  const auto part = [&] { return std::to_string(below(below(8) == 0 ? 1200 : 256)); };
  std::size_t good = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text = part() + '.' + part() + '.' + part() + '.' + part();
    if (below(3) == 0) {
      static constexpr std::string_view kBytes = "0123456789./:-x\x80\xb0\xff ";
      const char byte = kBytes[below(kBytes.size())];
      const std::size_t at = below(static_cast<unsigned>(text.size() + 1));
      if (below(2) == 0) text.insert(at, 1, byte);
      else if (at < text.size()) text[at] = byte;
    }
    std::array<std::uint8_t, 4> wanted{};
    const bool is_one = inet_pton(AF_INET, text.c_str(), wanted.data()) == 1;
    const auto read = Address::parse_v4(text);
    ASSERT_EQ(read.has_value(), is_one) << text;
    if (is_one) ASSERT_EQ(*read, Address::v4(wanted[0], wanted[1], wanted[2], wanted[3])) << text;
    good += is_one ? 1 : 0;
  }
  EXPECT_GT(good, 50'000u);
}

TEST(Net, ContainsByPrefixAndClearsHostBits) {
  const auto net = Net::parse("10.1.2.3/12").value();
  EXPECT_EQ(to_string(net), "10.0.0.0/12");
  EXPECT_TRUE(net.contains(Address::parse("10.15.255.255").value()));
  EXPECT_FALSE(net.contains(Address::parse("10.16.0.0").value()));
  EXPECT_TRUE(Net::parse("0.0.0.0/0")->contains(Address::parse("8.8.8.8").value()));
  EXPECT_FALSE(Net::parse("0.0.0.0/0")->contains(Address::parse("::1").value()));
  EXPECT_FALSE(Net::parse("10.0.0.0/33"));
}

TEST(SocketAddress, ReadsItsFourForms) {
  EXPECT_EQ(to_string(SocketAddress::parse("127.0.0.1:80").value()), "127.0.0.1:80");
  EXPECT_EQ(to_string(SocketAddress::parse("[::1]:80").value()), "[::1]:80");
  EXPECT_EQ(to_string(SocketAddress::parse(":80").value()), "0.0.0.0:80");
  EXPECT_EQ(to_string(SocketAddress::parse("unix:/run/a").value()), "unix:/run/a");
  for (const char* text : {"127.0.0.1", "::1:80", "[127.0.0.1]:80", "a:80", "1.2.3.4:65536", "unix:"}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace weir
