#include "config/decode.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace weir::config {
namespace {

constexpr std::string_view kKinds[] = {"a single value", "a list", "a mapping"};

std::string_view kind_of(const Node& node) { return kKinds[static_cast<std::size_t>(node.kind)]; }

std::string join(const std::vector<std::string_view>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    out += i == 0 ? "" : i + 1 == words.size() ? last : ", ";
    out += words[i];
  }
  return out;
}

// Keys a person may write here.
std::vector<std::string_view> keys_of(const Object& object) {
  std::vector<std::string_view> keys;
  for (const Field& field : object.fields) {
    if (field.presence != Presence::not_yet && field.presence != Presence::secret)
      keys.push_back(field.key);
  }
  return keys;
}

// The kind of mapping that has this key, somewhere else in the language.
const Object* owner_of(const Object& object, std::string_view key) {
  for (const Field& field : object.fields) {
    if (field.shape == nullptr) continue;
    const Shape* shape = &field.shape();
    while (shape->element != nullptr) shape = &shape->element();
    if (shape->object == nullptr) continue;
    const Object& below = shape->object();
    if (below.find(key) != nullptr) return &below;
    if (const Object* found = owner_of(below, key)) return found;
  }
  return nullptr;
}

}  // namespace

void Decoder::decode_root(std::span<const Node* const> documents, Spec& spec) {
  const Object& root = root_object();
  Seen first{.keys = std::vector<const Node*>(root.fields.size())};  // over all documents
  const Node* place = nullptr;
  std::vector<std::size_t> joined(root.fields.size());
  for (const Node* document : documents) {
    if (!mapping(*document, &root)) continue;
    place = place == nullptr ? document : place;
    Seen seen{.keys = std::vector<const Node*>(root.fields.size())};
    for (std::size_t i = 0; i + 1 < document->children.size(); i += 2) {
      const Node& key = document->children[i];
      const Field* known = root.find(key.text);
      const std::size_t index =
          known == nullptr ? 0 : static_cast<std::size_t>(known - root.fields.data());
      if (known != nullptr && first.keys[index] != nullptr && seen.keys[index] == nullptr &&
          known->shape != nullptr && known->shape().kind != Shape::Kind::list &&
          known->key != "version") {
        diagnostics_
            .add(Rule::given_twice, key.at,
                 fmt::format("{} is given in two places", quote(key.text)),
                 "keep one of them; only lists join")
            .notes.push_back({first.keys[index]->at, "the first one is here"});
        continue;
      }
      const Node& value = document->children[i + 1];
      if (known != nullptr && known->shape != nullptr && known->shape().kind == Shape::Kind::list &&
          value.is_sequence() && seen.keys[index] == nullptr)
        joined_list(*known, key, value.children.size(), joined[index]);
      decode_entry(root, key, value, &spec, seen);
    }
    for (std::size_t i = 0; i < seen.keys.size(); ++i) {
      if (first.keys[i] == nullptr) first.keys[i] = seen.keys[i];
    }
    first.excused |= seen.excused;
  }
  if (place != nullptr) check_presence(root, *place, first);
}

// Each list alone is judged by list(); here is judged what they come to together.
void Decoder::joined_list(const Field& field, const Node& key, std::size_t count,
                          std::size_t& joined) {
  const bool within = joined <= field.bounds.high && count <= field.bounds.high;
  joined += count;
  if (!within || joined <= field.bounds.high) return;
  report(Rule::out_of_range, key,
         fmt::format("{}: the lists that join have {} entries up to here", field.key, joined),
         fmt::format("at most {} may stand in all of them", field.bounds.high));
}

void Decoder::decode_object(const Object& object, const Node& node, void* owner) {
  Seen seen{.keys = std::vector<const Node*>(object.fields.size())};
  if (node.is_null() && object.shorthand.empty()) return check_presence(object, node, seen);
  if (node.is_scalar() && !object.word.empty() && node.text == object.word) return;
  if (node.is_scalar() && !object.shorthand.empty()) {
    const Field& field = *object.find(object.shorthand);
    field_ = &field;
    return field.decode(*this, node, field, owner);
  }
  if (!mapping(node, &object)) return;
  for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
    decode_entry(object, node.children[i], node.children[i + 1], owner, seen);
  }
  check_presence(object, node, seen);
}

void Decoder::decode_entry(const Object& object, const Node& key, const Node& value, void* owner,
                           Seen& seen) {
  const Field* field = object.find(key.text);
  if (field == nullptr) return unknown_key(object, key, seen);
  if (field->decode == nullptr) {
    seen.excused = true;
    return refused_key(*field, key);
  }
  const Node*& earlier = seen.keys[static_cast<std::size_t>(field - object.fields.data())];
  if (earlier != nullptr) return;  // a duplicate key; reported when the text was read
  earlier = &key;
  enter(field->key);
  field_ = field;
  field->decode(*this, value, *field, owner);
  leave();
}

void Decoder::unknown_key(const Object& object, const Node& key, Seen& seen) {
  if (key.text == "<<") {
    seen.excused = true;
    return report(Rule::unknown_key, key, "\"<<\" is not a key: YAML 1.2 has no merge keys",
                  "write the keys out, or put an alias in the place of a whole value");
  }
  std::string remedy;
  const std::vector<std::string_view> keys = keys_of(object);
  if (const auto near = nearest(key.text, keys); !near.empty()) {
    remedy = fmt::format("did you mean {}?", near);
    const Node*& meant =
        seen.keys[static_cast<std::size_t>(object.find(near) - object.fields.data())];
    meant = meant == nullptr ? &key : meant;
  } else if (const Object* elsewhere = owner_of(language_, key.text)) {
    remedy = fmt::format("{} is a key of {}; here may stand {}", printable(key.text),
                         elsewhere->name, join(keys, " and "));
  } else {
    remedy = fmt::format("here may stand {}", join(keys, " and "));
  }
  report(Rule::unknown_key, key, fmt::format("unknown key {}", quote(key.text)), std::move(remedy));
}

