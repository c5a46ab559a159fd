#include "clients.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "io/stream.h"

namespace weir::simulated {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Manner::Kind;

struct Clients::Talk {
  std::size_t number;
  const ConnectionPlan& plan;
  io::sim::Chance chance;
  Peer peer;
  std::size_t sent = 0;               // bytes
  bool stalled = false;
  bool may_continue = false;          // 100 was seen, or the final answer
  bool half_closed = false;
  bool broke_off = false;             // by this side
};

void Clients::start(const std::vector<ConnectionPlan>& plans) {
  for (std::size_t i = 0; i < plans.size(); ++i) {
    scope_.spawn([this, i, &plan = plans[i]] { return connection(i, plan); });
  }
}

io::Task<> Clients::connection(std::size_t number, const ConnectionPlan& plan) {
  if (!co_await loop_.sleep_for(plan.starts)) co_return;
  auto stream = co_await io::Stream::connect(loop_, plan.to, loop_.now() + seconds(5));
  if (!stream) {
    ledger_.note("client {}: cannot connect: {}", number, to_string(stream.error()));
    co_return;
  }
  Talk talk{.number = number, .plan = plan, .chance = io::sim::Chance(mix(seed_ + number)), .peer = Peer(std::move(*stream))};
  io::Scope breaking(loop_);
  if (plan.manner.kind == Kind::resets || plan.manner.kind == Kind::leaves) breaking.spawn([&] { return break_off(talk); });
  bool more = true;
  for (std::size_t i = 0; more && i < plan.groups.size(); ++i) {
    if (i > 0 && talk.chance.per_mille(500)) (void)co_await loop_.sleep_for(milliseconds(talk.chance.below(300)));
    if (plan.manner.kind == Kind::half_closes && i + 1 == plan.groups.size()) talk.half_closed = true;
    more = co_await group(talk, plan.groups[i]);
  }
  if (more && plan.manner.kind == Kind::lingers) co_await linger(talk);
  breaking.cancel();
  co_await breaking.join();
}

// Sends the requests of one group and reads their answers, both at once. False: the connection is at its end.
io::Task<bool> Clients::group(Talk& talk, const std::vector<std::size_t>& tokens) {
  talk.may_continue = false;
  for (const std::size_t token : tokens) {
    Ask& ask = ledger_.asks[token];
    ask.began = loop_.now();
    ask.spoiled = talk.plan.manner.kind == Kind::stuck_reader || talk.broke_off;
  }
  io::Scope writing(loop_);
  writing.spawn([&] { return write(talk, tokens); });
  bool more = true;
  if (talk.plan.manner.kind == Kind::stuck_reader) {
    (void)co_await loop_.sleep_for(seconds(20));
    more = false;
  }
  for (std::size_t i = 0; more && i < tokens.size(); ++i) {
    Ask& ask = ledger_.asks[tokens[i]];
    more = co_await read_one(talk, ask);
    ask.ended = loop_.now();
    if (!more && talk.broke_off) {
      for (std::size_t rest = i; rest < tokens.size(); ++rest) ledger_.asks[tokens[rest]].spoiled = true;
    }
  }
  writing.cancel();
  co_await writing.join();
  // A request that was answered before it was all sent leaves the connection unfit for another.
  const bool all_sent = std::ranges::all_of(tokens, [&](std::size_t token) { return ledger_.asks[token].sent_all; });
  co_return more && all_sent && talk.peer.open();
}

io::Task<> Clients::write(Talk& talk, const std::vector<std::size_t>& tokens) {
  for (const std::size_t token : tokens) {
    if (!co_await write_one(talk, ledger_.asks[token])) co_return;
  }
  if (talk.half_closed) talk.peer.end_sending();
}

io::Task<bool> Clients::write_one(Talk& talk, Ask& ask) {
  ledger_.note("client {}: sends {} {} ({} bytes{})", talk.number, ask.method, ask.path, ask.wire.size(), ask.proper ? "" : ", improper");
  std::string_view rest = ask.wire;
  if (ask.waits_for_continue) {
    if (!co_await talk.peer.say(rest.substr(0, ask.head_size), loop_.now() + kForever)) co_return false;
    rest.remove_prefix(ask.head_size);
    // RFC 9110 10.1.1: a client need not wait for ever.
    for (int waited = 0; waited < 100 && !talk.may_continue; ++waited) {
      if (!co_await loop_.sleep_for(milliseconds(10))) co_return false;
    }
  }
  const bool slow = talk.plan.manner.kind == Kind::slow_sender && ask.wire.size() < 20'000;
  const bool stalls = talk.plan.manner.kind == Kind::stalling_sender;
  while (!rest.empty()) {
    std::size_t count = slow ? std::min<std::size_t>(rest.size(), 1 + talk.chance.below(ask.wire.size() / 8 + 1)) : rest.size();
    if (stalls) count = std::min(count, talk.plan.manner.stop_after - std::min(talk.plan.manner.stop_after, talk.sent));
    if (count == 0) {
      ledger_.note("client {}: stalls", talk.number);
      talk.stalled = ask.spoiled = true;
      co_return false;
    }
    if (!co_await talk.peer.say(rest.substr(0, count), loop_.now() + kForever)) co_return false;
    talk.sent += count;
    rest.remove_prefix(count);
    if (slow && !co_await loop_.sleep_for(talk.plan.manner.pause)) co_return false;
  }
  ask.sent_all = true;
  co_return true;
}

// False: no other answer can follow.
io::Task<bool> Clients::read_one(Talk& talk, Ask& ask) {
  const auto want = ask.method == "HEAD" ? MessageReader::Want::answer_to_head : MessageReader::Want::answer;
  MessageReader reader(want);
  for (;;) {
    reader.read(talk.peer.in);
    if (reader.state() == MessageReader::State::whole && reader.message().status() < 200 && reader.message().status() != 101) {
      if (ask.http10) ledger_.find("{}: a 1xx answer to an HTTP/1.0 client", token_text(ask.token));
      talk.may_continue = talk.may_continue || reader.message().status() == 100;
      reader = MessageReader(want);
      continue;
    }
    if (reader.state() == MessageReader::State::whole || reader.state() == MessageReader::State::broken) break;
    if (talk.plan.manner.kind == Kind::slow_reader) (void)co_await loop_.sleep_for(talk.plan.manner.pause);
    if (co_await talk.peer.fill(loop_.now() + kForever)) continue;
    if (talk.peer.reading() == Peer::Reading::ended) (void)reader.end();
    break;
  }
  talk.may_continue = true;
  ask.answer = std::move(reader.message());
  ask.until_close = reader.until_close();
  ask.late = talk.peer.reading() == Peer::Reading::late;
  if (reader.state() == MessageReader::State::whole) {
    ask.saw = Ask::Saw::whole;
  } else if (talk.peer.reading() != Peer::Reading::open) {
    ask.saw = reader.began() ? Ask::Saw::cut : Ask::Saw::nothing;
  } else {
    ask.saw = Ask::Saw::garbled;
    ask.problem = reader.problem();
  }
  ledger_.note("client {}: {} is answered: {} {} ({} bytes){}", talk.number, token_text(ask.token),
               ask.saw == Ask::Saw::whole ? "whole" : ask.saw == Ask::Saw::cut ? "cut" : ask.saw == Ask::Saw::nothing ? "nothing" : "garbled",
               ask.answer.start, ask.answer.body.size(), ask.problem);
  if (ask.saw != Ask::Saw::whole) co_return false;
  if (ask.answer.status() == 101) {
    co_await tunnel(talk, ask);
    co_return false;
  }
  if (ask.answer.get("connection") != "close" && !(ask.http10 && ask.answer.get("connection") != "keep-alive")) co_return true;
  // It was announced: the end must follow, and nothing before it.
  while (co_await talk.peer.fill(loop_.now() + kForever)) {}
  // Who asks HEAD and stops within its head is answered as anybody, with a body.
  if (!talk.peer.in.empty() && ask.sent_all) ledger_.find("{}: {} bytes behind the last answer of a connection", token_text(ask.token), talk.peer.in.size());
  if (talk.peer.reading() == Peer::Reading::late) ledger_.find("{}: the connection was to be closed and stayed open", token_text(ask.token));
  co_return false;
}

io::Task<> Clients::tunnel(Talk& talk, Ask& ask) {
  const std::string said = body_of(ask.token, 'w', talk.chance.between(1, 5000));
  if (!co_await talk.peer.say(said, loop_.now() + kForever)) co_return;
  while (talk.peer.in.size() < said.size() && co_await talk.peer.fill(loop_.now() + kForever)) {}
  if (talk.peer.reading() == Peer::Reading::open) {
    talk.peer.end_sending();
    while (co_await talk.peer.fill(loop_.now() + kForever)) {}
  }
  ask.late = talk.peer.reading() == Peer::Reading::late;
  ask.echoed = std::exchange(talk.peer.in, {});
  if (!said.starts_with(ask.echoed)) ledger_.find("{}: the tunnel gave other bytes back", token_text(ask.token));
}

io::Task<> Clients::break_off(Talk& talk) {
  if (!co_await loop_.sleep_for(talk.plan.manner.at)) co_return;
  ledger_.note("client {}: {}", talk.number, talk.plan.manner.kind == Kind::resets ? "resets" : "leaves");
  talk.broke_off = true;
  if (talk.plan.manner.kind == Kind::resets) {
    talk.peer.reset();
  } else {
    talk.peer.close();
  }
}

// An idle connection is closed by the gateway in its own time.
io::Task<> Clients::linger(Talk& talk) {
  while (co_await talk.peer.fill(loop_.now() + kForever)) {}
  if (talk.peer.reading() == Peer::Reading::late) ledger_.find("client {}: an idle connection stayed open", talk.number);
  if (!talk.peer.in.empty()) ledger_.find("client {}: {} bytes that nobody asked for", talk.number, talk.peer.in.size());
}

}  // namespace weir::simulated
