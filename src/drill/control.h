// The control endpoint of a process of a drill, on an address of its own.
//   GET /    what is set and what was counted, as JSON
//   PUT /    a YAML mapping laid over what is set: {slowdown: 4, errors: 30%}; answers as GET does,
//            or 400 with what is wrong, and then nothing has changed
// Only PUT changes anything, and Host has to be an address: no page in a browser can send that
// here, for there is no CORS, and no name that is made to lead here (DNS rebinding).
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "drill/door.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/stream.h"

namespace weir::drill {

class Control final : private wire::Handler {
 public:
  static constexpr std::size_t kMostText = 64 * 1024;

  struct Controlled {
    std::function<std::string()> describe;
    std::function<io::Task<Result<>>(std::string)> change;  // done when it has taken effect
  };
  Control(io::Loop& loop, Controlled controlled)
      : controlled_(std::move(controlled)), door_(loop, *this) {}

  Result<> open(const SocketAddress& address) { return door_.open(address); }
  SocketAddress local() const { return door_.local(); }

 private:
  io::Task<> handle(wire::ServerStream& stream) override;
  io::Task<> refuse(wire::ServerStream& stream, http::Violation violation, bool timed_out) override;

  Controlled controlled_;
  Door door_;
};

}  // namespace weir::drill
