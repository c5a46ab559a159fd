// Copying short texts one after the other. Most pieces of a head or of a line of the log are a few bytes long: for these the call of
// memcpy costs more than the copy. Two overlapping words copy what is between one and two of them long.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace weir {

namespace put_detail {
template <std::size_t N>
inline void both_ends(char* to, const char* from, std::size_t size) {
  struct Word {
    char bytes[N];
  } first, last;
  std::memcpy(&first, from, N);
  std::memcpy(&last, from + size - N, N);
  std::memcpy(to, &first, N);
  std::memcpy(to + size - N, &last, N);
}
}  // namespace put_detail

// `to` has room for `text` and is no part of it. Returns the place behind what was written.
inline char* put(char* to, std::string_view text) {
  const std::size_t size = text.size();
  const char* const from = text.data();
  if (size > 32) std::memcpy(to, from, size);
  else if (size >= 16) put_detail::both_ends<16>(to, from, size);
  else if (size >= 8) put_detail::both_ends<8>(to, from, size);
  else if (size >= 4) put_detail::both_ends<4>(to, from, size);
  else for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  return to + size;
}

}  // namespace weir
