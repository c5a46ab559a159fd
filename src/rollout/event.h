// What a judge is told of one exchange that has finished: how it ended, and what each of the two policies decided about it
// (two decide every request, one is enforced). Filled from the two verdicts and the ExchangeRecord.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/time.h"
#include "model/names.h"

namespace weir::rollout {

enum class Arm : std::uint8_t { control, candidate };   // whose verdict was enforced

// One policy's word about the exchange, enforced or not.
struct Word {
  bool refuses = false;   // a limit, cap or shedding; refusals that `expect` names are none
  bool denies = false;    // no access: no route, no method, no valid credential
  bool cuts = false;      // it took longer than a timeout of this policy allows
  NameId endpoint;        // that it picks; none where it picks none
};

struct Event {
  Stamp at;                        // of its end; an earlier one than the last counts as the last
  std::uint64_t unit = 0;          // whom arms are drawn by: digest of caller, client address or exchange (staging.h)
  std::uint64_t caller = 0;        // digest
  std::uint64_t group = 0;         // of its key; 0: none
  std::uint64_t method = 0;        // digest
  NameId route, identity;          // none: no route, no credential
  Nanos latency{0};                // whole exchange
  Arm arm = Arm::control;
  bool known = false;              // the caller; established, where there is no past of a day
  bool bad = false;                // by the glossary, which is what the enforced policy and the world made of it
  bool touched = true;             // the policies differ about it in anything that is carried out; true where nobody can tell
  bool judged_by_both = false;     // there are two words; before the change there is control's alone
  Word control, candidate;

  const Word& enforced() const { return arm == Arm::candidate ? candidate : control; }
};

}  // namespace weir::rollout
