// The server's side of HTTP/1: one connection, its requests one after another, each handed to a Handler as a
// ServerStream. Between requests a connection is a socket, a timer and a small coroutine frame; everything else lives
// only while an exchange is under way. Pipelined requests are answered in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/units.h"
#include "http/http1.h"
#include "io/link.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/task.h"
#include "wire/input.h"
#include "wire/stream.h"

namespace weir::wire {

// What one worker's connections share: heads are parsed and written here, valid until the next suspension.
struct Scratch {
  http::RequestHead request;
  http::ResponseHead response;
  std::string out;
};

struct ServerOptions {
  http::HeadCaps caps;
  std::optional<Bytes> body_cap;
  Nanos head{std::chrono::seconds(10)};    // the whole head, from its first byte
  Nanos body{std::chrono::seconds(30)};    // longest time below min_rate, either way
  Nanos idle{std::chrono::seconds(60)};    // between requests
  std::uint64_t min_rate = 1024;           // bytes a second
};

// Asked anew for every request, so a new policy acts on old connections too.
class ServerHost {
 public:
  virtual ~ServerHost() = default;
  virtual const ServerOptions& options() const = 0;
  virtual bool draining() const = 0;
  // Room for connections is short: each ends with the answer that it has next.
  virtual bool short_of_room() const { return false; }
  virtual Handler& handler() = 0;
  virtual Scratch& scratch() = 0;
  virtual void connection_opened() {}
  virtual void connection_closed() {}
};

// Hangs in its host's Connections while it runs.
class Http1Server : private io::Link {
 public:
  Http1Server(io::Stream stream, ServerHost& host);
  Http1Server(const Http1Server&) = delete;
  Http1Server& operator=(const Http1Server&) = delete;

  io::Task<> run();
  // Ends the connection now if no request is under way, else after the one that is. One that has not had its first
  // request yet stays for it, unless `unused_too`.
  void drain(bool unused_too);
  // Ends the connection if nothing is under way, nor has been since `before`. True: it did.
  bool close_idle(Stamp before);
  // Ends it whatever is under way.
  void cut();

  io::Stream& stream() { return stream_; }

 private:
  friend class Http1ServerExchange;
  friend class Connections;
  enum class Next : std::uint8_t { head, refused, timed_out, more, gone };

  struct Reading;
  Next parse();
  [[clang::noinline]] Next take(Result<std::span<const std::byte>> bytes, bool idle);
  // Never inlined: the compiler would make its frame, with all of an exchange in it, a part of run()'s, which lives as
  // long as the connection (measured: 1.5 KiB an idle connection instead of 0.3).
  [[clang::noinline]] io::Task<bool> serve(Next what);
  [[clang::noinline]] io::Task<> linger();   // as serve

  io::Loop& loop() const { return input_.loop(); }

  io::Stream stream_;
  ServerHost& host_;
  Input input_;
  http::RequestParser parser_;
  http::Violation violation_ = http::Violation::none;
  bool busy_ = false;
  bool served_ = false;   // at least one request
  bool closing_ = false;
  Stamp began_;          // first byte of the head that is being read; idle: since when
  Stamp came_;           // its newest bytes
};

// The connections of one host. They live in the frames of the coroutines that serve them.
class Connections {
 public:
  // One connection from its first byte to its last.
  io::Task<> serve(io::Stream stream, ServerHost& host);
  std::size_t size() const { return size_; }
  void drain(bool unused_too);   // each as Http1Server::drain
  void close_idle(Stamp before, std::size_t most);   // oldest connections first
  void cut();

 private:
  io::Link list_;
  std::size_t size_ = 0;
};

}  // namespace weir::wire
