// The way of a configuration: texts -> trees -> Spec -> checked -> completed -> Policy. Pure: the
// caller reads the files, and is told which further files the policy needs.
//
//   one file    Input{.files = {{"gateway.yaml", text}}}
//   a folder    every *.yaml, *.yml and *.json of it, in the order of their names: lists join, a
//               name or a single setting given twice is an error with both places. Documents of
//               one file (---) join in the same way.
//
// A policy is given when there is no error; warnings do not keep it back. Cost:
// docs/design/007-configuration.md.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/diagnostic.h"
#include "model/names.h"
#include "model/policy.h"

namespace weir::config {

struct CompactTree;
struct Spec;

struct Input {
  std::vector<SourceFile> files;
  std::string directory = {};  // absolute: the working directory, for relative names of files
  bool lint = true;
  std::string data_dir = {};  // where the state of whoever asks is kept, once that is known
};

// A file that the policy names and somebody has to read.
struct FileNeed {
  enum class Kind : std::uint8_t { keys } kind = Kind::keys;
  IdentityId identity;  // whose keys
  std::string path;     // absolute when Input::directory was given
  Span at;              // who asks
};

struct Outcome {
  std::vector<Diagnostic> diagnostics;  // in the order of the text
  std::size_t errors = 0, warnings = 0;
  std::size_t dropped = 0;         // findings beyond Diagnostics::kMax
  std::shared_ptr<Policy> policy;  // null on an error; the caller numbers it, then shares it
  std::vector<FileNeed> needs;
  std::shared_ptr<const CompactTree> tree;  // null on an error, and where it would take too much
};

Outcome compile(const Input& input, NameTable& names);

// The configuration with every default filled in and every path made absolute, as YAML that
// compiles to the same policy. Fails when it does not compile.
Result<std::string> effective(const Input& input);
// The same before it is written. Fails in the same way; of a tree that compile() gave never.
Result<std::unique_ptr<Spec>> completed(const Input& input);
std::unique_ptr<Spec> completed(const CompactTree& tree);

// What Policy::hash of these texts is, whether they compile or not.
std::string hash_of(const Input& input);

// The hash of a revision: over its text and the digests of the files it names (digest of the
// content, by path). 128 bits in hex. compile() fills Policy::hash with that of the text alone.
std::string revision_hash(std::string_view text,
                          std::span<const std::pair<std::string, std::string>> digests);

}  // namespace weir::config
