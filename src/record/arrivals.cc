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
    DigestMemo* memo;
    std::uint64_t fingerprint, digest;
    std::span<const std::byte> shape;
  };
  std::array<Item, 4> items;
  std::size_t count = 0, bytes = 0;
};

}  // namespace

std::size_t put_item(ItemKind kind, std::span<const std::byte> content, std::span<std::byte> room) {
  if (room.size() < kItemHeader + content.size()) return 0;
  put(put_header(room.data(), kind, content.size()), content.data(), content.size());
  return kItemHeader + content.size();
}

void DigestMemo::clear() { std::ranges::fill(sets_, Set{}); }

ArrivalEncoder::ArrivalEncoder()
    : targets_(32768), heads_(2048), callers_(8192), clients_(16384), scratch_(4 * kMaxShape) {}

void ArrivalEncoder::begin_segment() {
  for (DigestMemo* memo : {&targets_, &heads_, &callers_, &clients_}) memo->clear();
  shape_bytes_ = 0;
}

Expected ArrivalEncoder::expect(const Facts& facts, std::span<const std::string_view> header_names, const Shaper& shaper) const {
  const Expected expected{.target = shaper.target_fingerprint(facts), .head = shaper.head_fingerprint(facts, header_names),
                          .client = shaper.client_fingerprint(facts.client)};   // none is ever 0
  targets_.expect(expected.target);
  return expected;
}

std::size_t ArrivalEncoder::encode(const Arrival& arrival, const Judged& judged, const Shaper& shaper,
                                   std::span<std::byte> room) {
  Arrival out = arrival;
  Fresh fresh;
  std::span<std::byte> scratch(scratch_);
  // The digest of a shape: remembered, or worked out by `encode_shape`, which answers 0 for what is not recorded.
  const auto digest = [&](DigestMemo& memo, std::uint64_t fingerprint, auto encode_shape) -> std::uint64_t {
    if (const std::uint64_t known = memo.find(fingerprint); known != 0) return known;
    const std::size_t size = encode_shape();
    if (size == 0) return 0;
    const std::uint64_t name = shaper.digest(scratch.first(size));
    fresh.items[fresh.count++] = {&memo, fingerprint, name, scratch.first(size)};
    fresh.bytes += kItemHeader + sizeof name + size;
    scratch = scratch.subspan(size);
    return name;
  };
  if (judged.facts != nullptr) {
    const Facts& facts = *judged.facts;
    const auto names = judged.header_names;
    const Expected expected = judged.expected.target != 0 ? judged.expected : expect(facts, names, shaper);
    shaper.values(facts, out.values);
    out.head = digest(heads_, expected.head, [&] { return shaper.head(facts, names, scratch); });
    out.client = digest(clients_, expected.client, [&] { return shaper.client(facts.client, scratch); });
    out.target = digest(targets_, expected.target, [&] { return shaper.target(facts, scratch); });
    if (!judged.evidence.empty()) {
      out.caller = digest(callers_, shaper.caller_fingerprint(judged.evidence),
                          [&] { return shaper.caller(judged.evidence, scratch); });
    }
  }

  const bool over = fresh.count > 0 && shape_bytes_ + fresh.bytes > kMaxShapeBytes;
  if (over) fresh.count = fresh.bytes = 0;
  if (room.size() < fresh.bytes + kItemHeader + sizeof(Arrival)) return 0;

  std::byte* at = room.data();
  for (std::size_t i = 0; i < fresh.count; ++i) {
    const Fresh::Item& item = fresh.items[i];
    at = put_header(at, ItemKind::shape, sizeof item.digest + item.shape.size());
    at = put(at, &item.digest, sizeof item.digest);
    at = put(at, item.shape.data(), item.shape.size());
    item.memo->keep(item.fingerprint, item.digest);
  }
  at = put_header(at, ItemKind::arrival, sizeof(Arrival));
  at = put(at, &out, sizeof(Arrival));
  shape_bytes_ += fresh.bytes;
  if (over) ++shapes_dropped_;
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
