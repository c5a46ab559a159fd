#include "config/node.h"

#include <fmt/core.h>
#include <libfyaml.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "config/clean_text.h"

namespace weir::config {
namespace {

constexpr std::size_t kSmallMapping = 16;  // up to here keys are compared pairwise

// What libfyaml says, and what a person can do about it.
constexpr std::pair<std::string_view, std::string_view> kSyntaxRemedies[] = {
    {"tab character", "indent with spaces"},
    {"invalid nested block mapping",
     "begin a mapping on its own line or with {, or put a value that holds \": \" in quotes"},
    {"cannot start with", "put the value in quotes"},
    {"closing bracket", "close the list with ]"},
    {"closing brace", "close the mapping with }"},
    {"missing comma", "put a comma between two entries, or close what was opened with { or ["},
    {"could not find expected ':'", "write `key: value`; a list entry begins with \"- \""},
    {"invalid multiline plain key",
     "write `key: value` on each line, each key of one mapping below the other"},
    {"expected '-' indicator", "put all keys of one list entry in the same column"},
    {"indented", "put all keys of one mapping, and all \"- \" of one list, in the same column"},
};

// Marks of a quoted scalar leave the quotes out; people do not.
Span with_quotes(Span at) {
  at.column -= at.column > 1 ? 1 : 0;
  at.length += at.length > 0 ? 2 : 0;
  return at;
}

void discard(fy_diag*, void*, const char*, std::size_t) {}

struct Closer {
  void operator()(fy_parser* parser) const { fy_parser_destroy(parser); }
  void operator()(fy_diag* diag) const { fy_diag_destroy(diag); }
};

class Builder {
 public:
  Builder(std::uint16_t file, std::string_view text, const ParseBounds& bounds,
          Diagnostics& diagnostics)
      : file_(file), text_(text), bounds_(bounds), diagnostics_(diagnostics) {}

  std::optional<Tree> build();
  std::string find(std::string_view key);

 private:
  struct Open {  // a collection that is being read
    Node node;
    std::size_t first_child;  // in pending_
    std::string anchor;
  };

  bool on_event(fy_event& event);
  bool on_scalar(const fy_event_scalar_data& data);
  bool on_alias(const fy_event_alias_data& data);
  bool open(Node::Kind kind, fy_token* start, fy_token* anchor, fy_token* tag);
  bool close();
  bool attach(const Node& node);
  void check_keys(const Node& mapping);
  void report_duplicate(const Node& first, const Node& again);
  void check_tag(fy_token* tag);
  void report_syntax(fy_diag* diag);
  Span span_of(fy_token* token) const;
  static std::string_view text_of(fy_token* token);
  std::string_view single_quoted(fy_token* token);
  std::string_view keep(std::string_view text);

