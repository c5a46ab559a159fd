#include "foreign/layout.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"

namespace weir::foreign {
namespace {

// Where a literal stands, found byte by byte: what find() must answer whatever the lengths are.
std::ptrdiff_t slowly(const std::string& text, std::size_t from, const std::string& literal) {
  for (std::size_t i = from; i + literal.size() <= text.size(); ++i) {
    std::size_t slashes = 0;
    while (i - slashes > from && text[i - slashes - 1] == '\\') ++slashes;
    if (literal[0] == '"' && slashes % 2 == 1) continue;
    if (text.compare(i, literal.size(), literal) == 0) return static_cast<std::ptrdiff_t>(i);
  }
  return -1;
}

RC_GTEST_PROP(Literal, IsFoundWhereABytewiseSearchFindsIt,
              (std::vector<std::uint8_t> seed, std::uint8_t skip)) {
  constexpr std::string_view kAlphabet = "aaaaaaaa\"\" \\]";
  std::string text;
  for (const std::uint8_t byte : seed)
    text.append(1 + byte / 50, kAlphabet[byte % kAlphabet.size()]);
  const std::size_t from = text.empty() ? 0 : skip % (text.size() + 1);
  for (const char* literal : {"\"", " ", "\" ", "\" \"", "] \"", "\" \"a\" \"aaa"}) {
    bool escaped = false;
    const char* const end = text.data() + text.size();
    const Literal sought(literal);
    const std::ptrdiff_t expected = slowly(text, from, literal);
    const char* const found =
        sought.find(text.data() + from, end, text.data(), Escape::backslash, escaped);
    RC_ASSERT((found == nullptr ? -1 : found - text.data()) == expected);
    const std::size_t first_slash = text.find('\\', from);
    if (expected >= 0 && first_slash < static_cast<std::size_t>(expected)) RC_ASSERT(escaped);
  }
}

// Numbers and a lone "-" end without a search: where what is behind them looks like them, they end where the search would.
TEST(Layout, AValueEndsWhereWhatIsBehindItFirstStands) {
  const auto read = [](std::string_view number_behind, std::string_view agent_behind, std::string_view line) {
    FieldMaps maps;
    LayoutBuilder builder(maps);
    const Layout layout = *builder.field({"c", Slot::client}).literal(" ").field({"t", Slot::time_s}).literal(" ")
                               .field({"b", Slot::bytes_out}).literal(number_behind)
                               .field({"a", Slot::agent}).literal(agent_behind).field({"u", Slot::user}).build();
    Draft draft(maps, Nanos(0));
    LogEntry entry;
    draft.begin(entry, true);
    if (!layout.match(line, draft) || draft.finish()) return std::string("no entry");
    return fmt::format("{}|{}|{}", entry.bytes_out ? fmt::to_string(*entry.bytes_out) : "none", entry.agent, entry.user);
  };
  EXPECT_EQ(read(" ", " ", "192.0.2.7 1 512 curl me"), "512|curl|me");
  EXPECT_EQ(read(" ", " ", "192.0.2.7 1 - - me"), "none||me");
  EXPECT_EQ(read(" ", "-", "192.0.2.7 1 512 -x-y"), "512||x-y");       // the field before it is empty: it ends at once
  EXPECT_EQ(read(" ", "- ", "192.0.2.7 1 512 -- me"), "512||me");      // a "-", then what is behind it
  EXPECT_EQ(read("5 ", " ", "192.0.2.7 1 125 curl me"), "12|curl|me"); // a digit belongs to what is behind
  EXPECT_EQ(read(" ", " ", "192.0.2.7 1 5x2 curl me"), "none|curl|me");
  EXPECT_EQ(read(" ", " ", "192.0.2.7 1 512"), "no entry");
}

TEST(Layout, ALineMustEndWhereItsFormatDoes) {
  FieldMaps maps;
  LayoutBuilder builder(maps);
  const Layout layout = *builder.field({"c", Slot::client})
                             .literal(" ")
                             .field({"t", Slot::time_s})
                             .literal(" \"")
                             .field({"r", Slot::request}, Escape::backslash)
                             .literal("\"")
                             .build();
  Draft draft(maps, Nanos(0));
  LogEntry entry;
  const auto fits = [&](std::string_view line) {
    draft.begin(entry, true);
    return layout.match(line, draft) && !draft.finish();
  };
  EXPECT_TRUE(fits("192.0.2.7 1 \"GET / HTTP/1.1\""));
  EXPECT_FALSE(fits("192.0.2.7 1 \"GET / HTTP/1.1"));
  EXPECT_FALSE(fits("192.0.2.7 1 \"GET / HTTP/1.1\" more"));
  EXPECT_FALSE(fits("192.0.2.7 1"));
  EXPECT_FALSE(fits(""));
}

}  // namespace
}  // namespace weir::foreign
