#include "load/mix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "fmt/core.h"
#include "http/fields.h"
#include "http/http1.h"

namespace weir::load {
namespace {

std::vector<double> weights_of(const std::vector<Request>& requests) {
  std::vector<double> weights;
  for (const Request& each : requests) weights.push_back(each.weight);
  return weights;
}

}  // namespace

std::string head_of(const RequestParts& parts) {
  http::Fields fields;
  const auto given = [&](http::FieldId id) {
    return std::ranges::any_of(parts.fields,
                               [&](const auto& each) { return http::field_id(each.first) == id; });
  };
  if (!given(http::FieldId::host)) fields.add(http::FieldId::host, parts.host);
  if (!given(http::FieldId::user_agent)) fields.add(http::FieldId::user_agent, "weir-load");
  if (!given(http::FieldId::accept)) fields.add(http::FieldId::accept, "*/*");
  for (const auto& [name, value] : parts.fields) fields.add(name, value, http::field_id(name));
  http::Framing framing;
  if (!parts.body.empty())
    framing = {.kind = http::Framing::Kind::length, .length = parts.body.size()};
  std::string head;
  http::write_request_head(parts.method, parts.target, fields, framing, head);
  return head;
}

bool is_safe_method(std::string_view method) {
  static constexpr std::array<std::string_view, 4> kSafe = {"GET", "HEAD", "OPTIONS", "TRACE"};
  return std::ranges::find(kSafe, method) != kSafe.end();
}

std::string caller_address(std::uint32_t caller) {
  const std::uint32_t n = caller + 1;
  return fmt::format("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
}

Mix::Mix(Profile profile, Options options)
    : options_(std::move(options)),
      length_(profile.length()),
      schedule_(profile.scaled(1 / options_.sessions.calls), options_.schedule),
      routes_(weights_of(options_.requests)),
      begins_(schedule_.next()) {
  Callers& callers = options_.callers;
  if (callers.count > 0) callers_ = Pick::zipf(callers.count, callers.zipf);
  if (callers.values.empty()) {
    for (std::size_t i = 0; i < callers.count; ++i)
      callers.values.push_back(caller_address(static_cast<std::uint32_t>(i)));
  }
  begin_sessions(profile.rate_before());
}

// Those that are between two calls when the run begins: so many as come at this rate in the time of
// a pause and do not end. What is left of an exponential pause is as long as a whole one.
void Mix::begin_sessions(double rate) {
  const double calls = options_.sessions.calls,
               pause = static_cast<double>(options_.sessions.pause.count());
  const auto count = static_cast<std::uint64_t>(std::min(
      std::round(rate * pause / 1e9 * (1 - 1 / calls)), static_cast<double>(Sessions::kMost)));
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto draw = [&](std::uint64_t which) {
      return chance(options_.schedule.seed, Chance::under_way, 2 * i + which);
    };
    const Nanos due(static_cast<std::int64_t>(exponential(draw(0)) * pause));
    if (due < length_)
      going_on_.push_back({.due = due, .caller = callers_ ? (*callers_)(draw(1)) : 0});
  }
  std::ranges::make_heap(going_on_, later);
}

// A session's next call, or the first of a new one, whichever is due first.
Mix::Turn Mix::take_turn() {
  if (!going_on_.empty() && (!begins_ || going_on_.front().due <= *begins_)) {
    std::ranges::pop_heap(going_on_, later);
    const Turn turn = going_on_.back();
    going_on_.pop_back();
    return turn;
  }
  const Turn turn{.due = *begins_, .caller = callers_ ? (*callers_)(drawn(Chance::caller)) : 0};
  begins_ = schedule_.next();
  return turn;
}

bool Mix::next(Call& call) {
  if (!begins_ && going_on_.empty()) return false;
  ++index_;
  const Turn turn = take_turn();
  write(turn, call);
  const Sessions& sessions = options_.sessions;
  if (sessions.calls > 1 && drawn(Chance::goes_on) >= 1 / sessions.calls &&
      going_on_.size() < Sessions::kMost) {
    const double pause =
        exponential(drawn(Chance::pause)) * static_cast<double>(sessions.pause.count());
    const Nanos due = turn.due + Nanos(static_cast<std::int64_t>(pause));
    if (due < length_) {
      going_on_.push_back({.due = due, .caller = turn.caller});
      std::ranges::push_heap(going_on_, later);
    }
  }
  return true;
}

void Mix::write(const Turn& turn, Call& call) {
  call.due = turn.due;
  call.route = options_.requests.size() == 1 ? 0 : routes_(drawn(Chance::route));
  const Request& request = options_.requests[call.route];
  call.head = request.is_head;
  call.safe = request.is_safe;
  call.body = request.body;
  call.request.assign(request.head);
  if (!callers_) return;
  call.request.resize(call.request.size() - 2);  // before the empty line that ends the head
  call.request.append(options_.callers.field).append(": ");
  call.request.append(options_.callers.values[turn.caller]).append("\r\n\r\n");
}

}  // namespace weir::load
