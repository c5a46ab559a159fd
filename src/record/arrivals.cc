#include "record/arrivals.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace weir::record {
namespace {

static_assert(std::is_trivially_copyable_v<Arrival>);
constexpr std::size_t kItemHeader = 4;

std::byte* put_item(std::byte* at, ItemKind kind, const void* content, std::size_t size) {
  const std::uint32_t header = static_cast<std::uint32_t>(kind) | static_cast<std::uint32_t>(size) << 8;
  std::memcpy(at, &header, kItemHeader);
  std::memcpy(at + kItemHeader, content, size);
  return at + kItemHeader + size;
}

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
  std::array<std::span<const std::byte>, 4> fresh;   // encoded shapes that are not yet in this segment
  std::size_t fresh_count = 0, fresh_bytes = 0, used = 0;
  const auto scratch = [&] { return std::span(scratch_).subspan(used, kMaxShape); };
  const auto keep = [&](std::size_t size) {
    fresh[fresh_count++] = std::span(scratch_).subspan(used, size);
    fresh_bytes += size + kItemHeader;
    used += size;
  };
  const auto digest_of = [&](std::size_t size) {
    return size == 0 ? 0 : shaper.digest(std::span(scratch_).subspan(used, size));
  };

  Head* head = nullptr;
  Head new_head;
  if (judged.facts != nullptr) {
    const Facts& facts = *judged.facts;
    std::size_t size = shaper.target(facts, scratch());
    out.target = digest_of(size);
    if (out.target != 0 && !targets_.has(out.target)) keep(size);

    new_head.fingerprint = shaper.head_fingerprint(facts, judged.header_names) ^ shaper.revision();
    head = &heads_[new_head.fingerprint & (heads_.size() - 1)];
    if (head->digest != 0 && head->fingerprint == new_head.fingerprint && new_head.fingerprint != shaper.revision()) {
      out.head = head->digest;
      head = nullptr;
    } else {
      size = shaper.head(facts, judged.header_names, scratch());
      out.head = new_head.digest = digest_of(size);
      if (out.head != 0) keep(size);
    }

    size = shaper.client(facts.client, scratch());
    out.client = digest_of(size);
    if (out.client != 0 && !clients_.has(out.client)) keep(size);

    if (!judged.evidence.empty()) {
      size = shaper.caller(judged.evidence, scratch());
      out.caller = digest_of(size);
      if (out.caller != 0 && !callers_.has(out.caller)) keep(size);
    }
  }

  const bool over = fresh_count > 0 && shape_bytes_ + fresh_bytes > kMaxShapeBytes;
  if (over) fresh_count = fresh_bytes = 0;
  if (room.size() < fresh_bytes + kItemHeader + sizeof(Arrival)) return 0;

  std::byte* at = room.data();
  for (std::size_t i = 0; i < fresh_count; ++i) at = put_item(at, ItemKind::shape, fresh[i].data(), fresh[i].size());
  at = put_item(at, ItemKind::arrival, &out, sizeof out);
  if (over) {
    ++shapes_dropped_;
  } else {
    shape_bytes_ += fresh_bytes;
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
