#include "foreign/nginx_verdicts.h"

#include <algorithm>

#include "fmt/core.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

constexpr std::size_t kMostReasons = 4;

std::string shown(const NginxDirective& directive) {
  std::string text;
  for (const std::string& word : directive.words) {
    if (!text.empty()) text += ' ';
    const bool quote = word.empty() || word.find_first_of(" \t\n;{}\"") != std::string::npos;
    text += quote ? fmt::format("\"{}\"", word) : word;
    if (text.size() > 200) break;
  }
  return printable(text + (directive.is_block ? " {" : ";"), 160);
}

}  // namespace

void NginxVerdicts::say(const NginxDirective* about, Fate fate, std::string_view why) {
  if (about == nullptr) return;
  Said& said = said_[about];
  said.fate = std::max(said.fate, fate);
  const auto same = std::ranges::find(said.whys, why);
  if (!why.empty() && same == said.whys.end() && said.whys.size() < kMostReasons)
    said.whys.emplace_back(why);
}

void NginxVerdicts::say_all(const NginxDirective& block, Fate fate, std::string_view why) {
  if (!said(&block)) say(&block, fate, why);
  for (const NginxDirective& each : block.inside) say_all(each, fate, why);
}

std::string NginxVerdicts::where(const NginxDirective* about) const {
  if (about == nullptr) return "nginx's default";
  return fmt::format("{}:{}", printable(conf_.files()[about->file], 60), about->line);
}

std::vector<ImportLine> NginxVerdicts::lines() const {
  std::vector<ImportLine> out;
  append(conf_.directives(), out);
  return out;
}

void NginxVerdicts::append(const std::vector<NginxDirective>& directives,
                           std::vector<ImportLine>& out) const {
  for (const NginxDirective& each : directives) {
    ImportLine line{.file = printable(conf_.files()[each.file], 200),
                    .line = each.line,
                    .end_line = each.is_block ? each.line : each.end_line,
                    .text = shown(each)};
    const auto found = said_.find(&each);
    bool inside = true;
    if (found != said_.end()) {
      line.fate = found->second.fate;
      for (const std::string& why : found->second.whys)
        line.why += (line.why.empty() ? "" : "; ") + why;
    } else if (!each.missing.empty()) {
      line.fate = Fate::not_translatable;
      line.why =
          fmt::format("not read, and what it brings is lost: {}", printable(each.missing, 200));
    } else {
      const KnownDirective known = known_directive(each.name());
      line.fate = known.fate;
      line.why = known.why;
      inside = !known.whole_block;
    }
    if (each.is_block && (!inside || each.inside.empty())) line.end_line = each.end_line;
    out.push_back(std::move(line));
    if (inside) append(each.inside, out);
  }
}

}  // namespace weir::foreign
