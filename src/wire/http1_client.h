// The client's side of HTTP/1: a connection that carries one exchange after another to an upstream. As strict with
// answers as the server's side is with requests (RFC 9112 6.3, 8): whatever is surplus, early, cut or unasked makes
// the connection unfit for another exchange.
#pragma once

#include <cstdint>
#include <string>

#include "http/http1.h"
#include "io/loop.h"
#include "io/stream.h"
#include "io/task.h"
#include "wire/http1_server.h"
#include "wire/input.h"
#include "wire/stream.h"

namespace weir::wire {

class Http1Client final : public ClientStream {
 public:
  static constexpr int kMaxInterim = 8;   // 1xx answers taken before the final one

  Http1Client(io::Stream stream, Scratch& scratch);

  // Ready for the next exchange: clears what the last one left.
  void begin();

  static void prepare(const RequestStart& start, PreparedRequest& out);
  io::Task<Result<>> send(const PreparedRequest* start, std::string_view body, bool end, io::Deadline deadline) override;
  io::Task<Result<http::ResponseHead*>> read_head(io::Deadline deadline) override;
  bool try_read(Piece& out) override;
  io::Task<Result<Piece>> read(io::Deadline deadline) override;
  bool answered() const override { return answered_; }
  http::Violation violation() const override { return violation_; }

  // Every byte of the request was taken by the system.
  bool sent_whole() const { return sent_all_ && !unsent_; }
  // The exchange is over and both messages ended as they should: the connection may be used again.
  bool reusable() const;
  // Nothing is known to speak against sending another request now. Costs no system call.
  bool fresh() const { return stream_.valid() && !stream_.has_unread() && !stream_.peer_ended() && !stream_.failed(); }
  io::Stream& stream() { return stream_; }
  // Which address it is connected to, as a digest; 0: nobody said.
  std::uint64_t place() const { return place_; }
  void set_place(std::uint64_t place) { place_ = place; }

 private:
  io::Task<Result<>> send_ahead(std::string_view& head, io::Deadline deadline);
  void not_sent(const Error& error);
  Error broken(http::Violation violation);

  io::Stream stream_;
  std::uint64_t place_ = 0;
  Scratch& scratch_;
  Input input_;
  http::ResponseParser parser_;
  http::BodyReader body_;
  http::ResponseParser::Asked asked_;
  http::Violation violation_ = http::Violation::none;
  std::uint8_t interim_ = 0;
  bool head_done_ = false, keep_alive_ = false, answered_ = false, sent_all_ = false, out_chunked_ = false;
  bool tunnel_ = false, broken_ = false;
  bool unsent_ = false;       // a part of the request did not go out; an answer may still come (RFC 9112 9.5)
  bool reset_told_ = false;   // because the connection failed
};

}  // namespace weir::wire
