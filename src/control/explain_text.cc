#include "control/explain_text.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "control/json_read.h"
#include "control/text.h"
#include "fmt/core.h"

namespace weir::control {
namespace {

using boost::json::value;

constexpr std::size_t kName = 22, kPlace = 16;

std::string line(std::string_view label, std::string_view text) {
  return fmt::format("  {:<9}{}\n", label, text);
}

// Words of a longer text over as many lines as it takes.
std::string wrapped(std::string_view label, std::string_view text) {
  std::string out;
  for (const std::string& part : wrapped_lines(text, kColumns - 11)) {
    out += line(label, part);
    label = "";
  }
  return out;
}

// The place without its folders: gateway.yaml:14.
std::string place(const value& row) {
  const std::string at = text_at(row, "at");
  const std::size_t slash = at.rfind('/');
  return slash == std::string::npos ? at : at.substr(slash + 1);
}

// Name, place, and what there is to say about it. A name that is too long pushes the rest aside.
std::string row(std::string_view label, std::string_view name, std::string_view at,
                std::string_view text) {
  const std::string first = width(name) > kName ? std::string(name) : fitted(name, kName);
  return line(label, fmt::format("{} {} {}", first, fitted(at, kPlace), text));
}

std::string joined(const value& list) {
  std::string out;
  for (const value& each : list.as_array())
    out += (out.empty() ? "" : ", ") + config::printable(std::string_view(each.as_string()));
  return out;
}

std::string seconds_text(double seconds) {
  return seconds < 10 ? milliseconds_text(seconds * 1000) : span_text(seconds);
}

// ---- the past

std::string late_text(const value& late) {
  const std::string result = text_at(late, "result"), after = milliseconds_text(number_at(late, "ms"));
  if (count_at(late, "status") != 0) return fmt::format("its answer came after {}: {}", after, count_at(late, "status"));
  if (result == "failure") return fmt::format("its connection ended after {} without an answer", after);
  return fmt::format("no answer came within {}{}", after, result == "dropped" ? ", then it was not waited for any more" : "");
}

// A record holds so much text and no more.
std::string cut(const value& x) {
  std::string out;
  for (const std::string_view part : {"path", "query"}) {
    if (!yes_at(x, fmt::format("{}_cut", part))) continue;
    const value& kept = x.at(part);
    out += fmt::format("{}the {} at {} bytes", out.empty() ? "" : ", ", part,
                       grouped(kept.is_null() ? 0 : kept.as_string().size()));
  }
  return out.empty() ? "" : out + ": the rest was not recorded";
}

std::string happened(const value& x) {
  const std::string cause = text_at(x, "cause"), rule = text_at(x, "rule"),
                    detail = text_at(x, "detail");
  std::string head =
      count_at(x, "status") == 0 ? "UNANSWERED" : fmt::format("{}", count_at(x, "status"));
  if (cause != "none") head += " " + cause;
  if (!rule.empty()) head += fmt::format(" by {}", rule);
  std::string out = fmt::format("{}   {} {}{}\n", head, text_at(x, "method"), text_at(x, "host"),
                                text_at(x, "path"));
  out += line("at", fmt::format("{}   under {}", text_at(x, "at"), text_at(x, "revision")));
  if (const std::string lost = cut(x); !lost.empty()) out += line("cut", lost);
  if (!detail.empty()) out += wrapped("because", detail);
  if (const std::string violation = text_at(x, "violation"); !violation.empty())
    out += line("", "violation " + violation);
  const std::string caller = text_at(x, "caller");
  out +=
      line("caller",
           fmt::format("{}   from {}{}", caller.empty() ? text_at(x, "client") : caller,
                       text_at(x, "client"),
                       text_at(x, "user_agent").empty() ? "" : "   " + text_at(x, "user_agent")));
  const std::string route = text_at(x, "route");
  out += line("route", route.empty() ? "none" : route);
  if (const std::string endpoint = text_at(x, "endpoint"); !endpoint.empty()) {
    out += line("to", fmt::format("{} {}   {}{}   answered {}", text_at(x, "upstream"), endpoint,
                                  counted(count_at(x, "attempts"), "attempt"),
                                  yes_at(x, "reused") ? ", on a reused connection" : "",
                                  count_at(x, "upstream_status") == 0
                                      ? "nothing"
                                      : fmt::format("{}", count_at(x, "upstream_status"))));
  }
  std::string took = fmt::format("{} in all", milliseconds_text(number_at(x, "total_ms")));
  if (number_at(x, "response_ms") > 0)
    took += fmt::format(", {} until the head of the answer",
                        milliseconds_text(number_at(x, "response_ms")));
  if (number_at(x, "connect_ms") > 0)
    took += fmt::format(", {} to connect", milliseconds_text(number_at(x, "connect_ms")));
  out += line("took", took);
  if (const value& timeout = x.at("timeout"); !timeout.is_null()) {
    out += line("", fmt::format("the {} timeout of line {} fired", text_at(timeout, "phase"),
                                count_at(timeout, "line")));
  }
  if (const value& other = x.at("second_opinion"); !other.is_null()) {
    const std::string revision = text_at(other, "revision"), by = text_at(other, "rule");
    out += line(revision, yes_at(other, "passes") ? "lets it pass" : fmt::format("refuses it: {}{}", text_at(other, "cause"), by.empty() ? "" : " by " + by));
  }
  if (const value& late = x.at("late"); !late.is_null()) out += line("", late_text(late));
  return out + line("bodies", fmt::format("{} in, {} out", bytes_text(count_at(x, "bytes_in")),
                                          bytes_text(count_at(x, "bytes_out"))));
}

// ---- now

std::string where_to(const value& d) {
  const value& upstream = d.at("upstream");
  std::size_t usable = 0;
  std::string name;
  for (const value& each : upstream.at("endpoints").as_array()) {
    if (text_at(each, "state") != "usable") continue;
    ++usable;
    name = text_at(each, "name");
  }
  return fmt::format("{} ({})", text_at(upstream, "name"),
                     usable == 1 ? name : fmt::format("one of {} endpoints", usable));
}

std::string under(const value& d) {
  const std::string revision = text_at(d, "revision");
  return revision == "r0" ? "by the file" : "under " + revision;
}

std::string verdict(const value& d) {
  const value& v = d.at("verdict");
  const value& request = d.at("request");
  const std::string action = text_at(v, "action"),
                    status = fmt::format("{}", count_at(v, "status"));
  const std::string what = fmt::format("{} {}{}", text_at(request, "method"),
                                       text_at(request, "host"), text_at(request, "path"));
  std::string out;
  if (action == "forward") {
    out = fmt::format("WOULD FORWARD   {}   to {}   {}\n", what, where_to(d), under(d));
  } else if (action == "refuse") {
    out =
        fmt::format("WOULD REFUSE {} {}   {}   {}\n", status, text_at(v, "cause"), what, under(d));
    std::string because = text_at(v, "detail");
    if (const value& rule = v.at("rule"); !rule.is_null() && text_at(rule, "kind") != "route") {
      const std::string name = text_at(rule, "kind") == "loop"
                                   ? "loop.depth"
                                   : text_at(rule, "kind") + " " + text_at(rule, "name");
      because += fmt::format("; {}{}{}", name, place(rule).empty() ? "" : ", ", place(rule));
    }
    if (number_at(v, "retry_after_s") > 0)
      because +=
          fmt::format("; it may be tried again in {}", seconds_text(number_at(v, "retry_after_s")));
    if (yes_at(v, "expected")) because += "; this refusal is wanted (expect)";
    out += wrapped("because", because);
  } else {
    out =
        fmt::format("WOULD ANSWER {} {}   {}   {}\n", status, text_at(v, "cause"), what, under(d));
    if (action == "redirect") out += line("", text_at(v, "detail"));
  }
  if (yes_at(request, "path_cut"))
    out += line("", "by the beginning of the path: the rest was not recorded");
  return out;
}

std::string why_not(const value& other) {
  const std::string why = text_at(other, "why"), wants = text_at(other, "wants");
  std::string out;
  if (why == "less_precise")
    out = fmt::format("fits too, {} is less precise", wants);
  else if (why == "host")
    out = "is for host " + wants;
  else if (why == "path")
    out = "is for path " + wants;
  else if (why == "method")
    out = "takes " + wants;
  else
    out = fmt::format("wants {} {}", why, wants);
  return yes_at(other, "unrecorded") ? out + " (not recorded)" : out;
}

std::string route(const value& d) {
  const value& chosen = d.at("route");
  const auto matching = count_at(d, "routes_matching"), all = count_at(d, "routes_asked");
  if (all == 0) return "";  // no request: no route was asked
  std::string out;
  if (chosen.is_null()) {
    out += line("route", fmt::format("none of {} fits", grouped(all)));
  } else {
    out += row("route", text_at(chosen, "name"), place(chosen),
               matching == 1 ? fmt::format("the only one of {} that fits", grouped(all))
                             : fmt::format("the most precise of {} that fit", grouped(matching)));
  }
  const auto& others = d.at("not_taken").as_array();
  for (const value& other : others)
    out += row(&other == &others.front() ? "  not" : "", text_at(other, "name"), place(other),
               why_not(other));
  const std::uint64_t more = all - others.size() - (chosen.is_null() ? 0 : 1);
  return more > 0 ? out + line("", fmt::format("… and {} more", grouped(more))) : out;
}

// Most requests were never here before, and nothing is said about that.
std::string loop(const value& d) {
  const value& l = d.at("loop");
  const std::uint64_t hops = l.is_null() ? 0 : count_at(l, "hops");
  if (hops == 0 || d.at("route").is_null()) return "";
  const std::string times = hops == 1 ? "once" : fmt::format("{} times", hops);
  return row("loop", fmt::format("here {} before", times), place(l),
             fmt::format("refused from {} on", count_at(l, "depth")));
}

std::string caller(const value& d) {
  const value& c = d.at("caller");
  const value& request = d.at("request");
  const std::string client = text_at(request, "client"), from = text_at(request, "connected_from");
  const std::string behind = client == from ? "" : fmt::format(", behind {}", from);
  if (c.is_null())
    return line("caller",
                fmt::format("{}{}: decided before anybody was asked who it is", client, behind));
  std::string out;
  if (c.at("identity").is_null()) {
    out = line("caller", fmt::format("{}   by its address{}", text_at(c, "name"), behind));
  } else {
    out = line("caller", fmt::format("{}   by {}, from {}{}", text_at(c, "name"),
                                     text_at(c, "identity"), client, behind));
  }
  for (const value& each : c.at("identities").as_array()) {
    const std::string result = text_at(each, "result"), subject = text_at(each, "subject");
    std::string said = result == "absent" ? fmt::format("no {} was sent", text_at(each, "header"))
                                          : fmt::format("{}: {}", text_at(each, "header"), result);
    if (!subject.empty()) said += ", of " + subject;
    if (yes_at(each, "names_caller")) said += " ← the caller";
    out += row("", text_at(each, "name"), place(each), said);
  }
  if (!c.at("required").as_array().empty()) {
    out += row("", yes_at(c, "satisfied") ? "required: met" : "required: NOT met", place(c),
               joined(c.at("required")));
  }
  return out;
}

// Where a learned rate comes from.
std::string learned(const value& l) {
  const value& how = l.at("learned");
  if (how.is_null()) return "";
  const std::string rate = text_at(l, "rate"), from = text_at(how, "from");
  if (from == "default") return fmt::format("{} is the default: no history", rate);
  return fmt::format("{} is {}{:g} × p99 of {}/s over {}", rate, from == "floor" ? "the floor, above " : "", how.at("times").to_number<double>(),
                     count_at(how, "peak_per_s"), counted(count_at(how, "days"), "day"));
}

std::string limit(const value& l) {
  const std::string applies = text_at(l, "applies");
  if (applies == "not_for_caller") return "is not for this caller";
  if (applies == "no_value") return fmt::format("does not apply: no {}", text_at(l, "key"));
  if (applies == "value_unrecorded")
    return fmt::format("cannot be judged: no {} recorded", text_at(l, "key"));
  const std::string what = fmt::format("{} per {}{}", text_at(l, "rate"), text_at(l, "key"),
                                       yes_at(l, "override") ? ", an override" : "");
  const std::string burst = grouped(count_at(l, "burst"));
  const bool observes = text_at(l, "mode") == "observe";
  if (yes_at(l, "passes")) {
    return fmt::format("{} of {} left   {}{}", grouped(count_at(l, "left_after_it")), burst, what,
                       observes ? ", observes" : "");
  }
  return fmt::format("{}, free in {}   {}",
                     observes ? "would refuse, only observes" : "REFUSES: empty",
                     seconds_text(number_at(l, "retry_after_s")), what);
}

std::string limits(const value& d) {
  std::string out;
  for (const value& l : d.at("limits").as_array()) {
    out += row(out.empty() ? "limits" : "", text_at(l, "name"), place(l), limit(l));
    if (const std::string from = learned(l); !from.empty()) out += row("", "", "", from);
  }
  return out.empty() && !d.at("route").is_null() ? line("limits", "none was asked") : out;
}

// What ring_hash went by.
std::string hashed(const value& u) {
  const value& h = u.at("hash");
  if (h.is_null()) return "";
  const std::string missing = text_at(h, "missing");
  return line("by", fmt::format("hash of {}, slot {} of {}{}", text_at(h, "key"),
                                grouped(count_at(h, "slot")), grouped(count_at(h, "slots")),
                                missing == "yes" ? ""
                                : missing == "no_value"
                                    ? "; the request lacks the upstream's own key"
                                    : "; the value of the upstream's own key is not recorded"));
}

std::string upstream(const value& d) {
  const value& u = d.at("upstream");
  if (u.is_null()) return "";
  const auto& drawn = u.at("drawn_from").as_array();
  std::string how = text_at(u, "balance");
  if (drawn.size() > 1) {
    std::string parts;
    for (const value& each : drawn)
      parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", text_at(each, "name"),
                           count_at(each, "weight"));
    how += fmt::format("; drawn from {}: each exchange anew", parts);
  }
  std::string out = row("to", text_at(u, "name"), place(u), how);
  out += hashed(u);
  const auto& endpoints = u.at("endpoints").as_array();
  constexpr std::size_t kShown = 8;
  for (const value& each : endpoints) {
    if (&each - &endpoints.front() == kShown) break;
    out +=
        row("", text_at(each, "name"), place(each),
            fmt::format(
                "{}, {} in flight, weight {}{}{}", text_at(each, "state"),
                grouped(count_at(each, "in_flight")), count_at(each, "weight"),
                count_at(each, "tier") > 0 ? fmt::format(", tier {}", count_at(each, "tier")) : "",
                yes_at(each, "owner") ? ", has the slot" : ""));
  }
  if (endpoints.size() > kShown)
    out += line("", fmt::format("… and {} more", grouped(endpoints.size() - kShown)));
  return out + line("as", fmt::format("{} http://{}{}", text_at(d.at("request"), "method"),
                                      text_at(u, "host"), text_at(u, "path_and_query")));
}

std::string external_auth(const value& d) {
  const value& asked = d.at("external_auth");
  if (asked.is_null()) return "";
  return row("then asks", text_at(asked, "upstream"), place(asked),
             fmt::format("{} within {}: 401 and 403 refuse, a failure {}; not asked now", text_at(asked, "path"),
                         milliseconds_text(number_at(asked, "timeout_ms")),
                         text_at(asked, "on_failure") == "refuse" ? "is 503" : "lets pass"));
}

std::string timeouts(const value& d) {
  const value& all = d.at("timeouts");
  if (all.is_null()) return "";
  std::string out;
  for (const std::string_view phase : {"connect", "response", "idle", "total"}) {
    const value& each = all.at(phase);
    const std::string time = each.is_null() ? "none" : milliseconds_text(number_at(each, "ms"));
    const std::string at = each.is_null() ? "" : place(each);
    out += fmt::format("{}{} {}{}", out.empty() ? "" : ", ", phase, time,
                       at.empty() ? "" : fmt::format(" ({})", at));
  }
  return wrapped("within", out);
}

std::string decision(const value& d) {
  return verdict(d) + route(d) + loop(d) + caller(d) + limits(d) + upstream(d) + external_auth(d) + timeouts(d);
}

}  // namespace

std::string explain_text(const value& answer) {
  std::string out;
  const value& exchange = answer.at("exchange");
  const value& now = answer.at("decision");
  const bool live = yes_at(answer, "live");
  if (!exchange.is_null()) {
    out += happened(exchange);
    out += now.is_null() ? "The bytes never became a request: there is nothing to decide again.\n"
                         : "Now, with what the record holds (no header fields):\n";
  }
  if (!now.is_null())
    out += decision(now) + (live ? "nothing was spent by asking   next: weir top | weir status\n"
                                 : "no gateway runs there: decided by the file alone, with every "
                                   "limit full   next: weir run\n");
  return within_columns(out);
}

}  // namespace weir::control
