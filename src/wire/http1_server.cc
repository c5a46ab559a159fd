#include "wire/http1_server.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace weir::wire {
namespace {

// RFC 9112 9.6: after the last answer the client's remaining bytes are read for a while, so that the answer is not
// lost to a reset. Bounded in bytes and time.
constexpr Nanos kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 256 * 1024;
// An unread request body up to this size is read and dropped to keep the connection; larger ones cost it.
constexpr std::size_t kDiscardBytes = 64 * 1024;
constexpr Nanos kDiscardTime = std::chrono::seconds(1);

iovec piece_of(std::string_view text) {
  return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
}

}  // namespace

// One request and its answer on the connection.
class Http1ServerExchange final : public ServerStream {
 public:
  explicit Http1ServerExchange(Http1Server& connection)
      : connection_(connection),
        options_(connection.host_.options()),
        allowance_(options_.body),
        began_(connection.began_) {
    const http::RequestHead& parsed = connection.host_.scratch().request;
    body_ = http::BodyReader(parsed.framing);
    head_request_ = parsed.method == "HEAD";
    version_ = parsed.version;
    keep_alive_ = parsed.keep_alive;
    asked_to_close_ = !parsed.keep_alive;
    expect_continue_ = parsed.expect_continue;
  }
  // For bytes that never became a head: nothing to read, the connection ends with the answer.
  struct NoHead {};
  Http1ServerExchange(Http1Server& connection, NoHead)
      : connection_(connection), options_(connection.host_.options()), began_(connection.began_) {
    connection.host_.scratch().request = http::RequestHead{};
  }

  http::RequestHead& head() override { return connection_.host_.scratch().request; }
  SocketAddress peer() const override { return connection_.stream_.peer(); }
  Stamp head_began() const override { return began_; }
  Nanos waited() const override { return connection_.loop().now() - connection_.came_; }

  bool try_read(Piece& out) override {
    Input& input = connection_.input_;
    while (!input.empty() && !body_.finished() && violation_ == http::Violation::none) {
      const auto step = body_.next(input.bytes());
      input.consume(step.consumed);
      violation_ = step.violation;
      received_ += step.payload.size();
      if (violation_ != http::Violation::none || over_cap()) return false;
      if (!step.payload.empty() || step.finished) {
        out = {.bytes = step.payload, .end = step.finished};
        return true;
      }
      if (step.consumed == 0) break;
    }
    return false;
  }

  io::Task<Result<Piece>> read(io::Deadline deadline) override {
    Piece piece;
    while (!try_read(piece)) {
      if (violation_ != http::Violation::none) {
        co_return fail(ErrorKind::invalid, std::string(http::info(violation_).text), Origin::client);
      }
      if (over_cap()) {
        co_return fail(ErrorKind::too_large, "the request body is larger than the listener's cap", Origin::client);
      }
      io::Loop& loop = connection_.loop();
      const Stamp start = loop.now();
      const Stamp until = tunnel_ ? deadline : std::min(deadline, start + allowance_);
      auto bytes = co_await connection_.stream_.read(until);
      if (!bytes) co_return std::unexpected(std::move(bytes.error()));
      if (bytes->empty()) {
        if (body_.ended() == http::Violation::none) co_return Piece{.bytes = {}, .end = true};
        co_return fail(ErrorKind::closed, "the client ended within its request body", Origin::client);
      }
      credit(loop.now() - start, bytes->size());
      connection_.input_.append(*bytes);
    }
    co_return piece;
  }

  bool body_finished() const override { return body_.finished(); }
  http::Violation violation() const override {
    return violation_ != http::Violation::none ? violation_ : connection_.violation_;
  }

  io::Task<Result<>> send_interim(const ResponseStart& start) override {
    // RFC 9110 15.2: an HTTP/1.0 client must not be sent a 1xx.
    if (version_ == http::Version::http10) co_return Result<>{};
    std::string& out = connection_.host_.scratch().out;
    out.clear();
    http::write_response_head(start.status, start.reason, start.fields ? *start.fields : http::Fields{},
                              http::Framing{}, {.peer = version_, .keep_alive = true, .head_request = true}, out);
    const std::array<iovec, 1> pieces = {piece_of(out)};
    io::MinRate rate = io::MinRate::start(connection_.loop().now(), options_.body, options_.min_rate);
    co_return co_await connection_.stream_.write(pieces, io::kNever, &rate);
  }

