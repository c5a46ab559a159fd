#include "load/replayed.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "load/target.h"

namespace weir::load {
namespace {

std::string path_of(std::initializer_list<SegmentClass> classes) {
  std::string path;
  for (const SegmentClass each : classes) path += std::string("/") + static_cast<char>(each);
  return path;
}

TEST(Replayed, what_was_recorded_by_its_class_is_made_up_in_that_class) {
  TargetShape shape;
  shape.path = "/users" + path_of({SegmentClass::number, SegmentClass::hex, SegmentClass::uuid,
                                   SegmentClass::text});
  shape.query_names = {"a", "b c"};
  const std::regex form(
      "/users/[0-9]+/[0-9a-f]{15}1/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}/"
      "s-[0-9a-f]+\\?a=1&b%20c=1");
  for (std::uint64_t index = 0; index < 100; ++index) {
    const std::string target = filled_target(shape, {}, index);
    EXPECT_TRUE(std::regex_match(target, form)) << target;
    EXPECT_TRUE(is_sendable_target(target));
  }
  EXPECT_EQ(filled_target(shape, {}, 1), filled_target(shape, {}, 1));
  EXPECT_NE(filled_target(shape, {}, 1), filled_target(shape, {}, 2));
}

TEST(Replayed, hostile_bytes_of_a_recording_cannot_end_a_request_line) {
  TargetShape shape;
  shape.path = "/a b\r\nX: y\x7f?#\xff";
  shape.query_names = {"q\r\n"};
  EXPECT_EQ(filled_target(shape, {}, 0), "/a%20b%0D%0AX:%20y%7F%3F%23%FF?q%0D%0A=1");
}

}  // namespace
}  // namespace weir::load
