// Encoded shapes back into values. The bytes come from files, so nothing in them is believed:
// states and lengths are checked, counts are those of the writer or below the bytes that are there,
// and anything left over is an error.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "record/bytes.h"
#include "record/shape.h"

namespace weir::record {
namespace {

// As many as are written at most: empty ones take a byte here and a string in memory.
void strings(ByteReader& in, std::size_t most, std::vector<std::string>& out) {
  const std::uint64_t count = in.varint();
  if (count > most) in.fail();
  for (std::uint64_t left = count; left > 0 && in.ok(); --left) out.emplace_back(in.string());
}

TargetShape target(ByteReader& in) {
  TargetShape shape;
  const std::uint8_t flags = in.byte();
  if ((flags & 3) == 3 || flags > 31) in.fail();
  shape.protocol = static_cast<Protocol>(flags & 3);
  shape.encoded_slash = (flags & 4) != 0;
  shape.generalised = (flags & 8) != 0;
  shape.more_query_names = (flags & 16) != 0;
  shape.listener = in.string();
  shape.method = in.string();
  shape.host = in.string();
  shape.path = in.string();
  strings(in, kMaxQueryNames, shape.query_names);
  return shape;
}

HeadShape head(ByteReader& in) {
  HeadShape shape;
  shape.more_names = in.byte() != 0;
  strings(in, kMaxHeaderNames, shape.names);
  while (in.ok() && in.left() > 0) {
    const std::uint8_t what = in.byte();
    const bool in_arrival = (what & 15) == 4;
    if (what >> 4 > 1 || (what & 15) > 4) in.fail();
    WatchedShape watched{.where = static_cast<WatchedShape::Where>(what >> 4 & 1),
                         .state = in_arrival ? WatchedValue::State::digest : static_cast<WatchedValue::State>(what & 3),
                         .name = std::string(in.string())};
    if (watched.state == WatchedValue::State::text) watched.text = in.string();
    if (in_arrival) {
      watched.place = in.byte();
      if (*watched.place >= Arrival::kValues) in.fail();
    } else if (watched.state == WatchedValue::State::digest) {
      watched.digest = in.word();
    }
    shape.watched.push_back(std::move(watched));
  }
  return shape;
}

CallerShape caller(ByteReader& in) {
  CallerShape shape;
  for (std::uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    IdentityShape identity;
    const std::uint8_t result = in.byte();
    if (result > static_cast<std::uint8_t>(EvidenceResult::untrusted)) in.fail();
    identity.result = static_cast<EvidenceResult>(result);
    identity.rule = in.string();
    identity.definition = in.word();
    identity.subject = in.string();
    for (std::uint64_t groups = in.varint(); groups > 0 && in.ok(); --groups) identity.groups.emplace_back(in.string());
    shape.identities.push_back(std::move(identity));
  }
  return shape;
}

ClientShape client(ByteReader& in) {
  ClientShape shape;
  const std::uint8_t flags = in.byte();
  if (flags > 5) in.fail();
  shape.detail = static_cast<AddressDetail>(flags >> 1);
  shape.address.family = (flags & 1) != 0 ? Address::Family::v6 : Address::Family::v4;
  const std::string_view bytes = in.bytes((flags & 1) != 0 ? 16 : 4);
  std::copy(bytes.begin(), bytes.end(), shape.address.bytes.begin());   // none where the bytes end early
  return shape;
}

}  // namespace

Result<Shape> decode_shape(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  if (bytes.size() > kMaxShape) in.fail();
  Shape shape;
  switch (static_cast<ShapeKind>(in.byte())) {
    case ShapeKind::target: shape = target(in); break;
    case ShapeKind::head: shape = head(in); break;
    case ShapeKind::caller: shape = caller(in); break;
    case ShapeKind::client: shape = client(in); break;
    default: in.fail();
  }
  if (!in.finished()) return fail(ErrorKind::invalid, "a recorded shape is damaged", Origin::system);
  return shape;
}

}  // namespace weir::record
