// Marks as RFC 8586 and RFC 9110 7.6.3 spell them, and what they count to.
#include "decide/loop.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "model/request_id.h"

namespace weir::decide {
namespace {

constexpr HashKey kKey{71, 73}, kOtherKey{71, 74};
const LoopMarks kMarks(kKey);

std::uint8_t counted(const std::vector<std::string>& cdn_loop, const std::vector<std::string>& via = {}) {
  HopCount count(kMarks, "weir");
  for (const std::string& value : cdn_loop) count.cdn_loop(value);
  for (const std::string& value : via) count.via(value);
  return count.hops();
}

std::string mark(std::uint8_t hops) { return std::string(kMarks.mark(hops)); }
std::string id() { return std::string(kMarks.id()); }
std::string own_via() { return "1.1 weir (" + id() + ")"; }

// RFC 8586 2: cdn-info = cdn-id *( OWS ";" OWS parameter ), the id a pseudonym, which is a token.
TEST(LoopMarks, IsACdnInfoWithTheIdOfRequestIds) {
  const std::string request(request_id(InstallationId::of(kKey), {.worker = WorkerId{0}, .sequence = 1}).view());
  EXPECT_EQ(id(), "weir-" + request.substr(0, 12));
  EXPECT_TRUE(mark(0).starts_with(id() + "; hops=1; seal="));
  EXPECT_EQ(mark(0).size(), (id() + "; hops=1; seal=").size() + 16);
  EXPECT_TRUE(mark(7).starts_with(id() + "; hops=8; seal="));
}

TEST(LoopMarks, AreTheSameForOneKeyAndOthersForAnother) {
  EXPECT_EQ(LoopMarks(kKey).mark(3), kMarks.mark(3));
  EXPECT_NE(LoopMarks(kOtherKey).id(), kMarks.id());
  const std::string other(LoopMarks(kOtherKey).mark(3));
  EXPECT_NE(other.substr(other.find("; hops")), mark(3).substr(mark(3).find("; hops")));
}

TEST(HopCount, IsNothingForWhoComesTheFirstTime) {
  EXPECT_EQ(counted({}), 0);
  EXPECT_EQ(counted({"", ","}, {"", ","}), 0);
  // RFC 8586 2, its example
  EXPECT_EQ(counted({"foo123.foocdn.example, barcdn.example; trace=\"abcdef\"", "AnotherCDN; abc=123; def=\"456\""}), 0);
  // RFC 9110 7.6.3, its example
  EXPECT_EQ(counted({}, {"1.0 fred, 1.1 p.example.net", "1.0 ricky, 1.1 ethel, 1.1 fred, 1.0 lucy"}), 0);
}

TEST(HopCount, GoesUpByOneEachTimeItIsSentOnAndComesBack) {
  std::vector<std::string> lines;
  for (std::uint8_t hops = 0; hops < 20; ++hops) {
    EXPECT_EQ(counted(lines), hops);
    lines.push_back(mark(hops));
  }
}

TEST(HopCount, IsTheSameInOneLineOrMany) {
  EXPECT_EQ(counted({"a.example, " + mark(0) + ",b.example; x=y , " + mark(1)}), 2);
  EXPECT_EQ(counted({"a.example", mark(0), "b.example; x=y", mark(1)}), 2);
}

TEST(HopCount, BelievesASealedNumberWhereElementsWereTakenAway) {
  EXPECT_EQ(counted({mark(5)}), 6);
  EXPECT_EQ(counted({id() + ";hops=6 ;\tseal=" + mark(5).substr(mark(5).size() - 16)}), 6);   // written anew on the way
}

TEST(HopCount, CountsElementsWhoseSealWasTakenOffOrIsWrong) {
  const std::string seal = mark(0).substr(mark(0).size() - 16);
  EXPECT_EQ(counted({id() + ", " + id() + "; hops=0; seal=" + seal + ", " + id() + "; hops=-1"}), 3);
  EXPECT_EQ(counted({id() + "; hops=60; seal=" + seal}), 1);   // not raised by one who has another's seal
  EXPECT_EQ(counted({id() + "; hops=60"}), 1);
  EXPECT_EQ(counted({id() + "; hops=99999999999999999999999; seal=x"}), 1);
}

TEST(HopCount, DoesNotTakeAnotherInstallationForItself) {
  const LoopMarks other(kOtherKey);
  EXPECT_EQ(counted({std::string(other.mark(4)), id() + "0", id() + ".example; hops=1"}), 0);
  EXPECT_EQ(counted({}, {"1.1 weir (" + std::string(other.id()) + ")", "1.1 weir2", "1.1 weir (" + id() + "0)", "weir"}), 0);
}

// Who does not know CDN-Loop passes Via on, as every intermediary must (RFC 9110 7.6.3).
TEST(HopCount, CountsOurEntriesInViaWithTheirCommentOrWithout) {
  EXPECT_EQ(counted({}, {"1.1 nginx, " + own_via() + ", 1.0 fred (a, b), 1.0 weir", own_via()}), 3);
  EXPECT_EQ(counted({mark(0)}, {own_via()}), 1);   // two marks of one passage
  EXPECT_EQ(counted({}, {"HTTP/1.1 \t weir"}), 1);   // RWS is any number of them (RFC 9110 5.6.3)
}

TEST(HopCount, IsNotHiddenByAnOpenQuoteOrComment) {
  EXPECT_EQ(counted({"\"", mark(0)}), 1);
  EXPECT_EQ(counted({"a; b=\"" + (", " + mark(0))}, {"1.1 x (((, " + own_via()}), 1);
}

TEST(HopCount, SaturatesAndSealsNoMoreThanMayBeConfigured) {
  std::string many = id();
  for (int i = 0; i < 999; ++i) many += "," + id();
  EXPECT_EQ(counted({many}), 255);
  EXPECT_EQ(mark(200), mark(kMostHops - 1));
}

// Whatever else stands there: at least one for each of our elements, and no more than the greatest sealed number or the
// count of what looks like ours. The oracle splits and compares, nothing more.
RC_GTEST_PROP(HopCount, IsBoundedByWhatIsThere, ()) {
  const std::vector<std::string> pieces = {mark(0), mark(1), mark(6), id(), id() + "; hops=9; seal=1", "x.example", "\"", ";", "(", ""};
  const auto chosen = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, pieces.size()));
  std::string value;
  std::size_t ours = 0, sealed = 0;
  for (const std::size_t i : chosen) {
    value += (value.empty() ? "" : ", ") + pieces[i];
    ours += i <= 4 ? 1 : 0;
    sealed = std::max<std::size_t>(sealed, i == 0 ? 1 : i == 1 ? 2 : i == 2 ? 7 : 0);
  }
  RC_ASSERT(counted({value}) == std::min<std::size_t>(255, std::max(ours, sealed)));
}

}  // namespace
}  // namespace weir::decide
