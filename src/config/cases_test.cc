#include "config/cases.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "config/compile.h"
#include "config/report.h"

namespace weir::config {
namespace {

using namespace std::chrono_literals;

std::string said(const std::string& text) {
  Diagnostics diagnostics;
  (void)read_cases(text, diagnostics);
  Outcome outcome;
  outcome.errors = diagnostics.errors();
  outcome.diagnostics = diagnostics.take();
  const std::vector<SourceFile> files = {{"cases.yaml", text}};
  return render_text(outcome, files);
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(CasesValues, TimesBeginAtZeroAndGoDownToMicroseconds) {
  EXPECT_EQ(read_moment("0")->value, 0ns);
  EXPECT_EQ(read_moment("0s")->value, 0ns);
  EXPECT_EQ(read_moment("250us")->value, 250us);
  EXPECT_EQ(read_moment("20ms")->value, 20ms);
  EXPECT_EQ(read_moment("8784h")->value, 8784h);
  for (const char* text : {"", "10", "-1s", "1.5s", "s", "1 s", "8785h", "1d", "none"})
    EXPECT_FALSE(read_moment(text)) << text;
  for (const char* text : {"0s", "250us", "20ms", "90s", "5m", "24h"})
    EXPECT_EQ(print_moment(*read_moment(text)), text);
}

TEST(CasesValues, AmountsAreCountsSharesAndRangesOfThem) {
  EXPECT_EQ(*read_amount("120"), (Amount{false, 120, 120}));
  EXPECT_EQ(*read_amount("100..120"), (Amount{false, 100, 120}));
  EXPECT_EQ(*read_amount("100.."), (Amount{false, 100, Amount::kOpen}));
  EXPECT_EQ(*read_amount("..5"), (Amount{false, 0, 5}));
  EXPECT_EQ(*read_amount("75%"), (Amount{true, 75'000, 75'000}));
  EXPECT_EQ(*read_amount("0.125%"), (Amount{true, 125, 125}));
  EXPECT_EQ(*read_amount("70..80%"), (Amount{true, 70'000, 80'000}));
  EXPECT_EQ(*read_amount("70%..80%"), (Amount{true, 70'000, 80'000}));
  EXPECT_EQ(*read_amount("90..%"), (Amount{true, 90'000, 100'000}));
  for (const char* text :
       {"", "%", "..", "-1", "1.5", "101%", "5..1", "0.0001%", "a", "1...2", "7 %"})
    EXPECT_FALSE(read_amount(text)) << text;
  for (const char* text : {"120", "100..120", "100..", "75%", "70..80%", "0.125%"})
    EXPECT_EQ(print_amount(*read_amount(text)), text);
}

TEST(Cases, AWholeFileIsDecodedWithPlaces) {
  Diagnostics diagnostics;
  const CasesSpec spec = read_cases(R"(version: 1
config: gateway.yaml
cases:
  - name: a burst
    unusable: [127.0.0.1:9001]
    requests:
      - {at: 1s, every: 20ms, times: 121, method: POST, url: http://a.test/orders, client: 192.0.2.0/24,
         headers: {X-Tenant: a}, caller: {partner: acme, service: {name: billing, groups: [gold], proof: expired}},
         expect: {allowed: 1..}}
    expect: {refused: 1, endpoints: {"127.0.0.1:9001": 75%}, within: 2%, last: {cause: limit_rejected, status: 429}}
)",
                                    diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  const CaseSpec& one = spec.cases.value.at(0).value;
  EXPECT_EQ(one.name.value.text, "a burst");
  EXPECT_EQ(one.unusable.value.at(0).value.text, "127.0.0.1:9001");
  const CaseRequestSpec& row = one.requests.value.at(0).value;
  EXPECT_EQ(row.at.value.value, 1s);
  EXPECT_EQ(row.every.value.value, 20ms);
  EXPECT_EQ(row.times.value, 121u);
  EXPECT_EQ(row.client.value.prefix, 24);
  EXPECT_EQ(row.expect.value.allowed.value, (Amount{false, 1, Amount::kOpen}));
  const auto& credentials = row.caller.value.entries;
  ASSERT_EQ(credentials.size(), 2u);
  EXPECT_EQ(credentials[0].first.value.text, "partner");
  EXPECT_EQ(credentials[0].second.value.name.value.text, "acme");
  EXPECT_EQ(credentials[1].second.value.proof.value, EvidenceResult::expired);
  EXPECT_EQ(one.expect.value.within.value.thousandths, 2000u);
  EXPECT_EQ(one.expect.value.last.value.status.value, 429u);
  EXPECT_EQ(one.expect.value.refused.at.line, 10u);
  EXPECT_EQ(one.expect.value.refused.at.column, 23u);
}

TEST(Cases, EachMistakeIsNamedWithItsPlaceAndARemedy) {
  const std::string text = said(R"(version: 1
cases:
  - name: one
    requests: [{url: /a, times: 0, evry: 5s, client: nobody}]
    expect: {refused: many, last: {cause: limit_reject}}
  - name: one
    requests: []
)");
  EXPECT_TRUE(has(text, "cases.yaml:4:33: error: cases.one.requests[0].times: ")) << text;
  EXPECT_TRUE(has(text, "did you mean every?")) << text;
  EXPECT_TRUE(has(text, "\"nobody\"")) << text;
  EXPECT_TRUE(
      has(text, "cases.yaml:5:23: error: cases.one.expect.refused: \"many\" is not an amount"))
      << text;
  EXPECT_TRUE(has(text, "did you mean limit_rejected?")) << text;
  EXPECT_TRUE(has(text, "two cases are called \"one\"")) << text;
  EXPECT_TRUE(has(text, "the list is empty")) << text;
}

TEST(Cases, ACaseThatCannotFailIsAMistake) {
  const std::string text = said("version: 1\ncases:\n  - {name: x, requests: [{url: /}]}\n");
  EXPECT_TRUE(has(text, "cases.yaml:3:5: error: the case \"x\" expects nothing")) << text;
  EXPECT_EQ(said("version: 1\ncases:\n  - {name: x, requests: [{url: /, expect: {refused: 0}}]}\n"),
            "0 errors, 0 warnings\n");
}

TEST(Cases, EmptyBrokenAndForeignFilesAreSaidToBe) {
  EXPECT_TRUE(has(said(""), "the file of cases is empty"));
  EXPECT_TRUE(has(said("version: 1\ncases: [\n"), "error"));
  EXPECT_TRUE(has(said("- 1\n"), "error"));
  EXPECT_TRUE(has(said("version: 1\nlisteners: []\ncases: []\n"), "unknown key \"listeners\""));
  EXPECT_TRUE(
      has(said("version: 1\ncases:\n  - {name: x, requests: [{url: /, expect: {refused: 0}}]}\n"
               "---\nversion: 1\n"),
          "a second document"));
}

// Every key of the tables stands in the guide, and so do the words that a value may be.
void expect_in_guide(const Object& table, const std::string& guide) {
  for (const Field& field : table.fields) {
    const std::string key(field.key);
    EXPECT_TRUE(has(guide, "`" + key + "`") || has(guide, key + ":")) << table.name << "." << key;
    const Shape* shape = &field.shape();
    while (shape->element != nullptr) shape = &shape->element();
    for (const std::string_view word : shape->words)
      EXPECT_TRUE(has(guide, "`" + std::string(word) + "`")) << word;
    if (shape->object != nullptr) expect_in_guide(shape->object(), guide);
  }
}

TEST(Cases, TheGuideNamesEveryKey) {
  std::ostringstream guide;
  guide << std::ifstream(std::string(WEIR_ROOT) + "/docs/guide/testing.md").rdbuf();
  ASSERT_GT(guide.str().size(), 1000u);
  expect_in_guide(cases_object(), guide.str());
}

}  // namespace
}  // namespace weir::config
