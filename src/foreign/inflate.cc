#include "foreign/inflate.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "fmt/core.h"

namespace weir::foreign {
namespace {

constexpr std::uint64_t kXzMemory = 80 * 1024 * 1024;  // xz -9 needs 65 MiB
constexpr int kZstdWindowLog = 27;                     // what the zstd tool accepts without --long

Error damaged(Packing packing, std::string_view why) {
  return {.kind = ErrorKind::invalid,
          .origin = Origin::config,
          .retryable = false,
          .context = fmt::format("{} is damaged: {}", to_string(packing), why),
          .cause = nullptr};
}

}  // namespace

std::string_view to_string(Packing packing) {
  switch (packing) {
    case Packing::plain:
      return "plain";
    case Packing::gzip:
      return "gzip";
    case Packing::xz:
      return "xz";
    case Packing::zstd:
      return "zstd";
  }
  return "";
}

Packing packing_of(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  if (text.starts_with("\x1f\x8b\x08")) return Packing::gzip;  // RFC 1952 2.3.1
  if (text.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6)))
    return Packing::xz;                                            // xz file format 2.1.1.1
  if (text.starts_with("\x28\xb5\x2f\xfd")) return Packing::zstd;  // RFC 8878 3.1.1
  return Packing::plain;
}

// One step of each library, the same shape for all. `idle` says that the bytes so far end where an
// end may be.
struct Inflate::Engine {
  explicit Engine(Packing which) : packing(which) {
    if (packing == Packing::gzip) {
      sound = inflateInit2(&gzip, 15 + 16) == Z_OK;  // 16: a gzip header is demanded
    } else if (packing == Packing::xz) {
      sound = lzma_stream_decoder(&xz, kXzMemory, LZMA_CONCATENATED) == LZMA_OK;
    } else if (packing == Packing::zstd) {
      zstd = ZSTD_createDStream();
      sound = zstd != nullptr &&
              ZSTD_isError(ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, kZstdWindowLog)) == 0;
    }
    if (!sound)
      damage = Error{.kind = ErrorKind::full,
                     .origin = Origin::system,
                     .retryable = false,
                     .context = "no memory to unpack",
                     .cause = nullptr};
  }
  ~Engine() {
    if (packing == Packing::gzip) inflateEnd(&gzip);
    if (packing == Packing::xz) lzma_end(&xz);
    ZSTD_freeDStream(zstd);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Packing packing;
  z_stream gzip{};
  lzma_stream xz = LZMA_STREAM_INIT;
  ZSTD_DStream* zstd = nullptr;
  std::optional<Error> damage;
  bool sound = true;
  bool idle = true;         // between members or frames, or before the first
  bool any_member = false;  // one has ended
  bool padding = false;     // gzip: zeros behind the last member, as tapes leave them

  Step run(std::span<const std::byte> in, std::span<std::byte> out) {
    switch (packing) {
      case Packing::plain: {
        const std::size_t size = std::min(in.size(), out.size());
        if (size > 0) std::memcpy(out.data(), in.data(), size);
        return {.taken = size, .given = size};
      }
      case Packing::gzip:
        return run_gzip(in, out);
      case Packing::xz:
        return run_xz(in, out);
      case Packing::zstd:
        return run_zstd(in, out);
    }
    return {};
  }

  Step run_gzip(std::span<const std::byte> in, std::span<std::byte> out) {
    if (idle && any_member && (padding || (!in.empty() && in.front() == std::byte{0}))) {
      padding = true;  // gzip(1) ignores what follows zeros
      return {.taken = in.size(), .given = 0};
    }
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    const std::size_t in_size = std::min(in.size(), kMost), out_size = std::min(out.size(), kMost);
    gzip.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    gzip.avail_in = static_cast<uInt>(in_size);
    gzip.next_out = reinterpret_cast<Bytef*>(out.data());
    gzip.avail_out = static_cast<uInt>(out_size);
    const int code = ::inflate(&gzip, Z_NO_FLUSH);
    const Step step{.taken = in_size - gzip.avail_in, .given = out_size - gzip.avail_out};
    if (step.taken > 0) idle = false;
    if (code == Z_STREAM_END) {
      idle = any_member = true;
      inflateReset(&gzip);
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      damage = damaged(packing, gzip.msg != nullptr ? gzip.msg : "bad data");
    }
    return step;
  }

  Step run_xz(std::span<const std::byte> in, std::span<std::byte> out,
              lzma_action action = LZMA_RUN) {
    xz.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    xz.avail_in = in.size();
    xz.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    xz.avail_out = out.size();
    const lzma_ret code = lzma_code(&xz, action);
    const Step step{.taken = in.size() - xz.avail_in, .given = out.size() - xz.avail_out};
    if (step.taken > 0) idle = false;
    if (code == LZMA_STREAM_END) {
      idle = true;
    } else if (code == LZMA_MEMLIMIT_ERROR) {
      damage = damaged(packing, "it asks for more memory than xz -9 does");
    } else if (code != LZMA_OK && code != LZMA_BUF_ERROR) {
      damage = damaged(packing, "bad data");
    }
    return step;
  }

  Step run_zstd(std::span<const std::byte> in, std::span<std::byte> out) {
    ZSTD_inBuffer source{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer target{.dst = out.data(), .size = out.size(), .pos = 0};
    const std::size_t left = ZSTD_decompressStream(zstd, &target, &source);
    if (ZSTD_isError(left) != 0) {
      damage = damaged(packing, ZSTD_getErrorName(left));
    } else if (source.pos > 0 || target.pos > 0) {
      idle = left == 0;
    }
    return {.taken = source.pos, .given = target.pos};
  }
};

Inflate::Inflate(Packing packing) : engine_(std::make_unique<Engine>(packing)) {}
Inflate::Inflate(Inflate&&) noexcept = default;
Inflate& Inflate::operator=(Inflate&&) noexcept = default;
Inflate::~Inflate() = default;

Inflate::Step Inflate::step(std::span<const std::byte> in, std::span<std::byte> out) {
  Step total;
  while (!engine_->damage && total.given < out.size()) {
    const Step step = engine_->run(in.subspan(total.taken), out.subspan(total.given));
    total.taken += step.taken;
    total.given += step.given;
    if (step.taken == 0 && step.given == 0) break;
  }
  return total;
}

Result<> Inflate::finish() {
  Engine& engine = *engine_;
  // With concatenated streams xz learns only here that no other one follows.
  if (!engine.damage && engine.packing == Packing::xz && !engine.idle) {
    std::array<std::byte, 1> none{};
    (void)engine.run_xz({}, std::span(none).first(0), LZMA_FINISH);
  }
  if (!engine.damage && engine.packing != Packing::plain && !engine.idle) {
    engine.damage = damaged(engine.packing, "it ends in the middle");
    engine.damage->kind = ErrorKind::closed;
  }
  if (engine.damage) return std::unexpected(*engine.damage);
  return {};
}

const std::optional<Error>& Inflate::damage() const { return engine_->damage; }

}  // namespace weir::foreign
