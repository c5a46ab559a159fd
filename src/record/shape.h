// Facts in, shapes out: bytes that name what a policy may match on, and a keyed digest of them (model/shapes.h).
//
// A Shaper is made once per policy (it knows the literals of the routes and the values they match exactly), is
// immutable and shared by all workers. Encoding is a pure function of facts and Shaper into memory of the caller:
// no allocation. The digest of a shape is keyed_hash(key, encoded bytes); the first byte is the kind, so shapes of
// different kinds never share a digest but by chance (2^-64 a pair).
//
// The path. Every segment that is a literal of some route of the policy stays. Of the others a *word* stays: a letter
// first, then letters, '-', '_', '.', '~', at most 32 bytes, or 'v' and up to three digits. What is left is replaced by
// its class (SegmentClass). Deciding again under the same policy is exact: a replaced segment was no literal, and the
// class byte is none. Under another policy it cannot be judged only where a literal of the new policy, not of the old,
// could have stood there: could_match() answers that.
// With Paths::full nothing is replaced.
//
// Bounds: path 1024 bytes and 64 segments (the tail becomes SegmentClass::rest), host 255, method 32, listener 128, 32
// query names of 64 bytes, 128 header names of 64 bytes, watched text 256 bytes (longer: a digest), 16 identities with
// 16 groups of 128 bytes each. An encoded shape is at most kMaxShape bytes.
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
#include "model/shapes.h"

namespace weir::record {

inline constexpr std::size_t kMaxShape = 16 * 1024;

enum class Paths : std::uint8_t { full, classes };

struct ShapeOptions {
  Paths paths = Paths::classes;
  AddressDetail addresses = AddressDetail::full;
};

// The path segments that a policy's routes name literally and that would otherwise be replaced (words never are).
class Literals {
 public:
  Literals() = default;
  static Literals of(const Policy& policy);
  static Literals of(std::vector<std::string> segments);

  bool has(std::string_view segment) const;
  // Sorted, no duplicates; written into every segment file, so that replay knows what had been kept.
  const std::vector<std::string>& segments() const { return segments_; }

 private:
  std::vector<std::string> segments_;
  std::vector<std::uint32_t> slots_;   // open addressing over segments_; 0 empty, else index + 1
};

// nullopt: a word, stays as it is.
std::optional<SegmentClass> classify(std::string_view segment);

// True when `segment`, had it been in the request, would have been recorded as `recorded` under `kept`.
bool could_have_been(SegmentClass recorded, std::string_view segment, const Literals& kept);

// Writes the generalised path, answers its size; at most 1024 bytes. Sets `generalised` when a class byte was written.
std::size_t generalise(std::string_view path, const Literals& kept, Paths paths, std::span<char, 1024> out,
                       bool& generalised);

class Shaper {
 public:
  Shaper(const Policy& policy, const NameTable& names, HashKey key, ShapeOptions options = {});

  // Each writes one encoded shape into `out` (kMaxShape bytes) and answers its size.
  std::size_t target(const Facts& facts, std::span<std::byte> out) const;
  std::size_t head(const Facts& facts, std::span<const std::string_view> header_names, std::span<std::byte> out) const;
  std::size_t caller(std::span<const Evidence> evidence, std::span<std::byte> out) const;
  std::size_t client(const Address& address, std::span<std::byte> out) const;

  // A cheap digest of everything head() would look at, in the order sent: equal ones have equal head shapes.
  std::uint64_t head_fingerprint(const Facts& facts, std::span<const std::string_view> header_names) const;
  std::uint64_t digest(std::span<const std::byte> shape) const;

  const Literals& literals() const { return literals_; }
  const ShapeOptions& options() const { return options_; }
  std::uint32_t revision() const { return revision_; }

 private:
  struct Watched {
    std::string name;
    std::vector<std::string> exact;   // values some route matches exactly; sorted
  };
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
