#include "export/exchange_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>

namespace weir::exporting {
namespace {

ExchangeRecord record(std::uint64_t sequence) {
  ExchangeRecord r;
  r.exchange = {.worker = WorkerId{1}, .sequence = sequence};
  r.status = 200;
  return r;
}

TEST(ExchangeRing, FindsAnExchangeByItsId) {
  ExchangeRing ring(8);
  ring.write(record(1005), {.request_id = "id", .method = "GET", .host = "h", .path = "/p", .query = "q=1",
                            .user_agent = "ua", .caller = "acme", .detail = "d", .traceparent = "t"});
  const auto kept = ring.find({.worker = WorkerId{1}, .sequence = 1005});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->record.status, 200);
  EXPECT_EQ(kept->request_id, "id");
  EXPECT_EQ(kept->method, "GET");
  EXPECT_EQ(kept->host, "h");
  EXPECT_EQ(kept->path, "/p");
  EXPECT_EQ(kept->query, "q=1");
  EXPECT_EQ(kept->user_agent, "ua");
  EXPECT_EQ(kept->caller, "acme");
  EXPECT_EQ(kept->detail, "d");
  EXPECT_EQ(kept->traceparent, "t");
  EXPECT_FALSE(ring.find({.worker = WorkerId{1}, .sequence = 1006}));
  EXPECT_FALSE(ring.find({.worker = WorkerId{1}, .sequence = 997}));   // the same slot
  EXPECT_FALSE(ring.find({.worker = WorkerId{2}, .sequence = 1005}));
}

TEST(ExchangeRing, KeepsTheNewestAndTheSlowOneThatFinishedLast) {
  ExchangeRing ring(4);
  for (std::uint64_t i = 0; i < 10; ++i) {
    if (i != 2) ring.write(record(i), {});
  }
  EXPECT_FALSE(ring.find({.worker = WorkerId{1}, .sequence = 5}));
  EXPECT_TRUE(ring.find({.worker = WorkerId{1}, .sequence = 9}));
  ring.write(record(2), {});   // took long
  EXPECT_TRUE(ring.find({.worker = WorkerId{1}, .sequence = 2}));
}

TEST(ExchangeRing, CutsTextAtOneKibibyteFromTheEnd) {
  ExchangeRing ring(2);
  const std::string path(1024, 'p'), query(1024, 'q');
  ring.write(record(1), {.request_id = "id", .method = "GET", .host = "host", .path = path, .query = query, .caller = "acme"});
  const auto kept = ring.find(record(1).exchange);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->caller, "acme");
  EXPECT_EQ(kept->path, path.substr(0, 1024 - 2 - 3 - 4 - 4));
  EXPECT_EQ(kept->query, "");
  EXPECT_TRUE(kept->path_cut);
  EXPECT_TRUE(kept->query_cut);
}

TEST(ExchangeRing, SaysWhichTextWasCut) {
  ExchangeRing ring(4);
  ring.write(record(1), {.path = "/p", .query = std::string(1022, 'q')});   // just fits
  ring.write(record(2), {.path = "/p", .query = std::string(1023, 'q')});
  ring.write(record(3), {.path = std::string(1025, 'p')});
  ring.write(record(4), {.path = "/p", .query = "a=1", .user_agent = std::string(1024, 'u')});
  const auto cut = [&](std::uint64_t sequence) {
    const auto kept = ring.find(record(sequence).exchange);
    return std::pair(kept->path_cut, kept->query_cut);
  };
  EXPECT_EQ(cut(1), std::pair(false, false));
  EXPECT_EQ(cut(2), std::pair(false, true));
  EXPECT_EQ(cut(3), std::pair(true, false));
  EXPECT_EQ(cut(4), std::pair(false, false));
  EXPECT_EQ(ring.find(record(2).exchange)->query, std::string(1022, 'q'));
  EXPECT_EQ(ring.find(record(4).exchange)->user_agent, std::string(1019, 'u'));
}

