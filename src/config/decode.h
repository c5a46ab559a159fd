// Nodes -> Spec, driven by the table in schema.cc. Every problem of every part is reported, not
// only the first: a value that cannot be read leaves its default and decoding goes on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/values.h"

namespace weir::config {

class Decoder {
 public:
  // `language`: the mapping at the root, for remedies that name where a misplaced key belongs.
  explicit Decoder(Diagnostics& diagnostics, const Object& language = root_object())
      : diagnostics_(diagnostics), language_(language) {}

  // The documents of all files, in order: lists join, anything else may be given once.
  void decode_root(std::span<const Node* const> documents, Spec& spec);

  void decode_object(const Object& object, const Node& node, void* owner);

  // For codecs. `text` answers whether the node is a single value; if not, that is reported.
  bool text(const Node& node, std::string_view wanted);
  bool list(const Node& node, const Field& field);
  bool mapping(const Node& node, const Object* wanted = nullptr);
  void report(const Node& node, const Complaint& complaint);
  void report(Rule rule, const Node& node, std::string message, std::string remedy);
  void enter(std::string_view key) { path_.push_back({key, nullptr, 0}); }
  void enter(const Node& element, std::size_t index) { path_.push_back({{}, &element, index}); }
  void leave() { path_.pop_back(); }
  const Field* field() const { return field_; }

 private:
  struct Step {
    std::string_view key;
    const Node* element;
    std::size_t index;
  };
  struct Seen {  // of one mapping: the keys, in the order of the table
    std::vector<const Node*> keys;
    bool excused = false;  // a key could not be understood, so a missing one is no news
  };
  void decode_entry(const Object& object, const Node& key, const Node& value, void* owner,
                    Seen& seen);
  void joined_list(const Field& field, const Node& key, std::size_t count, std::size_t& joined);
  void unknown_key(const Object& object, const Node& key, Seen& seen);
  void refused_key(const Field& field, const Node& key);
  void check_presence(const Object& object, const Node& node, const Seen& seen);
  std::string where() const;  // "limits.per-caller.rate: ", or "" at the root

  Diagnostics& diagnostics_;
  const Object& language_;
  std::vector<Step> path_;
  const Field* field_ = nullptr;
};

}  // namespace weir::config
