// Blocks of a segment file (record/segment.h): sealed with checksums and zstd, found again among damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace weir::record {

enum class BlockKind : std::uint8_t { start = 1, policy, conditions, shapes, arrivals, flights, configuration, snapshot, cells, peaks };

inline constexpr std::string_view kSegmentMagic("weirseg\x01", 8);   // with the version
inline constexpr std::size_t kBlockHeader = 24;
inline constexpr std::size_t kMaxBlock = 8 * 1024 * 1024;

std::uint32_t crc32c(std::span<const std::byte> bytes);   // Castagnoli, as in RFC 3720 B.4

// Appends blocks; keeps the compressor's memory between them.
class BlockSealer {
 public:
  BlockSealer();
  ~BlockSealer();
  // `raw` is at most kMaxBlock.
  void seal(BlockKind kind, std::span<const std::byte> raw, std::string& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
};

struct Block {
  BlockKind kind;
  std::span<const std::byte> raw;   // until the next block is asked for, and as long as the bytes that it was found in
};

// Goes through the blocks of a file; keeps its memory and the decompressor's between them.
class BlockFinder {
 public:
  BlockFinder();
  ~BlockFinder();
  BlockFinder(BlockFinder&&) noexcept;
  BlockFinder& operator=(BlockFinder&&) noexcept;

  // The next sound block of `rest`, which goes on behind it; false: there is none. Kinds that are not known are passed
  // on: newer writers may have more. `whole`: nothing follows `rest`, so that half a block at its end is damage; else
  // it stays there until more has come.
  bool next(std::span<const std::byte>& rest, bool whole, Block& block);
  std::uint64_t damaged_blocks() const { return damaged_; }
  std::uint64_t skipped_bytes() const { return skipped_; }

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  void skip(std::span<const std::byte>& rest, std::size_t bytes);

  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::vector<std::byte> room_;
  bool in_damage_ = false;
  std::uint64_t damaged_ = 0, skipped_ = 0;
};

}  // namespace weir::record
