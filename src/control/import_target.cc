#include "control/import_target.h"

#include "config/report.h"
#include "store/data_dir.h"

namespace weir::control {

Result<std::unique_ptr<ImportTarget>> open_import_target(const ImportQuestion& question) {
  auto target = std::make_unique<ImportTarget>();
  auto input = read_configuration(question.configuration);
  if (!input) return std::unexpected(input.error());
  target->loaded = load(std::move(*input), target->names);
  if (target->loaded.outcome.policy == nullptr) {
    return fail(ErrorKind::invalid,
                "the configuration has errors:\n" +
                    config::render_text(target->loaded.outcome, target->loaded.input.files),
                Origin::config);
  }
  target->folder = question.data_dir;
  {
    // Made when missing, and let go at once: a gateway may start meanwhile.
    const auto made = store::DataDir::open(target->folder, question.random);
    if (!made && made.error().kind != ErrorKind::busy) return std::unexpected(made.error());
  }
  const auto key = store::installation_key(target->folder);
  if (!key) return std::unexpected(key.error());
  target->key = *key;
  auto directory = store::CallerDirectory::open(target->folder + "/callers.db", {.key = *key});
  if (!directory) return std::unexpected(directory.error());
  target->directory.emplace(std::move(*directory));
  return target;
}

}  // namespace weir::control