TEST(ExchangeRing, TellsWhatFinishedSinceInThatOrder) {
  ExchangeRing ring(4);
  std::uint64_t after = 0;
  for (const std::uint64_t sequence : {2, 1, 3}) ring.write(record(sequence), {});
  auto seen = ring.since(after, 2);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].record.exchange.sequence, 2u);
  EXPECT_EQ(seen[1].record.exchange.sequence, 1u);
  EXPECT_EQ(ring.since(after, 10).size(), 1u);
  EXPECT_TRUE(ring.since(after, 10).empty());
  for (std::uint64_t i = 10; i < 30; ++i) ring.write(record(i), {});
  seen = ring.since(after, 100);
  ASSERT_EQ(seen.size(), 4u);   // what was overwritten is skipped
  EXPECT_EQ(seen.front().record.exchange.sequence, 26u);
  EXPECT_EQ(seen.back().record.exchange.sequence, 29u);
}

// A reader never sees half of one exchange and half of another. (Run under TSan as well.)
TEST(ExchangeRing, ReadersNeverSeeATornExchange) {
  ExchangeRing ring(64);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; !stop.load(std::memory_order_relaxed); ++i) {
      ExchangeRecord r = record(i);
      r.bytes_in = r.bytes_out = i;
      const std::string path(i % 700, static_cast<char>('a' + i % 26));
      ring.write(r, {.path = path, .caller = std::string_view(path).substr(0, 100)});
    }
  });
  std::uint64_t after = 0, seen = 0;
  while (seen < 2000) {
    for (const KeptExchange& kept : ring.since(after, 100)) {
      ++seen;
      const std::uint64_t i = kept.record.exchange.sequence;
      ASSERT_EQ(kept.record.bytes_in, i);
      ASSERT_EQ(kept.record.bytes_out, i);
      ASSERT_EQ(kept.path, std::string(i % 700, static_cast<char>('a' + i % 26)));
    }
  }
  for (std::uint64_t sampled = 0; sampled < 2000;) {
    ring.sample(after, 32, [&](const ExchangeRecord& each, std::string_view caller, double) {
      ++sampled;
      const std::uint64_t i = each.exchange.sequence;
      ASSERT_EQ(each.bytes_in, i);
      ASSERT_EQ(caller, std::string(std::min<std::uint64_t>(i % 700, 100), static_cast<char>('a' + i % 26)));
    });
  }
  stop = true;
  writer.join();
}

TEST(ExchangeRing, ASampleIsAllWhereThereAreFewAndStandsForAllWhereThereAreMany) {
  ExchangeRing ring(64);
  std::uint64_t after = 0, next = 0;
  const auto write = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, ++next) ring.write(record(next), {.caller = next % 4 == 0 ? "one" : "others"});
  };
  const auto sum = [&](std::size_t most) {
    std::size_t seen = 0;
    double all = 0, first = -1;
    ring.sample(after, most, [&](const ExchangeRecord& each, std::string_view caller, double weight) {
      EXPECT_EQ(caller, each.exchange.sequence % 4 == 0 ? "one" : "others");
      if (first < 0) first = static_cast<double>(each.exchange.sequence);
      ++seen;
      all += weight;
    });
    return std::tuple(seen, all, first);
  };
  EXPECT_EQ(sum(10), std::tuple(0u, 0.0, -1.0));
  write(10);
  EXPECT_EQ(sum(10), std::tuple(10u, 10.0, 0.0));
  EXPECT_EQ(sum(10), std::tuple(0u, 0.0, -1.0));   // each once
  write(35);
  const auto [seen, all, first] = sum(10);         // strides of four, the last of three
  EXPECT_EQ(seen, 9u);
  EXPECT_EQ(all, 35);
  EXPECT_TRUE(first >= 10 && first < 14);
  write(128);                                      // 64 of them are overwritten
  EXPECT_EQ(std::get<1>(sum(64)), 128);
}

TEST(ExchangeRing, ASampleDoesNotFollowAPattern) {
  ExchangeRing ring(4096);
  for (std::uint64_t i = 0; i < 4096; ++i) ring.write(record(i), {.caller = i % 8 == 0 ? "each eighth" : "others"});
  double each_eighth = 0;
  std::uint64_t after = 0;
  ring.sample(after, 512, [&](const ExchangeRecord&, std::string_view caller, double weight) {
    if (caller == "each eighth") each_eighth += weight;
  });
  // 512 of 4096; the standard deviation of 512 draws of 1/8, times 8, is 60.
  EXPECT_NEAR(each_eighth, 512, 4 * 60);
}

}  // namespace
}  // namespace weir::exporting
