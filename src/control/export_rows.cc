#include "control/export_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/json.h"
#include "config/diagnostic.h"
#include "control/text.h"
#include "model/cause.h"
#include "model/request_id.h"
#include "replay/rebuild.h"

namespace weir::control {
namespace {

constexpr std::array<std::string_view, 4> kActions = {"forward", "redirect", "direct_response",
                                                      "refuse"};

// One line while it is put together; a value is a text, a number or nothing.
class Row {
 public:
  Row(std::string& out, ExportForm form) : out_(out), form_(form), json_(out) {
    if (form_ == ExportForm::jsonl) json_.begin_object();
  }
  void text(std::string_view name, std::optional<std::string_view> value) {
    if (form_ == ExportForm::jsonl) {
      json_.key(name);
      value ? json_.value(*value) : json_.null();
      return;
    }
    part();
    if (value) quoted(config::printable(*value));
  }
  void number(std::string_view name, std::optional<std::uint64_t> known) {
    if (form_ == ExportForm::jsonl) {
      json_.key(name);
      known ? json_.value(*known) : json_.null();
      return;
    }
    part();
    if (!known) return;
    const std::uint64_t value = *known;
    std::array<char, 24> digits;
    out_.append(digits.data(),
                std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
  }
  void end() {
    if (form_ == ExportForm::jsonl) json_.end_object();
    out_ += '\n';
  }

 private:
  void part() {
    if (any_) out_ += ',';
    any_ = true;
  }
  void quoted(std::string_view text) {  // RFC 4180 2.6, 2.7
    if (text.find_first_of(",\"") == std::string_view::npos) {
      out_ += text;
      return;
    }
    out_ += '"';
    for (const char c : text) {
      if (c == '"') out_ += '"';
      out_ += c;
    }
    out_ += '"';
  }

  std::string& out_;
  ExportForm form_;
  JsonWriter json_;
  bool any_ = false;
};

std::optional<std::string> client_text(const ClientShape* client) {
  if (client == nullptr) return std::nullopt;
  if (client->detail != AddressDetail::net) return to_string(client->address);
  const bool v4 = client->address.family == Address::Family::v4;
  return to_string(
      Net{.address = client->address, .prefix = static_cast<std::uint8_t>(v4 ? 24 : 48)});
}

std::optional<std::string_view> proof_of(const CallerShape* caller) {
  if (caller == nullptr) return std::nullopt;
  const auto valid =
      std::ranges::find(caller->identities, EvidenceResult::valid, &IdentityShape::result);
  if (valid == caller->identities.end()) return std::nullopt;
  return valid->rule;
}

std::optional<std::string_view> unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

std::string_view export_heading(ExportForm form) {
  return form == ExportForm::jsonl
             ? ""
             : "time,request_id,listener,method,host,path,caller,proof,client,"
               "route,action,cause,rule,revision,endpoint,head_bytes,hops,status,upstream_status,"
               "attempts,connect_us,response_us,total_us,bytes_in,bytes_out,stands_for,late,late_status,late_us\n";
}

void append_exported(std::string& out, ExportForm form, const record::Recording& recording,
                     const record::RecordedArrival& arrival, const record::Flight* flight) {
  const auto* target = recording.shape<TargetShape>(arrival.target);
  const auto name = [&](NameId id) { return unless_empty(recording.names.text(id)); };
  const auto of_target = [&](std::string TargetShape::* member) {
    return target == nullptr ? std::nullopt : unless_empty(target->*member);
  };
  const WallTime at(arrival.stamp.time_since_epoch());  // of a recording that was read back
  const RequestIdText id = request_id(recording.installation, arrival.exchange);
  const replay::RecordedCaller caller = replay::recorded_caller(recording, arrival);
  const auto client = client_text(recording.shape<ClientShape>(arrival.client));
  std::optional<std::string> path;
  if (target != nullptr) path = printable_path(target->path);

  Row row(out, form);
  row.text("time", time_text(at));
  row.text("request_id", id.view());
  row.text("listener", of_target(&TargetShape::listener));
  row.text("method", of_target(&TargetShape::method));
  row.text("host", of_target(&TargetShape::host));
  row.text("path", path);
  row.text("caller", unless_empty(caller.name));
  row.text("proof", proof_of(recording.shape<CallerShape>(arrival.caller)));
  row.text("client", client);
  row.text("route", name(arrival.route));
  const bool decided = !record::is_imported(arrival);
  const auto if_decided = [&](std::optional<std::string_view> value) {
    return decided ? value : std::nullopt;
  };
  row.text("action", if_decided(kActions[static_cast<std::size_t>(arrival.action)]));
  row.text("cause", if_decided(info(arrival.cause).name));
  row.text("rule", if_decided(name(arrival.rule)));
  row.number("revision", arrival.revision);
  row.text("endpoint", name(arrival.endpoint));
  row.number("head_bytes", arrival.head_bytes);
  std::optional<std::uint64_t> hops;
  if (arrival.hops_known) hops = arrival.hops;
  row.number("hops", hops);
  const auto of_flight = [&](std::string_view column, auto value) {
    row.number(column, flight == nullptr ? std::nullopt : std::optional<std::uint64_t>(value(*flight)));
  };
  const auto micros = [](Nanos time) { return static_cast<std::uint64_t>(time.count() / 1000); };
  using record::Flight;
  of_flight("status", [](const Flight& f) { return f.status; });
  of_flight("upstream_status", [](const Flight& f) { return f.upstream_status; });
  of_flight("attempts", [](const Flight& f) { return f.attempts; });
  of_flight("connect_us", [&](const Flight& f) { return micros(f.connect_time); });
  of_flight("response_us", [&](const Flight& f) { return micros(f.response_time); });
  of_flight("total_us", [&](const Flight& f) { return micros(f.total_time); });
  of_flight("bytes_in", [](const Flight& f) { return f.bytes_in; });
  of_flight("bytes_out", [](const Flight& f) { return f.bytes_out; });
  of_flight("stands_for", [](const Flight& f) { return f.weight; });
  const bool late = flight != nullptr && flight->late != LateResult::not_asked;
  row.text("late", late ? std::optional(to_string(flight->late)) : std::nullopt);
  row.number("late_status", late ? std::optional<std::uint64_t>(flight->late_status) : std::nullopt);
  row.number("late_us", late ? std::optional<std::uint64_t>(flight->late_micros) : std::nullopt);
  row.end();
}

}  // namespace weir::control
