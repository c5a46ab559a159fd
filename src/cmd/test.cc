// `weir test`: a file of cases against a configuration, in virtual time; nobody waits.
#include <memory>
#include <string>
#include <utility>

#include "cmd/commands.h"
#include "cmd/shared_options.h"
#include "cmd/terminal.h"
#include "control/test_run.h"
#include "control/test_text.h"
#include "io/epoll_kernel.h"

namespace weir::cmd {
namespace {

struct TestOptions {
  std::string file;    // of cases
  std::string config;  // "": the one that the file names
  enum class Form : std::uint8_t { text, json, junit } output = Form::text;
};

int test(const TestOptions& options) {
  io::EpollKernel kernel;
  const Stamp begun = kernel.now();
  const auto answer = control::run_test({.file = options.file, .config = options.config});
  if (!answer) return failed(answer.error());
  const Nanos took = kernel.now() - begun;
  switch (options.output) {
    case TestOptions::Form::text:
      print(control::test_text(*answer, took));
      break;
    case TestOptions::Form::json:
      print(control::test_json(*answer, took));
      break;
    case TestOptions::Form::junit:
      print(control::test_junit(*answer, took));
      break;
  }
  return answer->good() ? kFine : kFailed;
}

}  // namespace

Command test_command() {
  auto options = std::make_shared<TestOptions>();
  Command command{
      .name = "test",
      .what = "Run cases against a configuration in virtual time: these requests, these verdicts",
      .footer =
          "Examples:\n  weir test cases.yaml\n"
          "  weir test cases.yaml -c gateway.yaml\n"
          "  weir test cases.yaml -o junit > weir.xml    for a CI\n"
          "Exit codes: 0 all passed, 1 a case failed or a file is invalid, 2 wrong words.\n"
          "How cases are written: docs/guide/testing.md",
      .does = [options] { return test(*options); }};
  command.add("FILE", &options->file, "the cases").required = true;
  command.add("-c,--config", &options->config,
              "the configuration (default: the one that the cases name)", "FILE");
  form_option(
      command, {"text", "json", "junit"}, [options = options.get()](const std::string& word) {
        using Form = TestOptions::Form;
        options->output = word == "json" ? Form::json : word == "junit" ? Form::junit : Form::text;
      });
  return command;
}

}  // namespace weir::cmd
