// The record of an exchange while it is under way: numbers, and the texts that the access log and `weir explain` will
// want, copied at the decision into one bounded string, because what they came from is gone at the next suspension.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/put.h"
#include "model/records.h"
#include "proxy/spare.h"

namespace weir::proxy {

class Draft {
 public:
  enum Text : std::uint8_t { request_id, method, host, path, query, user_agent, caller, traceparent, detail, kTexts };

  explicit Draft(SpareStrings& spare) : bytes_(spare) {}

  ExchangeRecord record;

  // Each text is set at most once; longer ones are cut to the bounds that ExchangeText states.
  void set(Text which, std::string_view text) {
    static constexpr std::array<std::uint16_t, kTexts> kMax = {64, 32, 255, 1024, 1024, 256, 128, 64, 256};
    text = text.substr(0, kMax[which]);
    const std::size_t at = bytes_.text.size();
    spans_[which] = {static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(text.size())};
    bytes_.text.resize_and_overwrite(at + text.size(), [&](char* begin, std::size_t size) {
      put(begin + at, text);
      return size;
    });
  }
  std::string_view get(Text which) const {
    return std::string_view(bytes_.text).substr(spans_[which].at, spans_[which].size);
  }
  ExchangeText text() const {
    return {.request_id = get(request_id), .method = get(method), .host = get(host), .path = get(path),
            .query = get(query), .user_agent = get(user_agent), .caller = get(caller), .detail = get(detail),
            .traceparent = get(traceparent)};
  }
  void reserve(std::size_t bytes) { bytes_.text.reserve(bytes); }

 private:
  struct Span {
    std::uint16_t at = 0, size = 0;
  };
  std::array<Span, kTexts> spans_{};
  SpareString bytes_;
};

}  // namespace weir::proxy