  std::uint16_t file_;
  std::string_view text_;
  const ParseBounds& bounds_;
  Diagnostics& diagnostics_;
  Tree tree_;
  std::vector<Open> open_;
  std::vector<Node> pending_;  // finished children of the open collections, innermost last
  std::unordered_map<std::string, Node> anchors_;
  std::size_t nodes_ = 0;
  Span last_;
  std::string_view sought_;  // key of a document; "": all is read
  std::optional<Node> found_;
};

std::optional<Tree> Builder::build() {
  fy_diag_cfg diag_config;
  fy_diag_cfg_default(&diag_config);
  diag_config.fp = nullptr;
  diag_config.output_fn = discard;
  diag_config.colorize = false;
  const std::unique_ptr<fy_diag, Closer> diag(fy_diag_create(&diag_config));
  if (!diag) return std::nullopt;
  fy_diag_set_collect_errors(diag.get(), true);
  fy_parse_cfg config{};
  config.flags = FYPCF_QUIET;
  config.diag = diag.get();
  const std::unique_ptr<fy_parser, Closer> parser(fy_parser_create(&config));
  if (!parser || fy_parser_set_string(parser.get(), text_.data(), text_.size()) != 0)
    return std::nullopt;

  bool ended = false, good = true;
  while (good) {
    fy_event* event = fy_parser_parse(parser.get());
    if (event == nullptr) break;
    ended = event->type == FYET_STREAM_END;
    good = on_event(*event);
    fy_parser_event_free(parser.get(), event);
  }
  if (!good) return std::nullopt;
  if (!ended || fy_parser_get_stream_error(parser.get())) {
    report_syntax(diag.get());
    return std::nullopt;
  }
  return std::move(tree_);
}

bool Builder::on_event(fy_event& event) {
  switch (event.type) {
    case FYET_SCALAR:
      return on_scalar(event.scalar);
    case FYET_ALIAS:
      return on_alias(event.alias);
    case FYET_SEQUENCE_START:
      return open(Node::Kind::sequence, event.sequence_start.sequence_start,
                  event.sequence_start.anchor, event.sequence_start.tag);
    case FYET_MAPPING_START:
      return open(Node::Kind::mapping, event.mapping_start.mapping_start,
                  event.mapping_start.anchor, event.mapping_start.tag);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
      return close();
    case FYET_DOCUMENT_START:
      anchors_.clear();
      return true;
    default:
      return true;
  }
}

bool Builder::on_scalar(const fy_event_scalar_data& data) {
  check_tag(data.tag);
  Node node;
  node.at = data.value != nullptr ? span_of(data.value) : last_;
  if (data.value != nullptr) {
    const auto style = fy_token_scalar_style(data.value);
    node.text = style == FYSS_SINGLE_QUOTED ? single_quoted(data.value) : keep(text_of(data.value));
    node.quoted = style != FYSS_PLAIN;
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) node.at = with_quotes(node.at);
  }
  if (data.anchor != nullptr) anchors_[std::string(text_of(data.anchor))] = node;
  return attach(node);
}

bool Builder::on_alias(const fy_event_alias_data& data) {
  const std::string name(text_of(data.anchor));
  Span at = span_of(data.anchor);  // of the name, without its *
  at.column -= at.column > 1 ? 1 : 0;
  at.length += 1;
  const auto found = anchors_.find(name);
  if (found == anchors_.end()) {
    bool inside = false;
    for (const Open& collection : open_) inside |= collection.anchor == name;
    diagnostics_.add(
        Rule::alias, at,
        inside ? fmt::format("alias {} stands inside of what it names", quote("*" + name))
               : fmt::format("alias {} names nothing", quote("*" + name)),
        inside ? "write the values out" : fmt::format("an anchor &{} has to come before it", name));
    return false;
  }
  if (nodes_ + found->second.weight > bounds_.nodes) {
    diagnostics_.add(Rule::alias, at,
                     fmt::format("alias {} makes more than {} values of the text",
                                 quote("*" + name), bounds_.nodes),
                     "do not let aliases stand for aliases");
    return false;
  }
  return attach(found->second);
}

bool Builder::open(Node::Kind kind, fy_token* start, fy_token* anchor, fy_token* tag) {
  check_tag(tag);
  Open opened{.node = {}, .first_child = pending_.size(), .anchor = {}};
  opened.node.kind = kind;
  opened.node.at = start != nullptr ? span_of(start) : last_;
  if (anchor != nullptr) opened.anchor = text_of(anchor);
  if (open_.size() >= bounds_.depth) {
    diagnostics_.add(Rule::too_large, opened.node.at,
                     fmt::format("values are nested deeper than {}", bounds_.depth),
                     "no setting lies that deep");
    return false;
  }
  if (!opened.anchor.empty()) anchors_.erase(opened.anchor);
  open_.push_back(std::move(opened));
  return true;
}

bool Builder::close() {
  Open done = std::move(open_.back());
  open_.pop_back();
  const std::size_t count = pending_.size() - done.first_child;
  Node* children =
      static_cast<Node*>(tree_.arena().allocate(count * sizeof(Node) + 1, alignof(Node)));
  std::uninitialized_copy_n(pending_.begin() + static_cast<std::ptrdiff_t>(done.first_child), count,
                            children);
  done.node.children = {children, count};
  pending_.resize(done.first_child);
  for (const Node& child : done.node.children) done.node.weight += child.weight;
  if (done.node.is_mapping()) {
    // A block mapping begins where its first key does; libfyaml has no token of its own for it.
    if (count > 0 && done.node.at.length == 0) done.node.at = done.node.children[0].at;
    check_keys(done.node);
  }
  nodes_ -= done.node.weight - 1;  // attach counts the whole again
  if (!done.anchor.empty()) anchors_[done.anchor] = done.node;
  return attach(done.node);
}

bool Builder::attach(const Node& node) {
  nodes_ += node.weight;
  last_ = node.at;
  if (nodes_ > bounds_.nodes) {
    diagnostics_.add(Rule::too_large, node.at, fmt::format("more than {} values", bounds_.nodes),
                     "split the configuration; no gateway needs that many");
    return false;
  }
  if (open_.empty()) {
    if (!node.is_null()) tree_.documents.push_back(node);
    return true;
  }
  const bool is_key =
      open_.back().node.is_mapping() && (pending_.size() - open_.back().first_child) % 2 == 0;
  if (is_key && !node.is_scalar()) {
    diagnostics_.add(Rule::yaml_syntax, node.at, "a key has to be a single word",
                     "a value that begins with { or [ and means text needs quotes");
    return false;
  }
  pending_.push_back(node);
  if (sought_.empty() || is_key || open_.size() > 1 || !open_.back().node.is_mapping()) return true;
  if (pending_.end()[-2].text == sought_ && node.is_scalar() && !node.is_null()) found_ = node;
  return !found_;
}

std::string Builder::find(std::string_view key) {
  sought_ = key;
  build();
  return found_ ? std::string(found_->text) : "";
}

void Builder::check_keys(const Node& mapping) {
  const auto keys = mapping.children;
  if (keys.size() <= 2 * kSmallMapping) {
    for (std::size_t i = 2; i < keys.size(); i += 2) {
      for (std::size_t j = 0; j < i; j += 2) {
        if (keys[i].text != keys[j].text) continue;
        report_duplicate(keys[j], keys[i]);
        break;
      }
    }
    return;
  }
  std::unordered_map<std::string_view, const Node*> seen;
  for (std::size_t i = 0; i < keys.size(); i += 2) {
    const auto [first, fresh] = seen.try_emplace(keys[i].text, &keys[i]);
    if (!fresh) report_duplicate(*first->second, keys[i]);
  }
}

void Builder::report_duplicate(const Node& first, const Node& again) {
  diagnostics_
      .add(Rule::duplicate_key, again.at, fmt::format("key {} is given twice", quote(again.text)),
           "keep one of the two")
      .notes.push_back({first.at, "the first one is here"});
}

void Builder::check_tag(fy_token* tag) {
  if (tag == nullptr) return;
  diagnostics_.add(Rule::tag, span_of(tag),
                   fmt::format("tag {} is not used here", quote(text_of(tag))),
                   "leave it out: the place of a value decides its type");
}

// The library's own sentence, at the library's place; the first error is the one that is true.
void Builder::report_syntax(fy_diag* diag) {
  void* iterator = nullptr;
  const fy_diag_error* error = fy_diag_errors_iterate(diag, &iterator);
  if (error == nullptr) {
    diagnostics_.add(
        Rule::yaml_syntax,
        last_.known() ? last_ : Span{.file = file_, .line = 1, .column = 1, .length = 0},
        "the text ends in the middle of a value", "close what is open: quotes, brackets or braces");
    return;
  }
  const Span at{.file = file_,
                .line = static_cast<std::uint32_t>(error->line > 0 ? error->line : 1),
                .column = static_cast<std::uint32_t>(error->column > 0 ? error->column : 1),
                .length = 0};
  const std::string_view said = error->msg;
  std::string_view remedy = "look at quotes, brackets and indentation around this place";
  for (const auto& [part, what] : kSyntaxRemedies) {
    if (said.find(part) == std::string_view::npos) continue;
    remedy = what;
    break;
  }
  Diagnostic& made = diagnostics_.add(
      Rule::yaml_syntax, at, fmt::format("not YAML: {}", printable(said)), std::string(remedy));
  // Only flow collections have a mark of their own, one character long: the [ or { that opens them.
  if (open_.empty() || open_.back().node.at.length != 1) return;
  const bool is_list = open_.back().node.is_sequence();
  made.remedy = is_list ? "close the list with ], or put a comma between two entries"
                        : "close the mapping with }, or put a comma between two entries";
  made.notes.push_back(
      {open_.back().node.at, fmt::format("{} is opened here", is_list ? '[' : '{')});
}

Span Builder::span_of(fy_token* token) const {
  const fy_mark* start = fy_token_start_mark(token);
  const fy_mark* end = fy_token_end_mark(token);
  if (start == nullptr) return last_;
  Span at{.file = file_,
          .line = static_cast<std::uint32_t>(start->line + 1),
          .column = static_cast<std::uint32_t>(start->column + 1),
          .length = 0};
  if (end != nullptr && end->line == start->line && end->column > start->column) {
    at.length = static_cast<std::uint32_t>(end->column - start->column);
  }
  return at;
}

std::string_view Builder::text_of(fy_token* token) {
  std::size_t length = 0;
  const char* text = fy_token_get_text(token, &length);
  return text == nullptr ? std::string_view() : std::string_view(text, length);
}

// libfyaml 0.7.12 leaks a kilobyte when it is asked for a single-quoted text with more than ten ''
// in it, so these are read from the source: '' is ' (YAML 1.2.2 7.3.2), and lines are folded (6.5).
std::string_view Builder::single_quoted(fy_token* token) {
  const fy_mark* start = fy_token_start_mark(token);
  const fy_mark* end = fy_token_end_mark(token);
  if (start == nullptr || end == nullptr || end->input_pos < start->input_pos ||
      end->input_pos > text_.size()) {
    return keep(text_of(token));
  }
  std::string_view raw = text_.substr(start->input_pos, end->input_pos - start->input_pos);
  std::string out;
  std::size_t empty_lines = 0;
  for (bool first = true, last = false; !last; first = false) {
    const std::size_t length = std::min(raw.find_first_of("\r\n"), raw.size());
    last = length == raw.size();
    std::string_view line = raw.substr(0, length);
    raw.remove_prefix(last ? length : length + (raw.substr(length).starts_with("\r\n") ? 2 : 1));
    while (!first && !line.empty() && (line.front() == ' ' || line.front() == '\t'))
      line.remove_prefix(1);
    while (!last && !line.empty() && (line.back() == ' ' || line.back() == '\t'))
      line.remove_suffix(1);
    if (line.empty() && !first && !last) {
      ++empty_lines;
      continue;
    }
    if (!first && empty_lines == 0) out += ' ';
    out.append(empty_lines, '\n');
    empty_lines = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (line.substr(i).starts_with("''")) ++i;
    }
  }
  return keep(out);
}

