#include "io/sim/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/kernel.h"
#include "io/sim/kernel.h"
#include "io/sim/world.h"

namespace weir::io::sim {

Connection::Connection(SimWorld& world, SocketAddress client, SocketAddress server)
    : world_(world) {
  end(kClient).address = std::move(client);
  end(kServer).address = std::move(server);
}

void Connection::notify(int side) {
  End& to = end(side);
  if (to.kernel != nullptr && !to.closed) to.kernel->mark(to.handle);
}

std::size_t Connection::room_towards(int side) const {
  const End& to = ends_[static_cast<std::size_t>(side)];
  const std::size_t used = to.under_way + to.in.size();
  return used >= world_.options().buffer ? 0 : world_.options().buffer - used;
}

// Deliveries of one direction never overtake each other.
Stamp Connection::next_arrival(int side) {
  End& to = end(side);
  const Nanos delay = to.script.delay ? *to.script.delay : world_.draw_delay();
  to.last_arrival = std::max(to.last_arrival, world_.now() + delay);
  return to.last_arrival;
}

void Connection::arrive(int side, Stamp when, void (Connection::*what)(int, std::string_view),
                        std::string bytes) {
  world_.at(when, [self = shared_from_this(), side, what, bytes = std::move(bytes)] {
    ((*self).*what)(side, bytes);
  });
}

// Cuts what is sent where the script says so.
std::string_view Connection::apply_script(int to, std::string_view bytes, bool& reset,
                                          bool& ended) {
  End& target = end(to);
  const std::uint64_t before = target.accepted;
  target.accepted += bytes.size();
  const auto cut_at = [&](const std::optional<std::uint64_t>& after) {
    if (!after || before + bytes.size() < *after) return false;
    bytes = bytes.substr(0, *after > before ? static_cast<std::size_t>(*after - before) : 0);
    target.cut = true;
    return true;
  };
  reset = cut_at(target.script.reset_after);
  ended = !reset && cut_at(target.script.end_after);
  if (!reset && !ended) cut_at(target.script.stall_after);
  return bytes;
}

ssize_t Connection::send(int side, std::string_view bytes) {
  const int other = 1 - side;
  End& from = end(side);
  End& to = end(other);
  if (from.reset_in) {
    const bool told = std::exchange(from.reset_told, true);
    return told ? -EPIPE : -ECONNRESET;
  }
  if (from.end_out) return -EPIPE;
  if (!from.established) return -EAGAIN;
  std::size_t count = std::min(bytes.size(), room_towards(other));
  Chance& chance = world_.chance();
  if (count > 0 && chance.per_mille(world_.options().short_send)) {
    count = chance.below(count);
    world_.after(world_.draw_delay(),
                 [self = shared_from_this(), side] { self->offer_room(side); });
  }
  if (count < bytes.size()) from.blocked = true;
  if (count == 0) return bytes.empty() ? 0 : -EAGAIN;
  if (to.cut) return static_cast<ssize_t>(count);  // into the void

  bool reset = false;
  bool ended = false;
  std::string_view left = apply_script(other, bytes.substr(0, count), reset, ended);
  if (!to.cut && chance.per_mille(world_.options().reset)) {
    left = left.substr(0, chance.below(left.size() + 1));
    to.cut = reset = true;
  } else if (!to.cut && chance.per_mille(world_.options().end_early)) {
    left = left.substr(0, chance.below(left.size() + 1));
    to.cut = ended = true;
  }
  while (!left.empty()) {
    std::size_t piece = left.size();
    if (to.script.every_byte) {
      piece = 1;
    } else if (chance.per_mille(world_.options().split)) {
      piece = chance.between(1, left.size());
    }
    to.under_way += piece;
    arrive(other, next_arrival(other), &Connection::take_bytes, std::string(left.substr(0, piece)));
    left.remove_prefix(piece);
  }
  if (ended) arrive(other, next_arrival(other), &Connection::take_end);
  if (reset) reset_both(next_arrival(other));
  return static_cast<ssize_t>(count);
}

void Connection::reset_both(Stamp when) {
  arrive(kClient, when, &Connection::take_reset);
  arrive(kServer, when, &Connection::take_reset);
}

void Connection::take_bytes(int side, std::string_view bytes) {
  End& to = end(side);
  to.under_way -= bytes.size();
  if (to.reset_in) return;
  if (to.closed) {  // RFC 9293 3.10.7.4: a segment for a connection that is gone is answered by RST
    arrive(1 - side, next_arrival(1 - side), &Connection::take_reset);
    return;
  }
  to.in.append(bytes);
  world_.trace(to.kernel != nullptr ? std::string_view(to.kernel->name()) : "", "gets bytes",
               to.handle, static_cast<std::int64_t>(bytes.size()));
  notify(side);
}

void Connection::take_end(int side, std::string_view) {
  End& to = end(side);
  if (to.reset_in || to.end_in) return;
  to.end_in = true;
  world_.trace(to.kernel != nullptr ? std::string_view(to.kernel->name()) : "", "gets the end",
               to.handle);
  notify(side);
}

void Connection::take_reset(int side, std::string_view) {
  End& to = end(side);
  if (to.reset_in || to.closed) return;
  to.reset_in = true;
  if (world_.chance().per_mille(world_.options().reset_erases)) to.in.clear();
  world_.trace(to.kernel != nullptr ? std::string_view(to.kernel->name()) : "", "gets a reset",
               to.handle);
  notify(side);
}

ssize_t Connection::receive(int side, std::span<std::byte> into) {
  End& to = end(side);
  if (!to.in.empty()) {
    const std::size_t count = std::min(into.size(), to.in.size());
    std::memcpy(into.data(), to.in.data(), count);
    to.in.erase(0, count);
    if (end(1 - side).blocked && room_towards(side) >= world_.options().buffer / 2) {
      world_.after(world_.draw_delay(),
                   [self = shared_from_this(), other = 1 - side] { self->offer_room(other); });
    }
    return static_cast<ssize_t>(count);
  }
  if (to.reset_in) return std::exchange(to.reset_told, true) ? 0 : -ECONNRESET;
  return to.end_in ? 0 : -EAGAIN;
}

void Connection::offer_room(int side) {
  End& sender = end(side);
  if (!sender.blocked || room_towards(1 - side) == 0) return;
  sender.blocked = false;
  notify(side);
}

int Connection::end_sending(int side) {
  End& from = end(side);
  if (from.reset_in || !from.established) return -ENOTCONN;
  if (std::exchange(from.end_out, true)) return 0;
  if (!end(1 - side).cut) arrive(1 - side, next_arrival(1 - side), &Connection::take_end);
  return 0;
}

void Connection::close(int side, bool abort) {
  End& from = end(side);
  if (std::exchange(from.closed, true)) return;
  from.kernel = nullptr;
  if (!from.established || from.reset_in) return;
  if (abort || !from.in.empty()) {
    arrive(1 - side, next_arrival(1 - side), &Connection::take_reset);
  } else {
    end_sending(side);
  }
}

std::uint32_t Connection::ready(int side) const {
  const End& of = ends_[static_cast<std::size_t>(side)];
  if (of.connect_error != 0) return kReadable | kWritable | kFailed;
  if (!of.established) return 0;
  std::uint32_t flags = 0;
  if (!of.in.empty() || of.end_in || of.reset_in) flags |= kReadable;
  if (of.reset_in || room_towards(1 - side) > 0) flags |= kWritable;
  if (of.end_in || of.reset_in) flags |= kPeerEnded;
  if (of.reset_in || (of.end_in && of.end_out))
    flags |= kFailed;  // EPOLLHUP when both directions ended
  return flags;
}

void Connection::establish(int side) {
  end(side).established = true;
  notify(side);
}

void Connection::fail_connect(int error) {
  end(kClient).connect_error = error;
  notify(kClient);
}

}  // namespace weir::io::sim
