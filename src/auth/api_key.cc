#include "auth/api_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "fmt/core.h"

namespace weir::auth {
namespace {

constexpr std::string_view kScheme = "sha256:";

Digest digest_of(const EVP_MD* sha256, std::string_view credential) {
  Digest digest;
  unsigned size = 0;
  WEIR_CHECK(EVP_Digest(credential.data(), credential.size(), digest.data(), &size, sha256, nullptr) == 1 &&
             size == digest.size());
  return digest;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Digest> read_digest(std::string_view text) {
  Digest digest;
  if (!text.starts_with(kScheme)) return std::nullopt;
  text.remove_prefix(kScheme.size());
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return digest;
}

std::uint64_t head_of(const Digest& digest) {
  std::uint64_t head;
  std::memcpy(&head, digest.data(), sizeof(head));
  return head;
}

}  // namespace

std::string digest_text(std::string_view credential) {
  std::string text(kScheme);
  for (const std::uint8_t byte : digest_of(EVP_sha256(), credential)) text += fmt::format("{:02x}", byte);
  return text;
}

void KeyTable::FreeAlgorithm::operator()(evp_md_st* algorithm) const { EVP_MD_free(algorithm); }

KeyTable::KeyTable(std::vector<KeyEntry> entries)
    : entries_(std::move(entries)), sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)) {
  WEIR_CHECK(sha256_ != nullptr);
}

Result<KeyTable> KeyTable::make(std::vector<KeyEntry> entries) {
  if (entries.size() > kMaxKeys) {
    return fail(ErrorKind::too_large, fmt::format("more than {} keys", kMaxKeys), Origin::config);
  }
  KeyTable table(std::move(entries));
  table.by_digest_.reserve(table.entries_.size());
  for (const KeyEntry& entry : table.entries_) {
    const auto digest = read_digest(entry.digest);
    if (!digest) {
      return fail(ErrorKind::invalid,
                  fmt::format("key \"{}\": a digest is sha256: and 64 hex digits", entry.name), Origin::config);
    }
    const auto [first, last] = table.by_digest_.equal_range(head_of(*digest));
    for (auto same = first; same != last; ++same) {
      if (table.digests_[same->second] == *digest) {
        return fail(ErrorKind::invalid, fmt::format("\"{}\" and \"{}\" have the same key",
                                                    table.entries_[same->second].name, entry.name), Origin::config);
      }
    }
    table.by_digest_.emplace(head_of(*digest), static_cast<std::uint32_t>(table.digests_.size()));
    table.digests_.push_back(*digest);
  }
  return table;
}

Evidence KeyTable::check(std::string_view credential, WallTime now) const {
  const bool readable = std::ranges::all_of(credential, [](char c) { return c > ' ' && c < 0x7f; });
  if (credential.empty() || credential.size() > kMaxCredential || !readable) {
    return {.result = EvidenceResult::malformed, .subject = {}, .groups = {}};
  }
  const Digest digest = digest_of(sha256_.get(), credential);
  const auto [first, last] = by_digest_.equal_range(head_of(digest));
  for (auto found = first; found != last; ++found) {
    if (CRYPTO_memcmp(digests_[found->second].data(), digest.data(), digest.size()) != 0) continue;
    const KeyEntry& entry = entries_[found->second];
    const bool expired = entry.expires && now >= *entry.expires;
    return {.result = expired ? EvidenceResult::expired : EvidenceResult::valid, .subject = entry.name,
            .groups = entry.groups};
  }
  return {.result = EvidenceResult::unknown, .subject = {}, .groups = {}};
}

const KeyEntry* KeyTable::find(std::string_view name) const {
  const auto found = std::ranges::find(entries_, name, &KeyEntry::name);
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace weir::auth
