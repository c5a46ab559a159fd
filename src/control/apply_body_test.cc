#include "control/apply_body.h"

#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "config/report.h"
#include "control/apply_text.h"
#include "control/gateway.h"

namespace weir::control {
namespace {

TEST(ApplyBody, FilesDirectoryAndReasonAreTaken) {
  const auto question = read_apply(
      R"({"files": [{"name": "a.yaml", "text": "version: 1\n"}], "directory": "/srv", "reason": "CHG-1"})");
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->input.files.at(0).name, "a.yaml");
  EXPECT_EQ(question->input.files.at(0).text, "version: 1\n");
  EXPECT_EQ(question->input.directory, "/srv");
  EXPECT_EQ(question->reason, "CHG-1");
}

TEST(ApplyBody, WhatIsNoConfigurationIsRefusedWithAnExample) {
  for (const char* bad : {"", "7", "{}", R"({"files": []})", R"({"files": [{"name": "a"}, 7]})",
                          R"({"files": [{"name": "", "text": ""}]})",
                          R"({"files": [{"name": "a", "text": ""}], "reason": 7})"}) {
    const auto question = read_apply(bad);
    ASSERT_FALSE(question.has_value()) << bad;
    EXPECT_NE(question.error().context.find("\"files\""), std::string::npos);
  }
}

// A change as apply_now fills it in, for a text with an error.
Applied refused() {
  NameTable names;
  const config::Input input{
      .files = {{.name = "gateway.yaml",
                 .text = "version: 1\nlisteners: [{name: a, adress: 127.0.0.1:1}]\nroutes: [{name: "
                         "r, respond: {status: 200}}]\n"}}};
  const config::Outcome outcome = config::compile(input, names);
  return {.revision = 3,
          .hash = "00ff",
          .errors = outcome.errors,
          .report_text = config::render_text(outcome, input.files),
          .report_json = config::render_json(outcome, input.files)};
}

TEST(Applied, ARefusedChangeCarriesItsDiagnosticsInBothForms) {
  const Applied applied = refused();
  const boost::json::value json = boost::json::parse(applied_json(applied));
  EXPECT_FALSE(json.at("live").as_bool());
  EXPECT_EQ(json.at("revision").as_string(), "r3");
  EXPECT_EQ(json.at("diagnostics").as_array().size(), applied.errors);
  EXPECT_EQ(json.at("diagnostics").at(0).at("line").to_number<int>(), 2);
  const std::string text = applied_text(json);
  for (const char* part : {"NOT APPLIED, r3", "gateway.yaml:2:", "adress", "address", "next:"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(Applied, ALiveChangeSaysRevisionAndHash) {
  const Applied applied{
      .live = true, .revision = 4, .hash = "00ff", .notes = {"workers takes effect at a restart"}};
  const boost::json::value json = boost::json::parse(applied_json(applied));
  EXPECT_EQ(json.at("diagnostics").as_array().size(), 0u);
  const std::string text = applied_text(json);
  for (const char* part : {"r4 is live", "00ff", "workers takes effect"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace
}  // namespace weir::control