  io::Task<Result<>> send(const ResponseStart* start, std::string_view body, bool end) override {
    std::string& out = connection_.host_.scratch().out;
    out.clear();
    if (start != nullptr) begin_answer(*start, out);
    if (bodiless_) body = {};
    if (end) answered_ = true;

    std::array<iovec, 3> pieces;
    std::size_t count = 0;
    std::string_view tail;
    if (out_chunked_ && !body.empty()) {
      http::write_chunk_start(body.size(), out);
      tail = http::kChunkEnd;
    }
    std::string last;
    if (out_chunked_ && end) {
      last.assign(tail).append(http::kLastChunk);   // fits the small string: no allocation
      tail = last;
    }
    if (!out.empty()) pieces[count++] = piece_of(out);
    if (!body.empty()) pieces[count++] = piece_of(body);
    if (!tail.empty()) pieces[count++] = piece_of(tail);
    sent_ += body.size();
    Result<> written;
    if (count != 0) {
      io::MinRate rate = io::MinRate::start(connection_.loop().now(), options_.body, options_.min_rate);
      written = co_await connection_.stream_.write({pieces.data(), count}, io::kNever, &rate);
    }
    if (!written) failed_ = true;
    if (tunnel_ && end && written && connection_.stream_.valid()) connection_.stream_.end_sending();
    co_return written;
  }

  // Where a length or chunks tell the client what is missing, an end suffices, and answers before this one are not lost
  // with it; else only a reset is no proper end.
  void abort() override {
    aborted_ = true;
    if (framing_ != http::Framing::Kind::length && framing_ != http::Framing::Kind::chunked) connection_.stream_.reset();
  }
  void close_after() override { keep_alive_ = false; }
  bool peer_failed() const override { return !connection_.stream_.valid() || connection_.stream_.failed(); }
  void on_peer_event(void (*fn)(void*), void* context) override {
    if (connection_.stream_.valid()) connection_.stream_.on_readable_while_idle(fn, context);
  }
  std::uint64_t body_bytes_received() const override { return received_; }
  std::uint64_t body_bytes_sent() const override { return sent_; }

  // True when another request may follow on this connection.
  io::Task<bool> finish() {
    if (aborted_) co_await connection_.linger();
    if (aborted_ || !answered_ || failed_) co_return false;
    if (!keep_alive_) {
      // With nothing of the client's unread a close sends FIN, never a reset: nobody need wait for it. Only a client
      // that closes by its own wish sends nothing more; another's next request may be on its way already.
      const bool all_read = asked_to_close_ && body_.finished() && connection_.input_.empty() && !connection_.stream_.has_unread();
      if (!all_read || tunnel_) co_await connection_.linger();
      co_return false;
    }
    const Stamp until = connection_.loop().now() + kDiscardTime;
    const std::uint64_t most = received_ + kDiscardBytes;
    while (!body_.finished()) {
      // The answer said keep-alive before this was known; what cannot be read soon ends the connection instead.
      if (received_ > most || expect_continue_ || !(co_await read(until))) {
        co_await connection_.linger();
        co_return false;
      }
    }
    co_return true;
  }

 private:
  void begin_answer(const ResponseStart& start, std::string& out) {
    const ServerHost& host = connection_.host_;
    if (connection_.closing_ || host.draining() || host.short_of_room()) keep_alive_ = false;
    bodiless_ = head_request_ || start.status == 204 || start.status == 304;
    http::Framing framing = start.framing;
    if (framing.kind == http::Framing::Kind::until_close) framing.kind = http::Framing::Kind::chunked;
    if (framing.kind == http::Framing::Kind::chunked && version_ == http::Version::http10) {
      framing.kind = http::Framing::Kind::until_close;
    }
    if (framing.kind == http::Framing::Kind::until_close) keep_alive_ = false;
    if (framing.kind == http::Framing::Kind::tunnel) {
      keep_alive_ = false;
      tunnel_ = true;
      body_ = http::BodyReader(framing);   // from here the client's bytes are opaque
    }
    // A body that will not be read to its end soon, or was announced and never asked for, ends the connection.
    if (expect_continue_ && !body_.finished() && received_ == 0) keep_alive_ = false;
    if (!body_.finished() && body_.remaining() > kDiscardBytes) keep_alive_ = false;
    framing_ = framing.kind;
    out_chunked_ = !bodiless_ && framing.kind == http::Framing::Kind::chunked;
    http::write_response_head(start.status, start.reason, *start.fields, framing,
                              {.peer = version_, .keep_alive = keep_alive_, .head_request = bodiless_}, out);
  }

  bool over_cap() const { return !tunnel_ && options_.body_cap && received_ > options_.body_cap->count; }

