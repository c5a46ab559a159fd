#include "record/recording_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "record/segments_for_tests.h"

namespace weir::record {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One run of the process and the segments that it writes; sequences tell all arrivals apart.
class WrittenRun {
 public:
  WrittenRun(std::int64_t wall, std::uint64_t first_sequence)
      : wall_(wall), sequence_(first_sequence) {}

  // Blocks one after the other, each the arrivals at these nanoseconds after the start of the run.
  void segment(const std::vector<std::vector<std::int64_t>>& blocks) {
    SegmentStart start{
        .installation = {77}, .wall = wall_from_nanos(wall_), .stamp = {}, .number = starts.size()};
    std::string& file = files.emplace_back();
    SegmentWriter writer(start, batches_.names, file);
    batches_.encoder.begin_segment();
    std::vector<Flight> flown, landed;
    for (const std::vector<std::int64_t>& block : blocks) {
      batches_.batch.clear();
      for (const std::int64_t at : block) {
        const std::uint64_t sequence = sequence_++;
        batches_.add(batches_.arrival(at, static_cast<std::uint16_t>(sequence % 2), sequence),
                     "/orders/" + std::string(1, static_cast<char>('a' + sequence % 26)),
                     Address::v4(10, 0, static_cast<std::uint8_t>(sequence >> 8),
                                 static_cast<std::uint8_t>(sequence)));
        all.push_back({wall_ + at, sequence});
        if (flies && sequence % 3 == 0)
          flown.push_back(
              {.exchange = {.worker = WorkerId{static_cast<std::uint16_t>(sequence % 2)},
                            .sequence = sequence},
               .arrived = stamp_from_nanos(at),
               .status = static_cast<std::uint16_t>(200 + sequence % 7)});
      }
      if (prompt) landed.insert(landed.end(), flown.begin(), flown.end());
      if (!landed.empty()) {  // flights of the block before
        std::array<std::byte, 256> room;
        for (const Flight& flight : landed) {
          const std::size_t used = put_flight(flight, room);
          batches_.batch.insert(batches_.batch.end(), room.begin(),
                                room.begin() + static_cast<std::ptrdiff_t>(used));
        }
      }
      landed = prompt ? std::vector<Flight>() : std::exchange(flown, {});
      flown.clear();
      writer.add(batches_.batch);
      writer.flush();
    }
    starts.push_back(start);
  }

  bool flies = true;    // every third has a flight, handed on with the block after it
  bool prompt = false;  // with its own block
  std::vector<std::string> files;
  std::vector<SegmentStart> starts;
  std::vector<std::pair<std::int64_t, std::uint64_t>> all;  // wall time, sequence

 private:
  std::int64_t wall_;
  std::uint64_t sequence_;
  Batches batches_;
};

struct Drained {
  std::vector<std::pair<std::int64_t, std::uint64_t>> arrivals;
  std::size_t most_shapes = 0;
  bool shapes_were_there = true;
  std::uint64_t joined = 0;
  bool joined_rightly = true;
};
Drained drain(RecordingStream& stream, const std::vector<std::string>& files) {
  Drained drained;
  for (;;) {
    switch (stream.next()) {
      case RecordingStream::Next::end:
        return drained;
      case RecordingStream::Next::segment:
        stream.give(files[stream.wanted()]);
        break;
      case RecordingStream::Next::arrival: {
        const RecordedArrival& a = stream.arrival();
        drained.arrivals.emplace_back(a.stamp.time_since_epoch().count(), a.exchange.sequence);
        drained.most_shapes = std::max(drained.most_shapes, stream.recording().shapes.size());
        drained.shapes_were_there = drained.shapes_were_there &&
                                    stream.recording().shape<TargetShape>(a.target) &&
                                    stream.recording().shape<ClientShape>(a.client);
        if (const Flight* const flight = stream.flight()) {
          ++drained.joined;
          drained.joined_rightly = drained.joined_rightly && flight->exchange == a.exchange &&
                                   flight->status == 200 + a.exchange.sequence % 7;
        }
      }
    }
  }
}

std::int64_t nanos(Nanos time) { return time.count(); }

// Times in 10 ms steps, block by block, moved back and forth by up to `off`.
std::vector<std::vector<std::int64_t>> jittered(std::int64_t from, std::size_t blocks, Nanos off,
                                                std::mt19937_64& random) {
  std::vector<std::vector<std::int64_t>> made(blocks);
  for (auto& block : made) {
    for (int i = 0; i < 20; ++i) {
      from += nanos(milliseconds(10));
      block.push_back(from +
                      static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(nanos(off))));
    }
  }
  return made;
}

