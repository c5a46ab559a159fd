// What one set of expectations (of a case, or of a row of it) has seen so far, and what of it does
// not hold in the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/names.h"
#include "model/policy.h"
#include "model/verdict.h"
#include "replay/cases.h"

namespace weir::replay {

class CaseTally {
 public:
  // All must outlive it.
  CaseTally(const Expected& expected, const Policy& policy, const NameTable& names);

  // `offset`: virtual time since the beginning of the case.
  void add(const Verdict& verdict, Nanos offset);
  void judge(std::vector<CaseFailure>& failures) const;

 private:
  struct Told {  // one request, to be named
    Verdict verdict;
    Nanos offset{0};
    std::uint64_t number = 0;  // from 1
  };
  struct Missed {  // of one expectation about each request
    std::uint64_t count = 0;
    std::optional<Told> first;
  };
  struct Line {
    Cause cause;
    Rule rule;
    EndpointId endpoint;
    std::uint64_t requests;
  };

  bool has(const Verdict& verdict, Aspect aspect, std::uint64_t value) const;
  void count_line(const Verdict& verdict);
  std::string describe(const Verdict& verdict, Aspect aspect) const;
  std::string name_of(const Verdict& verdict) const;
  DecidedBy decided_by(const Verdict& verdict, std::uint64_t requests) const;
  std::vector<DecidedBy> deciders(bool by_endpoint) const;
  void judge_count(std::size_t index, std::vector<CaseFailure>& failures) const;
  void judge_verdict(std::size_t index, std::vector<CaseFailure>& failures) const;

  const Expected& expected_;
  const Policy& policy_;
  const NameTable& names_;
  bool by_endpoint_ = false;
  std::uint64_t requests_ = 0, forwarded_ = 0;
  std::vector<std::uint64_t> counts_;  // parallel to Expected::counts
  std::vector<Missed> missed_;         // parallel to Expected::verdicts
  std::vector<Line> lines_;
  std::optional<Told> first_, last_;
};

}  // namespace weir::replay
