#include "http/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace weir::http::scan {
namespace {

// Members by the grammar's own words.
bool is_tchar(unsigned char c) {
  return std::string_view(
             "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
             .find(static_cast<char>(c)) != std::string_view::npos;
}
bool is_host_byte(unsigned char c) {
  return std::string_view("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.")
             .find(static_cast<char>(c)) != std::string_view::npos;
}
bool is_field_byte(unsigned char c) { return c == 0x09 || (c >= 0x20 && c <= 0x7e) || c >= 0x80; }
bool is_visible_but_hash(unsigned char c) { return c >= 0x21 && c <= 0x7e && c != 0x23; }

// Each byte at each place of ranges short, exact and overlapping; the rest are members, and the
// bytes around the range are not, so that a look outside would be told by the answer or by the
// sanitizer.
template <class Class>
void check_all(char member, bool (*is_member)(unsigned char)) {
  for (unsigned c = 0; c < 256; ++c) {
    for (const std::size_t length : {1u, 7u, 15u, 16u, 17u, 31u, 32u, 33u, 40u}) {
      for (std::size_t at = 0; at < length; ++at) {
        std::string text(length, member);
        text[at] = static_cast<char>(c);
        const std::string exact(text);  // no slack behind the last byte but the terminator
        const char* found = skip<Class>(exact.data(), exact.data() + length);
        const std::size_t wanted = is_member(static_cast<unsigned char>(c)) ? length : at;
        ASSERT_EQ(static_cast<std::size_t>(found - exact.data()), wanted)
            << "byte " << c << " at " << at << " of " << length;
      }
    }
  }
}

TEST(Scan, TokenEndsAtTheFirstByteThatIsNoTchar) { check_all<Token>('x', is_tchar); }
TEST(Scan, HostEndsAtTheFirstByteThatIsNoPartOfAName) { check_all<Host>('x', is_host_byte); }
TEST(Scan, ValueEndsAtTheFirstControlByteButTab) { check_all<Value>('x', is_field_byte); }
TEST(Scan, TargetEndsAtTheFirstByteThatIsNotVisibleOrIsAHash) {
  check_all<Target>('x', is_visible_but_hash);
}

TEST(Scan, LowerHostEndsAtUpperCaseToo) {
  check_all<LowerHost>('x', [](unsigned char c) { return is_host_byte(c) && (c < 'A' || c > 'Z'); });
}

// At every place, across the borders of steps too; one alone is no pair, nor are two apart.
TEST(Scan, FindsAPair) {
  for (std::size_t length = 0; length <= 50; ++length) {
    EXPECT_FALSE(has_pair(std::string(length, 'x'), '.'));
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = '.';
      EXPECT_FALSE(has_pair(text, '.')) << at << " of " << length;
      if (at + 2 < length) {
        text[at + 2] = '.';
        EXPECT_FALSE(has_pair(text, '.')) << at << " of " << length;
      }
      if (at + 1 < length) {
        text[at + 1] = '.';
        EXPECT_TRUE(has_pair(text, '.')) << at << " of " << length;
      }
    }
  }
}

TEST(Scan, FindsTheFirstOfSeveral) {
  const std::string text = std::string(20, 'a') + ":" + std::string(20, 'b') + ":";
  EXPECT_EQ(skip<Token>(text.data(), text.data() + text.size()) - text.data(), 20);
}

// At every place of ranges short, exact and ragged, and two at once.
TEST(Scan, CountsEachControl) {
  for (std::size_t length = 0; length <= 50; ++length) {
    EXPECT_EQ(count_controls(std::string(length, 'x')), 0u);
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = '\x7f';
      EXPECT_EQ(count_controls(text), 1u) << at << " of " << length;
      text[0] = '\n';
      EXPECT_EQ(count_controls(text), at == 0 ? 1u : 2u) << at << " of " << length;
    }
  }
}

TEST(Scan, CountsNothingButControls) {
  for (unsigned c = 0; c < 256; ++c) {
    const bool control = c < 0x20 || c == 0x7f;
    for (const std::size_t length : {1u, 16u, 40u})
      EXPECT_EQ(count_controls(std::string(length, static_cast<char>(c))), control ? length : 0u) << c;
  }
}

// More in one place than a byte counts to.
TEST(Scan, CountsThousandsOfControls) {
  for (const std::size_t length : {4079u, 4080u, 4081u, 4096u, 9000u})
    EXPECT_EQ(count_controls(std::string(length, '\0')), length);
}

TEST(Scan, EmptyRangeEndsAtOnce) {
  const char* nothing = "";
  EXPECT_EQ(skip<Value>(nothing, nothing), nothing);
}

}  // namespace
}  // namespace weir::http::scan