TEST(RecordingStream, MergesSegmentsAndRunsIntoTheOrderOfReplay) {
  std::mt19937_64 random(7);
  WrittenRun old_run(nanos(seconds(1000)), 1), new_run(nanos(seconds(1010)), 100'000);
  for (int i = 0; i < 5; ++i)
    old_run.segment(jittered(nanos(seconds(4 * i)), 20, seconds(2), random));
  for (int i = 0; i < 3; ++i)
    new_run.segment(
        jittered(nanos(seconds(4 * i)), 20, seconds(2), random));  // begins before the old one ends

  std::vector<std::string> files = new_run.files;
  std::vector<SegmentStart> starts = new_run.starts;
  files.insert(files.end(), old_run.files.rbegin(), old_run.files.rend());
  starts.insert(starts.end(), old_run.starts.rbegin(), old_run.starts.rend());
  RecordingStream stream(starts, {.span = seconds(5)});
  const Drained drained = drain(stream, files);

  std::vector<std::pair<std::int64_t, std::uint64_t>> wanted = old_run.all;
  wanted.insert(wanted.end(), new_run.all.begin(), new_run.all.end());
  std::ranges::sort(wanted);  // no two have the same time
  EXPECT_EQ(drained.arrivals, wanted);
  EXPECT_EQ(stream.arrivals(), wanted.size());
  EXPECT_EQ(stream.late(), 0u);
  EXPECT_EQ(stream.squeezed(), 0u);
  EXPECT_EQ(stream.recording().runs.size(), 2u);
  EXPECT_TRUE(drained.shapes_were_there);
  // Every third has a flight, written a block later; the last block of a segment has none.
  std::uint64_t flights = 0;
  for (const auto& run : {old_run.all, new_run.all}) {
    for (std::size_t i = 0; i < run.size(); ++i)
      flights += i % 400 < 380 && run[i].second % 3 == 0 ? 1 : 0;
  }
  EXPECT_EQ(drained.joined, flights);
  EXPECT_EQ(stream.flights(), flights);
  EXPECT_TRUE(drained.joined_rightly);
}

// Many at once are the same as one by one: pieces that overlap, late ones and flights included, however many are asked for.
TEST(RecordingStream, TakesManyAtOnceAsOneByOne) {
  std::mt19937_64 random(11);
  WrittenRun run(nanos(seconds(1000)), 1), beside(nanos(seconds(1003)), 100'000);
  for (int i = 0; i < 5; ++i) run.segment(jittered(nanos(seconds(4 * i)), 20, seconds(9), random));
  for (int i = 0; i < 3; ++i) beside.segment(jittered(nanos(seconds(4 * i)), 20, seconds(2), random));
  std::vector<std::string> files = run.files;
  std::vector<SegmentStart> starts = run.starts;
  files.insert(files.end(), beside.files.begin(), beside.files.end());
  starts.insert(starts.end(), beside.starts.begin(), beside.starts.end());
  RecordingStream one_by_one(starts, {.span = seconds(5)});
  const Drained wanted = drain(one_by_one, files);
  ASSERT_GT(one_by_one.late(), 0u);

  RecordingStream stream(starts, {.span = seconds(5), .wanted = {.routes = Routes::left_out}});
  Drained drained;
  std::vector<RecordedArrival> room(64);
  std::vector<RecordingStream::Joined> flights;
  for (RecordingStream::Next next = stream.next(); next != RecordingStream::Next::end; next = stream.next()) {
    if (next == RecordingStream::Next::segment) {
      stream.give(files[stream.wanted()]);
      continue;
    }
    flights.clear();
    const std::size_t size = stream.take(std::span(room).first(1 + random() % room.size()), flights);
    for (const RecordedArrival& a : std::span(room).first(size)) {
      drained.arrivals.emplace_back(a.stamp.time_since_epoch().count(), a.exchange.sequence);
      EXPECT_FALSE(a.route.valid());
    }
    for (const RecordingStream::Joined& each : flights) {
      ASSERT_LT(each.place, size);
      EXPECT_EQ(each.flight.exchange, room[each.place].exchange);
    }
    drained.joined += flights.size();
  }
  EXPECT_EQ(drained.arrivals, wanted.arrivals);
  EXPECT_EQ(drained.joined, wanted.joined);
  EXPECT_EQ(stream.late(), one_by_one.late());
  EXPECT_EQ(stream.arrivals(), one_by_one.arrivals());
}

TEST(RecordingStream, WhatComesTooLateIsCountedAndTimesNeverGoBack) {
  WrittenRun run(nanos(seconds(1000)), 1);
  run.segment({{nanos(seconds(1)), nanos(seconds(40))}, {nanos(seconds(2))}, {nanos(seconds(50))}});
  RecordingStream stream(run.starts, {.span = seconds(5)});
  const Drained drained = drain(stream, run.files);
  ASSERT_EQ(drained.arrivals.size(), 4u);
  EXPECT_EQ(stream.late(),
            0u);  // the second block came before 40 - 5 s were due: nothing had left but 1 s
  EXPECT_TRUE(std::ranges::is_sorted(drained.arrivals, {}, [](const auto& a) { return a.first; }));

  WrittenRun late(nanos(seconds(1000)), 1);
  late.segment({{nanos(seconds(1)), nanos(seconds(20))},
                {nanos(seconds(40))},
                {nanos(seconds(41))},
                {nanos(seconds(2))}});
  RecordingStream second(late.starts, {.span = seconds(5)});
  const Drained again = drain(second, late.files);
  ASSERT_EQ(again.arrivals.size(), 5u);
  EXPECT_EQ(second.late(), 1u);
  EXPECT_EQ(again.arrivals[2].second, 5u);  // after 1 s and 20 s had left
  EXPECT_EQ(again.arrivals[2].first,
            nanos(seconds(1000) + seconds(20)));  // with the time of the one before it
}

// Found by planning over an imported log of thin traffic: a block of it spans hours.
TEST(RecordingStream, FlightsAreMetHoweverFarApartTheArrivalsOfABlockAre) {
  WrittenRun run(nanos(seconds(1000)), 1);
  run.prompt = true;
  std::vector<std::vector<std::int64_t>> blocks;
  for (std::int64_t block = 0; block < 4; ++block) {
    blocks.emplace_back();
    for (std::int64_t i = 0; i < 30; ++i)
      blocks.back().push_back(nanos(seconds(60 * (30 * block + i))));
  }
  run.segment(blocks);
  RecordingStream stream(run.starts, {.span = seconds(5)});
  const Drained drained = drain(stream, run.files);
  EXPECT_EQ(drained.arrivals, run.all);
  EXPECT_EQ(drained.joined, 40u);  // every third of 120
  EXPECT_TRUE(drained.joined_rightly);
}

TEST(RecordingStream, HoldsSoManyAndNoMore) {
  WrittenRun run(nanos(seconds(1000)), 1);
  std::mt19937_64 random(3);
  run.flies = false;
  run.segment(jittered(0, 10, milliseconds(1), random));  // 200 arrivals in two seconds
  RecordingStream stream(run.starts, {.span = seconds(60), .held = 50});
  const Drained drained = drain(stream, run.files);
  EXPECT_EQ(drained.arrivals, run.all);  // they stood in order
  EXPECT_EQ(stream.squeezed(),
            150u);  // all but the last fifty, which had their time when the end was known
}

TEST(RecordingStream, ShapesOfSegmentsGoneByGo) {
  WrittenRun run(nanos(seconds(1000)), 1);
  std::mt19937_64 random(5);
  for (int i = 0; i < 30; ++i)
    run.segment(jittered(nanos(seconds(100 * i)), 5, milliseconds(5), random));
  RecordingStream stream(run.starts, {.span = seconds(5), .shapes = 150});
  const Drained drained = drain(stream, run.files);
  EXPECT_EQ(drained.arrivals, run.all);
  EXPECT_TRUE(drained.shapes_were_there);
  // A segment has 100 clients and 26 paths; all together had 3,000.
  EXPECT_LT(drained.most_shapes, 450u);
  EXPECT_GT(stream.recording().generation, 0u);
}

TEST(RecordingStream, ASegmentThatCannotBeReadIsLeftOut) {
  WrittenRun run(nanos(seconds(1000)), 1);
  for (int i = 0; i < 3; ++i) run.segment({{nanos(seconds(i))}});
  run.files[0] = "weirseg\x63";
  RecordingStream stream(run.starts);
  std::vector<std::uint64_t> sequences;
  for (bool more = true; more;) {
    switch (stream.next()) {
      case RecordingStream::Next::end:
        more = false;
        break;
      case RecordingStream::Next::arrival:
        sequences.push_back(stream.arrival().exchange.sequence);
        break;
      case RecordingStream::Next::segment:
        if (stream.wanted() == 1)
          stream.give(fail(ErrorKind::not_found, "gone"));
        else
          stream.give(run.files[stream.wanted()]);
    }
  }
  EXPECT_EQ(sequences, std::vector<std::uint64_t>{3});
  ASSERT_EQ(stream.left_out().size(), 2u);
  EXPECT_EQ(stream.left_out()[0].segment, 0u);
  EXPECT_EQ(to_string(stream.left_out()[0].why), "a segment file of another version");
  EXPECT_EQ(to_string(stream.left_out()[1].why), "gone");
}

TEST(SegmentReader, AGrowingFileGivesEachBlockOnce) {
  WrittenRun run(nanos(seconds(1000)), 1);
  std::mt19937_64 random(11);
  run.segment(jittered(0, 4, milliseconds(1), random));
  const std::string& file = run.files[0];
  Recording recording;
  SegmentReader reader(recording, 0);
  RecordedBlock block;
  std::vector<std::pair<std::int64_t, std::uint64_t>> read;
  for (std::size_t size = 0; size <= file.size(); ++size) {
    const auto rest = bytes_of(file).first(size).subspan(static_cast<std::size_t>(reader.taken()));
    const auto more = reader.next(rest, SegmentReader::Tail::growing, block);
    ASSERT_TRUE(more) << to_string(more.error());
    for (const RecordedArrival& a : block.arrivals)
      read.emplace_back(a.stamp.time_since_epoch().count(), a.exchange.sequence);
  }
  EXPECT_EQ(read, run.all);
  EXPECT_EQ(reader.taken(), file.size());
  EXPECT_EQ(recording.damage.blocks, 0u);
}

}  // namespace
}  // namespace weir::record
