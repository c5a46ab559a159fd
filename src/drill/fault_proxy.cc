#include "drill/fault_proxy.h"

#include <utility>

#include "base/json.h"
#include "drill/link.h"
#include "fmt/core.h"

namespace weir::drill {
namespace {

constexpr int kBacklog = 4096;
constexpr Nanos kFillTime = std::chrono::seconds(1);

}  // namespace

FaultProxy::FaultProxy(io::Loop& loop, SocketAddress server, FaultList faults, std::uint64_t seed)
    : loop_(loop),
      server_(std::move(server)),
      list_(std::move(faults)),
      chance_(seed),
      changed_(loop),
      control_(loop, {.describe = [this] { return describe(); },
                      .change = [this](std::string yaml) { return take(std::move(yaml)); }}) {}

Result<> FaultProxy::open(const SocketAddress& listen, const SocketAddress& control) {
  address_ = listen;
  if (auto opened = this->listen(kBacklog); !opened) return opened;
  if (auto opened = control_.open(control); !opened) return opened;
  io::block_on(loop_, [this] { return obey(); });
  loop_.root().spawn([this] { return accept_loop(); });
  return {};
}

Result<> FaultProxy::listen(int backlog) {
  listener_.close();
  auto listener = io::Listener::open(loop_, address_, {.backlog = backlog});
  if (!listener)
    return wrap(std::move(listener.error()), "could not listen on " + to_string(address_));
  listener_ = std::move(*listener);
  address_ = listener_.local();
  return {};
}

// Makes the faults that are listed those that are active; done when the kernel drops SYNs where it
// is to.
io::Task<> FaultProxy::obey() {
  active_.clear();
  for (const auto& fault : list_.faults.value) active_.push_back(fault.value);
  ++version_;
  const bool dark = has_blackhole(active_);
  if (dark != dark_) {
    dark_ = dark;
    filling_.close();
    changed_.open();  // who is connected stands still from here on
    // Where the port was taken meanwhile nobody is listening, and the accept loop tries again.
    if (listen(dark ? 0 : kBacklog) && dark) {
      auto filling = co_await io::Stream::connect(loop_, address_, loop_.now() + kFillTime);
      if (filling && dark_) filling_ = std::move(*filling);
    }
  }
  changed_.open();
}

io::Task<> FaultProxy::accept_loop() {
  while (!loop_.cancelled()) {
    if (dark_) {
      (void)co_await changed_.wait(io::kNever);
      continue;
    }
    if (!listener_.valid()) (void)listen(kBacklog);
    auto client = co_await listener_.accept(io::kNever);
    if (!client) {
      if (!co_await loop_.sleep_for(std::chrono::milliseconds(1))) co_return;
      continue;
    }
    if (links_ >= kMostLinks) {
      client->reset();
      continue;
    }
    loop_.root().adopt(serve(std::move(*client), numbers_++));
  }
}

io::Task<> FaultProxy::serve(io::Stream client, std::uint64_t number) {
  ++links_;
  ++counts_.connections;
  Link link(*this, std::move(client), number);
  co_await link.run();
  --links_;
}

io::Task<Result<>> FaultProxy::take(std::string yaml) {
  if (auto changed = change(list_, yaml); !changed) co_return changed;
  co_await obey();
  co_return Result<>{};
}

std::string FaultProxy::describe() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("faults").begin_array();
  for (const Fault& fault : active_) json.value(print_fault(fault));
  json.end_array().field("to", to_string(server_)).key("counts").begin_object();
  json.field("connections", counts_.connections)
      .field("turns", counts_.turns)
      .field("resets", counts_.resets)
      .field("silenced", counts_.silenced)
      .field("unreachable", counts_.unreachable)
      .field("bytes_up", counts_.bytes_up)
      .field("bytes_down", counts_.bytes_down)
      .field("bytes_corrupted", counts_.corrupted);
  json.end_object().field("open", links_).end_object();
  return out;
}

}  // namespace weir::drill
