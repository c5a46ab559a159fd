// A day of traffic as nginx would have logged it under the base configuration, in the order of the
// ends:
//   full   milliseconds, durations, who answered      kFullFormat
//   plain  whole seconds, and neither of those        kPlainFormat
// Both name the host, the owner of the key, the service and X-Canary.
#pragma once

#include <string>
#include <string_view>

#include "traffic.h"
#include "truth.h"

namespace mutants {

inline constexpr std::string_view kFullFormat =
    "nginx:$remote_addr $msec \"$request\" $status $request_time $upstream_response_time "
    "$upstream_addr $http_host "
    "\"$key_owner\" \"$service\" \"$canary\"";
inline constexpr std::string_view kPlainFormat =
    "nginx:$remote_addr [$time_local] \"$request\" $status $http_host \"$key_owner\" \"$service\" "
    "\"$canary\"";

struct Logs {
  std::string full, plain;
};
Logs write_logs(const Traffic& traffic, const Gateway& base, const Outcome& outcome);

}  // namespace mutants
