#include "record/flight.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "record/arrivals.h"
#include "record/segment.h"

namespace weir::record {
namespace {

// Which exchanges are bad, by the list of flight.h.
TEST(Flight, IsBadWhereSomebodyWasHurt) {
  const auto with = [](int status, Cause cause = Cause::none, Phase phase = Phase::none) {
    ExchangeRecord record;
    record.status = static_cast<std::uint16_t>(status);
    record.cause = cause;
    record.timeout_phase = phase;
    return is_bad(record);
  };
  for (const int status : {200, 204, 304, 400, 404, 405, 499}) EXPECT_FALSE(with(status)) << status;
  for (const int status : {401, 403, 429, 500, 502, 503, 504, 599}) EXPECT_TRUE(with(status)) << status;
  EXPECT_TRUE(with(0));                                               // nothing was sent
  EXPECT_TRUE(with(200, Cause::body_truncated));
  EXPECT_TRUE(with(200, Cause::client_gone));
  EXPECT_TRUE(with(408, Cause::request_timeout, Phase::head));
  EXPECT_FALSE(with(404, Cause::no_route));
}

ExchangeRecord finished(std::int64_t at_ms, std::uint32_t client, std::uint16_t status = 200) {
  ExchangeRecord record;
  record.arrived = stamp_from_nanos(at_ms * 1'000'000);
  record.client = Address::v4(10, static_cast<std::uint8_t>(client >> 16), static_cast<std::uint8_t>(client >> 8),
                              static_cast<std::uint8_t>(client));
  record.status = status;
  return record;
}

TEST(FlightSampler, KeepsAllWhileThereAreFew) {
  FlightSampler sampler;
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(sampler.weight(finished(i * 20, i), ""), 1);   // 50 a second
}

TEST(FlightSampler, KeepsAllBadOnesHoweverMany) {
  FlightSampler sampler;
  for (std::uint32_t i = 0; i < 100'000; ++i) EXPECT_EQ(sampler.weight(finished(i / 100, i, 429), ""), 1);
}

// Its second may be over: what is counted of this one does not begin anew.
TEST(FlightSampler, KeepsWhatWasHeldBackAndGoesOnCounting) {
  FlightSampler sampler;
  int kept = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    kept += sampler.weight(finished(9000, 1), "") == 1;
    ExchangeRecord held = finished(2000, 1, 504);
    held.late.result = LateResult::none;
    EXPECT_EQ(sampler.weight(held, ""), 1);
  }
  EXPECT_EQ(kept, FlightSampler::kQuiet);
}

// 4,000 callers of 10 requests a second each, for ten seconds: whoever is kept is kept whole, about one of four is, and
// the weights add up to what there was (within five standard deviations of a draw of callers).
TEST(FlightSampler, KeepsAFourthOfTheCallersWhole) {
  constexpr std::uint32_t kCallers = 4000;
  FlightSampler sampler;
  for (std::uint32_t i = 0; i < 2 * FlightSampler::kQuiet; ++i) sampler.weight(finished(0, i), "");   // no longer quiet
  std::map<std::string, std::pair<int, int>> seen;   // sent, kept
  std::uint64_t total = 0;
  for (int round = 0; round < 100; ++round) {
    for (std::uint32_t caller = 0; caller < kCallers; ++caller) {
      const std::string name = caller % 2 == 0 ? "caller-" + std::to_string(caller) : "";
      const int weight = sampler.weight(finished(round * 100, caller), name);
      EXPECT_TRUE(weight == 0 || weight == FlightSampler::kShare);
      auto& [sent, kept] = seen[name + "/" + std::to_string(caller)];
      ++sent;
      kept += weight > 0;
      total += static_cast<std::uint64_t>(weight);
    }
  }
  int whole = 0;
  for (const auto& [name, counts] : seen) {
    EXPECT_TRUE(counts.second == 0 || counts.second == counts.first) << name;
    whole += counts.second > 0;
  }
  const double deviation = std::sqrt(kCallers * 0.25 * 0.75);
  EXPECT_NEAR(whole, kCallers / 4.0, 5 * deviation);
  EXPECT_EQ(total, static_cast<std::uint64_t>(whole) * 100 * FlightSampler::kShare);
}

// One caller who never rests: of 1,000 hours about 250 are kept, each whole.
TEST(FlightSampler, EveryCallerHasItsTurn) {
  FlightSampler sampler;
  int kept = 0;
  for (std::int64_t hour = 1; hour <= 1000; ++hour) {
    std::set<std::uint8_t> weights;
    for (std::uint32_t i = 0; i < 200; ++i) {
      const std::uint8_t weight = sampler.weight(finished(hour * 3'600'000, 1), "acme");
      if (i >= FlightSampler::kQuiet) weights.insert(weight);
    }
    EXPECT_EQ(weights.size(), 1u) << hour;
    kept += weights.contains(FlightSampler::kShare);
  }
  EXPECT_NEAR(kept, 250, 5 * std::sqrt(1000 * 0.25 * 0.75));
}

RC_GTEST_PROP(Flight, ColumnsReadBackAnyFlights, ()) {
  NameTable names;
  std::vector<NameId> ids = {NameId::none()};
  for (const char* name : {"a", "b", "c"}) ids.push_back(names.intern(name));
  const auto name = rc::gen::elementOf(ids);
  const auto time = rc::gen::map(rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000), [](std::int64_t us) { return Nanos(us * 1000); });
  std::vector<Flight> flights(*rc::gen::inRange<std::size_t>(0, 100));
  for (Flight& f : flights) {
    f = {.exchange = {.worker = WorkerId{*rc::gen::inRange<std::uint16_t>(0, 4)}, .sequence = *rc::gen::arbitrary<std::uint64_t>()},
         .arrived = stamp_from_nanos(*rc::gen::arbitrary<std::int64_t>()), .head_time = *time, .connect_time = *time,
         .response_time = *time, .total_time = *time, .bytes_in = *rc::gen::arbitrary<std::uint64_t>(),
         .bytes_out = *rc::gen::arbitrary<std::uint64_t>(), .revision = *rc::gen::arbitrary<std::uint32_t>(),
         .in_flight = *rc::gen::arbitrary<std::uint32_t>(), .route = *name, .upstream = *name, .endpoint = *name,
         .timeout_line = *rc::gen::arbitrary<std::uint32_t>(), .status = *rc::gen::arbitrary<std::uint16_t>(),
         .upstream_status = *rc::gen::arbitrary<std::uint16_t>(),
         .timeout_phase = static_cast<Phase>(*rc::gen::inRange(0, static_cast<int>(Phase::total) + 1)),
         .cause = static_cast<Cause>(*rc::gen::inRange(0, static_cast<int>(Cause::count_))),
         .attempts = *rc::gen::arbitrary<std::uint8_t>(), .flags = *rc::gen::arbitrary<std::uint8_t>(),
         .violation = *rc::gen::arbitrary<std::uint8_t>(), .weight = *rc::gen::arbitrary<std::uint8_t>()};
    f.late = *rc::gen::element(LateResult::not_asked, LateResult::not_asked, LateResult::success, LateResult::failure, LateResult::none, LateResult::dropped);
    if (f.late != LateResult::not_asked) {
      f.late_status = *rc::gen::arbitrary<std::uint16_t>();
      f.late_micros = *rc::gen::arbitrary<std::uint32_t>();
    }
    f.auth = *rc::gen::element(AuthResult::none, AuthResult::none, AuthResult::allowed, AuthResult::denied, AuthResult::unavailable);
    if (f.auth == AuthResult::none) continue;
    f.auth_upstream = *name;
    f.auth_micros = *rc::gen::arbitrary<std::uint32_t>();
  }
  std::vector<std::byte> room(100'000);
  ByteWriter writer(room);
  encode_flights(flights, names, writer);
  RC_ASSERT(writer.ok());
  ByteReader reader(std::span(room).first(writer.size()));
  NameTable read_names;
  std::vector<Flight> read;
  RC_ASSERT(decode_flights(reader, 0, read_names, read));
  RC_ASSERT(read.size() == flights.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    const Flight &a = flights[i], &b = read[i];
    RC_ASSERT(a.exchange == b.exchange);
    RC_ASSERT(a.arrived == b.arrived);
    RC_ASSERT(a.head_time == b.head_time);
    RC_ASSERT(a.connect_time == b.connect_time);
    RC_ASSERT(a.response_time == b.response_time);
    RC_ASSERT(a.total_time == b.total_time);
    RC_ASSERT(a.bytes_in == b.bytes_in);
    RC_ASSERT(a.bytes_out == b.bytes_out);
    RC_ASSERT(a.revision == b.revision);
    RC_ASSERT(a.in_flight == b.in_flight);
    RC_ASSERT(names.text(a.route) == read_names.text(b.route));
    RC_ASSERT(names.text(a.upstream) == read_names.text(b.upstream));
    RC_ASSERT(names.text(a.endpoint) == read_names.text(b.endpoint));
    RC_ASSERT(a.auth == b.auth);
    RC_ASSERT(names.text(a.auth_upstream) == read_names.text(b.auth_upstream));
    RC_ASSERT(a.auth_micros == b.auth_micros);
    RC_ASSERT(a.late == b.late);
    RC_ASSERT(a.late_status == b.late_status);
    RC_ASSERT(a.late_micros == b.late_micros);
    RC_ASSERT(a.timeout_line == b.timeout_line);
    RC_ASSERT(a.status == b.status);
    RC_ASSERT(a.upstream_status == b.upstream_status);
    RC_ASSERT(a.timeout_phase == b.timeout_phase);
    RC_ASSERT(a.cause == b.cause);
    RC_ASSERT(a.attempts == b.attempts);
    RC_ASSERT(a.flags == b.flags);
    RC_ASSERT(a.violation == b.violation);
    RC_ASSERT(a.weight == b.weight);
  }
}

TEST(Flight, ANumberThatDoesNotFitIsDamage) {
  NameTable names;
  const Flight flight{.status = 200};
  std::vector<std::byte> room(1000);
  ByteWriter writer(room);
  encode_flights(std::span(&flight, 1), names, writer);
  room.resize(writer.size());
  std::vector<Flight> read;
  ByteReader sound(room);
  ASSERT_TRUE(decode_flights(sound, 0, names, read));
  // The last byte is the weight; one byte more and it is 2^7 * 100, beyond what its field holds.
  room.back() = std::byte{0x80};
  room.push_back(std::byte{100});
  ByteReader damaged(room);
  EXPECT_FALSE(decode_flights(damaged, 0, names, read));
  EXPECT_EQ(read.size(), 1u);
}

// One flight: three columns of auth, then three of late answers, a byte each.
TEST(Flight, ABlockFromBeforeAColumnWasAddedIsReadAsHavingNothingThere) {
  NameTable names;
  const Flight flight{.status = 504, .auth = AuthResult::allowed, .auth_micros = 5, .late = LateResult::success, .late_status = 100,
                      .late_micros = 7};
  std::vector<std::byte> room(1000);
  ByteWriter writer(room);
  encode_flights(std::span(&flight, 1), names, writer);
  std::vector<Flight> read;
  for (const std::size_t older : {0u, 3u, 6u}) {
    ByteReader reader(std::span(room).first(writer.size() - older));
    ASSERT_TRUE(decode_flights(reader, 0, names, read)) << older;
    EXPECT_EQ(read.back().late_status, older == 0 ? 100 : 0);
    EXPECT_EQ(read.back().late, older == 0 ? LateResult::success : LateResult::not_asked);
    EXPECT_EQ(read.back().auth, older < 6 ? AuthResult::allowed : AuthResult::none);
    EXPECT_EQ(read.back().status, 504);
  }
}

std::vector<std::byte> batch_of(const std::vector<Flight>& flights) {
  std::vector<std::byte> batch;
  for (const Flight& flight : flights) {
    std::array<std::byte, 160> room;
    const std::size_t used = put_flight(flight, room);
    EXPECT_GT(used, 0u);
    batch.insert(batch.end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(used));
  }
  return batch;
}

TEST(Flight, StandsInTheSegmentOnTheLineOfWallTime) {
  NameTable names;
  const Flight flight{.exchange = {.worker = WorkerId{1}, .sequence = 7}, .arrived = stamp_from_nanos(500),
                      .response_time = Nanos(2'345'678), .total_time = Nanos(3'000'999), .bytes_out = 10'000,
                      .route = names.intern("orders"), .status = 200, .upstream_status = 200, .attempts = 1, .weight = 4};
  std::string file;
  SegmentWriter writer({.installation = {77}, .wall = wall_from_nanos(1'000'000), .stamp = stamp_from_nanos(400)}, names, file);
  writer.add(batch_of({flight}));
  EXPECT_EQ(writer.arrivals(), 0u);
  writer.flush();
  Recording recording;
  ASSERT_TRUE(read_segment(std::as_bytes(std::span(file)), recording));
  EXPECT_EQ(recording.damage.blocks, 0u);
  ASSERT_EQ(recording.flights.size(), 1u);
  const Flight& read = recording.flights[0];
  EXPECT_EQ(read.exchange, flight.exchange);
  EXPECT_EQ(read.arrived, stamp_from_nanos(1'000'100));
  EXPECT_EQ(read.response_time, Nanos(2'345'000));   // whole microseconds
  EXPECT_EQ(read.total_time, Nanos(3'000'000));
  EXPECT_EQ(read.bytes_out, 10'000u);
  EXPECT_EQ(recording.names.text(read.route), "orders");
  EXPECT_EQ(read.weight, 4);
}

TEST(Configuration, StandsOncePerSegmentAndCanBeReadBack) {
  NameTable names;
  std::string file;
  SegmentWriter writer({.installation = {1}, .wall = {}, .stamp = {}}, names, file);
  const RecordedConfiguration configuration{.hash = "cafe", .directory = "/etc/weir",
                                            .files = {{.name = "gateway.yaml", .text = "version: 1\n"}, {.name = "b.yaml", .text = ""}}};
  writer.configuration(configuration);
  const std::size_t once = file.size();
  writer.configuration(configuration);
  EXPECT_EQ(file.size(), once);
  writer.policy({.revision = 2, .hash = "cafe", .literals = {}});
  Recording recording;
  ASSERT_TRUE(read_segment(std::as_bytes(std::span(file)), recording));
  ASSERT_TRUE(recording.configurations.contains("cafe"));
  EXPECT_EQ(recording.configurations.at("cafe").directory, "/etc/weir");
  EXPECT_EQ(recording.configurations.at("cafe").files, configuration.files);
  ASSERT_NE(recording.policy(2), nullptr);
}

// More than a block holds: said by its absence, and nothing else is lost.
TEST(Configuration, ThatDoesNotFitIsLeftOut) {
  NameTable names;
  std::string file;
  SegmentWriter writer({.installation = {1}, .wall = {}, .stamp = {}}, names, file);
  writer.configuration({.hash = "big", .directory = "/", .files = {{.name = "a", .text = std::string(kMaxBlock + 1, 'x')}}});
  writer.policy({.revision = 1, .hash = "big", .literals = {}});
  Recording recording;
  ASSERT_TRUE(read_segment(std::as_bytes(std::span(file)), recording));
  EXPECT_EQ(recording.damage.blocks, 0u);
  EXPECT_FALSE(recording.configurations.contains("big"));
  EXPECT_NE(recording.policy(1), nullptr);
}

}  // namespace
}  // namespace weir::record
