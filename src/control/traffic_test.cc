// `top --by` as JSON and in words: worked rates in, the order and the first line out.
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <sstream>

#include "control/text.h"
#include "control/traffic_json.h"
#include "control/traffic_text.h"

namespace weir::control {
namespace {

using boost::json::value;
using exporting::TrafficBy;
using exporting::TrafficRow;

class TrafficViews : public testing::Test {
 protected:
  TrafficRow edge(std::string caller, double rate, std::optional<double> usual) {
    return {.subject = {.caller = std::move(caller), .upstream = names.intern("orders")},
            .rate = rate,
            .usual = usual};
  }
  value ask(std::vector<TrafficRow> rows, TrafficQuestion question = {.by = TrafficBy::edge},
            bool has_past = true) {
    exporting::Traffic::Look look{
        .counted = 100, .seconds = 3.5, .has_past = has_past, .usual = 60};
    for (const TrafficRow& row : rows) look.rate += row.rate;
    look.rows = std::move(rows);
    return boost::json::parse(
        traffic_json({.names = names, .revision = 7, .look = look, .caller = directory}, question));
  }
  static std::vector<std::string> names_of(const value& traffic) {
    std::vector<std::string> all;
    for (const value& row : traffic.at("rows").as_array())
      all.emplace_back(row.at("name").as_string());
    return all;
  }
  static std::string line(const value& traffic, std::size_t number) {
    std::istringstream text(traffic_text(traffic));
    std::string found;
    for (std::size_t i = 0; i <= number; ++i) std::getline(text, found);
    return found;
  }

