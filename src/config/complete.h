// Fills in what a Spec leaves to others: bursts, and a route's timeouts and limits from `defaults`;
// makes paths absolute. What is filled in carries the place of the default that it came from, where
// somebody wrote one.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "config/diagnostic.h"
#include "config/spec.h"

namespace weir::config {

// Lexically: "a/./b/../c" -> "a/c". A leading ".." of a relative path stays.
std::string tidy_path(std::string_view path);

void complete(Spec& spec, std::span<const SourceFile> files, std::string_view directory);

}  // namespace weir::config
