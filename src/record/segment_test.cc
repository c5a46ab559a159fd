#include "record/segment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <deque>
#include <string>
#include <vector>

#include "record/segments_for_tests.h"

namespace weir::record {
namespace {

// Fingerprints that differ above the places of a table of 64 stand in one set of it.
TEST(DigestMemo, KeepsTheFourNewestOfASet) {
  DigestMemo memo(64);
  const auto print = [](std::uint64_t i) { return i << 32 | 1; };
  for (std::uint64_t i = 1; i <= 5; ++i) memo.keep(print(i), 100 + i);
  EXPECT_EQ(memo.find(print(1)), 0u);
  for (std::uint64_t i = 2; i <= 5; ++i) EXPECT_EQ(memo.find(print(i)), 100 + i);
  memo.clear();
  EXPECT_EQ(memo.find(print(5)), 0u);
}

TEST(ArrivalEncoder, WritesEachShapeOnceASegment) {
  Batches b;
  b.add(b.arrival(1, 0, 1), "/orders/1", Address::v4(1, 2, 3, 4));
  const std::size_t first = b.batch.size();
  b.add(b.arrival(2, 0, 2), "/orders/2", Address::v4(1, 2, 3, 4));
  EXPECT_EQ(b.batch.size() - first, sizeof(Arrival) + 4);
  b.encoder.begin_segment();
  b.add(b.arrival(3, 0, 3), "/orders/3", Address::v4(1, 2, 3, 4));
  EXPECT_EQ(b.batch.size(), 2 * first + sizeof(Arrival) + 4);
}

// What is known of callers is written once a segment, however often conditions change, and each has its own.
TEST(Segment, ConditionsHaveThePeaksThatTheyWereDecidedUnder) {
  const auto peaks = [](std::uint64_t number, std::uint32_t per_second) {
    auto made = std::make_shared<CallerPeaks>();
    made->number = number;
    for (std::uint64_t caller = 1; caller <= 1000; ++caller) made->all.push_back({.caller = mix(caller), .per_second = per_second, .days = 3});
    return made;
  };
  const auto first = peaks(1, 12), second = peaks(2, 300);
  NameTable names;
  std::string one, two;
  const SegmentStart start{.installation = InstallationId{1}, .wall = WallTime(std::chrono::seconds(100)), .stamp = stamp_from_nanos(0)};
  SegmentWriter writer(start, names, one);
  writer.conditions({.number = 1});
  writer.conditions({.number = 2, .peaks = first});
  const std::size_t before = one.size();
  writer.conditions({.number = 3, .unusable = {42}, .peaks = first});
  EXPECT_LT(one.size() - before, 100u);
  writer.conditions({.number = 4, .unusable = {42}, .peaks = second});
  SegmentWriter next(start, names, two);
  next.conditions({.number = 4, .unusable = {42}, .peaks = second});

  Recording recording;
  ASSERT_TRUE(read_segment(std::as_bytes(std::span(one)), recording));
  ASSERT_TRUE(read_segment(std::as_bytes(std::span(two)), recording));
  EXPECT_EQ(recording.damage.blocks, 0u);
  ASSERT_EQ(recording.conditions.size(), 4u);   // the second segment begins with what was known
  EXPECT_EQ(recording.condition(1, 0)->peaks, nullptr);
  ASSERT_NE(recording.condition(2, 0)->peaks, nullptr);
  EXPECT_EQ(recording.condition(2, 0)->peaks, recording.condition(3, 0)->peaks);
  EXPECT_EQ(recording.condition(3, 0)->peaks->all, first->all);
  EXPECT_EQ(recording.condition(4, 0)->peaks->number, 2u);
  EXPECT_EQ(recording.condition(4, 0)->peaks->all, second->all);
}

// One request, judged, and what makes shapes of it.
struct JudgedOne {
  explicit JudgedOne(const NameTable& names) : shaper(policy, names, kKey) {}
  Policy policy;
  Verdict verdict;
  Shaper shaper;
  Facts facts{.method = "GET", .host = "h", .path = "/x", .client = Address::v4(1, 2, 3, 4)};
  Judged judged{.policy = policy, .verdict = verdict, .facts = &facts};
};

TEST(ArrivalEncoder, ABufferThatIsTooSmallChangesNothing) {
  Batches b;
  const JudgedOne one(b.names);
  std::array<std::byte, 4096> room;
  const Arrival arrival = b.arrival(1, 0, 1);
  EXPECT_EQ(b.encoder.encode(arrival, one.judged, one.shaper, std::span(room).first(sizeof(Arrival) + 4)), 0u);
  EXPECT_GT(b.encoder.encode(arrival, one.judged, one.shaper, room), sizeof(Arrival) + 4);   // the shapes were not forgotten
}

TEST(ArrivalEncoder, WhatWasExpectedIsWrittenAsWhatWasNot) {
  Batches b;
  const JudgedOne one(b.names);
  ArrivalEncoder ahead, at_once;
  for (std::uint64_t i = 1; i <= 2; ++i) {   // its shapes fresh, and known
    std::array<std::byte, 4096> expected{}, plain{};
    const Arrival arrival = b.arrival(1, 0, i);
    Judged after = one.judged;
    after.expected = ahead.expect(one.facts, {}, one.shaper);
    EXPECT_NE(after.expected.target, 0u);
    EXPECT_EQ(ahead.encode(arrival, after, one.shaper, expected), at_once.encode(arrival, one.judged, one.shaper, plain));
    EXPECT_EQ(expected, plain);
  }
}

TEST(ArrivalEncoder, AFloodOfNewShapesIsBounded) {
  Batches b;
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < 300'000; ++i) {
    std::string word;
    for (std::uint64_t n = i; n > 0; n /= 26) word += static_cast<char>('a' + n % 26);
    b.batch.clear();
    b.add(b.arrival(static_cast<std::int64_t>(i), 0, i), "/" + word + "/a-segment-that-is-a-word/and-another-one-of-them", Address::v4(1, 2, 3, 4));
    bytes += b.batch.size() - sizeof(Arrival) - 4;
  }
  EXPECT_LE(bytes, ArrivalEncoder::kMaxShapeBytes);
  EXPECT_GT(b.encoder.shapes_dropped(), 0u);
}

TEST(Segment, ReadsBackWhatWasWrittenInTheOrderOfReplay) {
  Batches b;
  b.add(b.arrival(900, 1, 6), "/orders/1", Address::v4(1, 2, 3, 4));
  b.add(b.arrival(500, 0, 5), "/orders/2", Address::v4(1, 2, 3, 5));
  Arrival refused = b.arrival(500, 0, 4);
  refused.cause = Cause::limit_rejected;
  refused.action = Action::refuse;
  refused.rule = b.names.intern("per-caller");
  refused.head_bytes = 512;
  refused.conditions = 9;
  b.add(refused, "/catalog", Address::v4(1, 2, 3, 4));

  std::string file;
  SegmentWriter writer(kStart, b.names, file);
  writer.policy({.revision = 3, .hash = "abc", .literals = {"2024"}});
  writer.conditions({.number = 9, .unusable = {42}});
  writer.add(b.batch);
  EXPECT_EQ(writer.pending(), 3u);
  writer.flush();

  Recording recording;
  ASSERT_TRUE(read_segment(bytes_of(file), recording));
  sort_arrivals(recording);
  EXPECT_EQ(recording.installation.value, 77u);
  ASSERT_NE(recording.policy(3), nullptr);
  EXPECT_EQ(recording.policy(3)->hash, "abc");
  EXPECT_EQ(recording.policy(3)->literals, std::vector<std::string>{"2024"});
  ASSERT_EQ(recording.conditions.size(), 1u);
  EXPECT_EQ(recording.conditions[0].unusable, std::vector<std::uint64_t>{42});
  ASSERT_EQ(recording.arrivals.size(), 3u);
  EXPECT_EQ(recording.damage.blocks, 0u);

  const Arrival& first = recording.arrivals[0];
  EXPECT_EQ(first.stamp, stamp_from_nanos(1'000'100));   // 100 ns after the start, on the line of wall time
  EXPECT_EQ(first.exchange, (ExchangeId{.worker = WorkerId{0}, .sequence = 4}));
  EXPECT_EQ(first.cause, Cause::limit_rejected);
  EXPECT_EQ(first.action, Action::refuse);
  EXPECT_EQ(recording.names.text(first.rule), "per-caller");
  EXPECT_EQ(recording.names.text(first.route), "orders");
  EXPECT_EQ(first.head_bytes, 512);
  EXPECT_EQ(first.conditions, 9u);
  EXPECT_FALSE(first.endpoint.valid());
  ASSERT_NE(recording.shape<TargetShape>(first.target), nullptr);
  EXPECT_EQ(recording.shape<TargetShape>(first.target)->path, "/catalog");
  EXPECT_EQ(recording.arrivals[1].exchange.sequence, 5u);
  EXPECT_EQ(recording.arrivals[1].target, recording.arrivals[2].target);
  EXPECT_EQ(recording.shape<ClientShape>(recording.arrivals[2].client)->address, Address::v4(1, 2, 3, 4));
}

RC_GTEST_PROP(Segment, ColumnsReadBackAnyArrivals, ()) {
  NameTable names;
  std::vector<NameId> ids = {NameId::none()};
  for (const char* name : {"a", "b", "c"}) ids.push_back(names.intern(name));
  const auto name = rc::gen::elementOf(ids);
  const std::size_t count = *rc::gen::inRange<std::size_t>(0, 200);
  std::vector<Arrival> arrivals(count);
  for (Arrival& a : arrivals) {
    a.stamp = stamp_from_nanos(*rc::gen::arbitrary<std::int64_t>());
    a.exchange = {.worker = WorkerId{*rc::gen::inRange<std::uint16_t>(0, 4)}, .sequence = *rc::gen::arbitrary<std::uint64_t>()};
    a.revision = *rc::gen::arbitrary<std::uint32_t>();
    a.route = *name;
    a.rule = *name;
    a.endpoint = *name;
    a.cause = static_cast<Cause>(*rc::gen::inRange(0, static_cast<int>(Cause::count_)));
    a.action = static_cast<Action>(*rc::gen::inRange(0, 4));
    a.head_bytes = *rc::gen::arbitrary<std::uint16_t>();
    a.hops = *rc::gen::element<std::uint8_t>(0, 0, 0, 1, 8, 255);
    a.asks = *rc::gen::element(false, false, false, true);
    a.second = *rc::gen::element(0u, 0u, 0u, 1u, *rc::gen::arbitrary<std::uint32_t>());
    a.conditions = *rc::gen::arbitrary<std::uint64_t>();
    a.values = {*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>()};
  }
  // Columns that say the same of all, and by their differences nothing.
  const std::bitset<9> alike(*rc::gen::inRange<unsigned>(0, 1u << 9));
  for (Arrival& a : arrivals) {
    const Arrival& first = arrivals.front();
    if (alike[0]) a.stamp = first.stamp;
    if (alike[1]) a.exchange.worker = first.exchange.worker;
    if (alike[2]) a.revision = first.revision;
    if (alike[3]) a.route = first.route;
    if (alike[4]) a.rule = first.rule;
    if (alike[5]) a.endpoint = first.endpoint;
    if (alike[6]) a.cause = first.cause, a.action = first.action;
    if (alike[7]) a.head_bytes = first.head_bytes;
    if (alike[8]) a.conditions = first.conditions;
  }
  std::ranges::sort(arrivals, before_in_replay);
  std::vector<std::byte> room(100'000);
  ByteWriter writer(room);
  encode_arrivals(arrivals, names, {}, writer);
  RC_ASSERT(writer.ok());
  ByteReader reader(std::span(room).first(writer.size()));
  NameTable read_names;
  std::vector<RecordedArrival> read;
  RC_ASSERT(decode_arrivals(reader, {}, {}, read_names, read));
  RC_ASSERT(read.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    RC_ASSERT(read[i].stamp == arrivals[i].stamp);
    RC_ASSERT(read[i].exchange == arrivals[i].exchange);
    RC_ASSERT(read[i].revision == arrivals[i].revision);
    RC_ASSERT(read_names.text(read[i].route) == names.text(arrivals[i].route));
    RC_ASSERT(read_names.text(read[i].rule) == names.text(arrivals[i].rule));
    RC_ASSERT(read_names.text(read[i].endpoint) == names.text(arrivals[i].endpoint));
    RC_ASSERT(read[i].cause == arrivals[i].cause);
    RC_ASSERT(read[i].action == arrivals[i].action);
    RC_ASSERT(read[i].head_bytes == arrivals[i].head_bytes);
    RC_ASSERT(read[i].hops == arrivals[i].hops);
    RC_ASSERT(read[i].asks == arrivals[i].asks);
    RC_ASSERT(read[i].second == arrivals[i].second);
    RC_ASSERT(read[i].conditions == arrivals[i].conditions);
    RC_ASSERT(read[i].values == arrivals[i].values);
  }
  ByteReader again(std::span(room).first(writer.size()));
  std::vector<RecordedArrival> without;
  RC_ASSERT(decode_arrivals(again, {}, {.run = 3, .hops_known = true}, read_names, without, Routes::left_out));
  RC_ASSERT(without.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    RC_ASSERT(without[i].exchange == arrivals[i].exchange);
    RC_ASSERT(without[i].cause == arrivals[i].cause);
    RC_ASSERT(!without[i].route.valid());
    RC_ASSERT(read_names.text(without[i].rule) == (arrivals[i].cause == Cause::none ? std::string_view() : names.text(arrivals[i].rule)));
    RC_ASSERT(read_names.text(without[i].endpoint) == names.text(arrivals[i].endpoint));
    RC_ASSERT(without[i].run == 3u && without[i].hops_known);
  }
}

// What a version wrote that did not count hops: `start` ends with the number of the segment, arrivals with their values.
TEST(Segment, ReadsAFileFromBeforeHops) {
  Batches b;
  b.add(b.arrival(1, 0, 1), "/orders/1", Address::v4(1, 2, 3, 4));
  std::string file;
  SegmentWriter writer(kStart, b.names, file);
  const std::size_t after_start = file.size();
  writer.add(b.batch);
  writer.flush();
  std::array<std::byte, 64> raw;
  ByteWriter start(raw);
  start.word(kStart.installation.value);
  start.word(1'000'000);   // kStart.wall
  start.word(400);         // kStart.stamp
  start.varint(0);         // kStart.number
  std::string before(kSegmentMagic);
  BlockSealer().seal(BlockKind::start, std::span(raw).first(start.size()), before);
  before += file.substr(after_start);
  Recording old, fresh;
  ASSERT_TRUE(read_segment(bytes_of(before), old));
  ASSERT_TRUE(read_segment(bytes_of(file), fresh));
  ASSERT_EQ(old.arrivals.size(), 1u);
  ASSERT_EQ(fresh.arrivals.size(), 1u);
  EXPECT_FALSE(old.arrivals[0].hops_known);
  EXPECT_TRUE(fresh.arrivals[0].hops_known);
  EXPECT_EQ(old.damage.blocks + fresh.damage.blocks, 0u);
}

// A policy that decides beside costs three bytes an arrival before compression, and nothing where none does; on disk what is the
// same all the time is next to nothing, and who is enforced for whom (30 of 100 by lot: 0.88 bits) stands there once.
TEST(Segment, ASecondPolicyCostsLittleAndNothingWhereThereIsNone) {
  static constexpr std::size_t kCount = 10'000;
  const auto sizes = [](std::uint32_t second, int canary) {
    Batches b;
    std::string file;
    SegmentWriter writer(kStart, b.names, file);
    std::vector<Arrival> arrivals;
    for (std::size_t i = 0; i < kCount; ++i) {
      Arrival a = b.arrival(static_cast<std::int64_t>(i) * 3'000'000, 0, i);
      a.revision = 1;
      a.second = second;
      if (mix(i) % 100 < static_cast<std::uint64_t>(canary)) std::swap(a.revision, a.second);
      arrivals.push_back(a);
      b.add(a, "/orders/1", Address::v4(1, 2, 3, 4));
    }
    writer.add(b.batch);
    writer.flush();
    Recording recording;
    EXPECT_TRUE(read_segment(bytes_of(file), recording));
    EXPECT_EQ(recording.arrivals.size(), kCount);
    for (std::size_t i = 0; i < recording.arrivals.size(); ++i) {
      EXPECT_EQ(recording.arrivals[i].revision, arrivals[i].revision);
      EXPECT_EQ(recording.arrivals[i].second, arrivals[i].second);
    }
    std::vector<std::byte> room(kCount * 100);
    ByteWriter plain(room);
    encode_arrivals(arrivals, b.names, {}, plain);
    return std::pair(plain.size(), static_cast<double>(file.size()) / kCount);
  };
  const auto [alone, alone_on_disk] = sizes(0, 0);
  const auto [beside, beside_on_disk] = sizes(2, 0);
  const auto [canary, canary_on_disk] = sizes(2, 30);
  EXPECT_EQ(beside - alone, 3 * kCount);
  EXPECT_EQ(canary, beside);
  EXPECT_LT(beside_on_disk - alone_on_disk, 0.02);
  EXPECT_LT(canary_on_disk - beside_on_disk, 0.4);
  std::printf("bytes an arrival on disk: alone %.3f, beside %.3f, canary of 30%% %.3f\n", alone_on_disk, beside_on_disk, canary_on_disk);
}

// Three blocks of arrivals after the head of the file; `ends` are the sizes of the file after each.
struct ThreeBlocks {
  std::string file;
  std::vector<std::size_t> ends;
  ThreeBlocks() {
    Batches b;
    SegmentWriter writer(kStart, b.names, file);
    for (std::uint64_t i = 0; i < 3; ++i) {
      b.batch.clear();
      b.add(b.arrival(static_cast<std::int64_t>(i), 0, i), "/orders/1", Address::v4(1, 2, 3, 4));
      writer.add(b.batch);
      writer.flush();
      ends.push_back(file.size());
    }
  }
};

TEST(Segment, ATornTailCostsTheTornBlockOnly) {
  const ThreeBlocks blocks;
  for (std::size_t size = blocks.ends[0]; size <= blocks.file.size(); ++size) {
    Recording recording;
    const std::string torn = blocks.file.substr(0, size);
    ASSERT_TRUE(read_segment(bytes_of(torn), recording));
    const auto whole = static_cast<std::size_t>(
        std::ranges::count_if(blocks.ends, [&](std::size_t end) { return end <= size; }));
    EXPECT_EQ(recording.arrivals.size(), whole) << size;
    const bool at_edge = std::ranges::find(blocks.ends, size) != blocks.ends.end();
    EXPECT_EQ(recording.damage.blocks, at_edge ? 0u : 1u) << size;
  }
}

TEST(Segment, ADamagedBlockCostsThatBlockOnly) {
  const ThreeBlocks blocks;
  for (std::size_t at = blocks.ends[0]; at < blocks.ends[1]; ++at) {
    std::string file = blocks.file;
    file[at] = static_cast<char>(file[at] ^ 0x10);
    Recording recording;
    ASSERT_TRUE(read_segment(bytes_of(file), recording));
    EXPECT_EQ(recording.arrivals.size(), 2u) << at;
    EXPECT_EQ(recording.damage.blocks, 1u) << at;
  }
}

TEST(Segment, ArrivalsWhoseShapesWereLostAreKeptAndSaySo) {
  const ThreeBlocks blocks;
  std::string file = blocks.file;
  Recording whole;
  ASSERT_TRUE(read_segment(bytes_of(file), whole));
  // The shapes stand in the block after the start; damage one byte of it.
  const std::size_t second = file.find("WBLK", file.find("WBLK") + 1);
  file[second + 30] = static_cast<char>(file[second + 30] ^ 1);
  Recording recording;
  ASSERT_TRUE(read_segment(bytes_of(file), recording));
  ASSERT_EQ(recording.arrivals.size(), 3u);
  EXPECT_EQ(recording.arrivals[0].target, kLostShape);
  EXPECT_EQ(recording.shape<TargetShape>(recording.arrivals[0].target), nullptr);
}

TEST(Segment, RefusesWhatIsNoSegmentOrAnotherOnes) {
  Recording recording;
  EXPECT_FALSE(read_segment(bytes_of("")  , recording));
  EXPECT_FALSE(read_segment(bytes_of(std::string("weirseg\x02xxxxxxxxxxxxxxxxxxxxxxxxxxxx")), recording));
  const ThreeBlocks blocks;
  ASSERT_TRUE(read_segment(bytes_of(blocks.file), recording));
  recording.installation = {78};
  const auto other = read_segment(bytes_of(blocks.file), recording);
  ASSERT_FALSE(other);
  EXPECT_EQ(to_string(other.error()), "the segment was recorded by another installation");
}

// Strings without a byte take one in a block, and compress to nothing.
TEST(Segment, ListsThatTakeMoreInMemoryThanARecordingMayAreDamage) {
  constexpr std::size_t kMany = kMaxBlock - 64;
  const Batches worker;
  std::string file;
  SegmentWriter writer(kStart, worker.names, file);
  std::vector<std::byte> raw(kMaxBlock);
  BlockSealer sealer;
  const auto block = [&](BlockKind kind, const auto& write) {
    ByteWriter out(raw);
    write(out);
    ASSERT_TRUE(out.ok());
    sealer.seal(kind, std::span(raw).first(out.size()), file);
  };
  const std::string nothing(kMany, '\0');
  for (unsigned revision = 1; revision <= 3; ++revision) {
    block(BlockKind::policy, [&](ByteWriter& out) {
      out.varint(revision);
      out.string("");
      out.varint(kMany);
      out.bytes(nothing);
    });
  }
  block(BlockKind::configuration, [&](ByteWriter& out) {
    out.string("hash");
    out.string("");
    out.varint(kMany / 2);
    out.bytes(nothing);
  });
  block(BlockKind::arrivals, [&](ByteWriter& out) {
    out.varint(kMany);
    out.bytes(nothing);
  });
  block(BlockKind::peaks, [&](ByteWriter& out) {
    out.varint(1);
    out.varint(kMany);
    out.bytes(nothing);
  });
  EXPECT_LT(file.size(), 64u * 1024);
  writer.policy({.revision = 4, .hash = "h", .literals = {"a", "b"}});
  writer.policy({.revision = 4, .hash = "h", .literals = {"a", "b"}});
  Recording recording;
  ASSERT_TRUE(read_segment(bytes_of(file), recording));
  EXPECT_EQ(recording.damage.blocks, 6u);
  EXPECT_TRUE(recording.configurations.empty() && recording.peaks.empty());
  ASSERT_EQ(recording.policies.size(), 1u);
  EXPECT_EQ(recording.policies[0].literals, (std::vector<std::string>{"a", "b"}));
}

// A million of them take 32 MiB and more: seven fit.
TEST(Segment, OfPoliciesThatTakeTooMuchTogetherTheOldestGo) {
  const Batches worker;
  std::string file;
  SegmentWriter writer(kStart, worker.names, file);
  constexpr std::size_t kMany = 1 << 20;
  std::vector<std::byte> raw(kMany + 64);
  BlockSealer sealer;
  for (unsigned revision = 1; revision <= 9; ++revision) {
    ByteWriter out(raw);
    out.varint(revision);
    out.string("");
    out.varint(kMany);
    out.bytes(std::string(kMany, '\0'));
    sealer.seal(BlockKind::policy, std::span(raw).first(out.size()), file);
  }
  Recording recording;
  ASSERT_TRUE(read_segment(bytes_of(file), recording));
  EXPECT_EQ(recording.damage.blocks, 2u);
  ASSERT_EQ(recording.policies.size(), 7u);
  EXPECT_EQ(recording.policy(2), nullptr);
  EXPECT_NE(recording.policy(9), nullptr);
}

// Half a million files without a name or a byte take 32 MiB and more: seven of them fit, and one
// that is told again takes nothing.
TEST(Segment, OfConfigurationsThatTakeTooMuchTogetherTheNewestGo) {
  const Batches worker;
  std::string file;
  SegmentWriter writer(kStart, worker.names, file);
  constexpr std::size_t kMany = 1 << 19;
  std::vector<std::byte> raw(2 * kMany + 64);
  BlockSealer sealer;
  for (const char* hash : {"1", "1", "1", "2", "3", "4", "5", "6", "7", "8", "9"}) {
    ByteWriter out(raw);
    out.string(hash);
    out.string("");
    out.varint(kMany);
    out.bytes(std::string(2 * kMany, '\0'));
    sealer.seal(BlockKind::configuration, std::span(raw).first(out.size()), file);
  }
  Recording recording;
  ASSERT_TRUE(read_segment(bytes_of(file), recording));
  EXPECT_EQ(recording.damage.blocks, 2u);
  EXPECT_EQ(recording.configurations.size(), 7u);
  EXPECT_TRUE(recording.configurations.contains("7"));
}

// RFC 3720 B.4.
TEST(Crc32c, MatchesTheExamplesOfTheRfc) {
  std::array<std::byte, 32> bytes{};
  EXPECT_EQ(crc32c(bytes), 0x8a9136aau);
  bytes.fill(std::byte{0xff});
  EXPECT_EQ(crc32c(bytes), 0x62a8ab43u);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc32c(bytes), 0x46dd794eu);
}

}  // namespace
}  // namespace weir::record
