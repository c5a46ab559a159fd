#include "foreign/nginx_conf.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "fmt/core.h"
#include "foreign/printable.h"

namespace weir::foreign {
namespace {

struct Token {
  enum class Kind : std::uint8_t { word, semicolon, open, close, end };
  Kind kind = Kind::end;
  std::string text;
  std::uint32_t line = 0;
};
using Kind = Token::Kind;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Lexer {
 public:
  Lexer(std::string_view file, std::string_view text) : file_(file), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  Result<Token> next() {
    skip_blanks_and_comments();
    Token token{.line = line_};
    if (at_ == text_.size()) return token;
    switch (text_[at_]) {
      case ';':
        return take(token, Kind::semicolon);
      case '{':
        return take(token, Kind::open);
      case '}':
        return take(token, Kind::close);
      case '"':
      case '\'':
        return quoted(std::move(token));
      default:
        return bare(std::move(token));
    }
  }

  // Behind the { of a block of Lua: to its }, whose line is the answer.
  Result<std::uint32_t> skip_braces() {
    const std::uint32_t from = line_;
    for (int depth = 1; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] == '{') ++depth;
      if (text_[at_] == '}' && --depth == 0) {
        ++at_;
        return line_;
      }
    }
    return wrong(from, "a block of Lua without its }");
  }

  std::unexpected<Error> wrong(std::uint32_t line, std::string_view what) const {
    return fail(ErrorKind::invalid, fmt::format("{}:{}: {}", printable(file_), line, what),
                Origin::config);
  }

 private:
  void skip_blanks_and_comments() {
    bool comment = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
        comment = false;
      } else if (c == '#') {
        comment = true;
      } else if (!comment && !is_blank(c)) {
        return;
      }
    }
  }

  Token take(Token token, Kind kind) {
    token.kind = kind;
    ++at_;
    return token;
  }

  // At a backslash: what it and the next character stand for.
  void escape(std::string& out) {
    if (at_ + 1 == text_.size()) {
      out += text_[at_++];
      return;
    }
    const char c = text_[at_ + 1];
    if (c == '\n') ++line_;
    switch (c) {
      case '"':
      case '\'':
      case '\\':
        out += c;
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      default:
        out += {'\\', c};
    }
    at_ += 2;
  }

  Result<Token> quoted(Token token) {
    token.kind = Kind::word;
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\') {
        escape(token.text);
        continue;
      }
      if (text_[at_] == '\n') ++line_;
      token.text += text_[at_++];
    }
    if (at_ == text_.size()) return wrong(token.line, "a quote is opened here and never closed");
    ++at_;
    // A ) may follow, as a word of its own: if ($a = "b").
    if (at_ < text_.size() && !is_blank(text_[at_]) && text_[at_] != ';' && text_[at_] != '{' &&
        text_[at_] != ')') {
      return wrong(line_, fmt::format("unexpected \"{}\" right behind a quoted word",
                                      printable(text_.substr(at_, 1))));
    }
    return token;
  }

  Result<Token> bare(Token token) {
    token.kind = Kind::word;
    bool variable = false;  // the character before was a $
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_blank(c) || c == ';' || (c == '{' && !variable)) break;
      variable = c == '$';
      if (c == '\\') {
        escape(token.text);
      } else {
        token.text += c;
        ++at_;
      }
    }
    return token;
  }

  std::string_view file_, text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

class Parser {
 public:
  Parser(std::uint32_t file, std::string_view name, std::string_view text, std::size_t& count)
      : lexer_(name, text), file_(file), count_(count) {}

  // Up to the } that closes the block, whose line goes to `end`, or to the end of the file.
  Result<std::vector<NginxDirective>> block(std::size_t depth, std::uint32_t opened,
                                            std::uint32_t* end) {
    std::vector<NginxDirective> made;
    if (depth > NginxConf::kMaxDepth) return lexer_.wrong(opened, "blocks are nested too deeply");
    for (;;) {
      auto token = lexer_.next();
      if (!token) return std::unexpected(std::move(token.error()));
      switch (token->kind) {
        case Kind::end:
          if (end == nullptr) return made;
          return lexer_.wrong(opened, "this block is never closed: a } is missing");
        case Kind::close:
          if (end == nullptr) return lexer_.wrong(token->line, "unexpected }");
          *end = token->line;
          return made;
        case Kind::semicolon:
          return lexer_.wrong(token->line, "unexpected ;");
        case Kind::open:
          return lexer_.wrong(token->line, "unexpected {");
        case Kind::word:
          break;
      }
      auto one = directive(std::move(*token), depth);
      if (!one) return std::unexpected(std::move(one.error()));
      made.push_back(std::move(*one));
    }
  }

