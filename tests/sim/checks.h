// The checkers: what must hold over the ledger of any run, whatever went wrong in it. Each adds sentences to
// ledger.findings; none looks at the gateway itself.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "ledger.h"
#include "model/names.h"
#include "model/policy.h"
#include "weather.h"

namespace weir::simulated {

// One ExchangeRecord and one Arrival per exchange, joined by id; each ended in bounded time; connections balance.
void check_records(Ledger& ledger);
// Every answer is the right one, whole, or visibly cut; what client and record say agrees.
void check_answers(Ledger& ledger, const Weather& weather);
// What may not be repeated reached upstreams at most once; the rest at most once more, after a connection went stale.
void check_repeats(Ledger& ledger);
// No limit admitted more than rate x t + burst + (workers - 1) in any span of time; while two policies decide that is so for each.
// tables: which table each revision decides in.
void check_limits(Ledger& ledger, std::span<const std::shared_ptr<const Policy>> policies, std::span<const std::size_t> tables,
                  const NameTable& names, std::size_t workers);

}  // namespace weir::simulated
