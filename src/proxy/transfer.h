// Transfer: a request that decide let pass is carried to its upstream and the answer back, both ways streaming under
// one set of deadlines, with at most the retries that decide allows.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "decide/decide.h"
#include "http/violation.h"
#include "io/task.h"
#include "model/cause.h"
#include "proxy/context.h"

namespace weir::proxy {

io::Task<> transfer(Context& x, Request& request, decide::Decision& decision);

// Why an exchange ends with an answer of our own after it was let pass.
struct Failure {
  Cause cause = Cause::none;      // none: no failure
  std::uint16_t status = 0;       // 0: the cause's own
  std::string detail;
  http::Violation violation = http::Violation::none;
  Nanos retry_after{0};
};
// In exchange.cc: answers it.
io::Task<> answer_failure(Context& x, const Failure& failure);

}  // namespace weir::proxy
