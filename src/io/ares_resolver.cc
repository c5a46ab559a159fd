#include "io/ares_resolver.h"

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <coroutine>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "fmt/core.h"
#include "io/errors.h"
#include "io/kernel.h"
#include "io/sockaddr.h"
#include "io/wait.h"
#include "io/watcher.h"

namespace weir::io {
namespace {

constexpr Nanos kTtlLeast = std::chrono::seconds(1);
constexpr Nanos kTtlMost = std::chrono::hours(1);

Error ares_error(int status, const std::string& host) {
  const auto kind = [&] {
    switch (status) {
      case ARES_ENOTFOUND:
      case ARES_ENODATA:
        return ErrorKind::not_found;
      case ARES_EBADNAME:
      case ARES_EFORMERR:
        return ErrorKind::invalid;
      case ARES_ETIMEOUT:
        return ErrorKind::timeout;
      case ARES_ECANCELLED:
      case ARES_EDESTRUCTION:
        return ErrorKind::cancelled;
      case ARES_ECONNREFUSED:
      case ARES_ESERVFAIL:
      case ARES_EREFUSED:
        return ErrorKind::unreachable;
      default:
        return ErrorKind::io;
    }
  }();
  return Error{.kind = kind,
               .origin = Origin::system,
               .retryable = kind == ErrorKind::timeout || kind == ErrorKind::unreachable,
               .context = fmt::format("resolve {}: {}", host, ares_strerror(status)),
               .cause = nullptr};
}

Resolution to_resolution(const ares_addrinfo& info) {
  Resolution resolution{.addresses = {}, .ttl = kTtlMost};
  for (const ares_addrinfo_node* node = info.nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    RawAddress raw;
    raw.size = std::min<socklen_t>(node->ai_addrlen, sizeof raw.storage);
    std::memcpy(&raw.storage, node->ai_addr, raw.size);
    const Address address = from_raw(raw).address;
    if (std::ranges::find(resolution.addresses, address) != resolution.addresses.end()) continue;
    if (resolution.addresses.size() == Resolver::kAddressesMax) break;
    resolution.addresses.push_back(address);
    resolution.ttl = std::min<Nanos>(resolution.ttl, std::chrono::seconds(node->ai_ttl));
  }
  resolution.ttl = std::max(resolution.ttl, kTtlLeast);
  return resolution;
}

}  // namespace

// c-ares owns it until it calls back, which it does exactly once; `lookup` is null when nobody
// waits any more.
struct AresResolver::Query {
  AresResolver* resolver;
  Lookup* lookup;
  static void done(void* self, int status, int timeouts, ares_addrinfo* info);
};

class AresResolver::Lookup final : public Wait, private Timer {
 public:
  Lookup(AresResolver& resolver, const std::string& host, Stamp deadline)
      : resolver_(resolver), host_(host), deadline_(deadline) {}
  ~Lookup() {
    if (query_ != nullptr) query_->lookup = nullptr;
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    Loop& loop = resolver_.loop_;
    loop.suspend(*this, handle);
    if (loop.cancelled()) return finish(ECANCELED);
    loop.arm(*this, deadline_);
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    query_ = new Query{.resolver = &resolver_, .lookup = this};
    ++resolver_.under_way_;
    ares_getaddrinfo(resolver_.channel_, host_.c_str(), nullptr, &hints, &Query::done,
                     query_);  // may call back at once
    resolver_.rearm();
  }
  Result<Resolution> await_resume() {
    if (error_ != 0) return fail_with(error_, "resolve " + host_);
    if (status_ != ARES_SUCCESS) return std::unexpected(ares_error(status_, host_));
    if (resolution_.addresses.empty()) return std::unexpected(ares_error(ARES_ENODATA, host_));
    return std::move(resolution_);
  }
  void answer(int status, Resolution resolution) {
    query_ = nullptr;
    status_ = status;
    resolution_ = std::move(resolution);
    finish(0);
  }

 private:
  void finish(int error) override {
    error_ = error;
    if (Query* query = std::exchange(query_, nullptr)) query->lookup = nullptr;
    Timer::unlink();
    resolver_.loop_.make_ready(*this);
  }
  void fire() override { finish(ETIME); }

