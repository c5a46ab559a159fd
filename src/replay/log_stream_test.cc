#include "replay/log_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "foreign/format.h"
#include "fmt/format.h"

namespace weir::replay {
namespace {

// One line of nginx combined; `second` of the hour.
std::string line(std::uint64_t number, std::uint64_t second, std::string_view agent) {
  return fmt::format("10.0.{}.{} - - [24/Jan/2022:16:{:02}:{:02} +0000] \"GET /a/{} HTTP/1.1\" 200 {} \"-\" \"{}\"\n", number / 200 % 200, number % 200,
                     second / 60, second % 60, number, number % 9973, agent);
}

// Feeds `text` in pieces of `piece` bytes and looks at what comes when it comes; each is given back after `kept` others came.
class Fed {
 public:
  Fed(std::size_t piece, std::size_t kept) : piece_(piece), kept_(kept) {}

  template <class See>
  void feed(std::string_view text, See see) {
    while (!text.empty()) {
      const std::span<std::byte> room = stream_.room();
      rooms_.insert(room.data());
      const std::size_t size = std::min({room.size(), piece_, text.size()});
      std::ranges::copy(std::as_bytes(std::span(text.substr(0, size))), room.begin());
      text.remove_prefix(size);
      stream_.feed(size);
      take(see);
    }
  }
  template <class See>
  void finish(See see) {
    stream_.finish();
    take(see);
  }
  // Pieces that there are.
  std::size_t rooms() const { return rooms_.size(); }
  const foreign::ReadReport& report() const { return stream_.report(); }

 private:
  template <class See>
  void take(See see) {
    for (LogItem item; stream_.pop(item);) {
      waiting_.push_back(item);
      if (waiting_.size() <= kept_) continue;
      see(waiting_.front());
      stream_.give_back(waiting_.front().held);
      waiting_.pop_front();
    }
  }

  LogStream stream_{*foreign::format_named("nginx", {})};
  std::size_t piece_, kept_;
  std::deque<LogItem> waiting_;
  std::set<const std::byte*> rooms_;
};

TEST(LogStream, TextsStandWhileEntriesWaitWhereverTheirLinesWereCut) {
  // Each third agent is escaped, so its text cannot stand where it was read.
  const auto agent = [](std::uint64_t i) { return i % 3 == 0 ? std::string("a \\x22quoted\\x22 agent") : fmt::format("agent/{}", i); };
  const auto meant = [](std::uint64_t i) { return i % 3 == 0 ? std::string("a \"quoted\" agent") : fmt::format("agent/{}", i); };
  constexpr std::uint64_t kLines = 4000;
  std::string text;
  for (std::uint64_t i = 0; i < kLines; ++i) text += line(i, i / 4, agent(i));   // a thousand seconds: some leave while others come
  for (const std::size_t piece : {std::size_t{7}, std::size_t{130}, std::size_t{4096}, std::size_t{1} << 20}) {
    SCOPED_TRACE(piece);
    Fed fed(piece, 50);
    std::uint64_t seen = 0;
    const auto see = [&](const LogItem& item) {
      const foreign::LogEntry& entry = item.entry();
      ASSERT_EQ(entry.line, seen + 1);
      EXPECT_EQ(entry.target, fmt::format("/a/{}", seen));
      EXPECT_EQ(entry.client, fmt::format("10.0.{}.{}", seen / 200 % 200, seen % 200));
      EXPECT_EQ(entry.agent, meant(seen));
      EXPECT_EQ(item.precision, std::chrono::seconds(1));
      ++seen;
    };
    fed.feed(text, see);
    fed.finish(see);
    EXPECT_EQ(seen, kLines - 50);
    EXPECT_EQ(fed.report().entries, kLines);
  }
}

TEST(LogStream, PiecesAreUsedAgainWhenTheirEntriesAreGone) {
  Fed fed(LogStream::kPiece, 0);
  std::uint64_t seen = 0;
  const auto see = [&](const LogItem&) { ++seen; };
  const std::string filler(1000, 'u');
  // An hour of four lines a second, a hundred of them fed at once, each time into one piece.
  for (std::uint64_t i = 0; i < 4 * 3600;) {
    std::string some;
    for (int n = 0; n < 100; ++n, ++i) some += line(i, i / 4, filler);
    fed.feed(some, see);
  }
  fed.finish(see);
  EXPECT_EQ(seen, 4u * 3600);
  // Nothing leaves before a thousand lines have come (foreign/reorder.h), ten pieces; later a minute waits, three of them. One more is read.
  EXPECT_LE(fed.rooms(), 11u);
}

TEST(LogStream, TextsAreCopiedWhereTooManyPiecesWouldWait) {
  Fed fed(LogStream::kPiece, 0);
  std::uint64_t seen = 0;
  const std::string filler(60'000, 'u');
  const auto see = [&](const LogItem& item) {
    EXPECT_EQ(item.entry().target, fmt::format("/a/{}", seen++));
    EXPECT_EQ(item.entry().agent, filler);
  };
  // All of one second, and each in a piece of its own: nothing leaves before the end.
  constexpr std::uint64_t kLines = LogStream::kMostPieces + 100;
  for (std::uint64_t i = 0; i < kLines; ++i) fed.feed(line(i, 0, filler), see);
  EXPECT_EQ(seen, 0u);
  EXPECT_EQ(fed.rooms(), LogStream::kMostPieces);
  fed.finish(see);
  EXPECT_EQ(seen, kLines);
}

}  // namespace
}  // namespace weir::replay