std::string_view Builder::keep(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(tree_.arena().allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  if (!is_mapping()) return nullptr;
  for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
    if (children[i].text == key) return &children[i + 1];
  }
  return nullptr;
}

namespace {

// Whether it may be read at all; what marks the order of its bytes is taken away.
bool readable(std::uint16_t file, std::string_view& text, const ParseBounds& bounds,
              Diagnostics& diagnostics) {
  if (text.size() > bounds.bytes) {
    diagnostics.add(
        Rule::too_large, {.file = file, .line = 1, .column = 1, .length = 0},
        fmt::format("the text has {} bytes; at most {} are read", text.size(), bounds.bytes),
        "split the configuration; no gateway needs that much");
    return false;
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return clean_text(file, text, diagnostics);
}

}  // namespace

std::optional<Tree> parse(std::uint16_t file, std::string_view text, const ParseBounds& bounds,
                          Diagnostics& diagnostics) {
  if (!readable(file, text, bounds, diagnostics)) return std::nullopt;
  return Builder(file, text, bounds, diagnostics).build();
}

std::string root_value(std::string_view text, std::string_view key) {
  Diagnostics ignored;
  const ParseBounds bounds;
  return readable(0, text, bounds, ignored) ? Builder(0, text, bounds, ignored).find(key) : "";
}

}  // namespace weir::config
