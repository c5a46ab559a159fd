// The facts of one row of a case, made from its words as the proxy makes them from bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/facts.h"
#include "model/policy.h"
#include "replay/cases.h"
#include "replay/decider.h"

namespace weir::replay {

class CaseRequest {
 public:
  // Both must outlive it.
  CaseRequest(const Policy& policy, const CaseRow& row);
  CaseRequest(const CaseRequest&) = delete;

  // The status with which the gateway refuses it before anything is decided (no one canonical
  // reading); 0: it is decided.
  std::uint16_t malformed() const { return malformed_; }
  // The `number`th request of the row, from 0. Good until the next call.
  const Rebuilt& at(std::uint64_t number);

 private:
  void find_listener(std::uint16_t port);

  const Policy& policy_;
  const CaseRow& row_;
  std::string host_, path_;
  std::vector<WatchedValue> headers_, queries_;
  std::vector<std::string_view> forwarded_;
  std::vector<Evidence> evidence_;
  std::uint16_t malformed_ = 0;
  Rebuilt rebuilt_;
};

}  // namespace weir::replay