  // The minimum rate, as time that waiting uses up and bytes earn back; time in which nobody waited is free.
  void credit(Nanos waited, std::size_t bytes) {
    const Nanos earned(static_cast<std::int64_t>(bytes * 1'000'000'000ULL / std::max<std::uint64_t>(options_.min_rate, 1)));
    allowance_ = std::min(options_.body, allowance_ - waited + earned);
  }

  Http1Server& connection_;
  const ServerOptions options_;
  http::BodyReader body_;
  Nanos allowance_{0};
  Stamp began_;
  std::uint64_t received_ = 0, sent_ = 0;
  http::Violation violation_ = http::Violation::none;
  http::Version version_ = http::Version::http11;
  http::Framing::Kind framing_ = http::Framing::Kind::none;   // of the answer, once it began
  bool head_request_ = false, keep_alive_ = false, asked_to_close_ = false, expect_continue_ = false;
  bool tunnel_ = false, bodiless_ = false, out_chunked_ = false, answered_ = false, aborted_ = false, failed_ = false;
};

Http1Server::Http1Server(io::Stream stream, ServerHost& host)
    : stream_(std::move(stream)), host_(host), input_(stream_.loop()), began_(loop().now()) {}

// A read whose result is used up before it could become a part of run()'s frame.
struct Http1Server::Reading {
  io::ReadAwaiter read;
  Http1Server& server;
  bool idle;
  bool await_ready() { return read.await_ready(); }
  void await_suspend(std::coroutine_handle<> handle) { read.await_suspend(handle); }
  Next await_resume() {
    server.came_ = read.came();
    return server.take(read.await_resume(), idle);
  }
};

io::Task<> Http1Server::run() {
  for (;;) {
    Next what = parse();
    while (what == Next::more) {   // nothing complete yet
      const ServerOptions& options = host_.options();
      const bool idle = input_.empty();
      if (idle) {
        // What is here already is served still. A client that was not told of the end may be sending its next request.
        if (served_ && (closing_ || host_.draining()) && !stream_.has_unread()) co_return co_await linger();
        input_.trim();
      }
      if (idle) began_ = loop().now();
      what = co_await Reading{stream_.read_to_begin(began_ + (idle ? options.idle : options.head)), *this, idle};
      if (what == Next::gone) co_return;
    }
    busy_ = true;
    const bool more = co_await serve(what);
    busy_ = false;
    served_ = true;
    if (!more || !stream_.valid()) co_return;   // cut() may have come while the answer's last write was resumed
    began_ = came_ = loop().now();
  }
}

Http1Server::Next Http1Server::take(Result<std::span<const std::byte>> bytes, bool idle) {
  if (!bytes) return !idle && bytes.error().kind == ErrorKind::timeout ? Next::timed_out : Next::gone;
  if (bytes->empty()) return Next::gone;   // ended between requests, or within a head: nobody is left to answer
  if (idle) began_ = loop().now();
  input_.append(*bytes);
  return parse();
}

Http1Server::Next Http1Server::parse() {
  if (input_.empty()) return Next::more;
  const auto result = parser_.parse(input_.bytes(), host_.options().caps, host_.scratch().request);
  switch (result.status) {
    case http::ParseStatus::need_more: return Next::more;
    case http::ParseStatus::complete: input_.consume(result.consumed); return Next::head;
    case http::ParseStatus::violation: violation_ = result.violation; return Next::refused;
  }
  return Next::refused;
}

io::Task<bool> Http1Server::serve(Next what) {
  if (what == Next::head) {
    Http1ServerExchange exchange(*this);
    co_await host_.handler().handle(exchange);
    co_return co_await exchange.finish();
  }
  Http1ServerExchange exchange(*this, Http1ServerExchange::NoHead{});
  co_await host_.handler().refuse(exchange, violation_, what == Next::timed_out);
  co_await exchange.finish();
  co_return false;
}

io::Task<> Http1Server::linger() {
  if (!stream_.valid()) co_return;
  stream_.end_sending();
  const Stamp until = loop().now() + kLingerTime;
  std::size_t dropped = 0;
  while (dropped < kLingerBytes) {
    auto bytes = co_await stream_.read(until);
    if (!bytes || bytes->empty()) co_return;
    dropped += bytes->size();
  }
}

void Http1Server::drain(bool unused_too) {
  closing_ = true;
  if (!served_ && !unused_too) return;   // its first request is on its way: nobody else would answer it
  if (!busy_ && input_.empty() && stream_.valid() && !stream_.has_unread()) stream_.close();
}

bool Http1Server::close_idle(Stamp before) {
  if (busy_ || began_ > before || !input_.empty() || !stream_.valid() || stream_.has_unread()) return false;
  stream_.close();
  return true;
}

void Http1Server::cut() { stream_.reset(); }

io::Task<> Connections::serve(io::Stream stream, ServerHost& host) {
  Http1Server connection(std::move(stream), host);
  list_.push_back(connection);
  ++size_;
  host.connection_opened();
  co_await connection.run();
  --size_;
  host.connection_closed();
}

// Ending a connection only queues its coroutine, so the list stands still meanwhile.
void Connections::drain(bool unused_too) {
  std::size_t left = size_;
  for (io::Link* link = list_.first(); left > 0; --left, link = link->next()) {
    static_cast<Http1Server*>(link)->drain(unused_too);
  }
}

void Connections::close_idle(Stamp before, std::size_t most) {
  std::size_t left = size_;
  for (io::Link* link = list_.first(); left > 0 && most > 0; --left, link = link->next()) {
    if (static_cast<Http1Server*>(link)->close_idle(before)) --most;
  }
}

void Connections::cut() {
  std::size_t left = size_;
  for (io::Link* link = list_.first(); left > 0; --left, link = link->next()) static_cast<Http1Server*>(link)->cut();
}

}  // namespace weir::wire
