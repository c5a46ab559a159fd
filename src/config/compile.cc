#include "config/compile.h"

#include <fmt/core.h>

#include <optional>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "config/check.h"
#include "config/complete.h"
#include "config/decode.h"
#include "config/lint.h"
#include "config/lower.h"
#include "config/node.h"
#include "config/compact_tree.h"
#include "config/schema.h"
#include "config/spec.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

// Every file that is YAML; a file that is none keeps the others from being judged as a whole.
std::optional<std::vector<Tree>> parse_all(const Input& input, Diagnostics& diagnostics) {
  std::vector<Tree> trees;
  bool whole = true;
  for (std::size_t i = 0; i < input.files.size(); ++i) {
    auto tree = parse(static_cast<std::uint16_t>(i), input.files[i].text, {}, diagnostics);
    whole &= tree.has_value();
    if (tree) trees.push_back(std::move(*tree));
  }
  if (!whole) return std::nullopt;
  return trees;
}

std::vector<const Node*> documents_of(std::span<const Tree> trees) {
  std::vector<const Node*> documents;
  for (const Tree& tree : trees) {
    for (const Node& document : tree.documents) documents.push_back(&document);
  }
  return documents;
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
  std::unique_ptr<Spec> spec = std::make_unique<Spec>();
  Names names;  // views into spec
  std::shared_ptr<const CompactTree> tree;
};

enum class For : std::uint8_t { policy, comparison };

// The trees are gone before a policy is made of what they say.
std::optional<Loaded> load(const Input& input, For what, Diagnostics& diagnostics) {
  if (input.files.empty() || input.files.size() > 1000) {
    diagnostics.add(
        Rule::missing_key, {},
        input.files.empty() ? "there is no configuration file" : "more than 1,000 files",
        "a folder needs one to 1,000 files ending in .yaml, .yml or .json");
    return std::nullopt;
  }
  Loaded loaded;
  {
    const auto trees = parse_all(input, diagnostics);
    if (!trees) return std::nullopt;
    const std::vector<const Node*> documents = documents_of(*trees);
    if (documents.empty()) {
      diagnostics.add(Rule::missing_key, {.file = 0, .line = 1, .column = 1, .length = 0},
                      "the configuration is empty", "`weir init` writes one to start from");
      return std::nullopt;
    }
    Decoder(diagnostics).decode_root(documents, *loaded.spec);
    if (what == For::policy) loaded.tree = keep(input.files, input.directory, documents);
  }
  loaded.names = check(*loaded.spec, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  if (input.lint && what == For::policy) lint(*loaded.spec, diagnostics);
  complete(*loaded.spec, input.files, input.directory);
  if (what == For::policy) check_admin_socket(*loaded.spec, input.data_dir, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return loaded;
}

}  // namespace

Outcome compile(const Input& input, NameTable& names) {
  Diagnostics diagnostics;
  Outcome outcome;
  if (auto loaded = load(input, For::policy, diagnostics)) {
    outcome.policy = lower(*loaded->spec, loaded->names, names);
    outcome.tree = std::move(loaded->tree);
    for (const SourceFile& file : input.files) outcome.policy->files.push_back(file.name);
    outcome.policy->text = joined(input.files);
    outcome.policy->hash = revision_hash(outcome.policy->text, {});
    for (std::size_t i = 0; i < outcome.policy->identities.size(); ++i) {
      const IdentityRule& rule = outcome.policy->identities[i];
      if (rule.kind != IdentityKind::api_key) continue;
      outcome.needs.push_back({.kind = FileNeed::Kind::keys,
                               .identity = IdentityId{static_cast<std::uint16_t>(i)},
                               .path = rule.keys_file,
                               .at = loaded->spec->identity.value[i].value.api_key.value.file.at});
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
  const auto spec = completed(input);
  if (!spec) return std::unexpected(spec.error());
  return block(write_root(**spec));
}

std::unique_ptr<Spec> completed(const CompactTree& tree) {
  auto spec = std::make_unique<Spec>();
  Diagnostics none;
  const Tree nodes = expand(tree);
  Decoder(none).decode_root(documents_of({&nodes, 1}), *spec);
  complete(*spec, tree.files, tree.directory);
  return spec;
}

Result<std::unique_ptr<Spec>> completed(const Input& input) {
  Diagnostics diagnostics;
  if (auto loaded = load(input, For::comparison, diagnostics)) return std::move(loaded->spec);
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
