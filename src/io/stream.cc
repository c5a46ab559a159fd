#include "io/stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/check.h"
#include "io/errors.h"
#include "io/stream_state.h"

namespace weir::io {
namespace {

// So late the loop's being late is asked about: what the system tells is no finer.
constexpr Nanos kWorthAsking = std::chrono::milliseconds(4);

}  // namespace

StreamState* StreamState::make(Loop& loop, Handle handle, const SocketAddress& peer) {
  auto* state = new (loop.slab().take()) StreamState(loop);
  state->handle_ = handle;
  if (peer.is_unix()) {
    state->flags_ |= kUnixPeer;
  } else {
    state->peer_ = peer.address.bytes;
    state->peer_port_ = peer.port;
    if (peer.address.family == Address::Family::v6) state->flags_ |= kV6Peer;
  }
  loop.connection_opened();
  return state;
}

SocketAddress StreamState::peer() const {
  SocketAddress peer;
  peer.address.family = has(kV6Peer) ? Address::Family::v6 : Address::Family::v4;
  peer.address.bytes = peer_;
  peer.port = peer_port_;
  return peer;
}

// Events of a closed connection may still be in the batch under way; its memory is kept until that
// is over.
void StreamState::ready(std::uint32_t flags) {
  if (has(kClosed)) return;
  if ((flags & (kReadable | kPeerEnded | kFailed)) != 0) flags_ |= kUnread;
  if ((flags & kPeerEnded) != 0) flags_ |= kEnded;
  if ((flags & kFailed) != 0) flags_ |= kBroken;
  if ((flags & (kWritable | kFailed)) != 0) {
    flags_ |= kSendable;
    if (!advance(writer_)) return;
  }
  if (!has(kUnread) || has(kConnecting)) return;
  if (reader_ != nullptr) {
    if (reader_->begins_) return queue_up(*reader_);
    advance(reader_);
  } else if (idle_ != nullptr) {
    const auto fn = std::exchange(idle_, nullptr);
    fn(idle_context_);
  }
}

// What came while the loop was away has waited in the kernel too.
void StreamState::queue_up(StreamWait& reader) {
  if (reader.came_ != Stamp()) return;  // it keeps its place
  reader.came_ = loop_.now();
  if (loop_.late() >= kWorthAsking) reader.came_ -= loop_.kernel().since_received(handle_);
  loop_.make_beginning(reader);
}

// False when the stream was closed by what ran.
bool StreamState::advance(StreamWait*& place) {
  StreamWait* wait = place;
  if (wait == nullptr || !wait->attempt()) return true;
  wait->over_ = true;
  leave(*wait);
  loop_.resume(*wait);
  return !has(kClosed);
}

void StreamState::leave(StreamWait& wait) {
  if (reader_ == &wait) reader_ = nullptr;
  if (writer_ == &wait) {
    writer_ = nullptr;
    if (rest_ != nullptr) {  // given up half-way
      rest_.reset();
      flags_ |= kTorn;
    }
  }
  wait.stream_ = nullptr;
}

// The timer is moved only to an earlier time. When it fires too early for the deadline of the day
// it is armed again, so a connection that reads ten thousand times under the same kind of deadline
// touches the wheel once per deadline.
void StreamState::wait_for(StreamWait*& place, StreamWait& wait, std::coroutine_handle<> handle) {
  WEIR_CHECK(place == nullptr);  // one reader and one writer at a time
  place = &wait;
  loop_.suspend(wait, handle);
  const Stamp expires = wait.expires();
  if (expires != kNever && (!armed() || expires < when())) loop_.arm(*this, expires);
}

void StreamState::fire() {
  const Stamp now = loop_.now();
  Stamp next = kNever;
  for (StreamWait* wait : {reader_, writer_}) {
    if (wait == nullptr || wait->over_) continue;
    if (wait->expires() <= now) {
      wait->finish(ETIME);
    } else {
      next = std::min(next, wait->expires());
    }
  }
  loop_.arm(*this, next);
}

void StreamState::close(bool abort) {
  if (has(kClosed)) return;
  flags_ |= kClosed;
  unlink();
  idle_ = nullptr;
  rest_.reset();
  if (reader_ != nullptr) reader_->finish(ESHUTDOWN);
  if (writer_ != nullptr) writer_->finish(ESHUTDOWN);
  if (abort) {
    loop_.kernel().reset(handle_);
  } else {
    loop_.kernel().close(handle_);
  }
  loop_.connection_closed();
  Loop& loop = loop_;
  loop.slab().give_later(this);  // trivially destructible from here on: nothing is owned any more
}

StreamWait::~StreamWait() {
  if (stream_ != nullptr) stream_->leave(*this);
}

void StreamWait::finish(int error) {
  if (over_) return;
  over_ = true;
  error_ = error;
  Loop& loop = stream_->loop_;
  stream_->leave(*this);
  loop.make_ready(*this);
}

// From the ready queue: over, or its turn came to try again.
bool StreamWait::prepare() {
  if (over_) return true;
  if (scope->cancelled()) {
    error_ = ECANCELED;
  } else if (!attempt()) {
    came_ = Stamp();
    stream_->loop_.wait_again(*this);
    return false;
  }
  over_ = true;
  stream_->leave(*this);
  return true;
}

// --- read ---

bool ReadAwaiter::await_ready() noexcept {
  if (stream_ == nullptr) {  // closed on this side, by somebody else than the reader
    error_ = ESHUTDOWN;
    return true;
  }
  if (stream_->loop_.cancelled()) {
    error_ = ECANCELED;
    return true;
  }
  if (!stream_->has(StreamState::kUnread) || begins_) return false;
  if (!stream_->loop_.spend()) return false;
  return attempt();
}

void ReadAwaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  stream_->wait_for(stream_->reader_, *this, handle);
  if (!stream_->has(StreamState::kUnread)) return;
  if (begins_) return stream_->queue_up(*this);
  stream_->loop_.make_yielded(*this);  // its share of the turn is used up
}

