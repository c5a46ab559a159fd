// Asks a running gateway over its admin socket: one request, one answer, then the connection is
// closed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "cmd/shared_options.h"

namespace weir::cmd {

struct AdminAnswer {
  std::uint16_t status = 0;
  std::string body;
};

struct AdminQuestion {
  std::string_view method = "GET", path;
  std::string_view body = {};  // JSON
  Nanos patience{std::chrono::seconds(10)};
};

// Errors: unreachable, refused or not_found where nobody listens, timeout. At most 64 MiB of answer
// are taken.
Result<AdminAnswer> ask(const std::string& socket, const AdminQuestion& question);

// Nobody listens on the socket, as far as the error tells.
bool nobody_there(const Error& error);

// For commands: finds the socket and asks; complains where that fails and where the answer is not
// 200.
struct Asked {
  int code = kFine;  // of the command, when there is no body to go on with
  std::uint16_t status = 0;
  std::string body;
  bool ok() const { return code == kFine; }
};
// What an answer means to a command: complains where it is none to go on with.
Asked judge(const AdminAnswer& answer);
Asked ask_gateway(const Where& where, const AdminQuestion& question);

}  // namespace weir::cmd
