#include "config/diagnostic.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace weir::config {
namespace {

constexpr std::size_t kQuoteMax = 60;
constexpr std::size_t kWordMax = 40;  // longer words are not compared

char folded(char c) {
  if (c == '-') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment distance; both words at most kWordMax.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kWordMax + 1>, kWordMax + 1> d;
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
          folded(a[i - 2]) == folded(b[j - 1])) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

// The second and third byte of U+200E, 200F, 2028..202E, 2066..2069: what turns the direction of
// text or breaks lines.
bool turns_text(unsigned second, unsigned third) {
  return (second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE))) ||
         (second == 0x81 && third >= 0xA6 && third <= 0xA9);
}

}  // namespace

Diagnostic& Diagnostics::add(Rule rule, Span at, std::string message, std::string remedy) {
  const Severity severity = info(rule).severity;
  ++(severity == Severity::error ? errors_ : warnings_);
  Diagnostic made{.rule = rule,
                  .severity = severity,
                  .at = at,
                  .message = std::move(message),
                  .remedy = std::move(remedy),
                  .notes = {}};
  if (full()) {
    ++dropped_;
    spare_ = std::move(made);
    return spare_;
  }
  return list_.emplace_back(std::move(made));
}

void Diagnostics::sort() {
  const auto place = [](const Diagnostic& d) {
    return std::tie(d.at.file, d.at.line, d.at.column, d.rule, d.message);
  };
  std::sort(list_.begin(), list_.end(),
            [&](const Diagnostic& a, const Diagnostic& b) { return place(a) < place(b); });
}

std::string quote(std::string_view text) {
  const bool cut = text.size() > kQuoteMax;
  if (cut) {
    text = text.substr(0, kQuoteMax);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
      text.remove_suffix(1);
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.remove_suffix(1);
  }
  return "\"" + printable(text) + (cut ? "…\"" : "\"");
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = [&](std::size_t n) {
      return i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0u;
    };
    if (byte < 0x20 || byte == 0x7F) {
      out += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xC2 && next(1) < 0xA0) {  // C1 controls
      out += fmt::format("\\u{:04x}", next(1));
      i += 1;
    } else if (byte == 0xE2 && turns_text(next(1), next(2))) {
      out += fmt::format("\\u{:04x}", 0x2000 | (next(1) & 0x3Fu) << 6 | (next(2) & 0x3Fu));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.empty() || word.size() > kWordMax) return "";
  std::string_view best;
  std::size_t best_distance = word.size() <= 3   ? 2
                              : word.size() <= 7 ? 3
                                                 : 4;  // must be below this
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kWordMax) continue;
    const std::size_t gap = candidate.size() > word.size() ? candidate.size() - word.size()
                                                           : word.size() - candidate.size();
    if (gap >= best_distance) continue;
    const std::size_t d = distance(word, candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace weir::config
