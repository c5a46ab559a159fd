// Edits of a configuration, drawn from a seed: what operators do to their gateways, by mistake and
// on purpose. Which of them hurt is not for the edit to say: truth.h simulates each.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "model.h"

namespace mutants {

using Random = std::mt19937_64;

struct Edit {
  std::string_view name;
  // Changes the gateway and says what it did, in words; "": does not apply, draw again.
  std::string (*apply)(Gateway&, Random&);
};
std::span<const Edit> limit_edits();
std::span<const Edit> route_edits();
std::span<const Edit> quiet_edits();

}  // namespace mutants
