// Segments of what was imported, written as a worker and the scribe write those of live traffic:
// ArrivalEncoder, batches, SegmentWriter. They stand under names of their own until publish(), so a
// reader sees all of them or none; where an import fails or is killed, nothing of it is read (a
// killed one may leave *.part behind).
//
// Stamps are wall time. The name begins with the time of the first arrival, as those of live
// segments begin with the start of the process: the oldest go first where a recording is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/time.h"
#include "model/names.h"
#include "model/policy.h"
#include "record/arrivals.h"
#include "record/flight.h"
#include "record/segment.h"
#include "record/shape.h"

namespace weir::control {

class ImportSegments {
 public:
  static constexpr std::uint64_t kSegment = 64ull << 20;
  static constexpr unsigned kMinFreePercent = 5;

  // `folder` is made when missing. All else must outlive it.
  ImportSegments(std::string folder, const Policy& policy, const NameTable& names, HashKey key);
  ~ImportSegments();

  Result<> add(const Arrival& arrival, const record::Judged& judged,
               const std::optional<record::Flight>& flight);
  Result<> publish();
  void withdraw();  // what was published, after all

  std::uint64_t arrivals() const { return arrivals_; }
  std::uint64_t segments() const { return parts_.size(); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Result<> begin(WallTime at);
  template <class Write>
  Result<> append(Write write);
  Result<> hand_on();
  Result<> write_out(std::size_t keep_below);
  Result<> end();

  std::string folder_;
  const Policy& policy_;
  const NameTable& names_;
  HashKey key_;
  record::Shaper shaper_;
  record::ArrivalEncoder encoder_;
  std::vector<std::byte> batch_;
  std::size_t used_ = 0;
  std::string out_;
  std::optional<record::SegmentWriter> writer_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t start_ = 0;
  struct Part {
    std::string part, name;
  };
  std::vector<Part> parts_;
  std::size_t published_ = 0;
  std::uint64_t arrivals_ = 0, bytes_ = 0;
};

}  // namespace weir::control
