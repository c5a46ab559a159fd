// tests/config/*.txt: one broken (or deliberately sound) configuration a file: the text, a line of
// dashes, and exactly what `weir check` has to say about it. "=== NAME" lines part the files of a
// folder.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "config/cases.h"
#include "config/compile.h"
#include "config/report.h"

namespace weir::config {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(WEIR_ROOT) / "tests" / "config";
constexpr std::string_view kDashes = "----------------------------------------\n";

std::string slurp(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::vector<SourceFile> files_of(std::string_view text) {
  constexpr std::string_view kMark = "=== ";
  if (!text.starts_with(kMark)) return {{"gateway.yaml", std::string(text)}};
  std::vector<SourceFile> files;
  while (!text.empty()) {
    const std::size_t name_end = text.find('\n');
    const std::size_t next = std::min(text.find("\n=== ", name_end), text.size() - 1) + 1;
    files.push_back({std::string(text.substr(4, name_end - 4)),
                     std::string(text.substr(name_end + 1, next - name_end - 1))});
    text.remove_prefix(next);
  }
  return files;
}

std::vector<std::filesystem::path> goldens() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(ConfigGolden, EachConfigurationGetsItsMessage) {
  const auto paths = goldens();
  ASSERT_GE(paths.size(), 100u);
  for (const auto& path : paths) {
    SCOPED_TRACE(path.filename().string());
    const std::string text = slurp(path);
    const std::size_t dashes = text.find(kDashes);
    ASSERT_NE(dashes, std::string::npos);
    const std::vector<SourceFile> files = files_of(std::string_view(text).substr(0, dashes));
    NameTable names;
    const Outcome outcome = compile({.files = files, .directory = "/etc/weir"}, names);
    EXPECT_EQ(render_text(outcome, files), text.substr(dashes + kDashes.size()));
    EXPECT_EQ(outcome.policy == nullptr, outcome.errors > 0);
  }
}

// A lint rule that fires on everything, or on nothing, is worth nothing.
TEST(ConfigGolden, EveryLintRuleHasABadExampleAndASilentTwin) {
  std::string all, good;
  for (const auto& path : goldens()) {
    const std::string text = slurp(path);
    const std::string said = text.substr(text.find(kDashes) + kDashes.size());
    all += said;
    if (path.stem().string().ends_with("-good")) EXPECT_EQ(said, "0 errors, 0 warnings\n") << path;
    if (path.stem().string().starts_with("lint-") && !path.stem().string().ends_with("-good")) {
      EXPECT_TRUE(std::filesystem::exists(kFolder / (path.stem().string() + "-good.txt"))) << path;
    }
  }
  for (const RuleInfo& rule : all_rules()) {
    if (rule.id == info(Rule::unreadable_file).id || rule.id == info(Rule::auth_timeout_short).id)
      continue;  // said by those who read files
    EXPECT_NE(all.find("[" + std::string(rule.id) + "]"), std::string::npos)
        << rule.id << " has no golden";
  }
}

TEST(ConfigGolden, ExamplesPassWithoutAWarning) {
  std::size_t seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           std::filesystem::path(WEIR_ROOT) / "examples")) {
    // A hidden file is another program's.
    if (entry.path().extension() != ".yaml" || entry.path().filename().string().starts_with('.')) continue;
    ++seen;
    if (entry.path().stem() == "cases") {
      Diagnostics diagnostics;
      (void)read_cases(slurp(entry.path()), diagnostics);
      EXPECT_TRUE(diagnostics.list().empty()) << entry.path();
      continue;
    }
    const std::vector<SourceFile> files = {{entry.path().string(), slurp(entry.path())}};
    if (files[0].text.contains("\ntraffic:")) continue;   // a scenario of `weir drill`
    NameTable names;
    const Outcome outcome = compile({.files = files}, names);
    EXPECT_EQ(render_text(outcome, files), "0 errors, 0 warnings\n");
  }
  EXPECT_GE(seen, 2u);
}

}  // namespace
}  // namespace weir::config