void Decoder::refused_key(const Field& field, const Node& key) {
  if (field.presence == Presence::secret) {
    return report(Rule::inline_secret, key,
                  fmt::format("{} would put a secret into the configuration", quote(key.text)),
                  std::string(field.otherwise));
  }
  report(Rule::not_in_this_version, key,
         fmt::format("{} is not in this version ({})", quote(key.text), field.doc),
         std::string(field.otherwise));
}

void Decoder::check_presence(const Object& object, const Node& node, const Seen& seen) {
  const auto key_at = [&](std::string_view key) {
    return seen.keys[static_cast<std::size_t>(object.find(key) - object.fields.data())];
  };
  for (std::size_t i = 0; i < object.fields.size(); ++i) {
    const Field& field = object.fields[i];
    if (field.presence != Presence::required || seen.keys[i] != nullptr || seen.excused) continue;
    report(Rule::missing_key, node, fmt::format("{} has no \"{}\"", object.name, field.key),
           fmt::format("add {}: {}", field.key, field.example));
  }
  for (const auto* group : {&object.one_of, &object.at_most_one}) {
    const Node* first = nullptr;
    for (const std::string_view key : *group) {
      const Node* here = key_at(key);
      if (here == nullptr) continue;
      if (first != nullptr && here->text == key && first->text != here->text) {
        const auto [earlier, later] =
            here < first ? std::pair(here, first) : std::pair(first, here);
        diagnostics_
            .add(Rule::conflict, later->at,
                 fmt::format("{}\"{}\" and \"{}\" exclude each other", where(), earlier->text,
                             later->text),
                 fmt::format("keep one of {}", join(*group, " and ")))
            .notes.push_back({earlier->at, "the other one is here"});
      }
      if (first == nullptr) first = here;
    }
  }
  for (const auto* group : {&object.one_of, &object.any_of}) {
    if (group->empty() || seen.excused || std::ranges::any_of(*group, key_at)) continue;
    report(Rule::missing_key, node,
           fmt::format("{} has none of {}", object.name, join(*group, " and ")),
           fmt::format("add {}: {}", group->front(), object.find(group->front())->example));
  }
}

bool Decoder::text(const Node& node, std::string_view wanted) {
  const std::string such = field_ != nullptr && !field_->example.empty()
                               ? fmt::format(", such as {}", field_->example)
                               : "";
  if (!node.is_scalar()) {
    report(Rule::wrong_type, node, fmt::format("{} stands where one value belongs", kind_of(node)),
           fmt::format("write one value ({}){}", wanted, such));
    return false;
  }
  if (node.is_null()) {
    report(Rule::bad_value, node, "the value is missing",
           fmt::format("write a value ({}){}", wanted, such));
    return false;
  }
  return true;
}

bool Decoder::list(const Node& node, const Field& field) {
  const Bounds& bounds = field.bounds;
  const std::size_t count = node.is_null() ? 0 : node.children.size();
  if (!node.is_sequence() && !node.is_null()) {
    report(Rule::wrong_type, node, fmt::format("{} stands where a list belongs", kind_of(node)),
           node.is_scalar() ? fmt::format("write a list: [{}]", printable(node.text))
                            : "begin each entry of the list with \"- \"");
    return false;
  }
  if (count < bounds.low) {
    report(Rule::out_of_range, node, "the list is empty",
           fmt::format("write at least {}: {}: {}", bounds.low, field.key, field.example));
    return false;
  }
  if (count > bounds.high) {
    report(Rule::out_of_range, node, fmt::format("the list has {} entries", count),
           fmt::format("at most {} may stand here", bounds.high));
    return false;
  }
  return true;
}

bool Decoder::mapping(const Node& node, const Object* wanted) {
  if (node.is_mapping()) return true;
  std::string example;
  for (const Field& field : wanted == nullptr ? std::vector<Field>() : wanted->fields) {
    if (field.presence != Presence::required || field.shape().kind == Shape::Kind::object ||
        field.example.size() > 40)
      continue;
    example += fmt::format("{}{}: {}", example.empty() ? "" : ", ", field.key, field.example);
  }
  report(Rule::wrong_type, node,
         fmt::format("{} stands where a mapping belongs{}", kind_of(node),
                     wanted == nullptr ? "" : fmt::format(" ({})", wanted->name)),
         example.empty() || wanted == &language_ ? "write `key: value` lines, or {key: value}"
                                                     : fmt::format("write {{{}}}", example));
  return false;
}

void Decoder::report(const Node& node, const Complaint& complaint) {
  constexpr Rule kRules[] = {Rule::bad_value, Rule::out_of_range, Rule::never_matches};
  report(kRules[static_cast<std::size_t>(complaint.kind)], node, complaint.message,
         complaint.remedy);
}

void Decoder::report(Rule rule, const Node& node, std::string message, std::string remedy) {
  diagnostics_.add(rule, node.at, where() + message, std::move(remedy));
}

std::string Decoder::where() const {
  std::string out;
  for (const Step& step : path_) {
    const Node* name = step.element == nullptr ? nullptr : step.element->find("name");
    if (step.element == nullptr) {
      out += out.empty() ? "" : ".";
      out += printable(step.key);
    } else if (name != nullptr && name->is_scalar() && !name->text.empty() &&
               name->text.size() < 64) {
      out += "." + printable(name->text);
    } else {
      out += fmt::format("[{}]", step.index);
    }
  }
  return out.empty() ? out : out + ": ";
}

}  // namespace weir::config
