#include "foreign/draft.h"

#include <algorithm>
#include <cstring>

#include "foreign/values.h"
#include "http/scan.h"

namespace weir::foreign {
namespace {

// A field may be unescaped twice (its slot and a --field), a path joined with its query.
constexpr std::size_t kScratch = 4 * kMaxLine;

// Of a request line in one piece: it knows more than fields apart from each other.
constexpr std::uint8_t kRequestRank = 4;
constexpr std::uint8_t kAbsoluteRank =
    8;  // RFC 9112 3.2.2: the host of an absolute target replaces Host
constexpr std::uint8_t kMapRank = 9;

std::size_t scheme_length(std::string_view target) {
  if (target.starts_with("http://")) return 7;
  if (target.starts_with("https://")) return 8;
  return 0;
}

// HTTP/1.1 behind the last space; empty: there is none.
std::string_view protocol_of(std::string_view target) {
  static constexpr std::string_view kUsual = "HTTP/1.1";
  if (target.size() > kUsual.size() && target.ends_with(kUsual) && target[target.size() - kUsual.size() - 1] == ' ')
    return target.substr(target.size() - kUsual.size());
  const std::size_t last = target.rfind(' ');
  if (last == std::string_view::npos || !target.substr(last + 1).starts_with("HTTP/")) return {};
  return target.substr(last + 1);
}

}  // namespace

Draft::Draft(const FieldMaps& maps, Nanos zone)
    : maps_(maps),
      zone_(zone),
      clf_times_(zone),
      scratch_(std::make_unique_for_overwrite<char[]>(kScratch)) {
  mapped_at_.fill(-1);
  for (std::size_t i = 0; i < maps.size(); ++i) {
    if (maps[i].kind == FactKind::client) continue;
    mapped_at_[i] = static_cast<std::int8_t>(mapped_.size());
    mapped_.push_back({.map = static_cast<std::uint8_t>(i), .given = false, .value = {}});
  }
}

void Draft::begin(LogEntry& entry, bool time_is_end) {
  entry = LogEntry{};
  entry_ = &entry;
  entry_->time_is_end = time_is_end;
  for (MappedFact& fact : mapped_) fact.given = false, fact.value = {};
  entry_->mapped = mapped_;
  ranks_.fill(0);
  date_ = clock_ = path_ = query_ = {};
  parts_ = Nanos(0);
  part_count_ = 0;
  parts_whole_ = true;
  have_time_ = false;
  free_ = scratch_.get();
}

bool Draft::wins(Group group, std::uint8_t rank) {
  if (rank <= ranks_[group]) return false;
  ranks_[group] = rank;
  return true;
}

std::string_view Draft::text(std::string_view raw, Escape escape) {
  if (!has_escapes(raw, escape)) return raw;
  if (raw.size() > static_cast<std::size_t>(scratch_.get() + kScratch - free_)) return raw;
  char* const from = free_;
  free_ = unescape(raw, escape, from);
  entry_->in_input = false;
  return {from, static_cast<std::size_t>(free_ - from)};
}

void Draft::map(std::uint32_t maps, std::string_view raw, Escape escape) {
  if (is_none(raw)) return;
  const std::string_view value = text(raw, escape);
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    if ((maps >> i & 1) == 0) continue;
    if (mapped_at_[i] < 0) {
      client(first_of_list(value), kMapRank);
      continue;
    }
    MappedFact& fact = mapped_[static_cast<std::size_t>(mapped_at_[i])];
    fact.given = true;
    fact.value = value;
  }
}

void Draft::set(Slot slot, std::string_view raw, Escape escape, std::uint8_t rank) {
  switch (slot) {
    case Slot::none:
      return;
    case Slot::clf_head:
      return clf_head(raw);
    case Slot::request:
      return request(text(raw, escape));
    case Slot::haproxy_request:
      return request(raw == "<BADREQ>" ? std::string_view() : text(raw, escape));
    case Slot::time_clf:
    case Slot::time_iso:
    case Slot::time_any:
    case Slot::time_s:
    case Slot::time_ms:
    case Slot::time_us:
    case Slot::date:
    case Slot::clock:
    case Slot::fraction_ms:
    case Slot::fraction_us:
      return set_time(slot, text(raw, escape), rank);
    case Slot::status:
    case Slot::bytes_in:
    case Slot::bytes_out:
    case Slot::duration_s:
    case Slot::duration_ms:
    case Slot::duration_us:
    case Slot::duration_ns:
    case Slot::duration_go_s:
    case Slot::duration_go_ms:
    case Slot::duration_part_s:
    case Slot::upstream_s:
    case Slot::upstream_ms:
    case Slot::upstream_ns:
    case Slot::elb_target_time:
    case Slot::haproxy_timers:
      return set_number(slot, raw, rank);
    default:
      if (!is_none(raw)) set_text(slot, text(raw, escape), rank);
  }
}

