// Door: one address at which HTTP is served to a Handler, for the processes of a drill. At most
// kMostConnections at once; one more is reset. Errors of open(): the address is in use, or not
// ours.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/http1_server.h"

namespace weir::drill {

class Door final : private wire::ServerHost {
 public:
  static constexpr std::size_t kMostConnections = 16'384;

  Door(io::Loop& loop, wire::Handler& handler) : loop_(loop), handler_(handler) {}

  Result<> open(const SocketAddress& address);
  SocketAddress local() const { return listener_.local(); }
  std::size_t connections() const { return connections_.size(); }

 private:
  const wire::ServerOptions& options() const override { return options_; }
  bool draining() const override { return false; }
  wire::Handler& handler() override { return handler_; }
  wire::Scratch& scratch() override { return scratch_; }
  io::Task<> accept_loop();

  io::Loop& loop_;
  wire::Handler& handler_;
  wire::ServerOptions options_;
  wire::Scratch scratch_;
  wire::Connections connections_;
  io::Listener listener_;
};

// An answer that is all there: head and body at once. A body beyond the piece a stream takes goes
// out in pieces.
io::Task<> send_answer(wire::ServerStream& stream, std::uint16_t status, const http::Fields& fields,
                       std::string_view body);

// The whole body of a request, at most `most` bytes of it kept; `size` counts all. False: it did
// not come to its end.
io::Task<bool> read_body(wire::ServerStream& stream, std::size_t most, std::string& kept,
                         std::uint64_t& size);

}  // namespace weir::drill
