#include "drill/link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "drill/fault_proxy.h"
#include "io/scope.h"

namespace weir::drill {
namespace {

constexpr Nanos kConnectTime = std::chrono::seconds(30);
// How long what is held waits at most before it is looked at again: faults may be lifted meanwhile.
constexpr Nanos kLook = std::chrono::milliseconds(20);

}  // namespace

Link::Link(FaultProxy& proxy, io::Stream client, std::uint64_t number)
    : proxy_(proxy),
      client_(std::move(client)),
      number_(number),
      up_(proxy.chance(), number, Way::up),
      down_(proxy.chance(), number, Way::down) {}

io::Task<> Link::run() {
  auto server = co_await io::Stream::connect(proxy_.loop(), proxy_.server(),
                                             proxy_.loop().now() + kConnectTime);
  if (!server) {
    ++proxy_.counts().unreachable;
    client_.reset();
    co_return;
  }
  server_ = std::move(*server);
  io::Scope both(proxy_.loop());
  both.spawn([this] { return pump(Way::up); });
  both.spawn([this] { return pump(Way::down); });
  co_await both.join();
}

// The turn's own, drawn anew with the same numbers where the faults were changed within it.
const Ordeal& Link::now_ordeal() {
  if (version_ != proxy_.version()) {
    version_ = proxy_.version();
    ordeal_ = ordeal(proxy_.faults(), proxy_.chance(), number_, turn_);
  }
  return ordeal_;
}

void Link::begin_turn() {
  ++turn_;
  ++proxy_.counts().turns;
  answering_ = false;
  answered_ = 0;
  version_ = 0;  // of the faults a version is 1 and more: drawn when it is asked for
}

void Link::reset() {
  if (over_) return;
  over_ = true;
  client_.reset();
  server_.reset();
}

void Link::silence() {
  silent_ = true;
  ++proxy_.counts().silenced;
  server_.close();
}

io::Task<> Link::pump(Way way) {
  Held held;
  bool ended = false;
  for (;;) {
    if (over_ || (silent_ && way == Way::down)) co_return;
    if (proxy_.dark()) {
      if (!co_await proxy_.changed().wait(io::kNever)) co_return reset();
      continue;
    }
    const Stamp now = proxy_.loop().now();
    Stamp wake = io::kNever;
    if (silent_) held = {};
    if (!held.pieces.empty()) {
      Piece& piece = held.pieces.front();
      if (piece.version != proxy_.version()) {
        piece.version = proxy_.version();
        piece.from = Lane::leaves(piece.entry, now_ordeal().of(way));
      }
      wake = piece.from;
      if (!piece.end)
        wake =
            lane(way).next(piece.from, piece.bytes.size() - piece.gone, now_ordeal().of(way)).due;
      if (wake <= now) {
        if (!co_await forward(way, held)) co_return;
        continue;
      }
      wake = std::min(wake, now + kLook);
    }
    if (ended || held.bytes >= FaultProxy::kMostHeld) {
      if (held.pieces.empty()) co_return;
      if (!co_await proxy_.loop().sleep_until(wake)) co_return reset();
      continue;
    }
    auto bytes = co_await source(way).read(wake);
    if (!bytes && bytes.error().kind == ErrorKind::timeout) continue;
    if (over_ || (silent_ && way == Way::down)) co_return;
    if (!bytes) co_return reset();
    if (bytes->empty()) {
      ended = true;
      if (silent_) co_return client_.close();
      hold(way, {.bytes = {}, .end = true}, held);
      continue;
    }
    take(way, {reinterpret_cast<const char*>(bytes->data()), bytes->size()}, held);
  }
}

void Link::take(Way way, std::string_view bytes, Held& held) {
  if (silent_) return;  // into the void
  if (way == Way::up && answering_) begin_turn();
  if (way == Way::down) answering_ = true;
  const Ordeal& met = now_ordeal();
  if (way == Way::up && met.silent_after == 0u) return silence();
  if (way == Way::up && met.reset_after == 0u) {
    ++proxy_.counts().resets;
    return reset();
  }
  Piece piece{.bytes = std::string(bytes)};
  const std::uint64_t changed = lane(way).changed();
  lane(way).corrupt(piece.bytes, met.of(way));
  proxy_.counts().corrupted += lane(way).changed() - changed;
  hold(way, std::move(piece), held);
}

void Link::hold(Way way, Piece piece, Held& held) {
  piece.entry = lane(way).entered(proxy_.loop().now());
  piece.from = Lane::leaves(piece.entry, now_ordeal().of(way));
  piece.version = proxy_.version();
  held.bytes += piece.bytes.size();
  held.pieces.push_back(std::move(piece));
}

io::Task<bool> Link::forward(Way way, Held& held) {
  Piece& piece = held.pieces.front();
  if (piece.end) {
    if (target(way).valid()) target(way).end_sending();
    held.pieces.pop_front();
    co_return false;
  }
  const Ordeal& met = now_ordeal();
  auto slice = lane(way).next(piece.from, piece.bytes.size() - piece.gone, met.of(way));
  bool cut = false, silent = false;
  if (way == Way::down) {  // as far as the answer may come
    const auto most =
        std::min(met.reset_after.value_or(UINT64_MAX), met.silent_after.value_or(UINT64_MAX));
    const std::uint64_t left = most - std::min(most, answered_);
    if (slice.size >= left) {
      slice.size = left;
      cut = met.reset_after.value_or(UINT64_MAX) <= most;
      silent = !cut;
    }
  }
  lane(way).passed(slice, proxy_.loop().now());
  if (slice.size > 0) {
    const std::array<iovec, 1> out = {
        {{.iov_base = piece.bytes.data() + piece.gone, .iov_len = slice.size}}};
    const auto written = co_await target(way).write(out, io::kNever);
    if (!written) {
      reset();
      co_return false;
    }
  }
  (way == Way::up ? proxy_.counts().bytes_up : proxy_.counts().bytes_down) += slice.size;
  if (way == Way::down) answered_ += slice.size;
  piece.gone += slice.size;
  held.bytes -= slice.size;
  if (piece.gone == piece.bytes.size()) held.pieces.pop_front();
  if (cut) {
    ++proxy_.counts().resets;
    reset();
  } else if (silent) {
    silence();
  }
  co_return !cut && !silent;
}

}  // namespace weir::drill
