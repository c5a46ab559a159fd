// From the credentials of one request to evidence: one Evidence per identity rule of the policy, in order. This is the
// last place that sees a credential; decide judges what comes out.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "auth/api_key.h"
#include "base/address.h"
#include "base/time.h"
#include "model/facts.h"
#include "model/policy.h"

namespace weir::auth {

// The key tables that are in force, parallel to Policy::identities; null for rules without keys. A missing table knows
// no key.
struct KeyTables {
  std::vector<std::shared_ptr<const KeyTable>> tables;
};

// What the keys file of a rule says of a subject; none where there is no such.
std::span<const std::string> groups_of(const KeyTables* keys, IdentityId rule, std::string_view subject);

// Asks the request for the value of a header by its lower case name; refers to the callable that it was made of.
class HeaderLookup {
 public:
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, HeaderLookup>)
  HeaderLookup(const F& find)   // implicit: made for one call
      : find_(&find), call_([](const void* f, std::string_view name) -> std::optional<std::string_view> {
          return (*static_cast<const F*>(f))(name);
        }) {}
  std::optional<std::string_view> operator()(std::string_view name) const { return call_(find_, name); }

 private:
  const void* find_;
  std::optional<std::string_view> (*call_)(const void*, std::string_view);
};

struct Credentials {
  HeaderLookup header;
  Address peer;       // who is connected
  Address client;     // behind the trusted proxies
  WallTime wall;
};

// Fills `out`, which has as many elements as the policy has identities. The views in it are those of the request's
// headers and of the tables.
void gather(const Policy& policy, const KeyTables& keys, const Credentials& credentials, std::span<Evidence> out);

}  // namespace weir::auth
