#include "proxy/answer.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/json.h"
#include "fmt/core.h"

namespace weir::proxy {
namespace {

using http::FieldId;

std::int64_t whole_seconds(Nanos time) {
  return std::max<std::int64_t>(1, (time.count() + 999'999'999) / 1'000'000'000);
}

}  // namespace

void write_refusal(const Refusal& refusal, std::string_view date, std::string_view via, Arena& arena, Answer& out) {
  const CauseInfo& cause = info(refusal.cause);
  out.status = refusal.status != 0 ? refusal.status : cause.status;
  out.fields.clear();
  out.fields.add(FieldId::date, date);
  out.fields.add(FieldId::content_type, "application/problem+json");
  out.fields.add(FieldId::cache_control, "no-store");
  out.fields.add(FieldId::x_request_id, refusal.request_id);
  out.fields.add(FieldId::via, via);
  if (!cause.proxy_error.empty()) {
    out.fields.add(FieldId::proxy_status, arena.keep(fmt::format("weir; error={}; details=\"{}\"", cause.proxy_error, cause.name)));
  }
  if (refusal.retry_after > Nanos(0)) {
    out.fields.add(FieldId::retry_after, arena.keep(fmt::format("{}", whole_seconds(refusal.retry_after))));
  }
  if (!refusal.allow.empty()) out.fields.add("Allow", refusal.allow, FieldId::other);
  if (!refusal.challenge.empty()) out.fields.add("WWW-Authenticate", refusal.challenge, FieldId::other);

  out.body.clear();
  JsonWriter json(out.body);
  json.begin_object();
  json.field("type", fmt::format("urn:weir:cause:{}", cause.name));
  json.field("title", cause.title);
  json.field("status", out.status);
  if (!refusal.detail.empty()) json.field("detail", refusal.detail);
  json.field("cause", cause.name);
  json.field("request_id", refusal.request_id);
  if (refusal.violation != http::Violation::none) {
    const http::ViolationInfo& violation = http::info(refusal.violation);
    json.field("violation", violation.name);
    json.field("clause", violation.clause);
  }
  if (refusal.full) {
    if (!refusal.rule.empty()) json.field("rule", refusal.rule);
    if (refusal.revision != 0) json.field("revision", fmt::format("r{}", refusal.revision));
  }
  json.end_object();
  out.body += '\n';
}

void add_rate_limit_fields(RateLimitFields style, std::string_view limit_name, const Limit& limit, const LimitView& view,
                           Arena& arena, http::Fields& fields) {
  if (style == RateLimitFields::off) return;
  const std::int64_t full = view.full_after > Nanos(0) ? whole_seconds(view.full_after) : 0;
  if (style == RateLimitFields::legacy) {
    fields.add("X-RateLimit-Limit", arena.keep(fmt::format("{}", view.burst)), FieldId::other);
    fields.add("X-RateLimit-Remaining", arena.keep(fmt::format("{}", view.remaining)), FieldId::other);
    fields.add("X-RateLimit-Reset", arena.keep(fmt::format("{}", full)), FieldId::other);
    return;
  }
  // A bucket of `burst` refills in burst / rate seconds: quota and window of the draft's policy.
  const auto window = static_cast<std::int64_t>(static_cast<double>(view.burst) / limit.rate.per_second() + 0.999);
  fields.add("RateLimit-Policy",
             arena.keep(fmt::format("\"{}\";q={};w={}", limit_name, view.burst, std::max<std::int64_t>(1, window))), FieldId::other);
  fields.add("RateLimit", arena.keep(fmt::format("\"{}\";r={};t={}", limit_name, view.remaining, full)), FieldId::other);
}

std::string http_date(WallTime now) {
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = now.time_since_epoch().count() / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                     parts.tm_sec);
}

}  // namespace weir::proxy
