#include "decide/retry.h"

#include <gtest/gtest.h>

namespace weir::decide {
namespace {

using Kind = AttemptEnd::Kind;

// All combinations: what may follow is exactly what the two rules say.
TEST(Retry, FollowsItsTwoRulesAndNothingElse) {
  for (const Kind kind : {Kind::answered, Kind::connect_failed, Kind::closed_unanswered, Kind::closed_within,
                          Kind::timed_out, Kind::protocol_error}) {
    for (unsigned bits = 0; bits < 8; ++bits) {
      const bool reused = bits & 1, repeatable = bits & 2, spent = bits & 4;
      const AttemptEnd end{.kind = kind, .reused = reused, .repeatable = repeatable, .body_spent = spent};
      Retry wanted = Retry::no;
      if (kind == Kind::connect_failed && !spent) wanted = Retry::other_endpoint;
      if (kind == Kind::closed_unanswered && reused && repeatable && !spent) wanted = Retry::fresh_connection;
      EXPECT_EQ(may_retry(end), wanted) << static_cast<int>(kind) << " " << bits;
    }
  }
}

TEST(Retry, KnowsTheIdempotentMethods) {   // RFC 9110 9.2.2
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"}) EXPECT_TRUE(idempotent(method));
  for (const char* method : {"POST", "PATCH", "CONNECT", "get", "PROPFIND", ""}) EXPECT_FALSE(idempotent(method));
}

}  // namespace
}  // namespace weir::decide
