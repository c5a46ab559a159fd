#include "base/put.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace weir {
namespace {

// Around each way of copying; the bytes behind stay as they were.
TEST(Put, CopiesEverySizeAndNothingBehindIt) {
  std::string source;
  for (int i = 0; i < 100; ++i) source += static_cast<char>('!' + i % 90);
  for (std::size_t size = 0; size <= source.size(); ++size) {
    const std::string exact(source.substr(0, size));   // a sanitizer would tell a look behind its end
    std::string room(size + 20, '~');
    const char* const end = put(room.data(), exact);
    EXPECT_EQ(end - room.data(), static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(room, exact + std::string(20, '~'));
  }
}

}  // namespace
}  // namespace weir
