#include "config/compile.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "base/hash.h"
#include "config/check.h"
#include "config/complete.h"
#include "config/decode.h"
#include "config/lint.h"
#include "config/lower.h"
#include "config/node.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

// Parses and decodes all files; a file that is no YAML keeps the others from being judged as a
// whole.
bool read(const Input& input, Diagnostics& diagnostics, Spec& spec) {
  std::vector<Tree> trees;
  bool whole = true;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    auto tree = parse(static_cast<std::uint16_t>(i), input.files[i].text, {}, diagnostics);
    whole &= tree.has_value();
    if (tree) trees.push_back(std::move(*tree));
  }
  if (!whole) return false;
  std::vector<const Node*> documents;
  for (const Tree& tree : trees) {
    for (const Node& document : tree.documents) documents.push_back(&document);
  }
  if (documents.empty()) {
    diagnostics.add(Rule::missing_key, {.file = 0, .line = 1, .column = 1, .length = 0},
                    "the configuration is empty", "`weir init` writes one to start from");
    return false;
  }
  Decoder(diagnostics).decode_root(documents, spec);
  return true;
}

// The texts as one: `...` ends a document, so each part stays as it was written (YAML 1.2.2 9.1.2).
std::string joined(std::span<const SourceFile> files) {
  if (files.size() == 1) return files[0].text;
  std::string out;
  for (const SourceFile& file : files) {
    if (!out.empty()) out += out.ends_with('\n') ? "...\n" : "\n...\n";
    out += fmt::format("# {}\n", printable(file.name)) + file.text;
  }
  return out;
}

struct Loaded {
  Spec spec;
  Names names;  // views into spec
};

std::unique_ptr<Loaded> load(const Input& input, Diagnostics& diagnostics) {
  if (input.files.empty() || input.files.size() > 1000) {
    diagnostics.add(
        Rule::missing_key, {},
        input.files.empty() ? "there is no configuration file" : "more than 1,000 files",
        "a folder needs one to 1,000 files ending in .yaml, .yml or .json");
    return nullptr;
  }
  auto loaded = std::make_unique<Loaded>();
  if (!read(input, diagnostics, loaded->spec)) return nullptr;
  loaded->names = check(loaded->spec, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  if (input.lint) lint(loaded->spec, diagnostics);
  complete(loaded->spec, input.files, input.directory);
  return loaded;
}

}  // namespace

Outcome compile(const Input& input, NameTable& names) {
  Diagnostics diagnostics;
  Outcome outcome;
  if (const auto loaded = load(input, diagnostics)) {
    outcome.policy = lower(loaded->spec, loaded->names, names);
    for (const SourceFile& file : input.files) outcome.policy->files.push_back(file.name);
    outcome.policy->text = joined(input.files);
    outcome.policy->hash = revision_hash(outcome.policy->text, {});
    for (std::size_t i = 0; i < outcome.policy->identities.size(); ++i) {
      const IdentityRule& rule = outcome.policy->identities[i];
      if (rule.kind != IdentityKind::api_key) continue;
      outcome.needs.push_back({.kind = FileNeed::Kind::keys,
                               .identity = IdentityId{static_cast<std::uint16_t>(i)},
                               .path = rule.keys_file,
                               .at = loaded->spec.identity.value[i].value.api_key.value.file.at});
    }
  }
  diagnostics.sort();
  outcome.errors = diagnostics.errors();
  outcome.warnings = diagnostics.warnings();
  outcome.dropped = diagnostics.dropped();
  outcome.diagnostics = diagnostics.take();
  return outcome;
}

Result<std::string> effective(const Input& input) {
  auto tree = effective_tree(input);
  if (!tree) return std::unexpected(std::move(tree.error()));
  return block(*tree);
}

Result<Yaml> effective_tree(const Input& input) {
  Diagnostics diagnostics;
  const auto loaded = load(input, diagnostics);
  if (loaded) return write_root(loaded->spec);
  diagnostics.sort();
  for (const Diagnostic& diagnostic : diagnostics.list()) {
    if (diagnostic.severity != Severity::error) continue;
    const std::string file = diagnostic.at.file < input.files.size()
                                 ? printable(input.files[diagnostic.at.file].name)
                                 : "";
    return fail(ErrorKind::invalid,
                fmt::format("{}:{}:{}: {}", file, diagnostic.at.line, diagnostic.at.column,
                            diagnostic.message),
                Origin::config);
  }
  return fail(ErrorKind::internal, "the configuration does not compile", Origin::config);
}

std::string hash_of(const Input& input) { return revision_hash(joined(input.files), {}); }

std::string revision_hash(std::string_view text,
                          std::span<const std::pair<std::string, std::string>> digests) {
  std::string what = fmt::format("{}\n", text.size());
  what += text;
  for (const auto& [path, digest] : digests)
    what += fmt::format("\n{} {} {}", path.size(), path, digest);
  constexpr HashKey kHigh{0x77656972'72657673, 1}, kLow{0x77656972'72657673, 2};
  return fmt::format("{:016x}{:016x}", keyed_hash(kHigh, what), keyed_hash(kLow, what));
}

}  // namespace weir::config
