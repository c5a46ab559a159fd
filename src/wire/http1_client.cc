#include "wire/http1_client.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace weir::wire {
namespace {

// An answer's head: as an edge takes them, with room for long cookies (RFC 6265 asks for 4096 bytes each).
constexpr http::HeadCaps kAnswerCaps{.head = 64 * 1024, .line = 16 * 1024, .fields = 100};
constexpr std::size_t kMostWithBody = io::Stream::kWriteMax / 2;   // bytes of a request's head

iovec piece_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

}  // namespace

Http1Client::Http1Client(io::Stream stream, Scratch& scratch)
    : stream_(std::move(stream)), scratch_(scratch), input_(stream_.loop()) {}

void Http1Client::begin() {
  WEIR_CHECK(input_.empty());
  parser_.reset();
  body_ = http::BodyReader();
  violation_ = http::Violation::none;
  interim_ = 0;
  head_done_ = keep_alive_ = answered_ = sent_all_ = out_chunked_ = tunnel_ = broken_ = unsent_ = reset_told_ = false;
}

void Http1Client::prepare(const RequestStart& start, PreparedRequest& out) {
  out.bytes.clear();
  out.bytes.reserve(1024);
  out.head = start.method == "HEAD";
  out.websocket = start.websocket;
  out.chunked = start.framing.kind == http::Framing::Kind::chunked;
  if (start.websocket) {
    http::write_upgrade_request_head(start.target, *start.fields, out.bytes);
  } else {
    http::write_request_head(start.method, start.target, *start.fields, start.framing, out.bytes);
  }
}

io::Task<Result<>> Http1Client::send(const PreparedRequest* start, std::string_view body, bool end,
                                     io::Deadline deadline) {
  if (start != nullptr) {
    asked_ = {.head = start->head, .upgrade = start->websocket};
    out_chunked_ = start->chunked;
  }
  std::string_view head = start != nullptr ? std::string_view(start->bytes) : std::string_view();
  if (head.size() > kMostWithBody) {
    if (auto begun = co_await send_ahead(head, deadline); !begun) co_return begun;
  }
  std::string& chunk = scratch_.out;   // of the whole worker: no wait between here and the write
  chunk.clear();
  std::array<iovec, 4> pieces;
  std::size_t count = 0;
  std::string tail;   // fits the small string: no allocation
  if (out_chunked_ && !body.empty()) {
    http::write_chunk_start(body.size(), chunk);
    tail = http::kChunkEnd;
  }
  if (out_chunked_ && end) tail += http::kLastChunk;
  if (start != nullptr) pieces[count++] = piece_of(head);
  if (!chunk.empty()) pieces[count++] = piece_of(chunk);
  if (!body.empty()) pieces[count++] = piece_of(body);
  if (!tail.empty()) pieces[count++] = piece_of(tail);
  if (end) sent_all_ = true;
  Result<> written;
  if (count != 0) written = co_await stream_.write({pieces.data(), count}, deadline);
  if (!written) not_sent(written.error());
  if (tunnel_ && end && written && stream_.valid()) stream_.end_sending();
  co_return written;
}

// What of a large head does not go out together with a body in one write; `head` is the rest then.
io::Task<Result<>> Http1Client::send_ahead(std::string_view& head, io::Deadline deadline) {
  for (; head.size() > kMostWithBody; head.remove_prefix(kMostWithBody)) {
    const std::array<iovec, 1> piece = {piece_of(head.substr(0, kMostWithBody))};
    auto written = co_await stream_.write(piece, deadline);
    if (written) continue;
    not_sent(written.error());
    co_return written;
  }
  co_return Result<>();
}

void Http1Client::not_sent(const Error& error) {
  unsent_ = true;
  reset_told_ = reset_told_ || (error.kind != ErrorKind::timeout && error.kind != ErrorKind::cancelled);
}

io::Task<Result<http::ResponseHead*>> Http1Client::read_head(io::Deadline deadline) {
  for (;;) {
    if (!input_.empty()) {
      answered_ = true;
      const auto result = parser_.parse(input_.bytes(), kAnswerCaps, asked_, scratch_.response);
      if (result.status == http::ParseStatus::violation) co_return std::unexpected(broken(result.violation));
      if (result.status == http::ParseStatus::complete) {
        input_.consume(result.consumed);
        http::ResponseHead& head = scratch_.response;
        if (head.status == 101 && !asked_.upgrade) co_return std::unexpected(broken(http::Violation::unasked_101));
        if (head.status >= 200 || head.status == 101) {
          head_done_ = true;
          keep_alive_ = head.keep_alive && head.status != 101;
          tunnel_ = head.status == 101;
          body_ = http::BodyReader(head.framing);
        } else if (++interim_ > kMaxInterim) {
          co_return std::unexpected(broken(http::Violation::too_many_interim));
        }
        co_return &head;
      }
    }
    auto bytes = co_await stream_.read(deadline);
    if (!bytes) {
      if (bytes.error().kind != ErrorKind::timeout) broken_ = true;
      co_return std::unexpected(std::move(bytes.error()));
    }
    if (bytes->empty()) {
      broken_ = true;
      co_return fail(ErrorKind::closed, answered_ ? "the upstream closed within the head of its answer"
                                                  : "the upstream closed before it answered", Origin::upstream);
    }
    input_.append(*bytes);
  }
}

bool Http1Client::try_read(Piece& out) {
  while (!body_.finished() && !input_.empty() && violation_ == http::Violation::none) {
    const auto step = body_.next(input_.bytes());
    input_.consume(step.consumed);
    if (step.violation != http::Violation::none) {
      broken_ = true;
      violation_ = step.violation;
      return false;
    }
    if (!step.payload.empty() || step.finished) {
      out = {.bytes = step.payload, .end = step.finished};
      return true;
    }
    if (step.consumed == 0) return false;
  }
  return false;
}

io::Task<Result<Piece>> Http1Client::read(io::Deadline deadline) {
  Piece piece;
  if (body_.finished()) co_return Piece{.bytes = {}, .end = true};
  while (!try_read(piece)) {
    if (violation_ != http::Violation::none) {
      co_return fail(ErrorKind::protocol, std::string(http::info(violation_).text), Origin::upstream);
    }
    auto bytes = co_await stream_.read(deadline);
    if (!bytes) {
      if (bytes.error().kind != ErrorKind::timeout) broken_ = true;
      co_return std::unexpected(std::move(bytes.error()));
    }
    if (bytes->empty()) {
      broken_ = true;   // not to be used again, even where this is the proper end
      // A reset is told once. Where the writer was told, this end may be the reset: not the proper end of anything.
      if (body_.ended() == http::Violation::none && !reset_told_) co_return Piece{.bytes = {}, .end = true};
      co_return fail(ErrorKind::closed, "the upstream closed within its answer", Origin::upstream);
    }
    input_.append(*bytes);
  }
  co_return piece;
}

bool Http1Client::reusable() const {
  return head_done_ && keep_alive_ && sent_all_ && body_.finished() && input_.empty() && !broken_ && !unsent_ && fresh();
}

Error Http1Client::broken(http::Violation violation) {
  broken_ = true;
  violation_ = violation;
  return Error{.kind = ErrorKind::protocol, .origin = Origin::upstream, .retryable = false,
               .context = std::string(http::info(violation).text), .cause = nullptr};
}

}  // namespace weir::wire
