// A second kind of session: a wire::ServerStream without a byte on any wire. The request is a value, its body parts come
// at their times, the answer is collected as values. What drives proxy::exchange with it proves that exchange does not
// know HTTP/1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/fields.h"
#include "http/head.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/stream.h"

namespace weir::simulated {

struct ScriptedRequest {
  std::string method = "GET", authority = "a.test", path = "/x", query;
  std::vector<std::pair<std::string, std::string>> fields;
  struct Part {
    Nanos after{0};        // the part before it, or the head
    std::string bytes;
  };
  std::vector<Part> body;  // empty: none
  bool websocket = false;
  std::optional<Nanos> breaks;             // instead of an end: so long after the last part reading fails
  std::optional<std::size_t> leaves_at;    // the client is gone when so many bytes of the answer's body were sent
  Nanos pace{0};                           // that each send takes
};

class ScriptedSession final : public wire::ServerStream {
 public:
  ScriptedSession(io::Loop& loop, ScriptedRequest request);

  http::RequestHead& head() override { return head_; }
  SocketAddress peer() const override { return SocketAddress{.address = Address::v4(192, 0, 2, 7), .port = 7}; }
  Stamp head_began() const override { return began_; }
  bool try_read(wire::Piece& out) override;
  io::Task<Result<wire::Piece>> read(io::Deadline deadline) override;
  bool body_finished() const override { return finished_; }
  http::Violation violation() const override { return http::Violation::none; }
  io::Task<Result<>> send_interim(const wire::ResponseStart& start) override;
  io::Task<Result<>> send(const wire::ResponseStart* start, std::string_view body, bool end) override;
  void abort() override { aborted = true; }
  void close_after() override { closes = true; }
  bool peer_failed() const override { return gone_; }
  void on_peer_event(void (*fn)(void*), void* context) override { listener_ = {fn, context}; }
  std::uint64_t body_bytes_received() const override { return received_; }
  std::uint64_t body_bytes_sent() const override { return body.size(); }

  // The client goes while it waits.
  void leave();

  // The answer.
  std::vector<int> interim;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  http::Framing framing;
  std::string body;
  bool ended = false, aborted = false, closes = false, done = false;
  std::string_view field(std::string_view name) const;

 private:
  Stamp due() const { return last_ + (next_ < request_.body.size() ? request_.body[next_].after : request_.breaks.value_or(Nanos(0))); }

  io::Loop& loop_;
  ScriptedRequest request_;
  std::string target_;
  http::RequestHead head_;
  Stamp began_, last_;           // of the body: when the part before the next one came
  std::size_t next_ = 0;
  std::uint64_t received_ = 0;
  bool finished_ = false, gone_ = false;
  std::pair<void (*)(void*), void*> listener_{nullptr, nullptr};
};

}  // namespace weir::simulated