bool ReadAwaiter::attempt() {
  StreamState& stream = *stream_;
  const std::span<std::byte> buffer = stream.loop_.receive_buffer();
  const ssize_t got = stream.loop_.kernel().receive(stream.handle_, buffer);
  if (got > 0) {
    const auto count = static_cast<std::size_t>(got);
    bytes_ = buffer.first(count);
    stream.bytes_in_ += count;
    // Short: drained, unless the end or a failure stands behind it, which is reported only once.
    if (count < buffer.size() && !stream.has(StreamState::kEnded | StreamState::kBroken)) {
      stream.flags_ &= ~StreamState::kUnread;
    }
    return true;
  }
  if (got == -EAGAIN) {
    stream.flags_ &= ~StreamState::kUnread;
    return false;
  }
  if (got == 0) {
    stream.flags_ |= StreamState::kEnded;  // stays unread: the next read says so again
  } else {
    stream.flags_ |= StreamState::kBroken;
    error_ = static_cast<int>(-got);
  }
  return true;
}

Result<std::span<const std::byte>> ReadAwaiter::await_resume() {
  stream_ = nullptr;
  if (error_ != 0) return fail_with(error_, "read");
  return bytes_;
}

// --- write ---

bool WriteAwaiter::await_ready() noexcept {
  if (stream_ == nullptr) {
    error_ = ESHUTDOWN;
    return over_ = true;
  }
  WEIR_CHECK(pieces_.size() <= Stream::kPiecesMax);
  for (const iovec& piece : pieces_) total_ += piece.iov_len;
  if (total_ > Stream::kWriteMax) {
    error_ = E2BIG;
  } else if (stream_->loop_.cancelled()) {
    error_ = ECANCELED;
  } else if (stream_->has(StreamState::kTorn)) {
    error_ = EPIPE;
  }
  if (error_ != 0 || total_ == 0) {
    over_ = true;
  } else if (stream_->has(StreamState::kSendable)) {
    over_ = attempt();
  }
  return over_ && stream_->loop_.spend();
}

void WriteAwaiter::await_suspend(std::coroutine_handle<> handle) noexcept {
  StreamState& stream = *stream_;
  if (over_) {  // done, but its share of the turn is used up
    stream.loop_.suspend(*this, handle);
    stream.loop_.make_yielded(*this);
    return;
  }
  auto rest = std::make_unique<StreamState::Rest>();
  rest->size = total_ - sent_;
  rest->bytes = std::make_unique_for_overwrite<std::byte[]>(rest->size);
  std::size_t skip = sent_;
  std::byte* to = rest->bytes.get();
  for (const iovec& piece : pieces_) {
    if (skip >= piece.iov_len) {
      skip -= piece.iov_len;
      continue;
    }
    const std::size_t count = piece.iov_len - skip;
    std::memcpy(to, static_cast<const std::byte*>(piece.iov_base) + skip, count);
    to += count;
    skip = 0;
  }
  stream.rest_ = std::move(rest);
  stream.wait_for(stream.writer_, *this, handle);
}

