#include "export/exchange_ring.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/check.h"
#include "base/hash.h"
#include "base/put.h"

namespace weir::exporting {
namespace {

static_assert(std::is_trivially_copyable_v<ExchangeRecord>);
constexpr std::size_t kTexts = 9;
constexpr std::uint16_t kCut = 0x8000;   // beside a length: there was more
static_assert(ExchangeRing::kTextBytes < kCut);

// The content of a slot as one run of words.
struct alignas(8) Texts {
  std::array<std::uint16_t, kTexts> lengths;
  std::array<char, ExchangeRing::kTextBytes> text;
};
struct Content {
  std::uint64_t number;
  ExchangeRecord record;
  Texts texts;
};
static_assert(std::is_trivially_copyable_v<Content>);
static_assert(sizeof(ExchangeRecord) % 8 == 0 && offsetof(Content, texts) == 8 + sizeof(ExchangeRecord));
constexpr std::size_t kWords = (sizeof(Content) + 7) / 8, kRecordWords = sizeof(ExchangeRecord) / 8;

std::array<std::string_view, kTexts> in_order(const ExchangeText& text) {
  return {text.caller, text.request_id,  text.method, text.host,      text.detail,
          text.traceparent, text.path,  text.query, text.user_agent};
}

}  // namespace

ExchangeRing::ExchangeRing(std::size_t slots) : mask_(slots - 1), slots_(slots), order_(slots) {
  static_assert(kWords <= kMaxSlotWords);
  WEIR_CHECK(std::has_single_bit(slots));
}

void ExchangeRing::write(const ExchangeRecord& record, const ExchangeText& text) {
  const std::uint64_t number = finished_.load(std::memory_order_relaxed);
  Texts texts;
  // What identifies the exchange comes whole (its bounds sum up to 776 bytes); path, query and user agent share the rest.
  std::size_t used = 0, n = 0;
  for (const std::string_view part : in_order(text)) {
    const std::size_t size = std::min(part.size(), kTextBytes - used);
    put(texts.text.data() + used, part.substr(0, size));
    texts.lengths[n++] = static_cast<std::uint16_t>(size | (size < part.size() ? kCut : 0));
    used += size;
  }

  const std::size_t at = record.exchange.sequence & mask_;
  Slot& slot = slots_[at];
  const std::uint64_t version = slot.version.load();
  slot.version.store(version + 1);
  std::atomic_thread_fence(std::memory_order_release);
  SharedWord* to = slot.words.data();
  const auto store = [&to](const void* from, std::size_t words) {
    for (std::size_t i = 0; i < words; ++i, ++to) {
      std::uint64_t word;
      std::memcpy(&word, static_cast<const char*>(from) + i * 8, 8);
      to->store(word);
    }
  };
  store(&number, 1);
  store(&record, kRecordWords);
  store(&texts, (offsetof(Texts, text) + used + 7) / 8);
  slot.version.store(version + 2, std::memory_order_release);

  order_[number & mask_].store(at);
  finished_.store(number + 1, std::memory_order_release);
}

bool ExchangeRing::copy(std::size_t at, std::span<std::uint64_t> into) const {
  const Slot& slot = slots_[at];
  const std::uint64_t version = slot.version.load(std::memory_order_acquire);
  if (version == 0 || version % 2 == 1) return false;
  for (std::size_t i = 0; i < into.size(); ++i) into[i] = slot.words[i].load();
  std::atomic_thread_fence(std::memory_order_acquire);
  return slot.version.load() == version;
}

std::optional<KeptExchange> ExchangeRing::read(std::size_t at) const {
  std::array<std::uint64_t, kWords> words;
  if (!copy(at, words)) return std::nullopt;

  Content content;
  std::memcpy(&content, words.data(), sizeof content);
  KeptExchange kept;
  kept.number = content.number;
  kept.record = content.record;
  const std::array<std::string*, kTexts> texts = {&kept.caller,      &kept.request_id, &kept.method,
                                                  &kept.host,        &kept.detail, &kept.traceparent,
                                                  &kept.path,        &kept.query,  &kept.user_agent};
  std::size_t used = 0;
  for (std::size_t i = 0; i < kTexts; ++i) {
    const std::size_t size = content.texts.lengths[i] & ~kCut;
    texts[i]->assign(content.texts.text.data() + used, size);
    used += size;
    if (texts[i] == &kept.path) kept.path_cut = (content.texts.lengths[i] & kCut) != 0;
    if (texts[i] == &kept.query) kept.query_cut = (content.texts.lengths[i] & kCut) != 0;
  }
  return kept;
}

std::optional<KeptExchange> ExchangeRing::find(ExchangeId exchange) const {
  std::optional<KeptExchange> kept = read(exchange.sequence & mask_);
  if (kept && kept->record.exchange != exchange) kept.reset();
  return kept;
}

std::vector<KeptExchange> ExchangeRing::since(std::uint64_t& after, std::size_t limit) const {
  std::vector<KeptExchange> out;
  const std::uint64_t end = finished();
  after = std::max(after, end - std::min<std::uint64_t>(end, mask_ + 1));
  for (; after < end && out.size() < limit; ++after) {
    const std::uint64_t at = order_[after & mask_].load();
    if (auto kept = read(at); kept && kept->number == after) out.push_back(std::move(*kept));
  }
  return out;
}

void ExchangeRing::sample(std::uint64_t& after, std::size_t most, const Look& look) const {
  constexpr std::size_t kCallerBytes = 128;   // ExchangeText; the caller is the first of the texts
  std::array<std::uint64_t, (offsetof(Content, texts.text) + kCallerBytes + 7) / 8> words;
  const std::uint64_t end = finished(), from = std::max(after, end - std::min<std::uint64_t>(end, mask_ + 1));
  if (from == end) return;
  // What was overwritten is stood for by what was not.
  const double lost = static_cast<double>(end - after) / static_cast<double>(end - from);
  const std::uint64_t stride = (end - from + most - 1) / most;
  for (std::uint64_t group = from; group < end; group += stride) {
    const std::uint64_t size = std::min(stride, end - group), number = group + mix(group) % size;
    if (!copy(order_[number & mask_].load(), words)) continue;
    Content content;
    std::memcpy(&content, words.data(), sizeof words);
    if (content.number != number) continue;
    look(content.record, {content.texts.text.data(), std::min<std::size_t>(content.texts.lengths[0], kCallerBytes)},
         lost * static_cast<double>(size));
  }
  after = end;
}

}  // namespace weir::exporting
