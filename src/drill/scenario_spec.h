// A scenario as its author wrote it, decoded into types, each value with its place. The keys stand
// in scenario_schema.cc, what they mean in docs/guide/drill.md.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "config/cases_spec.h"
#include "config/spec.h"
#include "drill/behaviour.h"

namespace weir::drill {

// An address as the gateway's configuration writes it; the drill puts a free port in its place.
using config::EndpointAddress;

struct UpstreamSpec {
  Given<config::Name> name;
  Given<List<EndpointAddress>> endpoints;
  Given<Behaviour> behaviour;
};

struct LinkSpec {
  Given<config::Name> name;
  Given<config::Word> before;  // an endpoint, all of an upstream by its name, or `gateway`
  Given<List<Fault>> faults;
};

struct CallersSpec {
  Given<std::uint64_t> count{1, {}};
  Given<List<config::Word>> names;
  Given<config::Name> prefix{{"caller"}, {}};
  Given<Factor> zipf;  // not given: all alike
  Given<config::IdentityRef> identity;
  Given<std::uint64_t> networks;
};

struct RequestSpec {
  Given<config::Name> name;
  Given<std::uint64_t> weight{1, {}};
  Given<config::Method> method{{"GET"}, {}};
  Given<config::Path> path;
  Given<config::HostPattern> host;
  Given<config::HeaderMap> headers;
  Given<Bytes> body;
};

enum class Arrivals : std::uint8_t { poisson, constant };

struct BurstSpec {
  Given<Factor> mean;
  Given<Law> gap;
};

struct RetrySpec {
  Given<std::uint64_t> times{3, {}};
  Given<config::Share> share{{config::Share::kWhole}, {}};
  Given<config::Moment> after;
  Given<List<config::Word>> on;
};

struct SpoilSpec {  // requests that go wrong upstream, of one caller at a time
  Given<config::Share> share;
  Given<Factor> cluster{{40}, {}};
  Given<std::uint64_t> status{500, {}};
};

struct TrafficSpec {
  Given<config::Name> name;
  Given<Rate> rate;
  Given<Arrivals> arrivals{Arrivals::poisson, {}};
  Given<BurstSpec> burst;
  Given<config::Share> noise;
  Given<CallersSpec> callers;
  Given<List<RequestSpec>> requests;
  Given<Nanos> patience{std::chrono::seconds(10), {}};
  Given<RetrySpec> retry;
  Given<SpoilSpec> spoil;
};

struct ValueMap {  // paths into the gateway's configuration, and what stands there from now on
  std::vector<std::pair<Given<config::Word>, Given<config::FreeText>>> entries;
};

struct EventSpec {
  Given<config::Moment> at;
  Given<config::FreeText> name;
  Given<ValueMap> gateway;
  Given<config::FilePath> apply;
  Given<config::Word> upstream, endpoint, link, traffic;
  Given<config::Word> kill, start, freeze, thaw;
  Given<Behaviour> change;
  Given<List<Fault>> faults;
  Given<Rate> rate;
};

// ..300ms, 100ms.., 100ms..300ms; absent ends are open.
struct TimeRange {
  Nanos low{0}, high{Nanos::max()};
  friend bool operator==(TimeRange, TimeRange) = default;
};

struct ExpectSpec {
  Given<config::FreeText> name;
  Given<config::Moment> from, to;
  Given<config::Word> traffic, request;
  Given<config::Amount> requests, good;
  Given<config::AmountMap> outcomes;
  Given<TimeRange> p50, p99;
  Given<config::Share> within{{1000}, {}};
};

struct ScenarioSpec {
  Given<std::uint64_t> version;
  Given<config::FreeText> name;
  Given<config::FilePath> gateway;
  Given<std::uint64_t> seed{1, {}};
  Given<config::Moment> duration;
  Given<List<UpstreamSpec>> upstreams;
  Given<List<LinkSpec>> links;
  Given<List<TrafficSpec>> traffic;
  Given<List<EventSpec>> events;
  Given<List<ExpectSpec>> expect;
};

config::Read<TimeRange> read_time_range(std::string_view text);
std::string print_time_range(TimeRange range);

}  // namespace weir::drill
