// Paths without what varies. Every segment that is a literal of some route of the policy stays. Of the others a *word*
// stays: a letter, then letters, '-', '_', '.', '~', at most 32 bytes, or 'v' and up to three digits. What is left is
// replaced by its class (SegmentClass), one byte that no canonical path can hold.
//
// Why replay stays exact. Deciding again under the same policy: a replaced segment was no literal of any route, and its
// class byte is none either, so the same routes match. Under another policy the answer may differ only where a literal
// of the new policy, which had not been one of the old, could have stood in that place: could_have_been() finds it, and
// replay then says that it cannot judge.
//
// Bounds: 1024 bytes and 64 segments; the tail beyond becomes SegmentClass::rest, with Paths::full too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/policy.h"
#include "model/shapes.h"

namespace weir::record {

inline constexpr std::size_t kMaxShapePath = 1024;
inline constexpr std::size_t kMaxSegments = 64;

// nullopt: a word, stays as it is. The empty segment is a word.
std::optional<SegmentClass> classify(std::string_view segment);

// The segments that a policy's routes name literally and that are no words.
class Literals {
 public:
  Literals() = default;
  static Literals of(const Policy& policy);
  static Literals of(std::vector<std::string> segments);

  bool has(std::string_view segment) const;
  // Sorted, no duplicates; every segment file holds them, so that replay knows what had been kept.
  const std::vector<std::string>& segments() const { return segments_; }

 private:
  std::vector<std::string> segments_;
  std::vector<std::uint32_t> slots_;   // open addressing into segments_; 0 empty, else index + 1
};

// True when `segment`, had it been in a request, would have been recorded as `recorded` where `kept` stayed.
bool could_have_been(SegmentClass recorded, std::string_view segment, const Literals& kept);

// Writes the path without what varies and answers its size. `generalised` says whether a class byte was written.
std::size_t generalise(std::string_view path, const Literals& kept, Paths paths, std::span<char, kMaxShapePath> out,
                       bool& generalised);

}  // namespace weir::record