bool WriteAwaiter::attempt() {
  StreamState& stream = *stream_;
  StreamState::Rest* rest = stream.rest_.get();
  const iovec left{rest != nullptr ? rest->bytes.get() + rest->sent : nullptr,
                   rest != nullptr ? rest->size - rest->sent : 0};
  const std::span<const iovec> pieces = rest != nullptr ? std::span(&left, 1) : pieces_;
  const std::size_t wanted = rest != nullptr ? left.iov_len : total_;
  const ssize_t taken = stream.loop_.kernel().send(stream.handle_, pieces);
  if (taken < 0 && taken != -EAGAIN) {
    error_ = static_cast<int>(-taken);
    stream.flags_ |= StreamState::kTorn;
    stream.rest_.reset();
    return true;
  }
  const std::size_t count = taken < 0 ? 0 : static_cast<std::size_t>(taken);
  stream.bytes_out_ += count;
  if (min_rate_ != nullptr) min_rate_->credit(stream.loop_.now(), count);
  if (count == wanted) {
    stream.rest_.reset();
    return true;
  }
  stream.flags_ &= ~StreamState::kSendable;
  if (rest != nullptr) {
    rest->sent += count;
  } else {
    sent_ = count;
  }
  return false;
}

Stamp WriteAwaiter::expires() const {
  return min_rate_ != nullptr ? std::min(deadline_, min_rate_->until) : deadline_;
}

Result<> WriteAwaiter::await_resume() {
  stream_ = nullptr;
  if (error_ == 0) return {};
  return fail_with(error_, "write");
}

// --- Stream ---

namespace {

class ConnectAwaiter final : public StreamWait {
 public:
  ConnectAwaiter(StreamState* stream, Deadline deadline) : StreamWait(stream, deadline) {}
  bool await_ready() noexcept {
    if (!stream_->loop_.cancelled()) return false;
    error_ = ECANCELED;
    return true;
  }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    stream_->wait_for(stream_->writer_, *this, handle);
  }
  int await_resume() noexcept {
    stream_ = nullptr;
    return error_;
  }
  bool attempt() override {
    const int result = stream_->loop_.kernel().connect_result(stream_->handle_);
    if (result == -EINPROGRESS) return false;
    error_ = -result;
    return true;
  }
};

}  // namespace

Task<Result<Stream>> Stream::connect(Loop& loop, SocketAddress peer, Deadline deadline) {
  Handle handle;
  const int started = loop.kernel().connect(peer, handle);
  if (started < 0 && started != -EINPROGRESS)
    co_return fail_with(-started, "connect to " + to_string(peer));
  Result<Stream> stream = attach(loop, handle, peer);
  if (!stream || started == 0) co_return stream;
  StreamState* state = stream->state_;
  state->flags_ |= StreamState::kConnecting;
  state->flags_ &= ~StreamState::kSendable;
  const int error = co_await ConnectAwaiter(state, deadline);
  if (error != 0) co_return fail_with(error, "connect to " + to_string(peer));
  state->flags_ &= ~StreamState::kConnecting;
  state->flags_ |= StreamState::kSendable;
  co_return stream;
}

Result<Stream> Stream::attach(Loop& loop, Handle handle, const SocketAddress& peer) {
  Stream stream(StreamState::make(loop, handle, peer));
  const int watched = loop.kernel().watch(handle, stream.state_);
  if (watched < 0) return fail_with(-watched, "watch a socket");
  stream.state_->flags_ |= StreamState::kSendable;
  return stream;
}

void Stream::end_sending() {
  if (state_ == nullptr) return;
  WEIR_CHECK(state_->writer_ == nullptr);
  state_->flags_ |= StreamState::kTorn;
  state_->loop_.kernel().end_sending(state_->handle_);
}

void Stream::close() {
  if (StreamState* state = std::exchange(state_, nullptr)) state->close(false);
}
void Stream::reset() {
  if (StreamState* state = std::exchange(state_, nullptr)) state->close(true);
}

bool Stream::peer_ended() const { return state_ == nullptr || state_->has(StreamState::kEnded); }
bool Stream::failed() const { return state_ == nullptr || state_->has(StreamState::kBroken); }
int Stream::descriptor() const { return state_ == nullptr ? -1 : state_->handle_.value; }
bool Stream::has_unread() const { return state_ != nullptr && state_->has(StreamState::kUnread); }
void Stream::on_readable_while_idle(void (*fn)(void*), void* context) {
  if (state_ == nullptr) return;
  state_->idle_ = fn;
  state_->idle_context_ = context;
}

SocketAddress Stream::peer() const { return state_ == nullptr ? SocketAddress{} : state_->peer(); }
Result<SocketAddress> Stream::local() const {
  if (state_ == nullptr) return fail_with(ESHUTDOWN, "local address");
  SocketAddress local;
  const int result = state_->loop_.kernel().local_address(state_->handle_, local);
  if (result < 0) return fail_with(-result, "local address");
  return local;
}
Loop& Stream::loop() const { return state_->loop_; }
std::uint64_t Stream::bytes_in() const { return state_ == nullptr ? 0 : state_->bytes_in_; }
std::uint64_t Stream::bytes_out() const { return state_ == nullptr ? 0 : state_->bytes_out_; }

}  // namespace weir::io
