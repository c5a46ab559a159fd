#include "export/scribe.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/temp_folder_for_tests.h"
#include "export/log_file.h"
#include "export/segment_files.h"
#include "export/worker_records.h"
#include "fmt/core.h"
#include "model/request_id.h"
#include "record/segment.h"

namespace weir::exporting {
namespace {

namespace fs = std::filesystem;
constexpr HashKey kKey{.k0 = 5, .k1 = 6};

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ScribeTest : public testing::Test {
 protected:
  ScribeTest() {
    policy_.revision = 1;
    policy_.hash = "cafe";
    policy_.listeners.emplace_back().name = names_.intern("public");
    shaper_ = std::make_shared<record::Shaper>(policy_, names_, kKey);
  }

  ScribeOptions options() const {
    return {.access_log = folder_ + "/access.log", .segments = folder_ + "/segments", .min_free_percent = 0,
            .key = kKey, .start_id = 1234};
  }
  std::unique_ptr<Scribe> start(const ScribeOptions& options, std::vector<WorkerRecords*> workers) {
    std::vector<Lane*> logs, records;
    for (WorkerRecords* worker : workers) {
      logs.push_back(worker->log_lane());
      records.push_back(worker->record_lane());
    }
    auto scribe = Scribe::start(options, names_, logs, records);
    EXPECT_TRUE(scribe) << (scribe ? "" : to_string(scribe.error()));
    return std::move(*scribe);
  }
  void exchange(WorkerRecords& worker, std::uint16_t id, std::uint64_t sequence, std::string_view path = "/orders/1") {
    Verdict verdict;
    const Facts facts{.listener = ListenerId{0}, .method = "GET", .host = "h", .path = path, .client = Address::v4(1, 2, 3, 4)};
    const ExchangeId exchange{.worker = WorkerId{id}, .sequence = sequence};
    worker.arrived({.stamp = stamp_from_nanos(static_cast<std::int64_t>(sequence)), .exchange = exchange, .revision = 1},
                   {.policy = policy_, .verdict = verdict, .facts = &facts});
    ExchangeRecord record;
    record.exchange = exchange;
    record.revision = 1;
    worker.finished(record, {.method = "GET", .host = "h", .path = path});
  }
  record::Recording recorded() const {
    record::Recording recording;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ + "/segments")) files.push_back(entry.path());
    std::ranges::sort(files);
    for (const fs::path& path : files) {
      const std::string bytes = read_file(path);
      EXPECT_TRUE(record::read_segment(std::as_bytes(std::span(bytes)), recording)) << path;
    }
    record::sort_arrivals(recording);
    return recording;
  }
  std::size_t log_lines(const std::string& name = "access.log") const {
    const std::string log = read_file(folder_ + "/" + name);
    return static_cast<std::size_t>(std::ranges::count(log, '\n'));
  }

  const TempFolder temp_;
  const std::string folder_ = temp_.path();
  NameTable names_;
  Policy policy_;
  std::shared_ptr<record::Shaper> shaper_;
};

TEST_F(ScribeTest, WritesWhatTwoWorkersHandedOver) {
  WorkerRecords a(names_, {}), b(names_, {});
  a.use(1, shaper_);
  b.use(1, shaper_);
  auto scribe = start(options(), {&a, &b});
  scribe->policy(policy_, shaper_->literals(),
                 std::make_shared<const record::RecordedConfiguration>(record::RecordedConfiguration{
                     .hash = "cafe", .directory = "/etc", .files = {{.name = "gateway.yaml", .text = "version: 1\n"}}}));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    exchange(a, 0, i);
    exchange(b, 1, i);
  }
  a.tick({});
  b.tick({});
  scribe->flush();
  EXPECT_EQ(log_lines(), 2000u);
  record::Recording recording = recorded();
  EXPECT_EQ(recording.arrivals.size(), 2000u);
  EXPECT_EQ(recording.damage.blocks, 0u);
  EXPECT_EQ(recording.installation, InstallationId::of(kKey));
  ASSERT_NE(recording.policy(1), nullptr);
  EXPECT_EQ(recording.policy(1)->hash, "cafe");
  ASSERT_TRUE(recording.configurations.contains("cafe"));
  EXPECT_EQ(recording.configurations.at("cafe").files[0].text, "version: 1\n");
  // Nothing was sent in answer to any, so all are bad and all are kept.
  std::set<ExchangeId> flights;
  for (const record::Flight& flight : recording.flights) flights.insert(flight.exchange);
  EXPECT_EQ(flights.size(), 2000u);
  EXPECT_EQ(recording.flights.size(), 2000u);
  for (const Arrival& arrival : recording.arrivals) {
    ASSERT_NE(recording.shape<TargetShape>(arrival.target), nullptr);
    ASSERT_NE(recording.shape<ClientShape>(arrival.client), nullptr);
  }
  const ScribeStatus status = scribe->status();
  EXPECT_EQ(status.arrivals, 2000u);
  EXPECT_EQ(status.last_error, "");
  // Shutdown writes what came after.
  exchange(a, 0, 5000);
  a.tick({});
  scribe.reset();
  EXPECT_EQ(log_lines(), 2001u);
  EXPECT_EQ(recorded().arrivals.size(), 2001u);
}