void Draft::take(std::optional<LogTime> time, std::uint8_t rank) {
  if (!time || !wins(kTime, rank)) return;
  entry_->time = time->time;
  entry_->precision = time->precision;
  time_zoneless_ = time->zoneless;
  have_time_ = true;
}

void Draft::set_time(Slot slot, std::string_view raw, std::uint8_t rank) {
  if (is_none(raw)) return;
  switch (slot) {
    case Slot::time_clf:
      return take(clf_times_.read(raw), rank);
    case Slot::time_iso:
      return take(read_iso_time(raw, zone_), rank);
    case Slot::time_any:
      return take(read_any_time(raw, zone_), rank);
    case Slot::time_s:
      return take(read_epoch(raw, TimeUnit::seconds), rank);
    case Slot::time_ms:
      return take(read_epoch(raw, TimeUnit::milliseconds), rank);
    case Slot::time_us:
      return take(read_epoch(raw, TimeUnit::microseconds), rank);
    case Slot::date:
      date_ = raw;
      return;
    case Slot::clock:
      clock_ = raw;
      return;
    case Slot::fraction_ms:
    case Slot::fraction_us: {
      const bool ms = slot == Slot::fraction_ms;
      const auto count = read_count(raw);
      if (!have_time_ || !count || *count >= (ms ? 1'000u : 1'000'000u)) return;
      entry_->precision = Nanos(ms ? 1'000'000 : 1'000);
      entry_->time += entry_->precision * static_cast<std::int64_t>(*count);
      return;
    }
    default:
      return;
  }
}

void Draft::set_number(Slot slot, std::string_view raw, std::uint8_t rank) {
  if (is_none(raw)) return;
  const auto duration = [&](std::optional<Nanos> value) {
    if (value && wins(kDuration, rank)) entry_->duration = value;
  };
  const auto upstream = [&](std::optional<Nanos> value) {
    if (value && wins(kUpstreamTime, rank)) entry_->upstream_duration = value;
  };
  switch (slot) {
    case Slot::bytes_out:
      if (raw.starts_with('+')) raw.remove_prefix(1);  // HAProxy, logasap: at least so many
      [[fallthrough]];
    case Slot::status:
    case Slot::bytes_in:
      if (const auto count = read_count(raw)) set_count(slot, *count, rank);
      return;
    case Slot::duration_s:
      return duration(read_duration(raw, TimeUnit::seconds));
    case Slot::duration_ms:
      return duration(read_duration(raw, TimeUnit::milliseconds));
    case Slot::duration_us:
      return duration(read_duration(raw, TimeUnit::microseconds));
    case Slot::duration_ns:
      return duration(read_duration(raw, TimeUnit::nanoseconds));
    case Slot::duration_go_s:
      return duration(read_go_duration(raw, TimeUnit::seconds));
    case Slot::duration_go_ms:
      return duration(read_go_duration(raw, TimeUnit::milliseconds));
    case Slot::elb_target_time:
      upstream(read_duration(raw, TimeUnit::seconds));
      [[fallthrough]];
    case Slot::duration_part_s:
      if (const auto part = read_duration(raw, TimeUnit::seconds);
          part && part->count() < 1'000'000'000'000'000'000) {
        parts_ += *part;
        ++part_count_;
      } else {
        parts_whole_ = false;
      }
      return;
    case Slot::upstream_s:
      return upstream(read_duration_list(raw, TimeUnit::seconds));
    case Slot::upstream_ms:
      return upstream(read_duration_list(raw, TimeUnit::milliseconds));
    case Slot::upstream_ns:
      return upstream(read_duration(raw, TimeUnit::nanoseconds));
    case Slot::haproxy_timers:
      return haproxy_timers(raw);
    default:
      return;
  }
}

void Draft::set_count(Slot slot, std::uint64_t count, std::uint8_t rank) {
  if (slot == Slot::status) {
    if (count <= 999) entry_->status = static_cast<std::uint16_t>(count);
  } else if (slot == Slot::bytes_in) {
    if (wins(kIn, rank)) entry_->bytes_in = count;
  } else if (wins(kOut, rank)) {
    entry_->bytes_out = count;
  }
}

void Draft::set_text(Slot slot, std::string_view value, std::uint8_t rank) {
  switch (slot) {
    case Slot::client:
      return client(value, rank);
    case Slot::client_port:
      return client(without_last_port(value), rank);
    case Slot::client_list:
      return client(first_of_list(value), rank);
    case Slot::user:
      if (wins(kUser, rank)) entry_->user = value;
      return;
    case Slot::method:
      if (wins(kMethod, rank)) entry_->method = value;
      return;
    case Slot::target:
      if (wins(kTarget, rank)) entry_->target = value;
      return;
    case Slot::path:
      path_ = value;
      return;
    case Slot::query:
      query_ = value;
      return;
    case Slot::protocol:
      if (wins(kProtocol, rank)) entry_->protocol = value;
      return;
    case Slot::host:
      if (wins(kHost, rank)) entry_->host = value;
      return;
    case Slot::upstream:
      if (wins(kUpstream, rank)) entry_->upstream = last_of_list(value);
      return;
    case Slot::route:
      entry_->route = value;
      return;
    case Slot::referer:
      if (wins(kReferer, rank)) entry_->referer = value;
      return;
    case Slot::agent:
      if (wins(kAgent, rank)) entry_->agent = value;
      return;
    case Slot::request_id:
      if (wins(kId, rank)) entry_->request_id = value;
      return;
    case Slot::forwarded_for:
      if (wins(kForwarded, rank)) entry_->forwarded_for = value;
      return;
    case Slot::haproxy_route:
      entry_->route = value;
      return;
    case Slot::haproxy_server:
      if (value != "<NOSRV>") entry_->upstream = value;
      return;
    default:
      return;
  }
}

void Draft::client(std::string_view value, std::uint8_t rank) {
  if (rank <= ranks_[kClient]) return;
  auto address = read_address(value);
  if (!address) {
    value = without_port(value);
    if (is_none(value)) return;
    address = read_address(value);
  }
  ranks_[kClient] = rank;
  entry_->client = value;
  entry_->address = address;
}

// client ident user, with a virtual host before them in Apache's vhost_combined and many nginx
// logs. A user name may hold spaces (nginx does not escape them); ident is "-" wherever identd is
// not spoken, so a "-" tells where the user begins. Copies exist in which ident or user is missing;
// then what is there counts.
void Draft::clf_head(std::string_view raw) {
  // Nearly every line: a client, no ident, no user.
  if (raw.size() > 4 && raw.ends_with(" - -") && raw.find(' ') == raw.size() - 4)
    return client(raw.substr(0, raw.size() - 4), 1);
  const auto word = [&raw] {
    const std::size_t space = std::min(raw.find(' '), raw.size());
    const std::string_view result = raw.substr(0, space);
    raw.remove_prefix(std::min(raw.size(), space + 1));
    return result;
  };
  std::string_view name = word();
  const std::string_view second = word();
  if (second != "-" && !second.empty() &&
      (raw.starts_with("- ") ||
       (!read_address(without_port(name)) && read_address(without_port(second))))) {
    set_text(Slot::host, name, 1);
    name = second;
    (void)word();
  }
  client(name, 1);
  if (!is_none(raw)) set_text(Slot::user, raw, 1);
}

void Draft::request(std::string_view line) {
  entry_->request_line = line;
  if (is_none(line)) {
    entry_->form = RequestForm::none;
    return;
  }
  const char* const begin = line.data();
  const char* const end = begin + line.size();
  const char* const space = http::scan::skip<http::scan::Token>(begin, end);
  entry_->form = RequestForm::not_http;
  if (space == begin || space == end || *space != ' ') return;
  const std::string_view method(begin, static_cast<std::size_t>(space - begin));
  if (method == "-") {  // ALB, of a request that it could not read: "- http://host:80- -"
    entry_->form = RequestForm::none;
    return;
  }
  std::string_view target(space + 1, static_cast<std::size_t>(end - space - 1));
  const std::string_view protocol = protocol_of(target);
  if (!protocol.empty()) target.remove_suffix(protocol.size() + 1);
  if (target.empty()) return;
  const std::size_t scheme = scheme_length(target);
  const bool origin = target[0] == '/' || target == "*";
  const bool connect = method == "CONNECT" && !protocol.empty();
  if (!origin && scheme == 0 && !connect) return;
  entry_->form = protocol.empty() ? RequestForm::no_protocol : RequestForm::origin;
  ranks_[kMethod] = ranks_[kTarget] = ranks_[kProtocol] = kRequestRank;
  entry_->method = method;
  entry_->target = target;
  entry_->protocol = protocol;
  if (origin) return;
  if (scheme > 0) return absolute(target, scheme);
  entry_->form = RequestForm::authority;
  entry_->target = {};
  if (wins(kHost, kAbsoluteRank)) entry_->host = target;
}

void Draft::absolute(std::string_view target, std::size_t scheme) {
  const std::size_t path = target.find_first_of("/?", scheme);
  const std::string_view authority =
      target.substr(scheme, path == std::string_view::npos ? path : path - scheme);
  entry_->target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  if (entry_->form != RequestForm::no_protocol) entry_->form = RequestForm::absolute;
  if (!authority.empty() && wins(kHost, kAbsoluteRank)) entry_->host = authority;
}

// TR/Tw/Tc/Tr/Ta in milliseconds: Ta is the whole, Tr the server's time to its head; -1: not
// reached; +Ta with logasap: the log was written before the end, so the whole is not known.
void Draft::haproxy_timers(std::string_view raw) {
  for (int i = 0; i < 5; ++i) {
    const std::size_t slash = std::min(raw.find('/'), raw.size());
    const std::string_view timer = raw.substr(0, slash);
    if (i == 3) entry_->upstream_duration = read_duration(timer, TimeUnit::milliseconds);
    if (i == 4) entry_->duration = read_duration(timer, TimeUnit::milliseconds);
    raw.remove_prefix(std::min(raw.size(), slash + 1));
  }
}

void Draft::join_target() {
  if (query_.empty()) {
    entry_->target = path_;
    return;
  }
  const std::size_t size = path_.size() + 1 + query_.size();
  if (size > static_cast<std::size_t>(scratch_.get() + kScratch - free_)) return;
  char* const from = free_;
  std::memcpy(from, path_.data(), path_.size());
  from[path_.size()] = '?';
  const bool marked = query_[0] == '?';
  std::memcpy(from + path_.size() + (marked ? 0 : 1), query_.data(), query_.size());
  free_ += size;
  entry_->in_input = false;
  entry_->target = {from, size - (marked ? 1 : 0)};
}

std::optional<Skip> Draft::finish() {
  if (!date_.empty() && !clock_.empty() && date_.size() + clock_.size() < 64) {
    std::array<char, 64> joined;
    std::memcpy(joined.data(), date_.data(), date_.size());
    joined[date_.size()] = 'T';
    std::memcpy(joined.data() + date_.size() + 1, clock_.data(), clock_.size());
    take(read_iso_time({joined.data(), date_.size() + 1 + clock_.size()}, zone_), 1);
  }
  if (!have_time_) return Skip::time;
  if (entry_->client.empty()) return Skip::client;
  if (part_count_ > 0 && parts_whole_ && !entry_->duration) entry_->duration = parts_;
  if (entry_->target.empty() && !path_.empty() && ranks_[kTarget] == 0) join_target();
  if (entry_->form == RequestForm::unknown && !entry_->target.empty()) {
    entry_->form = RequestForm::origin;
    if (const std::size_t scheme = scheme_length(entry_->target); scheme > 0)
      absolute(entry_->target, scheme);
  }
  zoneless_ = zoneless_ || time_zoneless_;
  return std::nullopt;
}

}  // namespace weir::foreign
