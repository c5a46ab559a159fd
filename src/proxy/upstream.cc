#include "proxy/upstream.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "proxy/worker.h"

namespace weir::proxy {

Lease::Lease(Worker& worker, std::uint64_t key, std::unique_ptr<wire::Http1Client> client, bool reused)
    : worker_(&worker), key_(key), client_(std::move(client)), reused_(reused) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  give_back();
  worker_ = other.worker_;
  key_ = other.key_;
  client_ = std::move(other.client_);
  reused_ = other.reused_;
  return *this;
}

void Lease::give_back() {
  if (client_ == nullptr) return;
  std::unique_ptr<wire::Http1Client> client = std::move(client_);
  if (!client->reusable()) return;
  client->begin();
  worker_->pool().put(key_, std::move(client), worker_->loop().now());
}

Lease take_idle(Worker& worker, std::uint64_t key) {
  auto client = worker.pool().take(key, worker.loop().now());
  return client == nullptr ? Lease() : Lease(worker, key, std::move(client), true);
}

io::Task<Result<Lease>> connect(Worker& worker, std::uint64_t key, std::span<const SocketAddress> addresses,
                                io::Deadline deadline) {
  Error last{.kind = ErrorKind::not_found, .origin = Origin::upstream, .retryable = true,
             .context = "the name of the endpoint has no address", .cause = nullptr};
  for (const SocketAddress& address : addresses.first(std::min<std::size_t>(addresses.size(), 2))) {
    auto stream = co_await io::Stream::connect(worker.loop(), address, deadline);
    if (stream) {
      auto client = std::make_unique<wire::Http1Client>(std::move(*stream), worker.scratch());
      client->set_place(place_of(address));
      co_return Lease(worker, key, std::move(client), false);
    }
    last = std::move(stream.error());
    if (last.kind == ErrorKind::timeout || last.kind == ErrorKind::cancelled) break;
  }
  co_return std::unexpected(std::move(last));
}

std::uint64_t place_of(const SocketAddress& address) { return keyed_hash(HashKey{}, to_string(address)); }

void prepare(const wire::RequestStart& start, wire::PreparedRequest& out) { wire::Http1Client::prepare(start, out); }

}  // namespace weir::proxy
