// Peer: one end of a simulated connection as a client or an upstream holds it: bytes that arrived and were not taken
// yet, how reading ended, and writing of any length. Every wait has a deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "io/loop.h"
#include "io/stream.h"
#include "io/task.h"

namespace weir::simulated {

class Peer {
 public:
  enum class Reading : std::uint8_t { open, ended, failed, late };

  explicit Peer(io::Stream stream) : loop_(stream.loop()), stream_(std::move(stream)) {}

  // Waits for more bytes. False: reading() says why there are none.
  io::Task<bool> fill(io::Deadline deadline) {
    auto bytes = co_await stream_.read(deadline);
    if (!bytes) {
      reading_ = bytes.error().kind == ErrorKind::timeout ? Reading::late : Reading::failed;
      co_return false;
    }
    if (bytes->empty()) {
      // A reset is told once, to whoever asks first; had the writer been told, this end would be none.
      reading_ = write_failed_ ? Reading::failed : Reading::ended;
      co_return false;
    }
    in.append(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    co_return true;
  }

  // `bytes` must live until it is over.
  io::Task<bool> say(std::string_view bytes, io::Deadline deadline) {
    while (!bytes.empty() && stream_.valid()) {
      const std::string_view part = bytes.substr(0, io::Stream::kWriteMax);
      const iovec piece{.iov_base = const_cast<char*>(part.data()), .iov_len = part.size()};
      if (!co_await stream_.write({&piece, 1}, deadline)) {
        write_failed_ = true;
        co_return false;
      }
      bytes.remove_prefix(part.size());
    }
    co_return stream_.valid();
  }

  void end_sending() {
    if (stream_.valid()) stream_.end_sending();
  }
  void reset() { stream_.reset(); }
  void close() { stream_.close(); }
  bool open() const { return stream_.valid(); }
  Reading reading() const { return reading_; }
  Stamp now() const { return loop_.now(); }

  std::string in;   // arrived, not taken

 private:
  io::Loop& loop_;
  io::Stream stream_;
  Reading reading_ = Reading::open;
  bool write_failed_ = false;
};

}  // namespace weir::simulated
