#include "config/report.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace weir::config {
namespace {

const std::vector<SourceFile> kFiles = {
    {"conf d/a.yaml", "version: 1\nlisteners:\n  - {nme: \"\x1b\", address: 0.0.0.0:8080}\n"}};

struct Checked {
  NameTable names;
  std::vector<SourceFile> files;
  Outcome outcome;
  explicit Checked(std::string text)
      : files{{"conf d/a.yaml", std::move(text)}}, outcome(compile({.files = files}, names)) {}
};

const char* kBroken =
    "version: 1\nlisteners:\n  - {nme: a, address: 0.0.0.0:8080}\nroutes: [{name: a, respond: "
    "{body: ok}}, {name: a, respond: {body: ok}}]\n";

TEST(Report, JsonHoldsEveryFindingWithItsPlace) {
  const Checked checked(kBroken);
  const auto json = boost::json::parse(render_json(checked.outcome, checked.files)).as_object();
  EXPECT_EQ(json.at("errors").to_number<int>(), 2);
  const auto& first = json.at("diagnostics").as_array().at(0).as_object();
  EXPECT_EQ(first.at("rule"), "unknown-key");
  EXPECT_EQ(first.at("severity"), "error");
  EXPECT_EQ(first.at("file"), "conf d/a.yaml");
  EXPECT_EQ(first.at("line").to_number<int>(), 3);
  EXPECT_EQ(first.at("column").to_number<int>(), 6);
  EXPECT_EQ(first.at("length").to_number<int>(), 3);
  EXPECT_EQ(first.at("remedy"), "did you mean name?");
  EXPECT_EQ(first.at("source"), "  - {nme: a, address: 0.0.0.0:8080}");
  const auto& second = json.at("diagnostics").as_array().at(1).as_object();
  EXPECT_EQ(second.at("rule"), "duplicate-name");
  EXPECT_EQ(second.at("notes").as_array().at(0).as_object().at("line").to_number<int>(), 4);
}

// The members that SARIF 2.1.0 demands (3.13, 3.14, 3.18, 3.27, 3.30) and that code hosts read.
TEST(Report, SarifNamesRulesAndRegions) {
  const Checked checked(kBroken);
  const auto json =
      boost::json::parse(render_sarif(checked.outcome, checked.files, "0.1.0")).as_object();
  EXPECT_EQ(json.at("version"), "2.1.0");
  const auto& run = json.at("runs").as_array().at(0).as_object();
  const auto& driver = run.at("tool").as_object().at("driver").as_object();
  EXPECT_EQ(driver.at("name"), "weir");
  EXPECT_EQ(run.at("columnKind"), "unicodeCodePoints");
  const auto& rules = driver.at("rules").as_array();
  for (const auto& value : run.at("results").as_array()) {
    const auto& result = value.as_object();
    EXPECT_EQ(rules.at(result.at("ruleIndex").to_number<std::size_t>()).as_object().at("id"),
              result.at("ruleId"));
    const auto& place =
        result.at("locations").as_array().at(0).as_object().at("physicalLocation").as_object();
    EXPECT_EQ(place.at("artifactLocation").as_object().at("uri"), "conf%20d/a.yaml");
    EXPECT_GE(place.at("region").as_object().at("startLine").to_number<int>(), 1);
    EXPECT_GT(place.at("region").as_object().at("endColumn").to_number<int>(),
              place.at("region").as_object().at("startColumn").to_number<int>());
  }
}

TEST(Report, NothingFromAFileReachesTheTerminalRaw) {
  const Checked checked(kFiles[0].text);
  for (const std::string& text :
       {render_text(checked.outcome, checked.files), render_json(checked.outcome, checked.files),
        render_sarif(checked.outcome, checked.files, "0")}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
  }
}

TEST(Report, AnInlinedSecretIsNotRepeated) {
  const Checked checked(
      "version: 1\nlisteners: [{name: a, address: 0.0.0.0:80}]\nroutes: [{name: a, respond: {}}]\n"
      "identity: [{name: p, api_key: {file: k, key: hunter2}}]\n");
  ASSERT_EQ(checked.outcome.errors, 1u);
  for (const std::string& text :
       {render_text(checked.outcome, checked.files), render_json(checked.outcome, checked.files),
        render_sarif(checked.outcome, checked.files, "0")}) {
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  }
}

TEST(Report, AFindingWithoutAPlaceStillReads) {
  NameTable names;
  const Outcome outcome = compile({.files = {}}, names);
  EXPECT_EQ(render_text(outcome, {}),
            "configuration: error: there is no configuration file [missing-key]\n"
            "       = a folder needs one to 1,000 files ending in .yaml, .yml or .json\n1 error, 0 "
            "warnings\n");
}

}  // namespace
}  // namespace weir::config
