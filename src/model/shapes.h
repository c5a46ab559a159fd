// Shapes: the facts of a request that a policy may match on, without what changes from request to request. A shape is
// written once and named by a 64-bit digest keyed per installation; an Arrival holds four digests. Equal facts have
// equal digests, whoever recorded them (record/shape.h makes them, bounds stated there). Values of headers and queries
// may be as many as requests (keys of limits), so all but those that a route matches stand in the Arrival as digests.
//   target  listener, protocol, method, host, path, names in the query
//   head    names of the header fields, values of what the policy watches
//   caller  what came of each identity rule; never a credential
//   client  the address
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "model/facts.h"

namespace weir {

enum class ShapeKind : std::uint8_t { target = 1, head, caller, client };

// In the path of a shape a segment that varies is replaced by one byte that no canonical path can hold, so that a
// generalised segment never equals a literal of a route. Printed as {n} {hex} {uuid} {s} {rest}.
enum class SegmentClass : char {
  number = 1,   // digits only
  hex,          // at least 8 hex digits with a decimal digit among them
  uuid,         // 8-4-4-4-12
  text,         // anything else that is neither a word nor a literal of a route
  rest,         // the tail of a path beyond the bounds of a shape; always the last segment, may stand for several
};

struct TargetShape {
  std::string listener;                   // by name: ids change from policy to policy
  Protocol protocol = Protocol::http1;
  bool encoded_slash = false;
  bool generalised = false;               // the path holds SegmentClass bytes
  bool more_query_names = false;          // names that are not listed were there as well
  std::string method, host, path;
  std::vector<std::string> query_names;   // sorted, no duplicates
  friend bool operator==(const TargetShape&, const TargetShape&) = default;
};

struct WatchedShape {
  enum class Where : std::uint8_t { header, query } where = Where::header;
  WatchedValue::State state = WatchedValue::State::absent;   // absent, text or digest
  std::string name;
  std::string text;                       // only where a route matches exactly this value
  std::optional<std::uint8_t> place;      // of a digest: which of Arrival::values it is; none: it is `digest`
  std::uint64_t digest = 0;               // keyed_hash of the value under the installation's key
  friend bool operator==(const WatchedShape&, const WatchedShape&) = default;
};

struct HeadShape {
  bool more_names = false;                // names that are not listed were there as well
  std::vector<std::string> names;         // lower case, sorted, no duplicates
  std::vector<WatchedShape> watched;      // everything the recording policy watched, in its order
  friend bool operator==(const HeadShape&, const HeadShape&) = default;
};

struct IdentityShape {
  std::string rule;                       // name of the identity rule
  std::uint64_t definition = 0;           // digest of what the rule reads; another definition is another question
  EvidenceResult result = EvidenceResult::absent;
  std::string subject;
  std::vector<std::string> groups;
  friend bool operator==(const IdentityShape&, const IdentityShape&) = default;
};

struct CallerShape {
  std::vector<IdentityShape> identities;  // in the order of the recording policy
  friend bool operator==(const CallerShape&, const CallerShape&) = default;
};

enum class AddressDetail : std::uint8_t {
  full,
  net,     // IPv4 /24, IPv6 /48
  keyed,   // a digest: tells addresses apart, says nothing about them
};

enum class Paths : std::uint8_t {
  full,
  classes,   // segments that vary become their class
};

// How much of requests goes into shapes.
struct ShapeOptions {
  Paths paths = Paths::classes;
  AddressDetail addresses = AddressDetail::full;
};

struct ClientShape {
  AddressDetail detail = AddressDetail::full;
  Address address;            // full, net; for keyed an address in fd00::/8 made from the digest
  friend bool operator==(const ClientShape&, const ClientShape&) = default;
};

using Shape = std::variant<TargetShape, HeadShape, CallerShape, ClientShape>;

// The path as people read it: class bytes become {n}, {hex}, ...
std::string printable_path(std::string_view shape_path);

}  // namespace weir
