// The directory as JSON and as text: layout by hand, numbers those of the JSON.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "control/callers_json.h"
#include "control/callers_text.h"

namespace weir::control {
namespace {

using namespace std::chrono_literals;
using record::CallerEntry;
using record::CallerKind;
using record::CallerName;

// 2026-10-02T12:00:00Z
constexpr WallTime kNow{20'728 * 24h + 12h};

store::CallerDirectory directory_of(std::vector<CallerEntry> entries) {
  auto directory = store::CallerDirectory::open(":memory:", {});
  EXPECT_TRUE(directory);
  EXPECT_TRUE(directory->merge(entries));
  return std::move(*directory);
}

CallerEntry hub() {
  CallerEntry entry;
  entry.name = CallerName::of(CallerKind::credential, "partner-hub");
  for (int i = 0; i < 12; ++i)
    entry.add({.at = kNow - 26h + i * 10s, .ending = {.status = 200}, .route = "orders"}, false);
  for (int i = 0; i < 4; ++i)
    entry.add({.at = kNow - 6min + i * 1s, .ending = {.status = 200}, .route = "catalog"}, true);
  for (int i = 0; i < 2; ++i) {
    entry.add({.at = kNow - 5min + i * 250s,
               .ending = {.status = 429, .refused = true, .cause = Cause::limit_rejected},
               .route = "orders",
               .rule = "per-caller",
               .revision = 43},
              true);
  }
  return entry;
}

TEST(Callers, ShowSaysWhetherByWhatAndSinceWhen) {
  auto directory = directory_of({hub()});
  const auto json = caller_json(directory, "partner-hub", kNow);
  ASSERT_TRUE(json);
  // 18 requests in 5 minutes: 12 in two, 4 in one, 1 and 1 in two more.
  EXPECT_EQ(
      caller_text(boost::json::parse(*json)),
      R"(HURT   partner-hub is being refused by per-caller since 2026-10-02 11:55:00 (5 m 0 s), 2 requests
  who        known since 2026-10-02 11:54:00, 2 active days   by its credential
  seen       2026-10-01 10:00:00 – 2026-10-02 11:59:10
  requests   18   16 good, 2 bad, 2 refused
  rate       1.0/min now, usual 3.6/min, busiest 6/min at 2026-10-01 10:00:00
  refused by per-caller             2   since 2026-10-02 11:55:00, last 11:59:10  limit_rejected r43
  routes     orders 14   catalog 4
next: weir top | weir explain METHOD URL -H … | weir plan --set limits.NAME.rate=…
)");
}

TEST(Callers, ShowOfSomebodyWhoIsLetPass) {
  auto directory = directory_of({hub()});
  const auto json = caller_json(directory, "partner-hub", kNow + 1h);
  const std::string text = caller_text(boost::json::parse(*json));
  EXPECT_TRUE(text.starts_with(
      "FINE   partner-hub is not being refused   last: 2026-10-02 11:59:10 by per-caller\n"))
      << text;
}

TEST(Callers, ListBeginsWithThoseMostRefused) {
  CallerEntry other;
  other.name = CallerName::of(CallerKind::client, "192.0.2.7");
  for (int i = 0; i < 30; ++i)
    other.add({.at = kNow - 1h, .ending = {.status = 200}, .route = "orders"}, false);
  auto directory = directory_of({other, hub()});
  const auto json = callers_json(directory, {.most = 1}, kNow);
  ASSERT_TRUE(json);
  EXPECT_EQ(
      callers_text(boost::json::parse(*json)),
      R"(2 callers, 1 known, 1 established   1 being refused now   2026-10-01 10:00 – 2026-10-02 11:59
  caller                        requests   refused   by               standing      last seen
! partner-hub                         18         2   per-caller       known         2026-10-02 11:59
  … 1 more: --limit N
next: weir callers show NAME
)");
  const auto by_requests =
      callers_json(directory, {.order = store::CallerDirectory::Order::requests, .most = 1}, kNow);
  EXPECT_NE(by_requests->find("192.0.2.7"), std::string::npos);
}

TEST(Callers, AnEmptyDirectorySaysHowToFillIt) {
  auto directory = directory_of({});
  const std::string text = callers_text(boost::json::parse(*callers_json(directory, {}, kNow)));
  EXPECT_EQ(text,
            "0 callers, 0 known, 0 established   0 being refused now   never – never\n"
            "next: weir import --log access.log | weir status\n");
  EXPECT_EQ(caller_json(directory, "x\x1b", kNow).error().kind, ErrorKind::not_found);
}

TEST(Callers, QuestionsAreChecked) {
  EXPECT_TRUE(callers_question("by=requests&limit=7"));
  EXPECT_EQ(callers_question("by=requests&limit=7")->most, 7u);
  for (const char* wrong : {"by=name", "limit=0", "limit=x", "limit=10001", "limit=7x"})
    EXPECT_FALSE(callers_question(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::control
