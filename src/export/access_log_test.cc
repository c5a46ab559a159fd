#include "export/access_log.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/json/parse.hpp>
#include <string>
#include <vector>

#include "http/violation.h"

namespace weir::exporting {
namespace {

std::string line_of(const ExchangeRecord& record, const ExchangeText& text, const NameTable& names) {
  std::string room(log_line_bound(text, names, record), '\0');
  TimeText time;
  room.resize(static_cast<std::size_t>(write_log_line(room.data(), record, text, names, time) - room.data()));
  return room;
}

TEST(TimeText, IsRfc3339WithMilliseconds) {
  TimeText time;
  const auto text = [&](std::int64_t nanos) {
    std::string out(TimeText::kSize, '\0');
    time.write(out.data(), wall_from_nanos(nanos));
    return out;
  };
  // date -u -d @N +%FT%TZ
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(text(951'782'400'000'000'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(text(1'767'323'045'678'999'999), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(text(1'767'323'045'999'999'999), "2026-01-02T03:04:05.999Z");
  EXPECT_EQ(text(-1), "1969-12-31T23:59:59.999Z");
}

TEST(AccessLog, OneLineHoldsTheExchange) {
  NameTable names;
  ExchangeRecord r;
  r.arrived_wall = wall_from_nanos(1'767'323'045'678'000'000);
  r.client = Address::v4(192, 0, 2, 17);
  r.listener = names.intern("public");
  r.route = names.intern("orders");
  r.upstream = names.intern("stable");
  r.endpoint = names.intern("127.0.0.1:9001");
  r.status = 200;
  r.revision = 42;
  r.bytes_in = 12;
  r.bytes_out = 3456;
  r.total_time = Nanos(12'345'678);
  r.response_time = Nanos(9'000'000);
  r.connect_time = Nanos(1'500);
  r.attempts = 1;
  EXPECT_EQ(line_of(r, {.request_id = "0123", .method = "GET", .host = "api.example.com", .path = "/orders/1",
                        .query = "page=2", .user_agent = "curl/8", .caller = "acme"}, names),
            R"({"time":"2026-01-02T03:04:05.678Z","request_id":"0123","client":"192.0.2.17","method":"GET",)"
            R"("host":"api.example.com","path":"/orders/1","status":200,"query":"page=2","user_agent":"curl/8",)"
            R"("caller":"acme","listener":"public","route":"orders","upstream":"stable","endpoint":"127.0.0.1:9001",)"
            R"("cause":"none","revision":42,"bytes_in":12,"bytes_out":3456,"duration_ms":12.345,"response_ms":9.000,)"
            "\"connect_ms\":0.001}\n");
}

TEST(AccessLog, RefusalsNameTheirRuleAndFailuresTheirReason) {
  NameTable names;
  ExchangeRecord r;
  r.client = *Address::parse("2001:db8::1");
  r.cause = Cause::response_timeout;
  r.status = 504;
  r.upstream_status = 0;
  r.rule = names.intern("orders");
  r.timeout_phase = Phase::response;
  r.timeout_line = 14;
  r.attempts = 2;
  r.hops = 3;
  r.violation = static_cast<std::uint8_t>(http::Violation::obs_fold);
  const auto json = boost::json::parse(line_of(r, {.detail = "no answer within 500ms"}, names)).as_object();
  EXPECT_EQ(json.at("client"), "2001:db8::1");
  EXPECT_EQ(json.at("cause"), "response_timeout");
  EXPECT_EQ(json.at("rule"), "orders");
  EXPECT_EQ(json.at("detail"), "no answer within 500ms");
  EXPECT_EQ(json.at("timeout_phase"), "response");
  EXPECT_EQ(json.at("timeout_line"), 14);
  EXPECT_EQ(json.at("attempts"), 2);
  EXPECT_EQ(json.at("hops"), 3);
  EXPECT_EQ(json.at("violation"), "obs_fold");
}

TEST(AccessLog, ALateAnswerIsToldOnlyWhereItWasWaitedFor) {
  NameTable names;
  ExchangeRecord r;
  r.status = 504;
  EXPECT_FALSE(boost::json::parse(line_of(r, {}, names)).as_object().contains("late"));
  r.late = {.result = LateResult::success, .status = 200, .micros = 150'250};
  const auto json = boost::json::parse(line_of(r, {}, names)).as_object();
  EXPECT_EQ(json.at("late"), "success");
  EXPECT_EQ(json.at("late_status"), 200);
  EXPECT_EQ(json.at("late_ms"), 150.25);
}

RC_GTEST_PROP(AccessLog, AnyBytesGiveOneLineOfStrictJsonWithinTheBound, ()) {
  const auto bytes = [](std::size_t most) {
    return rc::gen::map(rc::gen::arbitrary<std::string>(), [most](std::string s) { return s.substr(0, most); });
  };
  const std::string method = *bytes(32), host = *bytes(255), path = *bytes(1024), query = *bytes(1024),
                    agent = *bytes(256), caller = *bytes(128), detail = *bytes(256);
  NameTable names;
  ExchangeRecord r;
  r.route = names.intern(*bytes(64));
  r.bytes_in = r.bytes_out = UINT64_MAX;
  r.total_time = r.response_time = r.connect_time = Nanos::max();
  r.status = r.upstream_status = 65535;
  r.timeout_phase = Phase::response;
  r.timeout_line = r.revision = UINT32_MAX;
  r.attempts = r.hops = 255;
  r.violation = 1;
  r.flags = 255;
  const ExchangeText text{.request_id = "x", .method = method, .host = host, .path = path, .query = query,
                          .user_agent = agent, .caller = caller, .detail = detail, .traceparent = "00-"};
  const std::string line = line_of(r, text, names);
  RC_ASSERT(line.size() <= log_line_bound(text, names, r));
  RC_ASSERT(line.find('\n') == line.size() - 1);
  for (const char c : line.substr(0, line.size() - 1)) RC_ASSERT(static_cast<unsigned char>(c) >= 0x20);
  RC_ASSERT(boost::json::parse(line).is_object());
}

TEST(AccessLog, HandsOnFullBuffersAndWhatIsThereAtAFlush) {
  NameTable names;
  Lane lane(4);
  AccessLog log(lane, names);
  const ExchangeText text{.request_id = "id", .method = "GET", .host = "h", .path = "/p"};
  while (lane.waiting() == 0) log.write({}, text);
  Buffer* const full = lane.next();
  EXPECT_GT(full->used, kBufferSize - 2048);
  EXPECT_EQ(full->bytes[full->used - 1], std::byte{'\n'});
  lane.give_back(full);
  log.flush();
  Buffer* const rest = lane.next();
  ASSERT_NE(rest, nullptr);
  EXPECT_GT(rest->used, 0u);
  EXPECT_EQ(log.dropped(), 0u);
  log.flush();
  EXPECT_EQ(lane.next(), nullptr);   // nothing was written since
}

TEST(AccessLog, DropsAndCountsWhenNobodyTakesBuffers) {
  NameTable names;
  Lane lane(2);
  AccessLog log(lane, names);
  for (int i = 0; i < 2000; ++i) log.write({}, {.method = "GET", .host = "h", .path = "/p"});
  EXPECT_EQ(lane.waiting(), 2u);
  EXPECT_GT(log.dropped(), 0u);
  // Once there is room again it goes on.
  lane.give_back(lane.next());
  const std::uint64_t dropped = log.dropped();
  log.write({}, {.method = "GET", .host = "h", .path = "/p"});
  EXPECT_EQ(log.dropped(), dropped);
}

}  // namespace
}  // namespace weir::exporting
