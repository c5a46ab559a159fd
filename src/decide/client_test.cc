#include "decide/client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::decide {
namespace {

std::string client(std::string_view peer, std::vector<std::string_view> fields,
                   std::vector<std::string_view> trusted = {"10.0.0.0/8", "fd00::/8"}) {
  std::vector<Net> nets;
  for (const auto text : trusted) nets.push_back(Net::parse(text).value());
  return to_string(client_address(Address::parse(peer).value(), fields, nets));
}

TEST(Client, IsThePeerUnlessThePeerIsATrustedProxy) {
  EXPECT_EQ(client("192.0.2.9", {"198.51.100.1"}), "192.0.2.9");
  EXPECT_EQ(client("10.0.0.1", {}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.1"}, {}), "10.0.0.1");
}

TEST(Client, IsTheRightmostElementThatIsNotATrustedProxy) {
  EXPECT_EQ(client("10.0.0.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.7, 198.51.100.1"}), "198.51.100.1");   // left of it: anybody's words
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.7, 198.51.100.1, 10.0.0.2 ,10.0.0.3"}), "198.51.100.1");
  EXPECT_EQ(client("10.0.0.1", {"10.0.0.4, 10.0.0.2"}), "10.0.0.4");              // all trusted: the leftmost
}

TEST(Client, ReadsSeveralFieldsAsOneList) {   // RFC 9110 5.3
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.7", "198.51.100.1, 10.0.0.2", "10.0.0.3"}), "198.51.100.1");
}

TEST(Client, StopsAtTheLastTrustedHopBeforeGarbage) {
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.7, unknown, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", {"203.0.113.7,, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(client("10.0.0.1", {""}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"010.1.1.1"}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"[2001:db8::1"}), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1", {"[2001:db8::1]x"}), "10.0.0.1");
}

TEST(Client, ReadsIpv6AndPorts) {
  EXPECT_EQ(client("fd00::1", {"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(client("10.0.0.1", {"192.0.2.1:4711"}), "192.0.2.1");
  EXPECT_EQ(client("10.0.0.1", {"[2001:db8::7]:4711"}), "2001:db8::7");
  EXPECT_EQ(client("10.0.0.1", {"[2001:db8::7]"}), "2001:db8::7");
  EXPECT_EQ(client("10.0.0.1", {"::ffff:192.0.2.1"}), "192.0.2.1");
}

TEST(Client, LooksAtABoundedNumberOfHops) {
  std::string hops = "198.51.100.1";
  for (std::size_t i = 0; i < kMaxForwardedHops; ++i) hops += ",10.0.0.2";
  EXPECT_EQ(client("10.0.0.1", {hops}), "10.0.0.2");
}

}  // namespace
}  // namespace weir::decide
