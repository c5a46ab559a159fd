#include "control/test_run.h"

#include <filesystem>
#include <utility>

#include "config/cases.h"
#include "control/cases_link.h"
#include "control/load.h"
#include "store/files.h"

namespace weir::control {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kMostText = 64_MiB;

// What was found, as a report of compile() looks; the texts of the files go with it.
TestAnswer invalid(TestAnswer answer, config::Outcome problems,
                   std::vector<config::SourceFile> files) {
  answer.invalid = true;
  answer.problems = std::move(problems);
  answer.problem_files = std::move(files);
  return answer;
}

config::Outcome outcome_of(config::Diagnostics& diagnostics) {
  config::Outcome out;
  out.errors = diagnostics.errors();
  out.warnings = diagnostics.warnings();
  out.dropped = diagnostics.dropped();
  out.diagnostics = diagnostics.take();
  return out;
}

std::string beside(const std::string& file, const std::string& name) {
  return (fs::path(file).parent_path() / name).lexically_normal().string();
}

}  // namespace

Result<TestAnswer> run_test(const TestQuestion& question) {
  auto text = store::read_file(question.file, kMostText);
  if (!text) return std::unexpected(text.error());
  std::vector<config::SourceFile> files = {{.name = question.file, .text = std::move(*text)}};
  TestAnswer answer;
  answer.file = question.file;

  config::Diagnostics diagnostics;
  const config::CasesSpec spec = config::read_cases(files[0].text, diagnostics);
  if (question.config.empty() && !spec.config.given() && !diagnostics.has_errors()) {
    diagnostics.add(config::Rule::missing_key, {.file = 0, .line = 1, .column = 1, .length = 0},
                    "no configuration is named",
                    "add config: gateway.yaml, or name one with -c FILE");
  }
  if (diagnostics.has_errors())
    return invalid(std::move(answer), outcome_of(diagnostics), std::move(files));

  answer.config =
      question.config.empty() ? beside(question.file, spec.config.value.text) : question.config;
  auto input = read_configuration(answer.config);
  if (!input) return std::unexpected(input.error());
  NameTable names;
  config::Outcome compiled = config::compile(*input, names);
  if (compiled.policy == nullptr)
    return invalid(std::move(answer), std::move(compiled), std::move(input->files));
  const std::shared_ptr<const Policy> policy = std::move(compiled.policy);
  answer.files = policy->files;

  answer.cases = link_cases(spec, *policy, names, diagnostics);
  if (diagnostics.has_errors())
    return invalid(std::move(answer), outcome_of(diagnostics), std::move(files));

  const replay::CaseRunner runner(*policy, names);
  for (const replay::Case& one : answer.cases) {
    answer.outcomes.push_back(runner.run(one));
    const replay::CaseOutcome& outcome = answer.outcomes.back();
    ++(outcome.passed() ? answer.passed : answer.failed);
    answer.requests += outcome.requests;
  }
  return answer;
}

}  // namespace weir::control
