// Facts in, shapes out: bytes that name what a policy may match on, and a keyed digest of them (model/shapes.h).
//
// A Shaper is made once per policy (it knows the literals of the routes and the values they match exactly), is
// immutable and shared by all workers. Encoding is a pure function of facts and Shaper into memory of the caller:
// no allocation. The digest of a shape is keyed_hash(key, encoded bytes); the first byte is the kind, so shapes of
// different kinds never share a digest but by chance (2^-64 a pair).
//
// Bounds: path as in path_class.h, host 255, method 32, listener 128, 32 query names of 64 bytes, 128 header names of 64
// bytes, watched text 256 bytes (longer: a digest), digests beyond the Arrival's four in the shape. An encoded shape is at most kMaxShape bytes; watched values beyond
// that are left out, a caller with more groups than that is not recorded.
// A query name stays when it looks like one (an identifier, no id) or is watched; others are only told to be there.
//
// Encoded (record/bytes.h; s is a string, w eight bytes, v a varint, b a byte):
//   target  b=1, b protocol | 4 encoded slash | 8 generalised | 16 more query names, s listener, s method, s host, s path,
//           v count, s query name ...
//   head    b=2, b more names, v count, s name ..., then until the end: b where << 4 | state, s name, and s text (state 1),
//           w digest (state 2) or b place in Arrival::values (state 4)
//   caller  b=3, v count, each: b result, s rule, w definition, s subject, v groups, s group ...
//   client  b=4, b detail << 1 | is IPv6, 4 or 16 bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "model/facts.h"
#include "model/names.h"
#include "model/policy.h"
#include "model/records.h"
#include "model/shapes.h"
#include "base/fingerprint.h"
#include "record/path_class.h"

namespace weir::record {

inline constexpr std::size_t kMaxShape = 12 * 1024;
inline constexpr std::size_t kMaxQueryNames = 32, kMaxHeaderNames = 128;

class Shaper {
 public:
  Shaper(const Policy& policy, const NameTable& names, HashKey key);

  // Each writes one encoded shape into `out` (kMaxShape bytes) and answers its size; 0: too large.
  std::size_t target(const Facts& facts, std::span<std::byte> out) const;
  std::size_t head(const Facts& facts, std::span<const std::string_view> header_names, std::span<std::byte> out) const;
  // The digests that the head shape leaves to the arrival.
  void values(const Facts& facts, std::span<std::uint64_t, Arrival::kValues> out) const;
  std::size_t caller(std::span<const Evidence> evidence, std::span<std::byte> out) const;
  std::size_t client(const Address& address, std::span<std::byte> out) const;

  // Fingerprints: cheap, never zero, for looking up a digest that was worked out before. Facts with equal fingerprints
  // have equal shapes under this Shaper; equal shapes may have several (names in another order).
  std::uint64_t target_fingerprint(const Facts& facts) const;
  std::uint64_t head_fingerprint(const Facts& facts, std::span<const std::string_view> header_names) const;
  std::uint64_t caller_fingerprint(std::span<const Evidence> evidence) const;
  std::uint64_t client_fingerprint(const Address& address) const;

  // The name of an encoded shape; never zero.
  std::uint64_t digest(std::span<const std::byte> shape) const;

  const Literals& literals() const { return literals_; }
  const ShapeOptions& options() const { return options_; }
  std::uint32_t revision() const { return revision_; }

 private:
  Fingerprint fingerprint(ShapeKind kind) const;
  struct Watched {
    std::string name;
    std::vector<std::string> exact;   // values some route matches exactly; sorted
  };
  // Calls visit(watched, value) for every watched value of a request, in the order of the shape.
  template <class Visit>
  void each_watched(const Facts& facts, Visit visit) const;
  static bool is_text(const Watched& watched, const WatchedValue& value);

  struct IdentityName {
    std::string rule;
    std::uint64_t definition;
  };

  HashKey key_;
  ShapeOptions options_;
  std::uint32_t revision_;
  Literals literals_;
  std::vector<std::string> listeners_;
  std::vector<Watched> headers_, queries_;
  std::vector<IdentityName> identities_;
};

// What an identity rule reads and whom it believes; not its name. Two rules of one definition give the same evidence.
std::uint64_t definition(const IdentityRule& rule);

// Bytes of any origin; fails with ErrorKind::invalid, never reads beyond them.
Result<Shape> decode_shape(std::span<const std::byte> bytes);

}  // namespace weir::record
