// Connections to upstreams, taken and given back. A Lease is one connection for one attempt: on its end it goes back to
// the pool when both messages ended as they should, else it is closed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/address.h"
#include "base/result.h"
#include "io/loop.h"
#include "io/task.h"
#include "wire/http1_client.h"
#include "wire/stream.h"

namespace weir::proxy {

class Worker;

class Lease {
 public:
  Lease() = default;
  Lease(Worker& worker, std::uint64_t key, std::unique_ptr<wire::Http1Client> client, bool reused);
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { give_back(); }

  explicit operator bool() const { return client_ != nullptr; }
  wire::ClientStream& stream() { return *client_; }
  bool reused() const { return reused_; }
  bool sent_whole() const { return client_->sent_whole(); }
  // Ends the connection now; whoever waits on it gets an error.
  void cut() { client_->stream().reset(); }

 private:
  void give_back();

  Worker* worker_ = nullptr;
  std::uint64_t key_ = 0;
  std::unique_ptr<wire::Http1Client> client_;
  bool reused_ = false;
};

// An idle connection, or nothing; never waits.
Lease take_idle(Worker& worker, std::uint64_t key);
// A new connection to the first of `addresses` that takes one (at most two are tried) before `deadline`;
// not_found where there is none.
io::Task<Result<Lease>> connect(Worker& worker, std::uint64_t key, std::span<const SocketAddress> addresses,
                                io::Deadline deadline);
// What tells addresses of one endpoint apart (wire::Http1Client::place).
std::uint64_t place_of(const SocketAddress& address);
void prepare(const wire::RequestStart& start, wire::PreparedRequest& out);

}  // namespace weir::proxy
