#include "service.h"

#include <charconv>
#include <cmath>
#include <numbers>
#include <string_view>
#include <system_error>
#include <utility>

#include "message.h"
#include "peer.h"

namespace weir::simulated {

using std::chrono::seconds;

namespace {

std::optional<Nanos> takes(const Message& request) {
  const std::string_view text = request.get("x-takes");
  std::int64_t micros = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), micros).ec != std::errc()) return std::nullopt;
  return std::chrono::microseconds(micros);
}

}  // namespace

Service::Service(io::Loop& loop, const std::string& address, const ServiceOptions& is,
                 std::uint64_t seed)
    : options(is),
      loop_(loop),
      chance_(seed),
      listener_(std::move(io::Listener::open(loop, SocketAddress::parse(address).value()).value())),
      scope_(loop) {
  scope_.spawn([this] { return accept(); });
}

void Service::stop() {
  listener_.close();
  scope_.cancel();
}

io::Task<> Service::accept() {
  for (;;) {
    auto stream = co_await listener_.accept(io::kNever);
    if (!stream) co_return;
    scope_.spawn([this](io::Stream taken) { return serve(std::move(taken)); }, std::move(*stream));
  }
}

io::Task<> Service::serve(io::Stream stream) {
  Peer peer(std::move(stream));
  for (;;) {
    MessageReader request(MessageReader::Want::request);
    while (request.read(peer.in) != MessageReader::State::whole) {
      if (!co_await peer.fill(loop_.now() + seconds(1000))) co_return;
    }
    const Message& said = request.message();
    const bool fails = !said.get("x-fails").empty() || (!options.needs.empty() && said.get(options.needs).empty());
    const bool worked = co_await work(takes(said));
    if (!co_await peer.say(!worked  ? "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
                           : !fails ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                                    : "HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n",
                           loop_.now() + seconds(5)))
      co_return;
  }
}

io::Task<bool> Service::work(std::optional<Nanos> takes) {
  if (busy_ == options.workers) {
    if (waiting_.size() == options.queue) co_return false;
    io::Gate turn(loop_);
    waiting_.push_back(&turn);
    if (!co_await turn.wait(io::kNever)) {  // whoever finishes hands its own place on
      std::erase(waiting_, &turn);
      co_return false;
    }
  } else {
    ++busy_;
  }
  (void)co_await loop_.sleep_for(takes ? Nanos(static_cast<std::int64_t>(static_cast<double>(takes->count()) * options.slowdown)) : draw());
  if (waiting_.empty()) {
    --busy_;
  } else {
    waiting_.front()->open();
    waiting_.pop_front();
  }
  co_return true;
}

Nanos Service::draw() {
  const auto uniform = [&] {
    return (static_cast<double>(chance_.next() >> 11) + 0.5) / 9007199254740992.0;
  };  // 2^53
  const double normal = std::sqrt(-2 * std::log(uniform())) *
                        std::cos(2 * std::numbers::pi * uniform());  // Box and Muller
  return Nanos(static_cast<std::int64_t>(static_cast<double>(options.median.count()) *
                                         options.slowdown * std::exp(options.sigma * normal)));
}

}  // namespace weir::simulated
