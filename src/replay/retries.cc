#include "replay/retries.h"

#include <utility>

namespace weir::replay {
namespace {

bool by_limit(const Decider::Answer& answer) {
  return answer.why == Unjudged::none && answer.verdict.cause == Cause::limit_rejected;
}

}  // namespace

Retries::Kept::Kept(const Rebuilt& from)
    : headers(from.facts.headers.begin(), from.facts.headers.end()),
      queries(from.facts.queries.begin(), from.facts.queries.end()),
      evidence(from.evidence.begin(), from.evidence.end()),
      rebuilt(from) {
  std::vector<std::string_view*> views = {&rebuilt.facts.method, &rebuilt.facts.host,
                                          &rebuilt.facts.path, &rebuilt.facts.query};
  for (WatchedValue& value : headers) views.push_back(&value.text);
  for (WatchedValue& value : queries) views.push_back(&value.text);
  for (Evidence& one : evidence) views.push_back(&one.subject);
  std::size_t bytes = 0;
  for (const std::string_view* view : views) bytes += view->size();
  text.reserve(bytes);
  for (std::string_view* view : views) {
    const std::size_t at = text.size();
    text.append(*view);
    *view = std::string_view(text).substr(at, view->size());
  }
  groups.reserve(evidence.size());
  for (Evidence& one : evidence)
    one.groups = groups.emplace_back(one.groups.begin(), one.groups.end());
  rebuilt.facts.headers = headers;
  rebuilt.facts.queries = queries;
  rebuilt.evidence = evidence;
}

void Retries::add(const Event& event, const Rebuilt& rebuilt, const Conditions& conditions,
                  bool was_refused) {
  try_until(event.stamp, conditions);
  const Decider::Answer answer = decider_.decide(event, rebuilt, conditions);
  if (answer.why != Unjudged::none || answer.verdict.action != Action::refuse || was_refused)
    return;
  ++refused_;
  if (!by_limit(answer)) return;
  auto kept = std::make_shared<Kept>(rebuilt);
  kept->exchange = event.exchange;
  wait(event.stamp, answer.verdict.retry_after, std::move(kept));
}

void Retries::finish(const Conditions& conditions) { try_until(Stamp::max(), conditions); }

void Retries::wait(Stamp refused_at, Nanos retry_after, std::shared_ptr<Kept> kept) {
  if (kept->tries == kTries) return;
  if (waiting_.size() == kMost) {
    ++dropped_;
    return;
  }
  ++kept->tries;
  // Retry-After is in whole seconds (RFC 9110 10.2.3), rounded up.
  const Nanos seconds = std::chrono::ceil<std::chrono::seconds>(retry_after);
  waiting_.push({.at = refused_at + seconds, .number = ++number_, .kept = std::move(kept)});
}

void Retries::try_until(Stamp now, const Conditions& conditions) {
  while (!waiting_.empty() && waiting_.top().at <= now) {
    const Waiting next = waiting_.top();
    waiting_.pop();
    ++retries_;
    const Decider::Answer answer = decider_.decide(
        {.stamp = next.at, .exchange = next.kept->exchange}, next.kept->rebuilt, conditions);
    if (!by_limit(answer)) continue;
    ++refused_;
    wait(next.at, answer.verdict.retry_after, next.kept);
  }
}

}  // namespace weir::replay
