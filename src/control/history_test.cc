// What is told of a revision that is not taken again.
#include "control/history.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

TEST(History, WhoTookARevisionBackAndWhyIsPrintable) {
  store::Revision revision;
  revision.number = 2;
  revision.state = store::Revision::State::taken_back;
  revision.ended_by = "ops\x1b[2J";
  revision.ended_reason = "slow\nr9 is live";
  const std::string text = taken_back_text(revision);
  EXPECT_TRUE(text.starts_with("r2, taken back ")) << text;
  EXPECT_TRUE(text.ends_with(" by ops\\x1b[2J: slow\\nr9 is live")) << text;
}

}  // namespace
}  // namespace weir::control