TEST_F(ScribeTest, EverySegmentHoldsTheShapesOfItsArrivals) {
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  ScribeOptions small = options();
  small.segment_bytes = 1000;
  small.tick = std::chrono::milliseconds(1);
  auto scribe = start(small, {&worker});
  for (std::uint64_t i = 0; i < 40; ++i) {
    for (std::uint64_t n = 0; n < 50; ++n) exchange(worker, 0, i * 50 + n);
    worker.tick({});
    scribe->flush();
  }
  EXPECT_GT(scribe->status().segments, 3u);
  EXPECT_EQ(scribe->status().record_buffers_dropped, 0u);
  scribe.reset();
  std::size_t total = 0;
  for (const auto& entry : fs::directory_iterator(folder_ + "/segments")) {
    const std::string bytes = read_file(entry.path());
    record::Recording one;
    ASSERT_TRUE(record::read_segment(std::as_bytes(std::span(bytes)), one));
    total += one.arrivals.size();
    for (const Arrival& arrival : one.arrivals) ASSERT_NE(one.shape<TargetShape>(arrival.target), nullptr);
  }
  EXPECT_EQ(total, 2000u);
}

TEST_F(ScribeTest, TheOldestSegmentsGoWhenAllTogetherAreTooLarge) {
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  ScribeOptions small = options();
  small.segment_bytes = 2000;
  policy_.record.max_bytes = Bytes{10'000};
  small.tick = std::chrono::milliseconds(1);
  auto scribe = start(small, {&worker});
  scribe->policy(policy_, shaper_->literals());
  for (std::uint64_t i = 0; i < 500; ++i) {
    for (std::uint64_t n = 0; n < 50; ++n) exchange(worker, 0, i * 50 + n);
    worker.tick({});
    scribe->flush();
  }
  const std::uint64_t begun = scribe->status().segments;
  scribe.reset();
  std::vector<std::string> names;
  std::uint64_t total = 0;
  for (const auto& entry : fs::directory_iterator(folder_ + "/segments")) {
    names.push_back(entry.path().filename());
    total += entry.file_size();
  }
  std::ranges::sort(names);
  EXPECT_GT(begun, 2 * names.size());
  EXPECT_GT(names.size(), 1u);
  EXPECT_LT(total, 15'000u);
  EXPECT_EQ(names.back(), fmt::format("0000000000000001234-{:06}.weirseg", begun));
}

TEST_F(ScribeTest, NamesOfARunAreBehindThoseOfBefore) {
  const std::string segments = folder_ + "/segments";
  EXPECT_EQ(start_id(segments, wall_from_nanos(1000)), 1000u);  // no folder yet
  fs::create_directory(segments);
  for (const char* name : {"0000000000000000700-000012.weirseg", "notes-000001.weirseg",
                           "12-1.weirseg", "99999999999999999999-000001.weirseg"})
    std::ofstream(segments + "/" + name) << "x";
  EXPECT_EQ(start_id(segments, wall_from_nanos(1000)), 1000u);
  EXPECT_EQ(start_id(segments, wall_from_nanos(600)), 701u);  // the clock was put back
}

// The clock was put back: segments of before have the later names.
TEST_F(ScribeTest, WhatIsBeingWrittenStaysWhateverTheOthersAreNamed) {
  fs::create_directory(folder_ + "/segments");
  for (const char* name : {"9000000000000000001-000001", "9000000000000000001-000002"})
    std::ofstream(folder_ + "/segments/" + name + ".weirseg") << std::string(9000, 'x');
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  ScribeOptions small = options();
  small.segment_bytes = 2000;
  policy_.record.max_bytes = Bytes{10'000};
  small.tick = std::chrono::milliseconds(1);
  auto scribe = start(small, {&worker});
  scribe->policy(policy_, shaper_->literals());
  for (std::uint64_t i = 0; i < 200; ++i) {
    for (std::uint64_t n = 0; n < 50; ++n) exchange(worker, 0, i * 50 + n);
    worker.tick({});
    scribe->flush();
  }
  const std::uint64_t begun = scribe->status().segments;
  scribe.reset();
  ASSERT_GT(begun, 2u);
  for (const std::uint64_t number : {begun - 1, begun})
    EXPECT_TRUE(
        fs::exists(fmt::format("{}/segments/0000000000000001234-{:06}.weirseg", folder_, number)))
        << number;
}

TEST_F(ScribeTest, SegmentsOlderThanThePolicyKeepsThemGo) {
  fs::create_directory(folder_ + "/segments");
  const auto now = fs::file_time_type::clock::now();
  for (const auto& [name, age] : {std::pair("0000000000000000001-000001", std::chrono::hours(73)),
                                  std::pair("0000000000000000002-000001", std::chrono::hours(71))}) {
    const fs::path path = folder_ + "/segments/" + name + ".weirseg";
    std::ofstream(path) << "x";
    fs::last_write_time(path, now - age);
  }
  policy_.record.keep = std::chrono::hours(72);
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  auto scribe = start(options(), {&worker});
  scribe->policy(policy_, shaper_->literals());
  exchange(worker, 0, 1);
  worker.tick({});
  scribe->flush();
  EXPECT_FALSE(fs::exists(folder_ + "/segments/0000000000000000001-000001.weirseg"));
  EXPECT_TRUE(fs::exists(folder_ + "/segments/0000000000000000002-000001.weirseg"));
}

// Or the segment of a gateway with little traffic would be written to for ever, and never be too old.
TEST_F(ScribeTest, ANewSegmentBeginsAfterAnEighthOfTheAge) {
  policy_.record.keep = std::chrono::milliseconds(80);
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  ScribeOptions often = options();
  often.tick = std::chrono::milliseconds(1);
  auto scribe = start(often, {&worker});
  scribe->policy(policy_, shaper_->literals());
  exchange(worker, 0, 1);
  worker.tick({});
  scribe->flush();
  const std::uint64_t before = scribe->status().segments;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  scribe->flush();
  EXPECT_GT(scribe->status().segments, before);
}

TEST_F(ScribeTest, ReopensTheLogWhereItWasMovedAway) {
  WorkerRecords worker(names_, {});
  auto scribe = start(options(), {&worker});
  exchange(worker, 0, 1);
  worker.tick({});
  scribe->flush();
  fs::rename(folder_ + "/access.log", folder_ + "/access.log.1");
  exchange(worker, 0, 2);
  worker.tick({});
  scribe->reopen();
  scribe->flush();
  exchange(worker, 0, 3);
  worker.tick({});
  scribe->flush();
  EXPECT_EQ(log_lines("access.log.1") + log_lines(), 3u);
  EXPECT_GE(log_lines("access.log.1"), 1u);
  EXPECT_GE(log_lines(), 1u);
}

TEST_F(ScribeTest, FollowsAPolicyThatNamesAnotherLogOrNone) {
  WorkerRecords worker(names_, {});
  auto scribe = start(options(), {&worker});
  scribe->set_access_log(folder_ + "/second.log");
  scribe->flush();
  exchange(worker, 0, 1);
  worker.tick({});
  scribe->flush();
  EXPECT_EQ(log_lines("second.log"), 1u);
  scribe->set_access_log("");
  scribe->flush();
  EXPECT_FALSE(worker.log_lane()->wanted());
  exchange(worker, 0, 2);
  worker.tick({});
  scribe->flush();
  EXPECT_EQ(log_lines("second.log"), 1u);
}

TEST_F(ScribeTest, ALogThatCannotBeOpenedIsAnErrorAtTheStart) {
  WorkerRecords worker(names_, {});
  ScribeOptions bad = options();
  bad.access_log = folder_ + "/missing/access.log";
  const auto scribe = Scribe::start(bad, names_, {worker.log_lane()}, {worker.record_lane()});
  ASSERT_FALSE(scribe);
  EXPECT_EQ(to_string(scribe.error()),
            "cannot open the access log " + bad.access_log + ": No such file or directory");
}

TEST_F(ScribeTest, AFullDiskCostsLinesAndNothingElse) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  WorkerRecords worker(names_, {.log_buffers = 2});
  worker.use(1, shaper_);
  ScribeOptions full = options();
  full.access_log = "/dev/full";
  auto scribe = start(full, {&worker});
  for (std::uint64_t i = 0; i < 100; ++i) {
    exchange(worker, 0, i);
    worker.tick({});
    scribe->flush();
  }
  const ScribeStatus status = scribe->status();
  EXPECT_GT(status.log_buffers_dropped, 0u);
  EXPECT_EQ(status.last_error, "cannot write the access log /dev/full: No space left on device");
  EXPECT_EQ(recorded().arrivals.size(), 100u);
}

TEST_F(ScribeTest, RecordingBeginsWithThePolicyThatWantsIt) {
  WorkerRecords worker(names_, {});
  auto scribe = start(options(), {&worker});
  exchange(worker, 0, 1);   // no Shaper: `record: false`
  worker.tick({});
  scribe->flush();
  EXPECT_TRUE(fs::is_empty(folder_ + "/segments"));
  scribe->policy(policy_, shaper_->literals());
  worker.use(1, shaper_);
  exchange(worker, 0, 2);
  worker.tick({});
  scribe.reset();
  EXPECT_EQ(recorded().arrivals.size(), 1u);
}

TEST_F(ScribeTest, AFolderThatCannotBeMadeIsAnErrorAtTheStart) {
  WorkerRecords worker(names_, {});
  ScribeOptions bad = options();
  bad.segments = folder_ + "/missing/segments";
  const auto scribe = Scribe::start(bad, names_, {worker.log_lane()}, {worker.record_lane()});
  ASSERT_FALSE(scribe);
  EXPECT_EQ(to_string(scribe.error()), "cannot record in the folder " + bad.segments + ": No such file or directory");
}

// A quota, a disk that answers with errors: not a new empty segment every second, and on when it is
// over.
TEST_F(ScribeTest, WritesThatFailLeaveNoEmptySegments) {
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  ScribeOptions alone = options();
  alone.access_log.clear();
  alone.tick = alone.idle_tick = std::chrono::milliseconds(1);
  auto scribe = start(alone, {&worker});
  const auto files = [&] {
    return std::distance(fs::directory_iterator(folder_ + "/segments"), fs::directory_iterator());
  };
  std::uint64_t sequence = 0;
  const auto record = [&] {
    exchange(worker, 0, ++sequence);
    worker.tick({});
    scribe->flush();
  };
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  const auto old = std::signal(SIGXFSZ, SIG_IGN);  // EFBIG then
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  scribe->policy(policy_, shaper_->literals());
  for (int i = 0; i < 10; ++i) record();
  const ScribeStatus failing = scribe->status();
  const auto left = files();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_GT(failing.segment_errors, 0u);
  EXPECT_NE(failing.last_error, "");
  EXPECT_EQ(failing.segments, 1u);
  EXPECT_EQ(left, 1);
  for (int i = 0; i < 100 && scribe->status().segment_bytes == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    record();
  }
  for (int i = 0; i < 3; ++i) record();
  EXPECT_EQ(scribe->status().last_error, "");
  scribe.reset();
  EXPECT_EQ(files(), 1);
  const record::Recording recording = recorded();
  EXPECT_EQ(recording.damage.blocks, 0u);
  ASSERT_FALSE(recording.arrivals.empty());
  EXPECT_EQ(recording.arrivals.back().exchange.sequence, sequence);
  EXPECT_NE(recording.shape<TargetShape>(recording.arrivals.back().target), nullptr);
}

TEST_F(ScribeTest, RecordingStopsBeforeTheDiskIsFull) {
  WorkerRecords worker(names_, {});
  worker.use(1, shaper_);
  ScribeOptions low = options();
  low.min_free_percent = 101;   // never enough
  auto scribe = start(low, {&worker});
  exchange(worker, 0, 1);
  worker.tick({});
  scribe->flush();
  EXPECT_TRUE(scribe->status().disk_low);
  EXPECT_EQ(scribe->status().record_buffers_dropped, 1u);
  EXPECT_EQ(log_lines(), 1u);
}

Result<> write(LogFile& log, std::vector<std::string*> texts) {
  std::vector<iovec> pieces;
  for (std::string* text : texts) pieces.push_back({.iov_base = text->data(), .iov_len = text->size()});
  std::span<iovec> left(pieces);
  return log.write(left, std::chrono::milliseconds(20));
}

TEST(LogFile, AFileGetsAllPiecesInOrder) {
  const TempFolder folder;
  const std::string path = folder.path() + "/log";
  auto log = LogFile::open(path);
  ASSERT_TRUE(log);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 2 * LogFile::kPiecesMax + 3; ++i) texts.push_back(std::string(i % 5 * 1000, 'a') + std::to_string(i) + "\n");
  std::vector<std::string*> all;
  std::string wanted;
  for (std::string& text : texts) {
    all.push_back(&text);
    wanted += text;
  }
  ASSERT_TRUE(write(*log, all));
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), wanted);
}

