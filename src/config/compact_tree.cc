#include "config/compact_tree.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <string_view>
#include <utility>

namespace weir::config {
namespace {

constexpr std::uint8_t kQuoted = 4;

void append_number(std::string& out, std::size_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

bool append(std::string& out, const Node& node, std::size_t depth, std::size_t most) {
  if (depth == 0 || out.size() + node.text.size() > most) return false;
  out += static_cast<char>(static_cast<std::uint8_t>(node.kind) | (node.quoted ? kQuoted : 0));
  append_number(out, node.is_scalar() ? node.text.size() : node.children.size());
  out += node.text;
  return std::ranges::all_of(node.children, [&](const Node& child) { return append(out, child, depth - 1, most); });
}

class Reader {
 public:
  Reader(std::string_view rest, std::pmr::memory_resource& arena) : rest_(rest), arena_(arena) {}

  bool done() const { return rest_.empty(); }

  Node document() {
    file_ = static_cast<std::uint16_t>(number());
    return node();
  }

 private:
  std::uint8_t byte() {
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::size_t number() {
    std::size_t out = 0;
    for (unsigned shift = 0;; shift += 7) {
      const std::uint8_t next = byte();
      out |= static_cast<std::size_t>(next & 0x7F) << shift;
      if (next < 0x80) return out;
    }
  }
  Node node() {
    const std::uint8_t what = byte();
    Node made{.kind = static_cast<Node::Kind>(what & 3), .quoted = (what & kQuoted) != 0, .at = {.file = file_, .line = 1, .column = 1, .length = 0}, .text = {}, .children = {}};
    const std::size_t count = number();
    if (made.is_scalar()) {
      made.text = rest_.substr(0, count);
      rest_.remove_prefix(count);
      return made;
    }
    auto* const children = static_cast<Node*>(arena_.allocate(count * sizeof(Node) + 1, alignof(Node)));
    for (std::size_t i = 0; i < count; ++i) new (children + i) Node(node());
    made.children = {children, count};
    return made;
  }

  std::string_view rest_;
  std::pmr::memory_resource& arena_;
  std::uint16_t file_ = 0;
};

}  // namespace

bool CompactTree::operator==(const CompactTree& other) const {
  return nodes == other.nodes && directory == other.directory && std::ranges::equal(files, other.files, {}, &SourceFile::name, &SourceFile::name);
}

std::shared_ptr<const CompactTree> keep(std::span<const SourceFile> files, std::string_view directory,
                                    std::span<const Node* const> documents) {
  auto made = std::make_shared<CompactTree>();
  made->directory = directory;
  std::size_t most = 4096;
  for (const SourceFile& file : files) {
    made->files.push_back({.name = file.name, .text = {}});
    most += 2 * file.text.size();
  }
  for (const Node* const document : documents) {
    append_number(made->nodes, document->at.file);
    if (!append(made->nodes, *document, ParseBounds().depth, most)) return nullptr;
  }
  made->nodes.shrink_to_fit();
  return made;
}

Tree expand(const CompactTree& tree) {
  Tree made;
  for (Reader reader(tree.nodes, made.arena()); !reader.done();) made.documents.push_back(reader.document());
  return made;
}

}  // namespace weir::config
