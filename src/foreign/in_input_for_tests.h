// Whether what an entry says of where its text stands (LogEntry::in_input) is so. Shared by the tests of the readers and their fuzzer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "foreign/entry.h"

namespace weir::foreign {

// `fed`: the bytes that were fed last. "/" is the constant of an absolute target without a path.
inline bool stands_where_it_says(const LogEntry& entry, std::span<const std::byte> fed) {
  if (!entry.in_input) return true;
  const std::string_view input(reinterpret_cast<const char*>(fed.data()), fed.size());
  const auto stands = [&](std::string_view text) {
    if (text.empty() || text == "/") return true;
    return std::less_equal<>()(input.data(), text.data()) && std::less_equal<>()(text.data() + text.size(), input.data() + input.size());
  };
  const std::string_view texts[] = {entry.client, entry.user, entry.request_line, entry.method, entry.target, entry.protocol, entry.host,
                                    entry.upstream, entry.route, entry.referer, entry.agent, entry.request_id, entry.forwarded_for, entry.raw};
  return std::ranges::all_of(texts, stands) && std::ranges::all_of(entry.mapped, [&](const MappedFact& fact) { return stands(fact.value); });
}

}  // namespace weir::foreign
