// The request that `explain` asks about as decide sees it, made from its words as the proxy makes
// it from bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/explain.h"
#include "http/violation.h"
#include "model/facts.h"

namespace weir::control {

// Holds the memory that `facts` points into. Question and world outlive it.
class ExplainedRequest {
 public:
  ExplainedRequest(const ExplainQuestion& question, const ExplainWorld& world);
  ExplainedRequest(const ExplainedRequest&) = delete;

  // Fills `evidence`, one for each identity rule.
  void gather_evidence();
  // As Host goes on: canonical, with the port that was asked for.
  std::string authority() const;

  Facts facts;
  http::Violation violation =
      http::Violation::none;  // no one canonical reading: nothing is decided
  std::optional<std::uint16_t> port;
  std::vector<Evidence> evidence;

 private:
  std::optional<std::string_view> header(std::string_view name) const;
  WatchedValue query(std::string_view name) const;
  http::Violation violation_of_bytes() const;
  void find_listener();
  void find_client();
  void find_deadline();
  void count_hops();
  void recall_caller();

  const ExplainQuestion& question_;
  const ExplainWorld& world_;
  std::string host_, path_;
  std::vector<WatchedValue> headers_, queries_;
};

}  // namespace weir::control
