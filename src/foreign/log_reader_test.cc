#include "foreign/log_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "foreign/reading_for_tests.h"

namespace weir::foreign {
namespace {

const std::string kLine =
    R"(192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" 200 1 "-" "-")";

TEST(LogReader, PiecesOfAnySizeGiveTheSameEntries) {
  std::string text;
  for (int i = 0; i < 20; ++i)
    text += i % 5 == 4 ? "nonsense\n" : kLine + (i % 2 == 0 ? "\r\n" : "\n");
  text += kLine;  // without its newline
  const Format format = *format_named("nginx", {});
  for (std::size_t piece = 1; piece < 100; ++piece) {
    const ReadLog log = read_log(format, text, piece);
    EXPECT_EQ(log.entries.size(), 17u);
    EXPECT_EQ(log.report.lines, 21u);
    EXPECT_EQ(log.report.bytes, text.size());
    EXPECT_EQ(log.report.of(Skip::malformed).lines, 4u);
    EXPECT_EQ(log.report.of(Skip::malformed).first[1], 10u);
    EXPECT_EQ(log.entries.back().line, 21u);
    EXPECT_EQ(log.entries[0].agent, "");
  }
}

TEST(LogReader, LinesOf64KiBAreReadAndLongerOnesPassedOver) {
  const std::string head = R"(192.0.2.7 - - [24/Jan/2022:16:51:02 +0000] "GET /)",
                    tail = R"( HTTP/1.1" 200 1 "-" "-")";
  const std::string most = head + std::string(kMaxLine - head.size() - tail.size(), 'a') + tail;
  const std::string text = most + "\n" + kLine + "\n" + std::string(kMaxLine + 1, 'b') + "\n" +
                           kLine + "\n" + std::string(5 * kMaxLine, 'c');
  for (const std::size_t piece : {std::size_t{1} << 22, std::size_t{1000}}) {
    const ReadLog log = read_log(*format_named("nginx", {}), text, piece);
    EXPECT_EQ(log.entries.size(), 3u);
    EXPECT_EQ(log.report.of(Skip::too_long).lines, 2u);
    EXPECT_EQ(log.report.of(Skip::too_long).first[0], 3u);
    EXPECT_EQ(log.report.lines, 5u);
  }
}

TEST(LogReader, QuotedLinesAByteOrderMarkAndBlankOnes) {
  const ReadLog log = read_as("nginx", "\xef\xbb\xbf" + kLine + "\n\n   \n\"" + kLine + "\"\n\"" +
                                           kLine + "\"\n" + kLine + "\n");
  EXPECT_EQ(log.entries.size(), 4u);
  EXPECT_EQ(log.report.of(Skip::blank).lines, 2u);
  EXPECT_EQ(log.report.skipped_lines(), 0u);
  EXPECT_EQ(log.entries[2].client, "192.0.2.7");
}

TEST(LogReader, CountsByReason) {
  const ReadLog log =
      read_as("nginx",
              "2.0.2.7 - - [24/Jan/2022:16:51:0\n"  // cut
              R"(192.0.2.7 - - [99/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" 200 1 "-" "-")"
              "\n"
              R"(- - - [24/Jan/2022:16:51:02 +0000] "GET / HTTP/1.1" 200 1 "-" "-")"
              "\n"
              "2021/12/01 13:53:33 [error] 31#31: *46 open() failed, client: 192.0.2.7\n"
              "[Thu Oct 13 12:24:49.880562 2022] [core:error] [pid 10] AH0\n" +
                  std::string("\x7f"
                              "ELF\x02\x01\x01\0\0\0\0",
                              11) +
                  "\n" + kLine);
  EXPECT_EQ(log.entries.size(), 1u);
  EXPECT_EQ(log.report.of(Skip::malformed).lines, 2u);
  EXPECT_EQ(log.report.of(Skip::time).lines, 1u);
  EXPECT_EQ(log.report.of(Skip::client).lines, 1u);
  EXPECT_EQ(log.report.of(Skip::other).lines, 2u);
}

TEST(LogReader, BrokenJsonIsCounted) {
  const ReadLog log = read_as(
      "caddy",
      "{\"ts\":1643043062.5,\"request\":{\"client_ip\":\"192.0.2.7\n{}\n{]\n{\"a\":1}{\"b\":2}\n");
  EXPECT_EQ(log.report.of(Skip::json).lines, 3u);
  EXPECT_EQ(log.report.of(Skip::other).lines, 1u);
}

TEST(LogReader, MixedFormatsReadTheOneAndCountTheOther) {
  const ReadLog log = read_as("nginx", kLine + "\n{\"ts\":1}\n" + kLine +
                                           "\n[2022-01-24T16:51:02.310Z] \"GET / HTTP/2\" 204 - 1 "
                                           "0 2 1 \"-\" \"-\" \"-\" \"-\" \"-\"\n");
  EXPECT_EQ(log.entries.size(), 2u);
  EXPECT_EQ(log.report.of(Skip::malformed).lines, 2u);
}

TEST(LogReader, AnEmptyLogIsNoError) {
  const ReadLog log = read_as("nginx", "");
  EXPECT_EQ(log.report.lines, 0u);
  EXPECT_TRUE(log.entries.empty());
}

TEST(LogReader, SaysWhatTheEntriesHave) {
  FormatOptions options;
  options.fields.push_back(*parse_field_map("header:X-Tenant=t"));
  const ReadLog log =
      read_as("nginx:$remote_addr $msec $host $request_time $t",
              "a.example 1643043062.1 h 0.1 acme\n192.0.2.7 1643043062.1 - - -\n", options);
  EXPECT_EQ(log.report.entries, 2u);
  EXPECT_EQ(log.report.with_address, 1u);
  EXPECT_EQ(log.report.with_host, 1u);
  EXPECT_EQ(log.report.with_duration, 1u);
  EXPECT_EQ(log.report.with_upstream_duration, 0u);
  EXPECT_EQ(log.report.with_field[0], 1u);
  EXPECT_EQ(log.report.coarsest, std::chrono::milliseconds(1));
}

// Any bytes in any pieces: every line is an entry or counted, and the pieces change nothing.
RC_GTEST_PROP(LogReader, EveryLineIsAccountedFor, (const std::vector<std::string>& lines)) {
  std::string text;
  for (std::string line : lines) {
    std::erase(line, '\n');
    text += line + "\n" + kLine + "\n";
  }
  const Format format = *format_named("nginx", {});
  const ReadLog whole = read_log(format, text), pieces = read_log(format, text, 3);
  RC_ASSERT(whole.report.lines == 2 * lines.size());
  RC_ASSERT(whole.report.entries >= lines.size());
  RC_ASSERT(whole.report.entries + whole.report.skipped_lines() +
                whole.report.of(Skip::blank).lines ==
            whole.report.lines);
  RC_ASSERT(pieces.report.entries == whole.report.entries);
}

}  // namespace
}  // namespace weir::foreign
