#include "config/effective.h"

#include "config/schema.h"
#include "config/yaml.h"

namespace weir::config {

std::string effective_text(const Spec& completed) { return block(write_root(completed)); }

}  // namespace weir::config
