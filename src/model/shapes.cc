#include "model/shapes.h"

namespace weir {

std::string printable_path(std::string_view shape_path) {
  std::string out;
  out.reserve(shape_path.size() + 16);
  for (const char c : shape_path) {
    switch (static_cast<SegmentClass>(c)) {
      case SegmentClass::number: out += "{n}"; break;
      case SegmentClass::hex: out += "{hex}"; break;
      case SegmentClass::uuid: out += "{uuid}"; break;
      case SegmentClass::text: out += "{s}"; break;
      case SegmentClass::rest: out += "{rest}"; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace weir
