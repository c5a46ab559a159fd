#include "crowd.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "fmt/core.h"
#include "io/stream.h"
#include "message.h"

namespace weir::simulated {
namespace {

using std::chrono::seconds;

constexpr Nanos kPatience = seconds(60);
constexpr std::size_t kTeams = 4;

}  // namespace

Crowd::Crowd(io::Loop& loop, const judged::Setting& setting, const SocketAddress& gateway)
    : loop_(loop), world_(setting), gateway_(gateway), counts_(setting.callers), coming_(loop), asking_(loop) {}

std::shared_ptr<const auth::KeyTables> Crowd::keys(std::size_t rules) const {
  std::vector<auth::KeyEntry> entries;
  for (std::uint32_t i = 0; i < world_.callers(); ++i) {
    entries.push_back({.name = fmt::format("c{}", i), .groups = {fmt::format("g{}", world_.group(i))}, .digest = auth::digest_text(fmt::format("key-{}", i)), .expires = {}});
  }
  auto made = auth::KeyTable::make(std::move(entries));
  WEIR_CHECK(made.has_value());
  auto tables = std::make_shared<auth::KeyTables>();
  tables->tables.assign(rules, std::make_shared<const auth::KeyTable>(std::move(*made)));
  return tables;
}

std::shared_ptr<const decide::KnownCallers> Crowd::known(HashKey key) const {
  std::vector<std::uint64_t> digests;
  for (std::uint32_t i = 0; i < world_.callers(); ++i) {
    if (world_.known(i)) digests.push_back(keyed_hash(key, fmt::format("0c{}", i)));
  }
  return std::make_shared<const decide::KnownCallers>(std::move(digests));
}

void Crowd::start() {
  began_ = loop_.now();
  comes_ = true;
  coming_.spawn([this] { return come(); });
}

void Crowd::stop() {
  comes_ = false;
  coming_.cancel();
}

void Crowd::leave() { kept_.clear(); }

void Crowd::count_anew() {
  all_ = {};
  std::ranges::fill(counts_, Count{});
}

Crowd::Count Crowd::hurt_most() const {
  Count most;
  for (std::uint32_t i = 0; i < counts_.size(); ++i) {
    if (world_.known(i) && counts_[i].requests >= 20 && counts_[i].share() > most.share()) most = counts_[i];
  }
  return most;
}

io::Task<> Crowd::come() {
  for (std::int64_t second = 0; comes_; ++second) {
    for (const judged::Request& request : world_.next_second()) asking_.spawn([this](judged::Request each) { return ask(std::move(each)); }, request);
    if (!co_await loop_.sleep_until(began_ + seconds(second + 1))) co_return;
  }
}

io::Task<> Crowd::ask(judged::Request request) {
  if (!co_await loop_.sleep_until(began_ + Nanos(static_cast<std::int64_t>(request.at * 1e9)))) co_return;
  const std::string head = head_of(request);
  int status = 0;
  while (status == 0 && !kept_.empty()) {   // what was kept may have been closed meanwhile
    Peer peer = std::move(kept_.back());
    kept_.pop_back();
    status = co_await answer(peer, head);
    if (status != 0 && peer.open()) kept_.push_back(std::move(peer));
  }
  if (status == 0) {
    if (auto stream = co_await io::Stream::connect(loop_, gateway_, loop_.now() + seconds(5)); stream) {
      Peer peer(std::move(*stream));
      status = co_await answer(peer, head);
      if (status != 0 && peer.open()) kept_.push_back(std::move(peer));
    }
  }
  count(request, status);
}

io::Task<int> Crowd::answer(Peer& peer, std::string_view head) {
  MessageReader reader(MessageReader::Want::answer);
  if (!co_await peer.say(head, loop_.now() + kPatience)) co_return 0;
  while (reader.read(peer.in) != MessageReader::State::whole) {
    if (reader.state() == MessageReader::State::broken || !co_await peer.fill(loop_.now() + kPatience)) co_return 0;
  }
  if (reader.message().get("connection") == "close") peer.close();
  co_return reader.message().status();
}

std::string Crowd::head_of(const judged::Request& request) const {
  return fmt::format("{} /{}/x HTTP/1.1\r\nHost: api.test\r\nX-Forwarded-For: 198.51.{}.{}\r\nX-Api-Key: key-{}\r\nX-Team: team-{}\r\nX-Tenant: g{}\r\n{}: 1\r\n{}: {}\r\n{}{}\r\n",
                     request.method == 0 ? "GET" : "POST", judged::kRoutes[request.route], 100 + request.caller / 250, 1 + request.caller % 250,
                     request.caller, request.caller % kTeams, request.group, kCrowdMark, kCrowdTakes, static_cast<std::int64_t>(request.duration * 1e6),
                     request.bad ? fmt::format("{}: 1\r\n", kCrowdFails) : "", request.method == 0 ? "" : "Content-Length: 0\r\n");
}

void Crowd::count(const judged::Request& request, int status) {
  if (!request.known) return;
  const bool hurt = !request.bad && status != 200;
  for (Count* each : {&all_, &counts_[request.caller]}) {
    ++each->requests;
    each->hurt += hurt ? 1 : 0;
  }
}

}  // namespace weir::simulated
