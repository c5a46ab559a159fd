#include "upstreams.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"

namespace weir::simulated {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using io::sim::Chance;

constexpr Nanos kPatience = seconds(60);

std::size_t draw_size(Chance& chance) {
  switch (chance.below(8)) {
    case 0: return 0;
    case 1: return chance.between(1, 20);
    case 2: return chance.between(1000, 20'000);
    case 3: return chance.between(20'000, 200'000);
    default: return chance.between(20, 1000);
  }
}

std::string_view reason(int status) { return status == 200 ? "OK" : "As Drawn"; }

}  // namespace

Habit Habit::of(Chance& chance, unsigned trouble) {
  Habit habit;
  habit.size = draw_size(chance);
  const std::uint64_t form = chance.below(10);
  habit.form = form < 5 ? Form::length : form < 8 ? Form::chunked : Form::until_close;
  if (chance.per_mille(60)) {
    constexpr std::array<int, 6> kOthers = {201, 204, 304, 404, 500, 503};
    habit.status = kOthers[chance.below(kOthers.size())];
    if (habit.status == 204 || habit.status == 304) habit.form = Form::none;
  }
  if (habit.form == Form::until_close) habit.close = true;
  if (chance.per_mille(100)) habit.close = true;
  if (chance.per_mille(300)) habit.wait = milliseconds(chance.between(1, 200));
  if (chance.per_mille(80)) habit.interim.push_back(103);
  if (chance.per_mille(40)) habit.interim.push_back(102);
  if (chance.per_mille(50) && habit.size < 5000) habit.drip = true;
  if (!chance.per_mille(trouble)) return habit;

  switch (chance.below(12)) {
    case 0: habit.kind = Kind::hang; break;
    case 1: habit.kind = Kind::deaf; break;
    case 2: habit.kind = Kind::vanish; habit.cut_by_reset = chance.per_mille(300); break;
    case 3: case 4: case 5:
      habit.cut_at = chance.below(4) == 0 ? chance.below(20) : chance.below(habit.size + 200);
      habit.cut_by_reset = chance.per_mille(500);
      break;
    case 6: case 7: habit.flaw = static_cast<Flaw>(chance.between(1, 8)); break;
    case 8:
      habit.early = true;
      habit.reads_on = chance.per_mille(500);
      habit.wait = Nanos(0);
      habit.close = habit.close || chance.per_mille(300);
      if (chance.per_mille(300)) habit.cut_at = chance.below(habit.size + 200);
      habit.cut_by_reset = chance.per_mille(700);
      break;
    case 9: habit.surplus = habit.form != Form::until_close; break;
    case 10: habit.leaves = milliseconds(chance.below(30)); break;
    case 11: habit.wait = milliseconds(chance.between(300, 4000)); break;
  }
  return habit;
}

void Upstreams::listen(const SocketAddress& address) {
  auto opened = io::Listener::open(loop_, address);
  WEIR_CHECK(opened.has_value());
  by_number_.push_back(&listeners_.emplace_back(std::move(*opened)));
  scope_.spawn([this, number = by_number_.size() - 1] { return accept(number); });
}

void Upstreams::stop() {
  for (io::Listener& listener : listeners_) listener.close();
  scope_.cancel();
}

io::Task<> Upstreams::accept(std::size_t number) {
  for (;;) {
    auto stream = co_await by_number_[number]->accept(io::kNever);
    if (!stream) co_return;
    scope_.spawn([this](std::size_t at, std::size_t connection, io::Stream taken) { return serve(at, connection, std::move(taken)); },
                 number, connections_++, std::move(*stream));
  }
}

io::Task<> Upstreams::serve(std::size_t number, std::size_t connection, io::Stream stream) {
  Peer peer(std::move(stream));
  for (std::size_t nth = 0;; ++nth) {
    MessageReader reader(MessageReader::Want::request);
    while (reader.read(peer.in) == MessageReader::State::head) {
      if (!co_await peer.fill(loop_.now() + kPatience)) co_return;
    }
    const Message& request = reader.message();
    if (reader.state() == MessageReader::State::broken) {
      ledger_.find("upstream {} received what is no request: {}", number, reader.problem());
      co_return;
    }
    const std::size_t token = token_in(request.target());
    if (token >= ledger_.asks.size() || request.method() != ledger_.asks[token].method) {
      ledger_.find("upstream {} received a request that nobody made: {}", number, request.start);
      co_return;
    }
    const std::size_t receipt = ledger_.receipts.size();
    ledger_.receipts.push_back({.token = token, .upstream = number, .connection = connection, .nth = nth,
                                .method = std::string(request.method())});
    ledger_.note("upstream {} connection {}: receives {} ({} on it)", number, connection, request.start, nth + 1);
    if (!co_await carry_out(peer, reader, receipt, Habit::of(chance_, trouble_))) co_return;
  }
}

// False: the connection carries no other request.
io::Task<bool> Upstreams::carry_out(Peer& peer, MessageReader& reader, std::size_t receipt, Habit habit) {
  const Message& request = reader.message();
  if (!request.get("upgrade").empty() && habit.kind == Habit::Kind::answer && habit.flaw == Habit::Flaw::none && chance_.per_mille(800)) {
    co_await tunnel(peer, receipt, habit.cut_at.has_value());
    co_return false;
  }
  switch (habit.kind) {
    case Habit::Kind::hang:
      ledger_.note("upstream: hangs");
      (void)co_await read_body(peer, reader, receipt);
      while (co_await peer.fill(loop_.now() + kPatience)) peer.in.clear();
      co_return false;
    case Habit::Kind::deaf:
      ledger_.note("upstream: is deaf");
      (void)co_await loop_.sleep_for(seconds(20));
      co_return false;
    case Habit::Kind::vanish:
      ledger_.note("upstream: vanishes");
      if (habit.cut_by_reset) peer.reset();
      co_return false;
    case Habit::Kind::answer: break;
  }
  if (!habit.early && !co_await read_body(peer, reader, receipt)) co_return false;
  if (habit.wait > Nanos(0) && !co_await loop_.sleep_for(habit.wait)) co_return false;
  if (!co_await answer(peer, receipt, habit)) co_return false;
  if (habit.early && !habit.reads_on) {
    ledger_.note("upstream: answered early, and leaves");
    co_return false;
  }
  if (habit.early && !co_await read_body(peer, reader, receipt)) co_return false;
  if (habit.close || habit.flaw != Habit::Flaw::none) {
    peer.end_sending();
    while (co_await peer.fill(loop_.now() + seconds(5))) peer.in.clear();
    co_return false;
  }
  if (habit.leaves) {
    (void)co_await loop_.sleep_for(*habit.leaves);
    ledger_.note("upstream: leaves the idle connection");
    co_return false;
  }
  co_return true;
}

// The body must be the one that goes with the token: all of it when it ends, else its beginning.
io::Task<bool> Upstreams::read_body(Peer& peer, MessageReader& reader, std::size_t receipt) {
  bool more = true;
  while (more && reader.read(peer.in) == MessageReader::State::body) more = co_await peer.fill(loop_.now() + kPatience);
  const std::size_t token = ledger_.receipts[receipt].token;
  const Ask& ask = ledger_.asks[token];
  const std::string& body = reader.message().body;
  if (!std::string_view(ask.body).starts_with(body)) ledger_.find("{}: the upstream received other bytes than were sent", token_text(token));
  if (reader.state() == MessageReader::State::broken) ledger_.find("{}: the upstream received a body that is none: {}", token_text(token), reader.problem());
  if (reader.state() != MessageReader::State::whole) co_return false;
  if (body.size() != ask.body.size() || !ask.proper) {
    ledger_.find("{}: the upstream received {} of {} bytes as a whole body", token_text(token), body.size(), ask.body.size());
  }
  ledger_.receipts[receipt].body_whole = true;
  co_return true;
}

std::string Upstreams::compose(std::size_t receipt, const Habit& habit) {
  const Receipt& of = ledger_.receipts[receipt];
  const bool head = of.method == "HEAD";
  using Flaw = Habit::Flaw;
  std::string wire;
  for (const int status : habit.interim) wire += fmt::format("HTTP/1.1 {} Early\r\nLink: </style.css>\r\n\r\n", status);
  if (habit.flaw == Flaw::flood) {
    for (int i = 0; i < 20; ++i) wire += "HTTP/1.1 102 Processing\r\n\r\n";
  }
  if (habit.flaw == Flaw::garbage) return wire + "HTTP1.1 okay then\r\n\r\n";
  if (habit.flaw == Flaw::unasked_switch) return wire + "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n";
  if (habit.flaw == Flaw::endless_head) return wire + "HTTP/1.1 200 OK\r\nX-Endless: " + std::string(70 * 1024, 'a');

  const bool old = habit.form == Habit::Form::until_close && chance_.per_mille(300);   // HTTP/1.0
  wire += fmt::format("HTTP/1.{} {} {}\r\nX-Token: {}\r\nX-Size: {}\r\n", old ? 0 : 1, habit.status, reason(habit.status), token_text(of.token), habit.size);
  if (habit.flaw == Flaw::bare_lf) wire += "X-Line: ends badly\n";
  if (habit.close) wire += "Connection: close\r\n";
  const std::string body = body_of(of.token, 'a', habit.size);
  if (habit.form == Habit::Form::none) return wire + "\r\n";
  if (habit.flaw == Flaw::two_lengths) return wire + fmt::format("Content-Length: {}\r\nContent-Length: {}\r\n\r\n", body.size(), body.size() + 1) + body;
  if (habit.flaw == Flaw::two_framings) return wire + fmt::format("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", body.size());
  if (habit.form == Habit::Form::length) wire += fmt::format("Content-Length: {}\r\n", body.size());
  if (habit.form == Habit::Form::chunked) wire += "Transfer-Encoding: chunked\r\n";
  wire += "\r\n";
  if (head) return wire;
  if (habit.form != Habit::Form::chunked) return wire + body;

  const std::size_t most = 1 + chance_.below(body.size() / 3 + 10);
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t count = std::min(body.size() - at, 1 + chance_.below(most));
    if (habit.flaw == Flaw::bad_chunk && at > 0) return wire + "zz\r\n";
    wire += fmt::format("{:x}{}\r\n", count, chance_.per_mille(50) ? ";note=x" : "");
    wire.append(body, at, count).append("\r\n");
    at += count;
  }
  return wire + (chance_.per_mille(200) ? "0\r\nX-Checked: yes\r\n\r\n" : "0\r\n\r\n");
}

