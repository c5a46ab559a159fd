#include "replay/cases.h"

#include <algorithm>
#include <bit>
#include <memory>

#include "model/conditions.h"
#include "replay/case_request.h"
#include "replay/case_tally.h"
#include "replay/decider.h"

namespace weir::replay {
namespace {

constexpr std::size_t kLeastCells = 256, kMostCells = 1 << 20;  // the most: as a gateway has
constexpr Stamp kBeginning = stamp_from_nanos(1'000'000'000);

Verdict malformed(std::uint16_t status) {
  Verdict verdict;
  verdict.action = Action::refuse;
  verdict.cause = Cause::bad_request;
  verdict.status = status;
  return verdict;
}

// One row on its way through a case.
struct Walk {
  const CaseRow* row;
  std::unique_ptr<CaseRequest> request;
  CaseTally tally;
  std::uint64_t next = 0;  // number of the request that comes next
  Nanos due() const { return row->at + row->every * static_cast<std::int64_t>(next); }
};

// The walk that is due first; of several the one that was written first. Rows are few or short, so
// a heap of indices does.
class Queue {
 public:
  explicit Queue(const std::vector<Walk>& walks) : walks_(walks) {
    for (std::size_t i = 0; i < walks.size(); ++i) push(i);
  }
  bool empty() const { return heap_.empty(); }
  std::size_t pop() {
    std::ranges::pop_heap(heap_, std::greater<>());
    const std::size_t index = heap_.back().second;
    heap_.pop_back();
    return index;
  }
  void push(std::size_t index) {
    heap_.emplace_back(walks_[index].due(), index);
    std::ranges::push_heap(heap_, std::greater<>());
  }

 private:
  const std::vector<Walk>& walks_;
  std::vector<std::pair<Nanos, std::size_t>> heap_;
};

}  // namespace

CaseRunner::CaseRunner(const Policy& policy, const NameTable& names)
    : policy_(policy), names_(names) {
  for (const Route& route : policy.routes)
    most_limits_ = std::max(most_limits_, route.limits.size());
}

// Twice as many as could ever be charged: the table is then never full before a gateway's is.
std::size_t CaseRunner::limit_cells(const Case& what) const {
  std::uint64_t charges = 0;
  for (const CaseRow& row : what.rows)
    charges += std::min<std::uint64_t>(row.times, kMostCells) * most_limits_;
  return std::clamp<std::size_t>(std::bit_ceil(charges * 2), kLeastCells, kMostCells);
}

CaseOutcome CaseRunner::run(const Case& what) const {
  Decider decider(policy_, {.seed = {}, .limit_cells = limit_cells(what)});
  Conditions conditions = all_usable(policy_);
  for (const EndpointId endpoint : what.unusable)
    conditions.endpoints[endpoint.index()].usable = false;

  CaseOutcome outcome;
  CaseTally all(what.expected, policy_, names_);
  std::vector<Walk> walks;
  walks.reserve(what.rows.size());
  outcome.expectations = what.expected.counts.size() + what.expected.verdicts.size();
  for (const CaseRow& row : what.rows) {
    walks.push_back({.row = &row,
                     .request = std::make_unique<CaseRequest>(policy_, row),
                     .tally = CaseTally(row.expected, policy_, names_)});
    outcome.expectations += row.expected.counts.size() + row.expected.verdicts.size();
  }
  Nanos first{0}, now{0};
  for (Queue queue(walks); !queue.empty();) {
    const std::size_t index = queue.pop();
    Walk& walk = walks[index];
    now = walk.due();
    if (outcome.requests == 0) first = now;
    const Event event{.stamp = kBeginning + now, .exchange = {WorkerId{0}, outcome.requests++}};
    const Verdict verdict =
        walk.request->malformed() != 0
            ? malformed(walk.request->malformed())
            : decider.decide(event, walk.request->at(walk.next), conditions).verdict;
    outcome.refused += verdict.action == Action::refuse ? 1 : 0;
    all.add(verdict, now);
    walk.tally.add(verdict, now);
    if (++walk.next < walk.row->times) queue.push(index);
  }
  outcome.span = now - first;
  outcome.untracked = decider.table().counters().full;
  for (const Walk& walk : walks) walk.tally.judge(outcome.failures);
  all.judge(outcome.failures);
  return outcome;
}

}  // namespace weir::replay
