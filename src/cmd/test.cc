// `weir test`: a file of cases against a configuration, in virtual time; nobody waits.
#include <utility>

#include "cmd/commands.h"
#include "cmd/terminal.h"
#include "control/test_run.h"
#include "control/test_text.h"
#include "io/epoll_kernel.h"

namespace weir::cmd {

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

}  // namespace weir::cmd
