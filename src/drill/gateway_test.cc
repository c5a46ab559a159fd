#include "drill/gateway.h"

#include <gtest/gtest.h>

namespace weir::drill {
namespace {

TEST(Moved, ReplacesWhatStandsByItself) {
  const std::map<std::string, std::string> moves = {{"127.0.0.1:80", "127.0.0.1:12345"},
                                                    {"orders.internal:9002", "127.0.0.1:2"},
                                                    {"[::1]:80", "[::1]:81"}};
  EXPECT_EQ(moved("address: 127.0.0.1:80", moves), "address: 127.0.0.1:12345");
  EXPECT_EQ(moved("[127.0.0.1:80, 127.0.0.1:8080]", moves), "[127.0.0.1:12345, 127.0.0.1:8080]");
  EXPECT_EQ(moved("a: 127.0.0.1:80\nb: \"127.0.0.1:80\" # 127.0.0.1:80", moves),
            "a: 127.0.0.1:12345\nb: \"127.0.0.1:12345\" # 127.0.0.1:12345");
  EXPECT_EQ(moved("1127.0.0.1:80 x127.0.0.1:80 127.0.0.1:801", moves),
            "1127.0.0.1:80 x127.0.0.1:80 127.0.0.1:801");
  EXPECT_EQ(moved("{address: orders.internal:9002, weight: 3} more-orders.internal:9002", moves),
            "{address: 127.0.0.1:2, weight: 3} more-orders.internal:9002");
  EXPECT_EQ(moved("[\"[::1]:80\"]", moves), "[\"[::1]:81\"]");
  EXPECT_EQ(moved("", moves), "");
}

}  // namespace
}  // namespace weir::drill
