#include "config/complete.h"

#include <fmt/core.h>

#include <string>
#include <vector>

#include "config/check.h"

namespace weir::config {

std::string tidy_path(std::string_view path) {
  std::vector<std::string_view> parts;
  const bool absolute = path.starts_with('/');
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else if (part != ".." || !absolute)
      parts.push_back(part);
  }
  std::string out;
  for (const std::string_view part : parts)
    out += (out.empty() && !absolute ? "" : "/") + std::string(part);
  return out.empty() ? (absolute ? "/" : ".") : out;
}

namespace {

// A path in a file is relative to that file.
std::string resolve(std::string_view path, std::string_view file, std::string_view directory) {
  if (path.starts_with('/')) return tidy_path(path);
  const std::size_t slash = file.rfind('/');
  const std::string beside = slash == std::string_view::npos
                                 ? std::string(path)
                                 : fmt::format("{}/{}", file.substr(0, slash), path);
  if (beside.starts_with('/') || directory.empty()) return tidy_path(beside);
  return tidy_path(fmt::format("{}/{}", directory, beside));
}

template <class T, class U>
void inherit(Given<T>& to, const Given<U>& from) {
  if (to.given()) return;
  to.value = from.value;
  to.at = from.at;
}

}  // namespace

void complete(Spec& spec, std::span<const SourceFile> files, std::string_view directory) {
  const auto make_absolute = [&](Given<FilePath>& path) {
    if (path.given())
      path.value.text = resolve(path.value.text, files[path.at.file].name, directory);
  };
  make_absolute(spec.data_dir);
  if (auto& log = spec.access_log;
      log.given() && log.value.text != "-" && log.value.text != "off") {
    log.value.text = resolve(log.value.text, files[log.at.file].name, directory);
  }
  for (auto& each : spec.identity.value) make_absolute(each.value.api_key.value.file);
  for (auto& each : spec.limits.value) {
    LimitSpec& limit = each.value;
    if (limit.learned.given()) limit.rate.value = limit.learned.value.by_default.value;
    if (!limit.burst.given()) limit.burst.value = default_burst(limit.rate.value);
    for (auto& override_ : limit.overrides.value) {
      if (!override_.value.burst.given())
        override_.value.burst.value = default_burst(override_.value.rate.value);
    }
  }
  DefaultsSpec& defaults = spec.defaults.value;
  const auto retries_on = [](RetrySpec& retry) {
    if (retry.on.value.empty()) retry.on.value.push_back({RetryOn::connect_failed, retry.on.at});
  };
  retries_on(defaults.retry.value);
  for (auto& each : spec.routes.value) {
    RouteTimeoutsSpec& timeouts = each.value.timeouts.value;
    inherit(timeouts.connect, defaults.timeouts.value.connect);
    inherit(timeouts.response, defaults.timeouts.value.response);
    inherit(timeouts.idle, defaults.timeouts.value.idle);
    inherit(timeouts.total, defaults.timeouts.value.total);
    inherit(each.value.limits, defaults.limits);
    inherit(each.value.concurrency, defaults.concurrency);
    const bool own_retry = each.value.retry.given();
    inherit(each.value.retry, defaults.retry);
    // A general one that a route's shorter response always ends before.
    auto& per_try = each.value.retry.value.per_try_timeout.value;
    if (!own_retry && timeouts.response.value && per_try > timeouts.response.value) per_try.reset();
    retries_on(each.value.retry.value);
    auto& external = each.value.auth.value.external;
    if (external.given() && !external.value.headers.given()) {
      for (const char* const name : {"Authorization", "Cookie", "X-Api-Key"})
        external.value.headers.value.push_back({{name}, external.at});
    }
  }
}

}  // namespace weir::config
