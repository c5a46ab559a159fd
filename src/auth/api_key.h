// API keys: what a keys file says, and whose a credential is. A table is built once per content of the file and never
// changes; expiry is judged against the wall time of each request. Keys are kept as SHA-256 digests only: 128 random
// bits and more behind each, so a slow hash would buy nothing and cost every request.
// In: a credential of 1 to kMaxCredential visible bytes. Out: Evidence whose views live as long as the table. A look-up
// finds the digest by its first bytes and compares the rest in constant time; neither tells anything about a key.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/facts.h"

struct evp_md_st;

namespace weir::auth {

constexpr std::size_t kMaxCredential = 512;
constexpr std::size_t kMaxKeys = 1'000'000;

// One entry of a keys file. A name may have several keys, while one of them is being replaced by another.
struct KeyEntry {
  std::string name;
  std::vector<std::string> groups;
  std::string digest;                 // "sha256:" and 64 hex digits
  std::optional<WallTime> expires;    // from then on it is expired
  friend bool operator==(const KeyEntry&, const KeyEntry&) = default;
};

using Digest = std::array<std::uint8_t, 32>;

// The digest of a credential as a keys file holds it.
std::string digest_text(std::string_view credential);

class KeyTable {
 public:
  KeyTable() : KeyTable(std::vector<KeyEntry>{}) {}   // no keys: every credential is unknown

  // Refuses digests that are none, and one digest under two entries.
  static Result<KeyTable> make(std::vector<KeyEntry> entries);

  Evidence check(std::string_view credential, WallTime now) const;
  // The first entry of this name, null where there is none. Reads all of them: for people's questions, not for requests.
  const KeyEntry* find(std::string_view name) const;
  std::size_t size() const { return entries_.size(); }
  const std::vector<KeyEntry>& entries() const { return entries_; }   // for people's questions too

 private:
  struct FreeAlgorithm {
    void operator()(evp_md_st* algorithm) const;
  };

  explicit KeyTable(std::vector<KeyEntry> entries);

  std::vector<KeyEntry> entries_;
  std::vector<Digest> digests_;                              // parallel
  std::unordered_multimap<std::uint64_t, std::uint32_t> by_digest_;   // first eight bytes -> entry
  std::unique_ptr<evp_md_st, FreeAlgorithm> sha256_;         // fetched once: the fetch is dearer than the hash
};

}  // namespace weir::auth
