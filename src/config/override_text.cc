#include "config/override_text.h"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "config/check.h"
#include "config/diagnostic.h"
#include "fmt/core.h"
#include "model/names.h"
#include "model/standing.h"

namespace weir::config {
namespace {

using Kind = OverrideWhat::Kind;
using Words = std::span<const std::string_view>;

constexpr std::size_t kMostBytes = 512, kMostWords = 8;
constexpr std::uint64_t kMostBurst = 1'000'000'000, kMostWeight = 1000;
constexpr std::string_view kForms =
    "cap caller NAME RATE, cap net NET RATE, block caller NAME, block net NET, drain endpoint "
    "ADDRESS, weigh endpoint ADDRESS N, "
    "observe limit NAME, scale limit NAME FACTOR, shed priority sheddable, pause route NAME, give back route NAME from UPSTREAM";

std::unexpected<Complaint> complain(std::string message, std::string remedy) {
  return std::unexpected(Complaint{.message = std::move(message), .remedy = std::move(remedy)});
}

std::unexpected<Complaint> unknown(std::string_view text) {
  return complain(fmt::format("{} is no temporary change", quote(text)),
                  fmt::format("write one of: {}", kForms));
}

Read<OverrideWhat> in_form(std::string_view form) {
  return complain("it is not written as a temporary change of this kind",
                  fmt::format("write: {}", form));
}

// A caller without a credential is named by its address: whoever comes from there, for IPv6 from
// the /64 that counts as one caller.
std::optional<Net> as_address(std::string_view name) {
  const auto address = Address::parse(name);
  if (!address) return std::nullopt;
  return Net{.address = caller_address(*address),
             .prefix = static_cast<std::uint8_t>(address->family == Address::Family::v4 ? 32 : 64)};
}

// caller NAME | net NET, the last two words before what follows.
Read<OverrideWhat> read_who(std::string_view kind, std::string_view name, Kind by_caller,
                            Kind by_net) {
  OverrideWhat what{.kind = by_net, .subject = {}, .upstream = {}};
  if (kind == "net") {
    const auto net = read_net(name);
    if (!net) return std::unexpected(net.error());
    what.net = *net;
    return what;
  }
  if (const auto net = as_address(name)) {
    what.net = *net;
    return what;
  }
  const auto word = read_word(name);
  if (!word) return std::unexpected(word.error());
  what.kind = by_caller;
  what.subject = *word;
  return what;
}

bool names_whom(Words words) {
  return words.size() >= 3 && (words[1] == "caller" || words[1] == "net");
}

Read<OverrideWhat> read_block(Words words) {
  if (!names_whom(words) || words.size() != 3)
    return in_form("block caller NAME, or block net NET");
  return read_who(words[1], words[2], Kind::block_caller, Kind::block_net);
}

Read<OverrideWhat> read_cap(Words words) {
  const bool with_burst = words.size() == 6 && words[4] == "burst";
  if (!names_whom(words) || (words.size() != 4 && !with_burst))
    return in_form("cap caller NAME 60/s [burst 120], or cap net NET 60/s");
  auto what = read_who(words[1], words[2], Kind::cap_caller, Kind::cap_net);
  if (!what) return what;
  const auto rate = read_rate(words[3]);
  if (!rate) return std::unexpected(rate.error());
  what->rate = *rate;
  what->burst = default_burst(*rate);
  if (!with_burst) return what;
  const auto burst = read_count(words[5], 1, kMostBurst);
  if (!burst) return std::unexpected(burst.error());
  what->burst = *burst;
  return what;
}

Read<OverrideWhat> read_weight(Words words) {
  const bool drains = words[0] == "drain";
  const std::size_t own = drains ? 3 : 4;
  const bool of_one = words.size() == own + 2 && words[own] == "of";
  if (words.size() < own || words[1] != "endpoint" || (words.size() != own && !of_one))
    return in_form(drains ? "drain endpoint ADDRESS [of UPSTREAM]"
                          : "weigh endpoint ADDRESS N [of UPSTREAM]");
  const auto address = read_endpoint_address(words[2]);
  if (!address) return std::unexpected(address.error());
  OverrideWhat what{.kind = Kind::weigh,
                    .subject = address->written,
                    .upstream = of_one ? std::string(words[own + 1]) : ""};
  if (drains) return what;
  const auto weight = read_count(words[3], 0, kMostWeight);
  if (!weight) return std::unexpected(weight.error());
  what.weight = static_cast<std::uint32_t>(*weight);
  return what;
}

Read<OverrideWhat> read_named(Words words, Kind kind, std::string_view of) {
  if (words.size() != 3 || words[1] != of) return in_form(fmt::format("{} {} NAME", words[0], of));
  const auto name = read_name(words[2]);
  if (!name) return std::unexpected(name.error());
  return OverrideWhat{.kind = kind, .subject = *name, .upstream = {}};
}

Read<OverrideWhat> read_scale(Words words) {
  if (words.size() != 4) return in_form("scale limit NAME FACTOR, such as 2 or 0.5");
  auto what = read_named(words.first(3), Kind::scale, "limit");
  if (!what) return what;
  const std::string_view digits = words[3].starts_with('x') ? words[3].substr(1) : words[3];
  const auto factor = read_thousandths(digits);
  if (!factor || *factor == 0)
    return complain(fmt::format("{} is no factor", quote(words[3])),
                    "write a number from 0.001 to 100, such as 2 or 0.5");
  what->thousandths = *factor;
  return what;
}

Read<OverrideWhat> read_shed(Words words) {
  if (words.size() != 3 || words[1] != "priority" ||
      (words[2] != "sheddable" && words[2] != "normal"))
    return in_form(
        "shed priority sheddable, or shed priority normal, which sheds both; critical routes are "
        "never shed");
  return OverrideWhat{.kind = Kind::shed,
                      .subject = {},
                      .upstream = {},
                      .priority = words[2] == "normal" ? Priority::normal : Priority::sheddable};
}

Read<OverrideWhat> read_give_back(Words words) {
  if (words.size() != 6 || words[1] != "back" || words[2] != "route" || words[4] != "from")
    return in_form("give back route NAME from UPSTREAM");
  const auto route = read_name(words[3]), upstream = read_name(words[5]);
  if (!route) return std::unexpected(route.error());
  if (!upstream) return std::unexpected(upstream.error());
  return OverrideWhat{.kind = Kind::give_back, .subject = *route, .upstream = *upstream};
}

std::string with_upstream(std::string text, const std::string& upstream) {
  return upstream.empty() ? text : fmt::format("{} of {}", text, upstream);
}

std::string cap_text(std::string_view who, std::string_view name, const OverrideWhat& what) {
  std::string text = fmt::format("cap {} {} {}", who, name, print_rate(what.rate));
  return what.burst == default_burst(what.rate) ? text
                                                : fmt::format("{} burst {}", text, what.burst);
}

}  // namespace

Read<OverrideWhat> read_override(std::string_view text) {
  if (text.size() > kMostBytes)
    return complain("it is longer than 512 bytes", fmt::format("write one of: {}", kForms));
  std::vector<std::string_view> words;
  for (std::string_view rest = text; !rest.empty() && words.size() <= kMostWords;) {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    if (blank > 0) words.push_back(rest.substr(0, blank));
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  if (words.empty()) return unknown(text);
  if (words[0] == "block") return read_block(words);
  if (words[0] == "cap") return read_cap(words);
  if (words[0] == "drain" || words[0] == "weigh") return read_weight(words);
  if (words[0] == "observe") return read_named(words, Kind::observe, "limit");
  if (words[0] == "scale") return read_scale(words);
  if (words[0] == "shed") return read_shed(words);
  if (words[0] == "pause") return read_named(words, Kind::pause, "route");
  if (words[0] == "give") return read_give_back(words);
  return unknown(text);
}

std::string override_text(const OverrideWhat& what) {
  switch (what.kind) {
    case Kind::cap_caller:
      return cap_text("caller", what.subject, what);
    case Kind::cap_net:
      return cap_text("net", to_string(what.net), what);
    case Kind::block_caller:
      return fmt::format("block caller {}", what.subject);
    case Kind::block_net:
      return fmt::format("block net {}", to_string(what.net));
    case Kind::weigh:
      return with_upstream(what.weight == 0
                               ? fmt::format("drain endpoint {}", what.subject)
                               : fmt::format("weigh endpoint {} {}", what.subject, what.weight),
                           what.upstream);
    case Kind::observe:
      return fmt::format("observe limit {}", what.subject);
    case Kind::scale:
      return fmt::format("scale limit {} {}", what.subject, print_thousandths(what.thousandths));
    case Kind::shed:
      return fmt::format("shed priority {}",
                         what.priority == Priority::normal ? "normal" : "sheddable");
    case Kind::pause:
      return fmt::format("pause route {}", what.subject);
    case Kind::give_back:
      return fmt::format("give back route {} from {}", what.subject, what.upstream);
  }
  return "";
}

}  // namespace weir::config
