// A direct-mapped table in front of something slower: under each place the value that was put there last. It lies in one
// piece, so that the line of a key can be asked for some requests before it is needed; it forgets, so whoever asks keeps the
// value elsewhere or can make it again.
//
// Keys are spread already (digests, mixed words); 0 is never found. Memory: kFewest places, twice as many whenever more than
// half as many were filled as there are, up to `most`, a power of two: a follower has a Rebuilder for each policy, and a
// table must not be larger than its traffic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir::replay {

template <class T>
class Near {
 public:
  static constexpr std::size_t kFewest = 256;
  explicit Near(std::size_t most) : most_(most) {}

  void expect(std::uint64_t key) const { __builtin_prefetch(&places_[index(key)]); }
  // Until the next put().
  const T* find(std::uint64_t key) const {
    const Place& place = places_[index(key)];
    return place.key == key && key != 0 ? &place.value : nullptr;
  }
  const T& put(std::uint64_t key, T value) {
    if (++filled_ > places_.size() / 2 && places_.size() < most_) grow();
    Place& place = places_[index(key)];
    place = {.key = key, .value = std::move(value)};
    return place.value;
  }
  void clear() {
    places_.assign(kFewest, Place());
    filled_ = 0;
  }

 private:
  struct Place {
    std::uint64_t key = 0;
    T value{};
  };
  std::size_t index(std::uint64_t key) const { return key & (places_.size() - 1); }
  void grow() {
    filled_ = 0;
    for (Place& place : std::exchange(places_, std::vector<Place>(2 * places_.size()))) {
      if (place.key == 0) continue;
      ++filled_;
      places_[index(place.key)] = std::move(place);
    }
  }

  std::size_t most_, filled_ = 0;
  std::vector<Place> places_ = std::vector<Place>(kFewest);
};

}  // namespace weir::replay
