// A file of cases: text -> CasesSpec, with every mistake named by file, line, column and remedy, as
// in a configuration (compile.h). Pure; names of routes, limits and endpoints are not looked up
// here. The guide: docs/guide/testing.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/cases_spec.h"
#include "config/diagnostic.h"
#include "config/schema.h"
#include "config/values.h"

namespace weir::config {

inline constexpr std::uint64_t kMostTimes = 10'000'000;  // of one row of requests
inline constexpr std::uint64_t kMostCases = 100'000;

// What could be read; it means something only where `diagnostics` has no errors.
CasesSpec read_cases(std::string_view text, Diagnostics& diagnostics);

// The tables of its keys, for the guide's test.
const Object& cases_object();

Read<Moment> read_moment(std::string_view text);  // 0, 20ms, 250us, 5m
Read<Amount> read_amount(std::string_view text);

std::string print_moment(Moment value);
std::string print_amount(const Amount& value);

}  // namespace weir::config
