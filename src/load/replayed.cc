#include "load/replayed.h"

#include <algorithm>
#include <array>

#include "base/address.h"
#include "fmt/core.h"
#include "http/authority.h"
#include "http/percent.h"
#include "load/chance.h"
#include "load/target.h"
#include "replay/log_stream.h"

namespace weir::load {
namespace {

bool is_method(std::string_view text) {
  return !text.empty() && text.size() <= 32 && text != "CONNECT" &&
         std::ranges::all_of(text,
                             [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; });
}

bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

std::string filler(SegmentClass kind, HashKey seed, std::uint64_t index) {
  const auto drawn = [&](std::uint64_t part) {
    const std::array<std::uint64_t, 3> words{static_cast<std::uint64_t>(Chance::segment), index,
                                             part};
    return keyed_hash(seed, words);
  };
  switch (kind) {
    case SegmentClass::number:
      return std::to_string(drawn(0) % 1'000'000);
    case SegmentClass::hex:
      return fmt::format("{:015x}1", drawn(0) >> 4);
    case SegmentClass::uuid:
      return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", drawn(0) >> 32, drawn(0) & 0xFFFF,
                         drawn(1) & 0xFFF, drawn(1) >> 52, drawn(2) >> 16);
    case SegmentClass::text:
    case SegmentClass::rest:
      return fmt::format("s-{:x}", drawn(0) >> 40);
  }
  return "";
}

}  // namespace

std::string filled_target(const TargetShape& shape, HashKey seed, std::uint64_t index) {
  std::string target;
  std::uint64_t segment = index * 64;
  for (const char c : shape.path) {
    if (c >= static_cast<char>(SegmentClass::number) &&
        c <= static_cast<char>(SegmentClass::rest)) {
      target += filler(static_cast<SegmentClass>(c), seed, ++segment);
    } else if (c > ' ' && c < 0x7F && c != '?' && c != '#') {
      target += c;
    } else {
      target += http::percent_encode(std::string_view(&c, 1));
    }
  }
  for (std::size_t i = 0; i < shape.query_names.size(); ++i)
    target += (i == 0 ? "?" : "&") + http::percent_encode(shape.query_names[i]) + "=1";
  return target;
}

Replayed::Made Replayed::make(const Past& past, Call& call) {
  if (!is_method(past.method) || !is_sendable_target(past.target)) {
    ++count_.unsendable;
    return Made::left_out;
  }
  const bool safe = is_safe_method(past.method);
  if (!safe && !options_.all_methods) {
    ++count_.unsafe;
    return Made::left_out;
  }
  if (!std::exchange(any_, true)) first_ = past.at;
  const double since = static_cast<double>((past.at - first_).count()) / options_.speed;
  const Nanos due = std::max(call.due, Nanos(static_cast<std::int64_t>(since)));
  if (options_.most > Nanos(0) && due >= options_.most) return Made::end;
  const bool host_known = http::split_authority(past.host).has_value();
  RequestParts parts{.method = std::string(past.method),
                     .target = std::string(past.target),
                     .host = !options_.host.empty() ? options_.host
                             : host_known           ? std::string(past.host)
                                                    : options_.authority,
                     .fields = options_.fields,
                     .body = {}};
  if (!options_.caller_field.empty() && !past.caller.empty() && is_field_value(past.caller))
    parts.fields.emplace_back(options_.caller_field, past.caller);
  call.due = due;
  call.route = 0;
  call.head = past.method == "HEAD";
  call.safe = safe;
  call.body = {};
  call.request = head_of(parts);
  ++count_.made;
  return Made::call;
}

LogCalls::LogCalls(control::PlanLogs logs, ReplayOptions options)
    : Replayed(std::move(options)), logs_(std::move(logs)), steps_(replay::kCoarse) {}

bool LogCalls::next(Call& call) {
  for (replay::Steps<replay::LogItem>::Timed timed;;) {
    if (steps_.pop(timed)) {
      const foreign::LogEntry& entry = timed.item.entry();
      const Made made = make({.at = timed.spread,
                              .method = entry.method,
                              .target = entry.target,
                              .host = entry.host,
                              .caller = entry.client},
                             call);
      logs_.give_back(timed.item);
      if (made == Made::left_out) continue;
      return made == Made::call;
    }
    if (ended_) return false;
    replay::LogItem item;
    if (logs_.next(item)) {
      steps_.push(item);
    } else {
      ended_ = true;
      steps_.finish();
    }
  }
}

RecordedCalls::RecordedCalls(control::RecordingInput input, HashKey seed, ReplayOptions options)
    : Replayed(std::move(options)), input_(std::move(input)), seed_(seed) {}

bool RecordedCalls::next(Call& call) {
  for (;;) {
    const record::RecordedArrival* const arrival = input_.next();
    if (arrival == nullptr) return false;
    const auto* target = input_.recording().shape<TargetShape>(arrival->target);
    const auto* client = input_.recording().shape<ClientShape>(arrival->client);
    target_ = target == nullptr ? "" : filled_target(*target, seed_, ++index_);
    caller_ = client == nullptr ? "" : to_string(client->address);
    const Made made = make({.at = WallTime(arrival->stamp.time_since_epoch()),
                            .method = target == nullptr ? "" : std::string_view(target->method),
                            .target = target_,
                            .host = target == nullptr ? "" : std::string_view(target->host),
                            .caller = caller_},
                           call);
    if (made == Made::left_out) continue;
    return made == Made::call;
  }
}

}  // namespace weir::load