  NameTable names;
  std::function<std::optional<record::CallerEntry>(const exporting::TrafficSubject&)> directory;
};

TEST_F(TrafficViews, TheOneMostAboveItsUsualRateIsFirstAndNotTheBusiest) {
  const value traffic =
      ask({edge("web", 1000, 990), edge("worker", 300, 20), edge("mobile", 40, 50)});
  EXPECT_EQ(names_of(traffic),
            (std::vector<std::string>{"worker -> orders", "web -> orders", "mobile -> orders"}));
  const value& first = traffic.at("rows").at(0);
  EXPECT_EQ(first.at("above").to_number<double>(), 280);
  EXPECT_EQ(first.at("times_usual").to_number<double>(), 15);
  EXPECT_EQ(first.at("usual_from").as_string(), "gateway");
  EXPECT_EQ(first.at("caller").as_string(), "worker");
  EXPECT_EQ(first.at("upstream").as_string(), "orders");
  EXPECT_EQ(line(traffic, 0), "ABOVE   worker -> orders   300/s   usual 20/s (15.0 ×)");
  EXPECT_EQ(line(traffic, 1).substr(0, 23), "all 1,340/s, usual 60/s");
}

TEST_F(TrafficViews, TheVerdictSaysWhetherTheFirstLineIsWorthALook) {
  EXPECT_EQ(line(ask({}), 0), "IDLE    nothing was asked in the last seconds");
  EXPECT_EQ(line(ask({edge("web", 100, 80)}), 0),
            "USUAL   web -> orders   100/s   usual 80/s (1.2 ×)");
  EXPECT_EQ(line(ask({edge("web", 0.9, 0.01)}), 0),
            "USUAL   web -> orders   0.9/s   usual 0.0/s (90.0 ×)")
      << "0.9 a second more is nothing";
  EXPECT_EQ(line(ask({edge("web", 100, 80), edge("scraper", 50, {})}), 0),
            "NEW     scraper -> orders   50/s   not seen before");
  EXPECT_EQ(line(ask({edge("web", 100, {})}, {.by = TrafficBy::edge}, false), 0),
            "YOUNG   web -> orders   100/s   what is usual is known after some seconds");
}

TEST_F(TrafficViews, EqualsAreInTheOrderOfTheirRatesAndThenOfTheirNames) {
  EXPECT_EQ(names_of(ask({edge("a", 10, 5), edge("c", 25, 20), edge("b", 25, 20)})),
            (std::vector<std::string>{"b -> orders", "c -> orders", "a -> orders"}));
}

TEST_F(TrafficViews, RowsSayWhatRefusedAndWhatFailed) {
  TrafficRow row = edge("greedy", 60, 60);
  row.refused = 30;
  row.bad = 15;
  row.refused_by = Cause::limit_rejected;
  row.rule = names.intern("per-caller");
  row.p50 = std::chrono::milliseconds(20);
  row.p95 = std::chrono::milliseconds(812);
  TrafficRow nobody = edge("192.0.2.9", 2, 2);
  nobody.refused = 2;
  nobody.refused_by = Cause::auth_denied;
  const value traffic = ask({row, nobody});
  EXPECT_EQ(traffic.at("rows").at(0).at("bad_share").to_number<double>(), 0.25);
  EXPECT_EQ(traffic.at("rows").at(0).at("refused_by").at("rule").as_string(), "per-caller");
  EXPECT_TRUE(traffic.at("rows").at(1).at("refused_by").at("rule").is_null());
  EXPECT_EQ(line(traffic, 4),
            "greedy -> orders              60/s    60/s    1.0 ×  25.0 %    20 ms   812 ms    30/s "
            " per-caller");
  EXPECT_EQ(line(traffic, 5),
            "192.0.2.9 -> orders          2.0/s   2.0/s    1.0 ×   0.0 %        -        -   2.0/s "
            " auth_denied");
}

TEST_F(TrafficViews, LongAndHostileNamesStayWithinTheirColumns) {
  const value traffic =
      ask({edge(std::string(200, 'x'), 1e7, 1), edge("\x1b[2J\xe2\x80\xae\n", 5, 5)});
  const std::string text = traffic_text(traffic);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xe2\x80\xae"), std::string::npos);
  std::istringstream lines(text);
  for (std::string each; std::getline(lines, each);) EXPECT_LE(width(each), kColumns) << each;
  EXPECT_EQ(std::string_view(traffic.at("rows").at(1).at("caller").as_string()),
            "\x1b[2J\xe2\x80\xae\n");
}

TEST_F(TrafficViews, TheUsualRateOfACallerIsTheDirectorysWhereItIsSettled) {
  directory = [](const exporting::TrafficSubject& subject) -> std::optional<record::CallerEntry> {
    record::CallerEntry entry;
    if (subject.caller == "acme") {  // 60 minutes of 1,200
      entry.standing.requests = 72'000;
      entry.minutes.active = 60;
    } else if (subject.caller == "young") {
      entry.standing.requests = 59;
      entry.minutes.active = 59;
    } else {
      return std::nullopt;
    }
    return entry;
  };
  const value traffic = ask({{.subject = {.caller = "acme"}, .rate = 300, .usual = 290},
                             {.subject = {.caller = "young"}, .rate = 40, .usual = 30},
                             {.subject = {.caller = "unknown"}, .rate = 20, .usual = 15}},
                            {.by = TrafficBy::caller});
  const value& rows = traffic.at("rows");
  EXPECT_EQ(rows.at(0).at("usual").to_number<double>(), 20);  // 1,200 a minute
  EXPECT_EQ(rows.at(0).at("usual_from").as_string(), "directory");
  EXPECT_EQ(rows.at(1).at("usual").to_number<double>(), 30);
  EXPECT_EQ(rows.at(1).at("usual_from").as_string(), "gateway");
  EXPECT_EQ(rows.at(2).at("usual").to_number<double>(), 15);
}

TEST_F(TrafficViews, MoreThanWereAskedForAreCounted) {
  const value traffic =
      ask({edge("a", 3, 3), edge("b", 2, 2), edge("c", 1, 1)}, {.by = TrafficBy::edge, .most = 2});
  EXPECT_EQ(traffic.at("rows").as_array().size(), 2u);
  EXPECT_EQ(traffic.at("subjects").to_number<int>(), 3);
  EXPECT_EQ(line(traffic, 6), "… 1 more: -n N");
}

TEST(TrafficQuestionTest, IsReadFromTheQuery) {
  EXPECT_EQ(traffic_question("by=edge&n=7")->most, 7u);
  EXPECT_EQ(traffic_question("by=endpoint")->by, TrafficBy::endpoint);
  for (const char* wrong : {"by=", "by=planet", "by=edge&n=0", "by=edge&n=1001", "by=edge&n=7x"})
    EXPECT_FALSE(traffic_question(wrong)) << wrong;
}

}  // namespace
}  // namespace weir::control
