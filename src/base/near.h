// A table in front of something slower: two values under each place, the last two that were put there. It lies in one piece, so
// that the line of a key can be asked for some requests before it is needed; it forgets, so whoever asks keeps the value elsewhere
// or can make it again. (With one value a place a quarter of 40,000 keys in 131,072 places pushed each other out; with two a
// twentieth do.)
//
// Keys are spread already (digests, mixed words); 0 is never found. Memory: kFewest values, twice as many whenever more than
// half as many were filled as there are, up to `most`, a power of two: a follower has a Rebuilder for each policy, and a
// table must not be larger than its traffic.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir {

template <class T>
class Near {
 public:
  static constexpr std::size_t kFewest = 256;
  explicit Near(std::size_t most) : most_(most) {}

  void expect(std::uint64_t key) const {
    const char* const place = reinterpret_cast<const char*>(&places_[index(key)]);
    for (std::size_t line = 0; line < sizeof(Place); line += kLine) __builtin_prefetch(place + line);
  }
  // Until the next put().
  const T* find(std::uint64_t key) const {
    const Place& place = places_[index(key)];
    if (key == 0) return nullptr;
    return place[0].key == key ? &place[0].value : place[1].key == key ? &place[1].value : nullptr;
  }
  const T& put(std::uint64_t key, T value) {
    if (++filled_ > places_.size() && places_.size() * 2 < most_) grow();
    Place& place = places_[index(key)];
    if (place[0].key != key && place[0].key != 0) place[1] = std::move(place[0]);
    place[0] = {.key = key, .value = std::move(value)};
    return place[0].value;
  }
  void clear() {
    places_.assign(kFewest / 2, Place());
    filled_ = 0;
  }

 private:
  struct Kept {
    std::uint64_t key = 0;
    T value{};
  };
  static constexpr std::size_t kLine = 64;
  struct alignas(2 * sizeof(Kept) <= kLine || sizeof(Kept) == kLine ? kLine : alignof(Kept)) Place {
    std::array<Kept, 2> both{};
    Kept& operator[](std::size_t i) { return both[i]; }
    const Kept& operator[](std::size_t i) const { return both[i]; }
  };
  std::size_t index(std::uint64_t key) const { return key & (places_.size() - 1); }
  void grow() {
    filled_ = 0;
    for (Place& place : std::exchange(places_, std::vector<Place>(2 * places_.size()))) {
      for (const std::size_t i : {1u, 0u}) {
        if (place[i].key == 0) continue;
        ++filled_;
        Place& at = places_[index(place[i].key)];
        if (at[0].key != 0) at[1] = std::move(at[0]);
        at[0] = std::move(place[i]);
      }
    }
  }

  std::size_t most_, filled_ = 0;
  std::vector<Place> places_ = std::vector<Place>(kFewest / 2);
};

}  // namespace weir
