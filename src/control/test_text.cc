#include "control/test_text.h"

#include <chrono>

#include "base/json.h"
#include "config/report.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using config::printable;

double seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }

std::string at_text(const std::string& file, const Source& at) {
  return fmt::format("{}:{}:{}", printable(file), at.line, at.column);
}

// "" where the configuration says nothing.
std::string decided_at(const TestAnswer& answer, const Source& at) {
  if (at.line == 0 || at.file >= answer.files.size()) return "";
  return fmt::format("{}:{}", printable(answer.files[at.file]), at.line);
}

// One failed expectation, each line after `indent`.
std::string failure_text(const TestAnswer& answer, const replay::CaseFailure& failure,
                         std::string_view indent) {
  std::string out = fmt::format("{0}{1}\n{0}  expected  {2}\n{0}  came      {3}\n", indent,
                                at_text(answer.file, failure.at), printable(failure.expected),
                                printable(failure.got));
  for (const replay::DecidedBy& by : failure.by) {
    std::string at = decided_at(answer, by.at);
    at.erase(0, at.rfind('/') + 1);  // its name says enough, and leaves room
    out += fmt::format("{}  decided   {}{}{}: {}\n", indent, at, at.empty() ? "" : "   ",
                       printable(by.what), counted(by.requests, "request"));
  }
  return out;
}

std::string case_text(const TestAnswer& answer, std::size_t index) {
  const replay::CaseOutcome& outcome = answer.outcomes[index];
  std::string out = fmt::format("{}  {}\n", outcome.passed() ? "ok    " : "FAILED",
                                printable(answer.cases[index].name));
  for (const replay::CaseFailure& failure : outcome.failures)
    out += failure_text(answer, failure, "        ");
  if (outcome.untracked > 0) {
    out += fmt::format("        {} passed because the table of limits was full, as live\n",
                       counted(outcome.untracked, "request"));
  }
  return out;
}

void write_failure(JsonWriter& json, const TestAnswer& answer, const replay::CaseFailure& failure) {
  json.begin_object()
      .field("at", at_text(answer.file, failure.at))
      .field("expected", failure.expected)
      .field("got", failure.got)
      .key("decided_by")
      .begin_array();
  for (const replay::DecidedBy& by : failure.by) {
    json.begin_object().field("what", by.what).key("at");
    const std::string at = decided_at(answer, by.at);
    if (at.empty()) {
      json.null();
    } else {
      json.value(at);
    }
    json.field("requests", by.requests).end_object();
  }
  json.end_array().end_object();
}

// XML 1.0 2.4; what is printable holds no character that 2.2 forbids but the two noncharacters.
std::string xml(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF")) {
      out += "\xEF\xBF\xBD";
      i += 2;
      continue;
    }
    switch (text[i]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += text[i];
    }
  }
  return out;
}

std::string junit_case(const TestAnswer& answer, std::size_t index) {
  const replay::Case& one = answer.cases[index];
  const replay::CaseOutcome& outcome = answer.outcomes[index];
  const std::string file = xml(printable(answer.file));
  std::string out = fmt::format(
      "    <testcase classname=\"{0}\" name=\"{1}\" file=\"{0}\" line=\"{2}\" assertions=\"{3}\"",
      file, xml(printable(one.name)), one.at_line.line, outcome.expectations);
  if (outcome.passed()) return out + "/>\n";
  out += ">\n";
  // Readers of JUnit take one failure a testcase: the first in the attribute, all in the text.
  const replay::CaseFailure& first = outcome.failures.front();
  std::string all;
  for (const replay::CaseFailure& failure : outcome.failures)
    all += failure_text(answer, failure, "");
  out += fmt::format(
      "      <failure type=\"expectation\" message=\"expected {}, came {}\">{}"
      "</failure>\n    </testcase>\n",
      xml(printable(first.expected)), xml(printable(first.got)), xml(all));
  return out;
}

std::string junit_broken(const TestAnswer& answer) {
  std::string first;
  for (const config::Diagnostic& each : answer.problems.diagnostics) {
    if (each.severity != config::Severity::error) continue;
    const std::string& file = answer.problem_files[each.at.file].name;
    first =
        fmt::format("{}:{}:{}: {}", printable(file), each.at.line, each.at.column, each.message);
    break;
  }
  return fmt::format(
      "    <testcase classname=\"{0}\" name=\"can be run\" file=\"{0}\">\n      <error "
      "type=\"invalid\" message=\"{1}\">{2}</error>\n    </testcase>\n",
      xml(printable(answer.file)), xml(first),
      xml(config::render_text(answer.problems, answer.problem_files)));
}

}  // namespace

std::string test_text(const TestAnswer& answer, Nanos took) {
  if (answer.invalid) return config::render_text(answer.problems, answer.problem_files);
  std::string out;
  Nanos span{0};
  for (std::size_t i = 0; i < answer.cases.size(); ++i) {
    out += case_text(answer, i);
    span += answer.outcomes[i].span;
  }
  out += fmt::format("{} passed, {} failed: {} over {} of virtual time, in {}\n",
                     grouped(answer.passed), grouped(answer.failed),
                     counted(answer.requests, "request"), span_text(seconds(span)),
                     milliseconds_text(seconds(took) * 1000));
  out += answer.failed == 0
             ? fmt::format("next: weir apply {}\n", printable(answer.config))
             : fmt::format("next: weir explain METHOD URL -c {}\n", printable(answer.config));
  return within_columns(out);
}

std::string test_json(const TestAnswer& answer, Nanos took) {
  if (answer.invalid) return config::render_json(answer.problems, answer.problem_files);
  std::string out;
  JsonWriter json(out);
  json.begin_object()
      .field("file", answer.file)
      .field("config", answer.config)
      .field("passed", answer.passed)
      .field("failed", answer.failed)
      .field("requests", answer.requests)
      .field("seconds", seconds(took))
      .key("cases")
      .begin_array();
  for (std::size_t i = 0; i < answer.cases.size(); ++i) {
    const replay::CaseOutcome& outcome = answer.outcomes[i];
    json.begin_object()
        .field("name", answer.cases[i].name)
        .field("at", at_text(answer.file, answer.cases[i].at_line))
        .field("result", outcome.passed() ? "passed" : "failed")
        .field("requests", outcome.requests)
        .field("refused", outcome.refused)
        .field("span_s", seconds(outcome.span))
        .field("untracked", outcome.untracked)
        .key("failures")
        .begin_array();
    for (const replay::CaseFailure& failure : outcome.failures)
      write_failure(json, answer, failure);
    json.end_array().end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

std::string test_junit(const TestAnswer& answer, Nanos took) {
  const std::size_t tests = answer.invalid ? 1 : answer.cases.size();
  const std::string sums =
      fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\" time=\"{:.6f}\"", tests,
                  answer.failed, answer.invalid ? 1 : 0, seconds(took));
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"weir test\" {0}>\n"
      "  <testsuite name=\"{1}\" {0}>\n",
      sums, xml(printable(answer.file)));
  if (answer.invalid) out += junit_broken(answer);
  for (std::size_t i = 0; i < answer.outcomes.size(); ++i) out += junit_case(answer, i);
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace weir::control
