#include "model/request_id.h"

#include "base/hex.h"

namespace weir {
namespace {

constexpr std::uint64_t kInstallationMask = (std::uint64_t{1} << 48) - 1;

std::optional<std::uint64_t> take_hex(std::string_view text) {
  std::uint64_t value = 0;
  for (const char c : text) {
    const char low = static_cast<char>(c | 0x20);
    unsigned digit = 0;
    if (c >= '0' && c <= '9') digit = static_cast<unsigned>(c - '0');
    else if (low >= 'a' && low <= 'f') digit = static_cast<unsigned>(low - 'a' + 10);
    else return std::nullopt;
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

InstallationId InstallationId::of(HashKey key) {
  const std::uint64_t id = keyed_hash(key, "installation id") & kInstallationMask;
  return {id == 0 ? 1 : id};
}

RequestIdText request_id(InstallationId installation, ExchangeId exchange) {
  RequestIdText id;
  put_hex(id.text.data(), installation.value << 16 | exchange.worker.value);
  put_hex(id.text.data() + 16, exchange.sequence);
  return id;
}

std::optional<ParsedRequestId> parse_request_id(std::string_view text) {
  if (text.size() != RequestIdText::kSize) return std::nullopt;
  const auto installation = take_hex(text.substr(0, 12));
  const auto worker = take_hex(text.substr(12, 4));
  const auto sequence = take_hex(text.substr(16));
  if (!installation || !worker || !sequence) return std::nullopt;
  return ParsedRequestId{.installation = {*installation},
                         .exchange = {.worker = WorkerId{static_cast<std::uint16_t>(*worker)}, .sequence = *sequence}};
}

}  // namespace weir
