// CasesSpec: a file of cases for `weir test` as its author wrote it, decoded into types, each value
// with its place. As spec.h is to the configuration: nothing is looked up yet; the keys stand in
// cases_schema.cc, and control/cases_link.h asks a policy what the names mean.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "config/spec.h"
#include "model/facts.h"

namespace weir::config {

using CaseName = Text<struct CaseNameText>;
using CauseWord = Text<struct CauseWordText>;

// A time in a case, counted from its beginning; also the time between two requests. Zero is one.
struct Moment {
  Nanos value{0};
  friend bool operator==(Moment, Moment) = default;
};

// How many: 120, 100..120, 100.., ..5, 75%, 70..80%. Shares are in thousandths of a percent.
struct Amount {
  static constexpr std::uint64_t kOpen = std::numeric_limits<std::uint64_t>::max();
  bool share = false;
  std::uint64_t low = 0, high = 0;
  friend bool operator==(const Amount&, const Amount&) = default;
};
struct AmountMap {  // by name
  std::vector<std::pair<Given<Word>, Given<Amount>>> entries;
};

struct CredentialSpec {
  Given<Word> name;
  Given<List<Word>> groups;
  Given<EvidenceResult> proof{EvidenceResult::valid, {}};
};
struct CredentialMap {  // by identity rule
  std::vector<std::pair<Given<IdentityRef>, Given<CredentialSpec>>> entries;
};

enum class VerdictWord : std::uint8_t { allowed, refused };

// What one request came to.
struct CaseVerdictSpec {
  Given<VerdictWord> verdict;
  Given<CauseWord> cause;
  Given<std::uint64_t> status;
  Given<Word> rule, route, upstream, endpoint;
};
// The keys of a verdict are meant of each request.
struct CaseExpectSpec : CaseVerdictSpec {
  Given<Amount> allowed, refused;
  Given<AmountMap> causes, rules, routes, upstreams, endpoints, observed;
  Given<CaseVerdictSpec> first, last;
  Given<Share> within{{1000}, {}};
};

struct CaseRequestSpec {
  Given<Moment> at, every;
  Given<std::uint64_t> times{1, {}};
  Given<Method> method{{"GET"}, {}};
  Given<FreeText> url;
  Given<HeaderMap> headers;
  Given<Net> client{{Address::v4(127, 0, 0, 1), 32}, {}};
  Given<CredentialMap> caller;
  Given<std::uint64_t> hops;
  Given<CaseExpectSpec> expect;
};

struct CaseSpec {
  Given<CaseName> name;
  Given<List<CaseRequestSpec>> requests;
  Given<List<Word>> unusable;
  Given<CaseExpectSpec> expect;
};

struct CasesSpec {
  Given<std::uint64_t> version;
  Given<FilePath> config;
  Given<List<CaseSpec>> cases;
};

}  // namespace weir::config
