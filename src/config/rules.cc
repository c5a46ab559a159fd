#include "config/rules.h"

#include <array>
#include <cstddef>

namespace weir::config {
namespace {

constexpr auto kError = Severity::error;
constexpr auto kWarning = Severity::warning;

// In the order of the enum.
constexpr std::array<RuleInfo, static_cast<std::size_t>(Rule::count_)> kTable = {{
    {"yaml-syntax", kError, "The text is neither YAML 1.2 nor JSON."},
    {"encoding", kError, "The text is not UTF-8, or holds control bytes."},
    {"too-large", kError,
     "The text is longer, deeper or has more values than any configuration needs."},
    {"duplicate-key", kError, "One mapping gives the same key twice."},
    {"alias", kError, "A YAML alias points nowhere, into itself, or expands beyond the bound."},
    {"tag", kError, "YAML tags are not used; the place of a value decides its type."},
    {"unknown-key", kError, "The key means nothing at this place."},
    {"not-in-this-version", kError, "The key is planned, but this version does not carry it out."},
    {"missing-key", kError, "A key without which the entry means nothing is missing."},
    {"wrong-type", kError,
     "A mapping, a list or a single value stands where another of them belongs."},
    {"bad-value", kError, "The value is not written as its kind of value is."},
    {"out-of-range", kError, "The value is well written, but beyond its bounds."},
    {"inline-secret", kError, "A secret is written into the configuration instead of being named."},
    {"conflict", kError, "Two keys, or a key and a value, contradict each other."},
    {"duplicate-name", kError, "Two entries of one kind have the same name."},
    {"unknown-reference", kError, "The name stands for nothing that the configuration defines."},
    {"given-twice", kError, "Two files of one configuration give the same single setting."},
    {"address-in-use", kError,
     "Two listeners, or a listener and the admin, have the same address."},
    {"upstream-is-admin", kError, "An upstream leads to this gateway's own admin address."},
    {"never-matches", kError, "The pattern cannot match any request as the gateway sees it."},
    {"unreachable-route", kWarning,
     "Earlier routes take every request that this route could match."},
    {"duplicate-route", kWarning,
     "An earlier route takes some of the requests that this route names."},
    {"small-burst", kWarning, "The burst holds less than two seconds' worth of the rate."},
    {"unused-upstream", kWarning, "No route leads to the upstream."},
    {"unused-limit", kWarning, "No route asks the limit."},
    {"unused-setting", kWarning, "The route answers by itself: nothing is forwarded that it speaks of."},
    {"timeout-order", kWarning, "A timeout is longer than the one around it and can never fire."},
    {"key-is-the-proxy", kWarning,
     "The limit counts by an address that is the load balancer's own."},
    {"forgeable-key", kWarning, "The limit counts by a value that clients choose for themselves."},
    {"trusts-everyone", kWarning, "Every client may claim to be any other client."},
    {"upstream-is-listener", kWarning, "An upstream leads back to this gateway's own listener."},
    {"limit-is-not-met", kWarning, "Some whom the limit seems to concern never meet it."},
    {"unreadable-file", kError,
     "A file that the configuration names cannot be read, or is not what it should be."},
    {"auth-timeout-short", kWarning,
     "The auth service took about as long lately as its timeout lets it."},
}};
static_assert(!kTable.back().id.empty(), "one row per rule");

}  // namespace

const RuleInfo& info(Rule rule) { return kTable[static_cast<std::size_t>(rule)]; }
std::span<const RuleInfo> all_rules() { return kTable; }

}  // namespace weir::config
