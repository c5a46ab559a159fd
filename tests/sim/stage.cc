#include "stage.h"

#include "base/check.h"
#include "checks.h"
#include "fmt/core.h"
#include "io/stream.h"

namespace weir::simulated {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string plain_policy(std::string_view more_listeners) {
  return fmt::format("version: 1\n"
                     "listeners:\n"
                     "  - {{name: public, address: 10.1.0.1:80, timeouts: {{head: 2s, body: 3s, idle: 5s}}}}\n{}"
                     "defaults: {{timeouts: {{connect: 400ms, response: 1500ms, idle: 1s}}, limits: []}}\n"
                     "upstreams: [{{name: main, endpoints: [10.2.0.1:9001]}}]\n"
                     "routes:\n"
                     "  - {{name: all, upstream: main}}\n"
                     "  - {{name: direct, match: {{path: /direct}}, respond: {{status: 200, body: here}}}}\n",
                     more_listeners);
}

Stage::Stage(const std::string& yaml, io::sim::SimOptions network, std::uint64_t seed, std::size_t workers)
    : world(seed, network), client_loop_(world.kernel("clients")), upstream_loop_(world.kernel("upstreams")),
      gateway(world, ledger, {.workers = workers}), loops_(gateway.loops()), clients_(client_loop_), upstream_(upstream_loop_) {
  loops_.push_back(&client_loop_);
  loops_.push_back(&upstream_loop_);
  WEIR_CHECK(gateway.publish(yaml));
  wait(milliseconds(20));
}

Stage::~Stage() {
  if (!ended_) end();
}

void Stage::upstream(std::function<io::Task<>(Peer&, std::size_t)> serve) {
  serve_ = std::move(serve);
  if (listener_.valid()) return;
  listener_ = std::move(io::Listener::open(upstream_loop_, SocketAddress::parse("10.2.0.1:9001").value()).value());
  upstream_.spawn([this] { return accept(); });
}

io::Task<> Stage::accept() {
  for (;;) {
    auto stream = co_await listener_.accept(io::kNever);
    if (!stream) co_return;
    upstream_.spawn([this](io::Stream taken, std::size_t number) -> io::Task<> {
      Peer peer(std::move(taken));
      co_await serve_(peer, number);
    }, std::move(*stream), accepted_++);
  }
}

void Stage::client(Act act, const char* to) {
  clients_.spawn([this, to](Act acts) -> io::Task<> {
    auto stream = co_await io::Stream::connect(client_loop_, SocketAddress::parse(to).value(), client_loop_.now() + seconds(5));
    WEIR_CHECK(stream.has_value());
    Peer peer(std::move(*stream));
    co_await acts(peer);
  }, std::move(act));
}

bool Stage::run(Nanos at_most) {
  return world.run(loops_, world.now() + at_most, [&] { return clients_.running() == 0; });
}

void Stage::end() {
  ended_ = true;
  gateway.drain();
  if (!world.run(loops_, world.now() + seconds(60), [&] { return gateway.quiet(); })) ledger.find("the drain does not end");
  wait(milliseconds(10));
  gateway.look_for_leftovers();
  gateway.cut();
  listener_.close();
  upstream_.cancel();
  clients_.cancel();
  if (!world.run(loops_, world.now() + seconds(10), [&] {
        return gateway.over() && clients_.running() == 0 && upstream_.running() == 0;
      })) {
    ledger.find("something still runs");
  }
  gateway.tear_down();
  check_records(ledger);
}

io::Task<MessageReader> Stage::read(Peer& peer, MessageReader::Want want, Nanos patience) {
  MessageReader reader(want);
  for (;;) {
    reader.read(peer.in);
    if (reader.state() == MessageReader::State::whole || reader.state() == MessageReader::State::broken) break;
    if (co_await peer.fill(peer.now() + patience)) continue;
    if (peer.reading() == Peer::Reading::ended) (void)reader.end();
    break;
  }
  co_return reader;
}

}  // namespace weir::simulated
