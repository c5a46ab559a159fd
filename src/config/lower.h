// Spec -> Policy: names become indices, texts become NameIds, defaults and places are carried over.
// Only for a Spec that check() found without error, after complete(). Hashes that name state over
// revisions are made here.
#pragma once

#include <memory>
#include <span>

#include "config/check.h"
#include "config/spec.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::config {

std::shared_ptr<Policy> lower(const Spec& spec, const Names& names, NameTable& table);

}  // namespace weir::config