 private:
  Result<NginxDirective> directive(Token first, std::size_t depth) {
    if (++count_ > NginxConf::kMaxDirectives)
      return lexer_.wrong(first.line, "more directives than are read");
    NginxDirective made{.file = file_, .line = first.line};
    made.words.push_back(std::move(first.text));
    for (;;) {
      auto token = lexer_.next();
      if (!token) return std::unexpected(std::move(token.error()));
      switch (token->kind) {
        case Kind::word:
          made.words.push_back(std::move(token->text));
          continue;
        case Kind::semicolon:
          made.end_line = token->line;
          return made;
        case Kind::close:
          return lexer_.wrong(token->line, fmt::format("unexpected }}: \"{}\" wants a ; first",
                                                       printable(made.name())));
        case Kind::end:
          return lexer_.wrong(made.line, fmt::format("\"{}\" is not ended by ; or a block",
                                                     printable(made.name())));
        case Kind::open:
          return with_block(std::move(made), depth);
      }
    }
  }

  Result<NginxDirective> with_block(NginxDirective made, std::size_t depth) {
    made.is_block = true;
    if (made.name().ends_with("_by_lua_block")) {
      auto end = lexer_.skip_braces();
      if (!end) return std::unexpected(std::move(end.error()));
      made.end_line = *end;
      return made;
    }
    auto inside = block(depth + 1, made.line, &made.end_line);
    if (!inside) return std::unexpected(std::move(inside.error()));
    made.inside = std::move(*inside);
    return made;
  }

  Lexer lexer_;
  std::uint32_t file_;
  std::size_t& count_;
};

bool is_open_include(const NginxDirective& directive) {
  return directive.name() == "include" && directive.arguments() == 1 && !directive.supplied &&
         !directive.is_block;
}

// The list that holds the first open include, and where; nullptr when there is none.
template <class List>
List* find_include(List& list, std::size_t& at) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (is_open_include(list[i])) {
      at = i;
      return &list;
    }
    if (List* found = find_include<List>(list[i].inside, at)) return found;
  }
  return nullptr;
}

}  // namespace

std::string_view NginxDirective::argument(std::size_t n) const {
  return n < words.size() ? std::string_view(words[n]) : std::string_view();
}

Result<NginxConf> NginxConf::read(NginxText main) {
  NginxConf conf;
  auto directives = conf.parse(std::move(main));
  if (!directives) return std::unexpected(std::move(directives.error()));
  conf.directives_ = std::move(*directives);
  return conf;
}

Result<std::vector<NginxDirective>> NginxConf::parse(NginxText text) {
  bytes_ += text.text.size();
  if (bytes_ > kMaxText || files_.size() == kMaxFiles) {
    return fail(ErrorKind::too_large,
                fmt::format("{}: with it there are more than {} MiB or {} files",
                            printable(text.name), kMaxText >> 20, kMaxFiles),
                Origin::config);
  }
  files_.push_back(text.name);
  const auto file = static_cast<std::uint32_t>(files_.size() - 1);
  return Parser(file, text.name, text.text, count_).block(0, 1, nullptr);
}

std::optional<NginxConf::Need> NginxConf::need() const {
  std::size_t at = 0;
  const auto* list = find_include(directives_, at);
  if (list == nullptr) return std::nullopt;
  const NginxDirective& include = (*list)[at];
  return Need{.pattern = include.words[1], .file = files_[include.file], .line = include.line};
}

Result<void> NginxConf::supply(std::vector<NginxText> texts) {
  std::size_t at = 0;
  auto* list = find_include(directives_, at);
  WEIR_CHECK(list != nullptr);
  (*list)[at].supplied = true;
  std::vector<NginxDirective> brought;
  for (NginxText& text : texts) {
    auto more = parse(std::move(text));
    if (!more) return std::unexpected(std::move(more.error()));
    std::ranges::move(*more, std::back_inserter(brought));
  }
  list->insert(list->begin() + static_cast<std::ptrdiff_t>(at) + 1,
               std::make_move_iterator(brought.begin()), std::make_move_iterator(brought.end()));
  return {};
}

void NginxConf::give_up(std::string why) {
  std::size_t at = 0;
  auto* list = find_include(directives_, at);
  WEIR_CHECK(list != nullptr);
  (*list)[at].supplied = true;
  (*list)[at].missing = std::move(why);
}

}  // namespace weir::foreign
