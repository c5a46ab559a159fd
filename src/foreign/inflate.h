// Packed logs, unpacked piece by piece: gzip (RFC 1952, several members in a row), xz, zstd (RFC
// 8878, several frames in a row), told apart by their first bytes; anything else is plain and is
// handed through.
//
// Memory is bounded whatever the input says: 80 MiB for xz (`xz -9` needs 65), a window of 2^27
// bytes for zstd, 32 KiB for gzip. Damage is reported after all bytes before it have been handed
// on: a torn log is of use up to where it tore.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace weir::foreign {

enum class Packing : std::uint8_t { plain, gzip, xz, zstd };
std::string_view to_string(Packing packing);

inline constexpr std::size_t kPackingHead = 6;  // bytes that decide

// Fewer than kPackingHead bytes are given only when there are no more.
Packing packing_of(std::span<const std::byte> head);

class Inflate {
 public:
  explicit Inflate(Packing packing);
  Inflate(Inflate&&) noexcept;
  Inflate& operator=(Inflate&&) noexcept;
  ~Inflate();

  struct Step {
    std::size_t taken = 0;  // of `in`
    std::size_t given = 0;  // written to `out`
  };
  // Goes on until `in` is used up or `out` is full; nothing taken and nothing given means that
  // nothing more will come of this `in`. After damage nothing is taken or given any more.
  Step step(std::span<const std::byte> in, std::span<std::byte> out);

  // Call when the input has ended: an Error where it ended in the middle, or where it was damaged
  // before.
  Result<> finish();
  const std::optional<Error>& damage() const;

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace weir::foreign
