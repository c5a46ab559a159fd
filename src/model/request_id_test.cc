#include "model/request_id.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace weir {
namespace {

TEST(RequestId, IsInstallationWorkerAndSequenceInHex) {
  const auto id = request_id({0x0123456789ab}, {.worker = WorkerId{0x00c1}, .sequence = 0xdeadbeef});
  EXPECT_EQ(id.view(), "0123456789ab00c100000000deadbeef");
}

TEST(RequestId, RefusesEverythingElse) {
  EXPECT_FALSE(parse_request_id(""));
  EXPECT_FALSE(parse_request_id("0123456789ab00c100000000deadbee"));
  EXPECT_FALSE(parse_request_id("0123456789ab00c100000000deadbeef0"));
  EXPECT_FALSE(parse_request_id("0123456789ab00c100000000deadbeeg"));
  EXPECT_FALSE(parse_request_id("0123456789ab-0c100000000deadbeef"));
}

RC_GTEST_PROP(RequestId, ReadsBackWhatItWrote, (std::uint16_t worker, std::uint64_t sequence, std::uint64_t k0)) {
  const InstallationId installation = InstallationId::of({.k0 = k0, .k1 = 7});
  const ExchangeId exchange{.worker = WorkerId{worker}, .sequence = sequence};
  const auto id = request_id(installation, exchange);
  const auto parsed = parse_request_id(id.view());
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->installation == installation);
  RC_ASSERT(parsed->exchange == exchange);
}

TEST(RequestId, SequencesOfALaterStartLieBeyondThoseOfAnEarlierOne) {
  const WallTime start = wall_from_nanos(1'700'000'000'000'000'000);
  EXPECT_GE(first_sequence(start + std::chrono::seconds(1)) - first_sequence(start), 16'000'000u);
}

}  // namespace
}  // namespace weir
