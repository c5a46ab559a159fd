// Canonical paths and hosts: idempotent, without ".." or "." segments, "//", control bytes or
// backslashes; the same whatever the storage held before. A broken property prints what broke it
// and aborts.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/canonical.h"

namespace weir::http::properties {

[[noreturn]] inline void broken(const char* property, std::string_view input,
                                std::string_view output) {
  std::fprintf(stderr, "property broken: %s\ninput '%.*s'\noutput '%.*s'\n", property,
               static_cast<int>(input.size()), input.data(), static_cast<int>(output.size()),
               output.data());
  std::abort();
}

inline void check_path_shape(std::string_view input, std::string_view path) {
  if (path == "*") return;
  if (!path.starts_with('/')) broken("begins with a slash", input, path);
  const std::string padded = std::string(path) + "/";
  for (const std::string_view bad :
       {"//", "/./", "/../", "/.;", "/..;", "\\", "%00", "%5C", "%2E", "?", "#"}) {
    const bool final_slash = bad == "//" && path.ends_with('/');
    if (!final_slash && padded.find(bad) != std::string::npos)
      broken("holds no trick", input, path);
  }
  if (path.find("//") != std::string_view::npos) broken("holds no double slash", input, path);
  for (const char c : path) {
    if (c <= 0x20 || c == 0x7f) broken("holds only visible ASCII", input, path);
  }
  if (path.size() > 3 * input.size()) broken("grows at most threefold", input, path);
}

inline void check_path(std::string_view input, EncodedSlash slash) {
  std::string storage;
  std::string used = "../%2e%2e/left over from another path";
  const CanonicalPath once = canonical_path(input, slash, storage);
  const CanonicalPath other = canonical_path(input, slash, used);
  if (once.violation != other.violation || once.path != other.path)
    broken("ignores its storage", input, other.path);
  if (once.violation != Violation::none) return;
  check_path_shape(input, once.path);
  std::string again_storage;
  const CanonicalPath again = canonical_path(once.path, slash, again_storage);
  if (again.violation != Violation::none || again.path != once.path)
    broken("is idempotent", once.path, again.path);
}

inline void check_host(std::string_view input) {
  std::string storage;
  std::string used = "left.over.example";
  const CanonicalHost once = canonical_host(input, storage);
  const CanonicalHost other = canonical_host(input, used);
  if (once.violation != other.violation || once.host != other.host || once.port != other.port) {
    broken("ignores its storage", input, other.host);
  }
  if (once.violation != Violation::none) return;
  if (once.host.empty() || once.host.ends_with('.'))
    broken("has no trailing dot", input, once.host);
  for (const char c : once.host) {
    if (c <= 0x20 || c >= 0x7f || (c >= 'A' && c <= 'Z') || c == '/' || c == '@') {
      broken("is a lower case host", input, once.host);
    }
  }
  std::string again_storage;
  const CanonicalHost again = canonical_host(once.host, again_storage);
  if (again.violation != Violation::none || again.host != once.host || again.port) {
    broken("is idempotent", once.host, again.host);
  }
}

// One input of the fuzzer; at least a byte.
inline void check(std::string_view bytes) {
  const std::string_view input = bytes.substr(1);
  check_path(input, bytes[0] % 2 != 0 ? EncodedSlash::keep : EncodedSlash::refuse);
  check_host(input);
}

}  // namespace weir::http::properties
