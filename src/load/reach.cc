#include "load/reach.h"

#include <utility>
#include <vector>

#include "config/diagnostic.h"
#include "fmt/core.h"
#include "io/ares_resolver.h"
#include "io/stream.h"

namespace weir::load {
namespace {

constexpr Nanos kPatience = std::chrono::seconds(5);

io::Task<Result<SocketAddress>> first_that_listens(io::Loop& loop, io::Resolver& resolver,
                                                   const Target& target, bool anywhere) {
  auto addresses = co_await resolver.resolve(target.host, loop.now() + kPatience);
  if (!addresses) co_return std::unexpected(std::move(addresses.error()));
  for (const Address& each : *addresses) {
    if (anywhere || is_private(each)) continue;
    co_return fail(
        ErrorKind::permission,
        fmt::format(
            "{} is {}, which is on no private network: if it is yours to load, say --anywhere",
            config::printable(target.host), to_string(each)),
        Origin::config);
  }
  Error last;
  for (const Address& each : *addresses) {
    SocketAddress address;
    address.address = each;
    address.port = target.port;
    auto stream = co_await io::Stream::connect(loop, address, loop.now() + kPatience);
    if (stream) co_return address;
    last = std::move(stream.error());
  }
  co_return std::unexpected(std::move(last));
}

}  // namespace

Result<SocketAddress> reach(io::Loop& loop, const Target& target, bool anywhere) {
  io::AresResolver resolver(loop);
  return io::block_on(loop, [&] { return first_that_listens(loop, resolver, target, anywhere); });
}

}  // namespace weir::load
