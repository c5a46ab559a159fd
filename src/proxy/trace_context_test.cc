#include "proxy/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::proxy {
namespace {

const HashKey kSeed{1, 2};
const ExchangeId kExchange{WorkerId{3}, 4};

std::string next(std::string_view received) {
  return std::string(next_traceparent(received, kSeed, request_id(InstallationId{5}, kExchange), kExchange).view());
}

// The example of W3C Trace Context 3.2.4.
constexpr std::string_view kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, ContinuesAValidTraceWithAParentOfItsOwn) {
  const std::string sent = next(kExample);
  ASSERT_EQ(sent.size(), 55u);
  EXPECT_EQ(sent.substr(0, 36), kExample.substr(0, 36));
  EXPECT_NE(sent.substr(36, 16), kExample.substr(36, 16));
  EXPECT_EQ(sent.substr(52), "-01");
}

TEST(TraceContext, BeginsATraceNamedByTheRequestIdWhereNoneIsValid) {
  const std::string id(request_id(InstallationId{5}, kExchange).view());
  for (std::string_view bad : {"", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                               "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                               "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                               "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                               "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"}) {
    EXPECT_EQ(next(bad).substr(3, 32), id) << bad;
    EXPECT_EQ(next(bad).substr(53), "00") << bad;
  }
}

TEST(TraceContext, TakesALaterVersionByItsKnownPart) {
  EXPECT_EQ(next("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").substr(3, 32),
            "4bf92f3577b34da6a3ce929d0e0e4736");
}

}  // namespace
}  // namespace weir::proxy