io::Task<bool> Upstreams::answer(Peer& peer, std::size_t receipt, const Habit& habit) {
  std::string wire = compose(receipt, habit);
  ledger_.receipts[receipt].close_delimited = habit.form == Habit::Form::until_close;
  if (habit.surplus) wire += "surplus";
  if (habit.cut_at && *habit.cut_at < wire.size()) {
    wire.resize(*habit.cut_at);
    ledger_.receipts[receipt].reset_within = habit.cut_by_reset;
  }
  ledger_.note("upstream: answers {} with {} and {} bytes on the wire{}{}{}", token_text(ledger_.receipts[receipt].token), habit.status,
               wire.size(), habit.cut_at ? (habit.cut_by_reset ? ", then resets" : ", then ends") : "",
               habit.flaw != Habit::Flaw::none ? fmt::format(", flaw {}", static_cast<int>(habit.flaw)) : "", habit.surplus ? ", surplus" : "");
  std::string_view rest = wire;
  while (!rest.empty()) {
    const std::size_t count = habit.drip ? std::min<std::size_t>(rest.size(), 1 + chance_.below(200)) : rest.size();
    if (!co_await peer.say(rest.substr(0, count), loop_.now() + kPatience)) co_return false;
    rest.remove_prefix(count);
    if (habit.drip && !co_await loop_.sleep_for(milliseconds(chance_.below(30)))) co_return false;
  }
  if (habit.cut_at && habit.cut_by_reset) peer.reset();
  co_return !habit.cut_at;
}

// Says back whatever comes, until the other side ends.
io::Task<> Upstreams::tunnel(Peer& peer, std::size_t receipt, bool cuts) {
  const std::string head = fmt::format("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Token: {}\r\n\r\n",
                                       token_text(ledger_.receipts[receipt].token));
  ledger_.note("upstream: opens a tunnel for {}", token_text(ledger_.receipts[receipt].token));
  if (!co_await peer.say(head, loop_.now() + kPatience)) co_return;
  do {
    const std::string back = std::exchange(peer.in, {});
    if (!co_await peer.say(back, loop_.now() + kPatience)) co_return;
    if (cuts && chance_.per_mille(300)) co_return peer.reset();
  } while (co_await peer.fill(loop_.now() + kPatience));
  peer.end_sending();
}

}  // namespace weir::simulated
