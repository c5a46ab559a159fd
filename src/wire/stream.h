// The two sides of an exchange, without a version of HTTP: what proxy, admin and load work against. HTTP/1 implements
// them (wire/http1_server, wire/http1_client); a scripted session in tests is a second implementation.
//
// Lifetimes: heads and pieces are views into buffers shared by the whole worker. They are valid until the caller
// suspends next; whoever needs more copies it. Only one exchange is under way on a ServerStream at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/head.h"
#include "http/violation.h"
#include "io/loop.h"
#include "io/task.h"

namespace weir::wire {

struct Piece {
  std::string_view bytes;
  bool end = false;   // the message is complete; nothing follows
};

struct ResponseStart {
  std::uint16_t status = 0;
  std::string_view reason;            // "": the standard one
  const http::Fields* fields = nullptr;
  http::Framing framing;              // of the body that will follow
};

struct RequestStart {
  std::string_view method, target;
  const http::Fields* fields = nullptr;
  http::Framing framing;
  bool websocket = false;
};

// One request as its receiver sees it, and the way to answer it.
class ServerStream {
 public:
  virtual ~ServerStream() = default;

  virtual http::RequestHead& head() = 0;         // until the first suspension
  virtual SocketAddress peer() const = 0;
  virtual Stamp head_began() const = 0;          // when its first byte was here
  virtual Nanos waited() const { return Nanos(0); }   // for its worker, since its newest bytes came in

  // The request's body. try_read gives what is already here without waiting. Errors: timeout (slower than the
  // listener's minimum rate, or `deadline`), closed, reset, invalid (violation() tells which), too_large (body cap).
  virtual bool try_read(Piece& out) = 0;
  virtual io::Task<Result<Piece>> read(io::Deadline deadline) = 0;
  virtual bool body_finished() const = 0;
  virtual http::Violation violation() const = 0;

  // Interim answer: 100 Continue, or another 1xx passed on.
  virtual io::Task<Result<>> send_interim(const ResponseStart& start) = 0;
  // Head, body or both in one system call. The last call has end = true. After a head with Framing::tunnel bytes flow
  // unframed in both directions.
  virtual io::Task<Result<>> send(const ResponseStart* start, std::string_view body, bool end) = 0;
  // The answer cannot be completed: the peer must notice. Nothing may be sent after it.
  virtual void abort() = 0;
  // After this exchange the connection takes no other.
  virtual void close_after() = 0;
  virtual bool peer_failed() const = 0;          // the client reset the connection
  // Calls `fn(context)` once, when the client sends, ends or resets while its body is not being read; null takes it back.
  virtual void on_peer_event(void (*fn)(void*), void* context) = 0;
  virtual std::uint64_t body_bytes_received() const = 0;
  virtual std::uint64_t body_bytes_sent() const = 0;
};

// What happens to requests of a listener. One call per request; it returns when the answer is complete or aborted.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual io::Task<> handle(ServerStream& stream) = 0;
  // The bytes never became a head: answer info(violation).status. `timed_out`: the head came too slowly (408).
  virtual io::Task<> refuse(ServerStream& stream, http::Violation violation, bool timed_out) = 0;
};

// A request's head made ready to be sent. It owns its bytes, so that it can wait for a connection and be sent again.
struct PreparedRequest {
  std::string bytes;
  bool head = false;        // the method is HEAD
  bool websocket = false;
  bool chunked = false;
};

// One request as its sender sees it.
class ClientStream {
 public:
  virtual ~ClientStream() = default;

  // Head, body or both in one system call; the last call has end = true.
  virtual io::Task<Result<>> send(const PreparedRequest* start, std::string_view body, bool end,
                                  io::Deadline deadline) = 0;
  // The next head: interim (1xx) or final. Error kinds: timeout (may be called again), closed or reset before any byte
  // (answered() is false: the request may not have been seen), protocol (violation()).
  virtual io::Task<Result<http::ResponseHead*>> read_head(io::Deadline deadline) = 0;
  virtual bool try_read(Piece& out) = 0;
  virtual io::Task<Result<Piece>> read(io::Deadline deadline) = 0;
  virtual bool answered() const = 0;               // at least one byte of an answer arrived
  virtual http::Violation violation() const = 0;
};

}  // namespace weir::wire
