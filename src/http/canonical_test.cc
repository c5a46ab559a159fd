#include "http/canonical.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "http/authority.h"

namespace weir::http {
namespace {

std::string path(std::string_view text, EncodedSlash slash = EncodedSlash::refuse) {
  std::string storage;
  const CanonicalPath result = canonical_path(text, slash, storage);
  return result.violation == Violation::none ? std::string(result.path)
                                             : std::string(info(result.violation).name);
}

std::string host(std::string_view text) {
  std::string storage;
  const CanonicalHost result = canonical_host(text, storage);
  if (result.violation != Violation::none) return std::string(info(result.violation).name);
  return std::string(result.host) + (result.port ? " " + std::to_string(*result.port) : "");
}

TEST(CanonicalPath, WhatIsCanonicalIsAViewOfTheInput) {
  std::string storage;
  for (const std::string_view text :
       {"/", "/a", "/a/", "/a/b.c/~d-e_f", "/a:b@c!$&'()*+,;=", "/a..b/c.", "*"}) {
    const CanonicalPath result = canonical_path(text, EncodedSlash::refuse, storage);
    EXPECT_EQ(result.path, text);
    EXPECT_EQ(result.path.data(), text.data());
  }
  EXPECT_TRUE(storage.empty());
}

// RFC 3986 5.2.4's own example, and 5.4.2's.
TEST(CanonicalPath, DotSegmentsGo) {
  EXPECT_EQ(path("/a/b/c/./../../g"), "/a/g");
  EXPECT_EQ(path("/b/c/./g"), "/b/c/g");
  EXPECT_EQ(path("/b/c/g/./h"), "/b/c/g/h");
  EXPECT_EQ(path("/b/c/g/../h"), "/b/c/h");
  EXPECT_EQ(path("/b/c/g;x=1/../y"), "/b/c/y");
  EXPECT_EQ(path("/a/."), "/a/");
  EXPECT_EQ(path("/a/.."), "/");
  EXPECT_EQ(path("/a/b/.."), "/a/");
  EXPECT_EQ(path("/.well-known/x"), "/.well-known/x");
  EXPECT_EQ(path("/.../..."), "/.../...");
  EXPECT_EQ(path("/..a/.b"), "/..a/.b");
}

TEST(CanonicalPath, AboveTheRootIsRefused) {
  for (const auto text : {"/..", "/../a", "/a/../..", "/a/../../b", "/%2e%2e/a", "/./..", "//.."}) {
    EXPECT_EQ(path(text), "bad_path") << text;
  }
}

TEST(CanonicalPath, EncodedDotsAreDots) {  // RFC 3986 6.2.2.2: unreserved bytes
  EXPECT_EQ(path("/a/%2e%2E/b"), "/b");
  EXPECT_EQ(path("/a/.%2e/b"), "/b");
  EXPECT_EQ(path("/%2e/a"), "/a");
}

TEST(CanonicalPath, DoubleSlashesAreOneBeforeDotsAreLookedAt) {
  EXPECT_EQ(path("//a///b//"), "/a/b/");
  EXPECT_EQ(path("//"), "/");
  EXPECT_EQ(path("/a//../b"), "/b");
}

TEST(CanonicalPath, DotSegmentsWithParametersAreRefused) {
  for (const auto text : {"/a/..;/b", "/a/..;x=y/b", "/a/.;/b", "/a/%2e%2e;/b", "/..;"})
    EXPECT_EQ(path(text), "bad_path") << text;
  EXPECT_EQ(path("/a;b/c..;d"), "/a;b/c..;d");
}

TEST(CanonicalPath, EncodingIsDoneInOneWay) {  // RFC 3986 6.2.2.1, 6.2.2.2
  EXPECT_EQ(path("/%61%7e%2D%5f%30"), "/a~-_0");
  EXPECT_EQ(path("/%3a%c3%a9"), "/%3A%C3%A9");
  EXPECT_EQ(path("/a%20b"), "/a%20b");
  EXPECT_EQ(path("/{a}|\"<b>^`[c]"), "/%7Ba%7D%7C%22%3Cb%3E%5E%60%5Bc%5D");
  EXPECT_EQ(path("/%0d%0A"), "/%0D%0A");
}

TEST(CanonicalPath, DecodesOnceOnly) {
  EXPECT_EQ(path("/%252e%252e/a"), "/%252e%252e/a");
  EXPECT_EQ(path("/%25"), "/%25");
}

TEST(CanonicalPath, EncodedSlashesByPolicy) {
  EXPECT_EQ(path("/a%2fb"), "encoded_slash");
  EXPECT_EQ(path("/a%2fb", EncodedSlash::keep), "/a%2Fb");
  EXPECT_EQ(path("/a/..%2fb", EncodedSlash::keep), "/a/..%2Fb");
}

TEST(CanonicalPath, TricksAreRefused) {
  EXPECT_EQ(path("/a%00b"), "encoded_nul");
  for (const auto text : {"/a\\b", "/a%5cb", "/a%5C", "/%", "/%4", "/%4g", "/%g4", "a", "", "/a b",
                          "/a\x7f", "/\xc3\xa9", "/a?b", "/a#b", "**", "/a\tb"}) {
    EXPECT_EQ(path(text), "bad_path") << text;
  }
}

// Paths are looked at in steps of some bytes: what is to be changed is seen wherever in them it stands.
TEST(CanonicalPath, OfEachLengthAndAtEachPlace) {
  const std::pair<std::string_view, std::string_view> kPieces[] = {
      {"//", "/"}, {"/./", "/"}, {"/y/../", "/"}, {"/.b", "/.b"}, {"b.c", "b.c"}, {"%41", "A"}, {"<", "%3C"}, {"~", "~"}};
  for (std::size_t size = 0; size < 50; ++size) {
    for (std::size_t place = 0; place <= size; ++place) {
      const std::string front = "/x" + std::string(place, 'a'), behind(size - place, 'a');
      for (const auto& [given, wanted] : kPieces) {
        EXPECT_EQ(path(front + std::string(given) + behind), front + std::string(wanted) + behind);
      }
      for (const char refused : std::string_view("\\?# \x7f\t\x80\xff")) EXPECT_EQ(path(front + refused + behind), "bad_path");
    }
  }
}

TEST(CanonicalHost, NamesAreLowerCaseWithoutTrailingDot) {
  EXPECT_EQ(host("example.com"), "example.com");
  EXPECT_EQ(host("EXAMPLE.Com."), "example.com");
  EXPECT_EQ(host("example.com.:8080"), "example.com 8080");
  EXPECT_EQ(host("a_b-c.1"), "a_b-c.1");
  EXPECT_EQ(host("a:"), "a");
  EXPECT_EQ(host("a:0080"), "a 80");
  EXPECT_EQ(host("1.2.3.4:65535"), "1.2.3.4 65535");
}

TEST(CanonicalHost, AddressesHaveOneSpelling) {  // RFC 5952 4
  EXPECT_EQ(host("[2001:DB8:0:0::1]:443"), "[2001:db8::1] 443");
  EXPECT_EQ(host("[::0001]"), "[::1]");
  EXPECT_EQ(host("[::ffff:1.2.3.4]"), "1.2.3.4");
}

TEST(CanonicalHost, AnythingElseIsRefused) {
  for (const auto text : {"",
                          ".",
                          "..",
                          ".a",
                          "a..b",
                          "a..",
                          "u@h",
                          "h/x",
                          "[::1",
                          "::1",
                          "h:80:90",
                          "h#x",
                          "h?x",
                          "h\\x",
                          "h:x",
                          "h:-1",
                          "h:65536",
                          "h:0",
                          "h:000080",
                          "h ",
                          " h",
                          "h,i",
                          "h%41",
                          "[1.2.3.4]",
                          "[::1]x",
                          "[::1%25eth0]",
                          "[fe80::1%eth0]",
                          "[v1.x]",
                          "[]",
                          "[:]",
                          "h:80 ",
                          "*",
                          "\xc3\xa9"}) {
    EXPECT_EQ(host(text), "bad_host") << text;
  }
  EXPECT_EQ(host(std::string(255, 'a')).size(), 255u);
  EXPECT_EQ(host(std::string(256, 'a')), "bad_host");
}

TEST(Authority, PortsDefaultToThatOfHttp) {  // RFC 9110 4.2.3
  EXPECT_TRUE(same_authority(*split_authority("a"), *split_authority("A:80")));
  EXPECT_TRUE(same_authority(*split_authority("a.:"), *split_authority("a")));
  EXPECT_FALSE(same_authority(*split_authority("a"), *split_authority("a:443")));
  EXPECT_FALSE(same_authority(*split_authority("a"), *split_authority("b")));
}

}  // namespace
}  // namespace weir::http
