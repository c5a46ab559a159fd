// YAML 1.2 or JSON text -> a tree of nodes that remember their place. The only file that knows
// libfyaml.
//
// Types are not decided here: every scalar is text until a decoder wants something else, so `no` is
// the text "no" and `1.10` keeps its zero ("Norway problem"). Duplicate keys, tags and keys that
// are not scalars are errors. An alias stands for the nodes it names and shares them, so it costs
// no memory; what it would cost to walk them counts against the same bound as written nodes, so an
// alias bomb is an error at the alias that passes the bound. libfyaml is used as a source of events
// only: its documents are never built and never resolved (30 levels of aliases ate 4 GB).
//
// Bounds: ParseBounds. Errors: into Diagnostics, with file, line and column; nothing is printed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace weir::config {

struct Node {
  enum class Kind : std::uint8_t { scalar, sequence, mapping };
  Kind kind = Kind::scalar;
  bool quoted = false;  // scalar: written with quotes or as a block, so surely meant as text
  Span at;
  std::uint32_t weight = 1;        // nodes from here on down, aliases walked
  std::string_view text;           // scalar; lives as long as the Tree
  std::span<const Node> children;  // sequence: elements; mapping: key, value, key, value, …

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_sequence() const { return kind == Kind::sequence; }
  bool is_mapping() const { return kind == Kind::mapping; }
  // Nothing was written: `key:` with no value, or `~`, or `null`.
  bool is_null() const {
    return is_scalar() && !quoted && (text.empty() || text == "~" || text == "null");
  }
  const Node* find(std::string_view key) const;  // mapping: the value, or null
};

struct ParseBounds {
  std::size_t bytes = 16u << 20;
  std::size_t nodes = 1'000'000;  // of all documents, aliases walked
  std::size_t depth = 32;
};

class Tree {
 public:
  std::vector<Node> documents;  // one a document of the stream; empty documents are left out

  std::pmr::memory_resource& arena() { return *arena_; }

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> arena_ =
      std::make_unique<std::pmr::monotonic_buffer_resource>();
};

// `file` is the index that spans carry. Absent when the text could not be read to its end (with an
// error added); duplicate keys, tags and the like are errors too, but the tree is still given so
// that more can be said.
std::optional<Tree> parse(std::uint16_t file, std::string_view text, const ParseBounds& bounds,
                          Diagnostics& diagnostics);

// The single value under `key` in the first document that has one there; "" where none has. The
// text is read that far only, so it does not matter what is wrong behind it.
std::string root_value(std::string_view text, std::string_view key);

}  // namespace weir::config
