// The two cache lines behind a Stream. Only stream.cc and its tests look here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "io/kernel.h"
#include "io/loop.h"
#include "io/slab.h"
#include "io/stream.h"
#include "io/watcher.h"

namespace weir::io {

class StreamState final : public Watcher {
 public:
  enum Flags : std::uint32_t {
    kUnread = 1,    // readiness to read was reported and not consumed
    kSendable = 2,  // the last send was taken whole
    kEnded = 4,     // FIN reported
    kBroken = 8,    // reset or hang-up reported
    kTorn = 16,     // a write was given up half-way, or sending was ended: no more writes
    kClosed = 32,
    kConnecting = 64,
    kUnixPeer = 128,
    kV6Peer = 256,
  };

  static StreamState* make(Loop& loop, Handle handle, const SocketAddress& peer);

  void ready(std::uint32_t flags) override;
  void fire() override;

  void close(bool abort);
  void wait_for(StreamWait*& place, StreamWait& wait, std::coroutine_handle<> handle);
  void queue_up(StreamWait& reader);  // of what begins work
  void leave(StreamWait& wait);
  bool has(std::uint32_t flags) const { return (flags_ & flags) != 0; }
  SocketAddress peer() const;

  // What a write had left over, sent as the peer reads.
  struct Rest {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    std::size_t sent = 0;
  };

  Loop& loop_;
  Handle handle_;
  std::uint32_t flags_ = 0;
  StreamWait* reader_ = nullptr;
  StreamWait* writer_ = nullptr;  // or the one connect
  void (*idle_)(void*) = nullptr;
  void* idle_context_ = nullptr;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  std::unique_ptr<Rest> rest_;
  std::array<std::uint8_t, 16> peer_{};
  std::uint16_t peer_port_ = 0;

 private:
  explicit StreamState(Loop& loop) : loop_(loop) {}
  bool advance(StreamWait*& place);
};

static_assert(sizeof(StreamState) <= Slab::kBlock);

}  // namespace weir::io