TEST(LogFile, WhatAFullDiskDoesNotTakeIsLeft) {
  auto log = LogFile::open("/dev/full");   // full(4): each write fails with ENOSPC
  ASSERT_TRUE(log);
  std::string first = "one\n", second = "two\n";
  std::vector<iovec> pieces = {{first.data(), first.size()}, {second.data(), second.size()}};
  std::span<iovec> left(pieces);
  const auto failed = log->write(left);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::full);
  EXPECT_EQ(left.size(), 2u);
}

TEST(LogFile, APipeThatNobodyReadsFailsInTimeAndGoesOnWithAWholeLine) {
  const TempFolder folder;
  const std::string path = folder.path() + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  auto log = LogFile::open(path);
  ASSERT_TRUE(log);
  std::string lines(1 << 20, 'x');
  const auto failed = write(*log, {&lines});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::timeout);
  std::string room(1 << 20, '\0');
  while (::read(reader, room.data(), room.size()) > 0) {}
  std::string line = "whole\n";
  ASSERT_TRUE(write(*log, {&line}));
  const ssize_t got = ::read(reader, room.data(), room.size());
  EXPECT_EQ(room.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0))), "\nwhole\n");
  ::close(reader);
}

// Producers and the scribe at full speed: every line and every arrival is written or counted. (Run under TSan as well.)
TEST_F(ScribeTest, NothingIsLostUncounted) {
  WorkerRecords a(names_, {.log_buffers = 4, .record_buffers = 4}), b(names_, {.log_buffers = 4, .record_buffers = 4});
  ScribeOptions fast = options();
  fast.segment_bytes = 20'000;
  fast.tick = std::chrono::milliseconds(1);
  auto scribe = start(fast, {&a, &b});
  constexpr std::uint64_t kEach = 30'000;
  const auto work = [&](WorkerRecords& worker, std::uint16_t id) {
    worker.use(1, shaper_);
    for (std::uint64_t i = 0; i < kEach; ++i) {
      exchange(worker, id, i, i % 2 == 0 ? "/orders/1" : "/catalog");
      if (i % 1000 == 0) {
        worker.tick({});
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    }
    worker.tick({});
  };
  std::thread first([&] { work(a, 0); }), second([&] { work(b, 1); });
  for (int i = 0; i < 20; ++i) {
    scribe->reopen();
    scribe->flush();
    (void)scribe->status();
  }
  first.join();
  second.join();
  scribe.reset();
  const std::array<const MetricsShard*, 2> shards = {&a.metrics(), &b.metrics()};
  const MetricsSnapshot snapshot = read_metrics(shards);
  EXPECT_EQ(log_lines() + snapshot.dropped[static_cast<std::size_t>(MetricsShard::Drop::log_line)], 2 * kEach);
  EXPECT_EQ(recorded().arrivals.size() + snapshot.dropped[static_cast<std::size_t>(MetricsShard::Drop::arrival)], 2 * kEach);
  EXPECT_EQ(recorded().flights.size() + snapshot.dropped[static_cast<std::size_t>(MetricsShard::Drop::flight)], 2 * kEach);
}

}  // namespace
}  // namespace weir::exporting