  AresResolver& resolver_;
  const std::string& host_;
  const Stamp deadline_;
  Query* query_ = nullptr;
  int error_ = 0;
  int status_ = ARES_SUCCESS;
  Resolution resolution_;
};

void AresResolver::Query::done(void* self, int status, int, ares_addrinfo* info) {
  auto* query = static_cast<Query*>(self);
  --query->resolver->under_way_;
  if (query->lookup != nullptr)
    query->lookup->answer(status, info != nullptr ? to_resolution(*info) : Resolution{});
  if (info != nullptr) ares_freeaddrinfo(info);
  delete query;
}

class AresResolver::Socket final : public Watcher {
 public:
  Socket(AresResolver& of, int descriptor) : of_(of), descriptor_(descriptor) {}
  bool gone = false;

 private:
  void ready(std::uint32_t flags) override {
    if (gone) return;
    const bool in = (flags & (kReadable | kFailed)) != 0;
    const bool out = (flags & (kWritable | kFailed)) != 0;
    ares_process_fd(of_.channel_, in ? descriptor_ : ARES_SOCKET_BAD,
                    out ? descriptor_ : ARES_SOCKET_BAD);
    of_.rearm();
  }
  void fire() override {}

  AresResolver& of_;
  const int descriptor_;
};

AresResolver::AresResolver(Loop& loop, AresOptions options)
    : loop_(loop), options_(std::move(options)) {
  static_assert(sizeof(Socket) <= Slab::kBlock);
}

AresResolver::~AresResolver() { drop_channel(); }

void AresResolver::drop_channel() {
  if (channel_ == nullptr) return;
  ares_destroy(channel_);  // calls back for what is under way and for every socket it closes
  channel_ = nullptr;
  WEIR_CHECK(sockets_.empty());
}

int AresResolver::prepare() {
  if (channel_ != nullptr && (under_way_ > 0 || loop_.now() - made_ < kConfigurationAge))
    return ARES_SUCCESS;
  drop_channel();
  ares_options wanted{};
  wanted.timeout = static_cast<int>(
      std::chrono::duration_cast<std::chrono::milliseconds>(options_.attempt).count());
  wanted.tries = options_.attempts;
  wanted.sock_state_cb = &AresResolver::on_socket;
  wanted.sock_state_cb_data = this;
  const int status = ares_init_options(
      &channel_, &wanted, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status != ARES_SUCCESS) return status;
  made_ = loop_.now();
  return options_.servers.empty() ? ARES_SUCCESS
                                  : ares_set_servers_ports_csv(channel_, options_.servers.c_str());
}

Task<Result<Resolution>> AresResolver::look_up(std::string host, Deadline deadline) {
  if (under_way_ >= kLookupsMax)
    co_return fail(ErrorKind::full, "resolve " + host + ": too many lookups are under way",
                   Origin::system, true);
  if (const int status = prepare(); status != ARES_SUCCESS)
    co_return std::unexpected(ares_error(status, host));
  co_return co_await Lookup(*this, host, std::min(deadline, loop_.now() + kLongest));
}

void AresResolver::process_timeouts() {
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  rearm();
}

void AresResolver::rearm() {
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) == nullptr) return ticker_.unlink();
  loop_.arm(ticker_, loop_.now() + std::chrono::seconds(left.tv_sec) +
                         std::chrono::microseconds(left.tv_usec));
}

void AresResolver::on_socket(void* self, int descriptor, int readable, int writable) {
  static_cast<AresResolver*>(self)->socket_changed(descriptor, readable != 0, writable != 0);
}

void AresResolver::socket_changed(int descriptor, bool readable, bool writable) {
  auto found = sockets_.find(descriptor);
  if (found == sockets_.end()) {
    if (!readable && !writable) return;
    found = sockets_.emplace(descriptor, new (loop_.slab().take()) Socket(*this, descriptor)).first;
  }
  const std::uint32_t flags = (readable ? kReadable : 0u) | (writable ? kWritable : 0u);
  // A socket that cannot be watched answers never: the lookup ends by its time-out.
  (void)loop_.kernel().watch_foreign(descriptor, found->second, flags);
  if (flags != 0) return;
  found->second->gone = true;
  loop_.slab().give_later(found->second);
  sockets_.erase(found);
}

}  // namespace weir::io
