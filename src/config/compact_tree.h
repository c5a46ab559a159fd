// What a configuration says, to be kept: its nodes without their places, in about as many bytes as the text has. Two that are equal
// mean the same. To look at what differs nodes are made of it again, in a tenth of the time that parsing the text takes.
//
//   nodes    each document: its file (varint), its node
//   node     kind, and 4 where quoted (one byte); scalar: length (varint), bytes; else: how many children (varint), the children
//
// Each alias has the nodes it names once more: such a text can be much shorter than what it says, and is not kept then.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"

namespace weir::config {

struct CompactTree {
  std::vector<SourceFile> files;  // without their texts: paths are relative to their names
  std::string directory;
  std::string nodes;
  bool operator==(const CompactTree&) const;
};

// Null where `nodes` would be longer than twice the texts and 4 KiB.
std::shared_ptr<const CompactTree> keep(std::span<const SourceFile> files, std::string_view directory,
                                    std::span<const Node* const> documents);

// Every value stands at line 1, column 1 of its file. Texts are views into `tree`.
Tree expand(const CompactTree& tree);

}  // namespace weir::config
