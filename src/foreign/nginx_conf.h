// nginx configuration files, read: text in, a tree of directives with their places out. The syntax
// is that of nginx's own reader (ngx_conf_file.c, ngx_conf_read_token), not a guess at it:
//   words      separated by blanks; "…" and '…' hold anything, and only a blank, ; { or ) may
//              follow
//   escapes    \" \' \\ stand for the second character, \t \r \n for control characters,
//              everywhere; any other backslash stays
//   ;  { }     end a directive, open and close a block; } is a plain character inside of a word,
//              and so is { right behind a $, as in ${name}
//   #          begins a comment where a word could begin
//   …_by_lua_block { }   is skipped as a whole, braces counted
// Nothing is opened here. An `include` is a need: whoever drives the reader asks need() for its
// pattern, reads the files and hands their texts to supply(), until nothing is needed any more.
// What an include brings stands right behind it in the tree, as nginx sees it. Bounds: kMaxText
// bytes and kMaxFiles files in all, kMaxDirectives directives, blocks kMaxDepth deep. Errors name
// file and line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::foreign {

struct NginxDirective {
  std::uint32_t file = 0;                // index into NginxConf::files()
  std::uint32_t line = 0, end_line = 0;  // of its name, and of its ; or }, from 1
  std::vector<std::string> words;        // the name first; quotes and escapes resolved
  bool is_block = false;
  bool supplied = false;               // an include whose files were given, or given up
  std::string missing;                 // why an include's files were not
  std::vector<NginxDirective> inside;  // of a block

  const std::string& name() const { return words.front(); }
  std::size_t arguments() const { return words.size() - 1; }
  // The n-th argument from 1, "" beyond the last.
  std::string_view argument(std::size_t n) const;
};

struct NginxText {
  std::string name;  // of the file, as reports call it
  std::string text;
};

class NginxConf {
 public:
  static constexpr std::size_t kMaxText = 16 * 1024 * 1024;
  static constexpr std::size_t kMaxFiles = 2000;
  static constexpr std::size_t kMaxDirectives = 100'000;
  static constexpr std::size_t kMaxDepth = 40;

  static Result<NginxConf> read(NginxText main);

  struct Need {
    std::string pattern;  // as written: a path or a glob; relative to the folder of the main file
    std::string file;     // where the include stands
    std::uint32_t line = 0;
  };
  // The first include, in order, that nobody has supplied yet.
  std::optional<Need> need() const;
  // The files that need()'s pattern names, in order; none is fine for a glob.
  Result<void> supply(std::vector<NginxText> texts);
  // They cannot be had: what they would bring is missing, and reports say so.
  void give_up(std::string why);

  const std::vector<NginxDirective>& directives() const { return directives_; }
  const std::vector<std::string>& files() const { return files_; }

 private:
  NginxConf() = default;
  Result<std::vector<NginxDirective>> parse(NginxText text);

  std::vector<NginxDirective> directives_;
  std::vector<std::string> files_;
  std::size_t bytes_ = 0, count_ = 0;
};

}  // namespace weir::foreign
