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

class AuthCall;

// `first`: an auth service has the last word, when the head to send is ready and before anything of it is sent.
io::Task<> transfer(Context& x, Request& request, decide::Decision& decision, AuthCall* first = nullptr);

// Why an exchange ends with an answer of our own after it was let pass.
struct Failure {
  Cause cause = Cause::none;      // none: no failure
  std::uint16_t status = 0;       // 0: the cause's own
  std::string detail;
  http::Violation violation = http::Violation::none;
  Nanos retry_after{0};
  Nanos timeout{0};               // that cut the attempt; 0: none did
};
// In exchange.cc: answers it.
io::Task<> answer_failure(Context& x, const Failure& failure);
// In exchange.cc: false where the request may not pass, or nobody waits for it any more; it is answered then.
io::Task<bool> authorise(Context& x, decide::Decision& decision, AuthCall& call);

}  // namespace weir::proxy
