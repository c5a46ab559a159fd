#include "drill/door.h"

#include <algorithm>

namespace weir::drill {

Result<> Door::open(const SocketAddress& address) {
  auto listener = io::Listener::open(loop_, address);
  if (!listener)
    return wrap(std::move(listener.error()), "could not listen on " + to_string(address));
  listener_ = std::move(*listener);
  loop_.root().spawn([this] { return accept_loop(); });
  return {};
}

io::Task<> Door::accept_loop() {
  for (;;) {
    auto stream = co_await listener_.accept(io::kNever);
    if (!stream) {
      if (loop_.cancelled() || stream.error().kind == ErrorKind::closed) co_return;
      if (!co_await loop_.sleep_for(std::chrono::milliseconds(10))) co_return;
      continue;
    }
    if (connections_.size() >= kMostConnections) {
      stream->reset();
      continue;
    }
    loop_.root().adopt(connections_.serve(std::move(*stream), *this));
  }
}

io::Task<> send_answer(wire::ServerStream& stream, std::uint16_t status, const http::Fields& fields,
                       std::string_view body) {
  constexpr std::size_t kPiece = 128 * 1024;
  http::Framing framing;
  if (!body.empty()) framing = {.kind = http::Framing::Kind::length, .length = body.size()};
  const wire::ResponseStart start{
      .status = status, .reason = {}, .fields = &fields, .framing = framing};
  const wire::ResponseStart* head = &start;
  do {
    const std::string_view piece = body.substr(0, kPiece);
    body.remove_prefix(piece.size());
    if (!co_await stream.send(head, piece, body.empty())) co_return;
    head = nullptr;
  } while (!body.empty());
}

io::Task<bool> read_body(wire::ServerStream& stream, std::size_t most, std::string& kept,
                         std::uint64_t& size) {
  wire::Piece piece{.bytes = {}, .end = stream.body_finished()};
  while (!piece.end) {
    auto next = co_await stream.read(io::kNever);
    if (!next) co_return false;
    piece = *next;
    size += piece.bytes.size();
    kept.append(piece.bytes.substr(0, most - std::min(most, kept.size())));
  }
  co_return true;
}

}  // namespace weir::drill
