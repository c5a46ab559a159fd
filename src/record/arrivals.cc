#include "record/arrivals.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace weir::record {
namespace {

static_assert(std::is_trivially_copyable_v<Arrival>);
constexpr std::size_t kItemHeader = 4;

std::byte* put(std::byte* at, const void* from, std::size_t size) {
  std::memcpy(at, from, size);
  return at + size;
}

std::byte* put_header(std::byte* at, ItemKind kind, std::size_t size) {
  const std::uint32_t header = static_cast<std::uint32_t>(kind) | static_cast<std::uint32_t>(size) << 8;
  return put(at, &header, kItemHeader);
}

// Encoded shapes of one request that are not yet in this segment.
struct Fresh {
  struct Item {
    std::uint64_t digest;
    std::span<const std::byte> shape;
  };
  std::array<Item, 4> items;
  std::size_t count = 0, bytes = 0;

  void add(std::uint64_t digest, std::span<const std::byte> shape) {
    items[count++] = {digest, shape};
    bytes += kItemHeader + sizeof digest + shape.size();
  }
};

}  // namespace

void DigestSet::clear() { std::ranges::fill(places_, 0); }

ArrivalEncoder::ArrivalEncoder()
    : targets_(8192), callers_(8192), clients_(32768), heads_(2048), scratch_(4 * kMaxShape) {}

void ArrivalEncoder::begin_segment() {
  targets_.clear();
  callers_.clear();
  clients_.clear();
  std::ranges::fill(heads_, Head{});
  shape_bytes_ = 0;
}

std::size_t ArrivalEncoder::encode(const Arrival& arrival, const Judged& judged, const Shaper& shaper,
                                   std::span<std::byte> room) {
  Arrival out = arrival;
  Fresh fresh;
  std::span<std::byte> scratch(scratch_);
  const auto digest_of = [&](std::size_t size) { return size == 0 ? 0 : shaper.digest(scratch.first(size)); };
  const auto add_fresh = [&](std::uint64_t digest, std::size_t size) {
    fresh.add(digest, scratch.first(size));
    scratch = scratch.subspan(size);
  };

  Head* head = nullptr;   // where a new one is to be remembered
  Head new_head;
  if (judged.facts != nullptr) {
    const Facts& facts = *judged.facts;
    std::size_t size = shaper.target(facts, scratch);
    out.target = digest_of(size);
    if (out.target != 0 && !targets_.has(out.target)) add_fresh(out.target, size);

    const std::uint64_t fingerprint = shaper.head_fingerprint(facts, judged.header_names);
    new_head.fingerprint = fingerprint ^ shaper.revision();   // another policy watches other values
    head = &heads_[new_head.fingerprint & (heads_.size() - 1)];
    if (fingerprint != 0 && head->digest != 0 && head->fingerprint == new_head.fingerprint) {
      out.head = head->digest;
      head = nullptr;
    } else {
      size = shaper.head(facts, judged.header_names, scratch);
      out.head = new_head.digest = digest_of(size);
      if (out.head != 0) add_fresh(out.head, size);
    }

    size = shaper.client(facts.client, scratch);
    out.client = digest_of(size);
    if (out.client != 0 && !clients_.has(out.client)) add_fresh(out.client, size);

    if (!judged.evidence.empty()) {
      size = shaper.caller(judged.evidence, scratch);
      out.caller = digest_of(size);
      if (out.caller != 0 && !callers_.has(out.caller)) add_fresh(out.caller, size);
    }
  }

  const bool over = fresh.count > 0 && shape_bytes_ + fresh.bytes > kMaxShapeBytes;
  if (over) fresh.count = fresh.bytes = 0;
  if (room.size() < fresh.bytes + kItemHeader + sizeof(Arrival)) return 0;

  std::byte* at = room.data();
  for (std::size_t i = 0; i < fresh.count; ++i) {
    const auto& [digest, shape] = fresh.items[i];
    at = put_header(at, ItemKind::shape, sizeof digest + shape.size());
    at = put(at, &digest, sizeof digest);
    at = put(at, shape.data(), shape.size());
  }
  at = put_header(at, ItemKind::arrival, sizeof(Arrival));
  at = put(at, &out, sizeof(Arrival));
  if (over) {
    ++shapes_dropped_;
  } else {
    shape_bytes_ += fresh.bytes;
    targets_.add(out.target);
    callers_.add(out.caller);
    clients_.add(out.client);
    if (head != nullptr) *head = new_head;
  }
  return static_cast<std::size_t>(at - room.data());
}

bool BatchReader::next(BatchItem& item) {
  if (rest_.size() < kItemHeader) return false;
  std::uint32_t header;
  std::memcpy(&header, rest_.data(), kItemHeader);
  const std::size_t size = header >> 8;
  if (rest_.size() - kItemHeader < size) return false;
  item = {.kind = static_cast<ItemKind>(header & 0xff), .content = rest_.subspan(kItemHeader, size)};
  rest_ = rest_.subspan(kItemHeader + size);
  return true;
}

}  // namespace weir::record
