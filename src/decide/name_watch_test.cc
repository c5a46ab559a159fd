#include "decide/name_watch.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace weir::decide {
namespace {

using namespace std::chrono_literals;
constexpr Stamp kStart{std::chrono::seconds(1'000'000)};
const Address kA = Address::v4(10, 0, 0, 1), kB = Address::v4(10, 0, 0, 2), kC = Address::v4(10, 0, 0, 3);
const DnsRules kRules{.servers = {}, .min_ttl = 5s, .max_ttl = 60s};

std::vector<Address> list(const NameWatch& watch) { return {watch.addresses().begin(), watch.addresses().end()}; }

bool answer(NameWatch& watch, std::vector<Address> addresses, Nanos ttl, Stamp now) {
  watch.ask(now);
  return watch.on_answer(addresses, ttl, kRules, now);
}

TEST(NameWatch, AnAnswerIsGoodForItsTtlWithinTheBounds) {
  NameWatch watch;
  EXPECT_LE(watch.due(), kStart);
  for (const auto& [ttl, good_for] : {std::pair<Nanos, Nanos>{1s, 5s}, {30s, 30s}, {1h, 60s}}) {
    answer(watch, {kA}, ttl, kStart);
    EXPECT_EQ(watch.due(), kStart + good_for);
  }
}

TEST(NameWatch, KeepsTheOrderOfThoseThatStay) {
  NameWatch watch;
  EXPECT_TRUE(answer(watch, {kA, kB}, 30s, kStart));
  EXPECT_FALSE(answer(watch, {kB, kA}, 30s, kStart));   // turned, no more
  EXPECT_EQ(list(watch), (std::vector{kA, kB}));
  EXPECT_TRUE(answer(watch, {kC, kB}, 30s, kStart));
  EXPECT_EQ(list(watch), (std::vector{kB, kC}));
}

TEST(NameWatch, KeepsWhatItHadWhileNothingResolvesAndAsksEverMoreSeldom) {
  NameWatch watch;
  answer(watch, {kA}, 30s, kStart);
  Stamp now = kStart + 30s;
  for (const Nanos pause : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    watch.ask(now);
    watch.on_failure(now);
    EXPECT_EQ(watch.due(), now + pause);
    EXPECT_EQ(list(watch), std::vector{kA});
    now = watch.due();
  }
  EXPECT_EQ(watch.failures(), 7u);
  answer(watch, {kA}, 30s, now);
  EXPECT_EQ(watch.failures(), 0u);
}

TEST(NameWatch, IsAskedAboutSoonWhenNobodyIsReachedButNotMoreThanOnceASecond) {
  NameWatch watch;
  answer(watch, {kA}, 30s, kStart);
  watch.on_unreached(kStart + 200ms);
  EXPECT_EQ(watch.due(), kStart + 1s);
  answer(watch, {kA}, 30s, kStart + 1s);
  watch.on_unreached(kStart + 8s);
  EXPECT_EQ(watch.due(), kStart + 8s);
  // What happens while it is asked about counts after the answer.
  watch.ask(kStart + 8s);
  EXPECT_EQ(watch.due(), Stamp::max());
  watch.on_unreached(kStart + 8s);
  watch.on_answer(std::vector{kA}, 30s, kRules, kStart + 8100ms);
  EXPECT_EQ(watch.due(), kStart + 9s);
}

// Any order of events: two questions are at least a second apart once it was asked, no pause is longer than the longest, and an
// address is never lost but by an answer without it.
TEST(NameWatchProperty, NeverAsksTooOftenNorForgets) {
  EXPECT_TRUE(rc::check([] {
    NameWatch watch;
    Stamp now = kStart, asked = Stamp::min();
    std::vector<Address> known;
    for (const int event : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 400))) {
      now += std::chrono::milliseconds(event % 100 * 10);
      if (event < 100) {
        watch.on_unreached(now);
      } else if (watch.due() <= now) {
        if (asked != Stamp::min()) RC_ASSERT(now - asked >= NameWatch::kSoonest);   // RC_ASSERT evaluates both sides of an ||
        asked = now;
        watch.ask(now);
        RC_ASSERT(watch.due() == Stamp::max());
        if (event % 2 == 0) {
          known = {event % 4 == 0 ? kA : kB};
          watch.on_answer(known, std::chrono::seconds(event), kRules, now);
        } else {
          watch.on_failure(now);
        }
        RC_ASSERT(watch.due() <= now + 60s);
      }
      RC_ASSERT(list(watch) == known);
    }
  }));
}

}  // namespace
}  // namespace weir::decide
