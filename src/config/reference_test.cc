#include "config/reference.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "config/compile.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/yaml.h"

namespace weir::config {
namespace {

// To write it anew: src/config/reference_test.cc says how in the message of the test below.
TEST(Reference, TheGuideIsCurrent) {
  const std::string path = std::string(WEIR_ROOT) + "/docs/guide/configuration.md";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  if (text.str() == reference_text()) return;
  const std::string fresh = ::testing::TempDir() + "configuration.md";
  std::ofstream(fresh) << reference_text();
  ADD_FAILURE() << "docs/guide/configuration.md is not what the table says; copy " << fresh
                << " over it";
}

void each_field(const Object& object,
                const std::function<void(const Object&, const Field&)>& visit) {
  for (const Field& field : object.fields) {
    visit(object, field);
    if (field.shape == nullptr) continue;
    const Shape* shape = &field.shape();
    while (shape->element != nullptr) shape = &shape->element();
    if (shape->object != nullptr) each_field(shape->object(), visit);
  }
}

TEST(Reference, EveryKeyIsExplainedAndHasAnExample) {
  each_field(root_object(), [](const Object& object, const Field& field) {
    SCOPED_TRACE(std::string(object.name) + ": " + std::string(field.key));
    if (field.presence == Presence::secret || field.presence == Presence::not_yet) {
      EXPECT_FALSE(field.otherwise.empty());
      return;
    }
    EXPECT_FALSE(field.doc.empty());
    EXPECT_FALSE(field.example.empty());
    if (field.presence == Presence::inherited) EXPECT_FALSE(field.otherwise.empty());
    EXPECT_EQ(object.find(field.key), &field) << "given twice in the table";
  });
}

// An example that is refused would be the worst of teachers. References to other entries are filled
// in.
TEST(Reference, EveryExampleIsRead) {
  each_field(root_object(), [](const Object& object, const Field& field) {
    if (field.shape == nullptr) return;
    const std::string text = std::string(field.key) + ": " + std::string(field.example) + "\n";
    Diagnostics diagnostics;
    const auto tree = parse(0, text, {}, diagnostics);
    ASSERT_TRUE(tree) << object.name << ": " << text;
    NameTable names;
    if (&object != &root_object()) return;
    // At the root each example stands in a whole file.
    std::string file =
        "version: 1\nlisteners: [{name: public, address: 0.0.0.0:8080}]\nroutes: [{name: catalog, "
        "match: {path: /catalog/*}, upstream: catalog}]\n"
        "upstreams: [{name: catalog, endpoints: [127.0.0.1:9001]}]\nlimits: [{name: per-caller, "
        "key: caller, rate: 60/s}]\n";
    if (file.find("\n" + std::string(field.key) + ":") == std::string::npos &&
        !file.starts_with(std::string(field.key) + ":"))
      file += text;
    const std::vector<SourceFile> files = {{"example.yaml", file}};
    const Outcome outcome = compile({.files = files}, names);
    EXPECT_EQ(outcome.errors, 0u) << render_text(outcome, files);
  });
}

TEST(Reference, TheSchemaDescribesEveryKeyAndNoOther) {
  const auto schema = boost::json::parse(json_schema()).as_object();
  EXPECT_EQ(schema.at("$schema"), "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(schema.at("additionalProperties"), false);
  const auto& properties = schema.at("properties").as_object();
  EXPECT_TRUE(properties.contains("routes"));
  EXPECT_FALSE(properties.contains("slo"));  // not in this version
  // Every reference leads somewhere.
  const std::string text = json_schema();
  for (std::size_t at = text.find("#/definitions/"); at != std::string::npos;
       at = text.find("#/definitions/", at + 1)) {
    const std::size_t begin = at + 14;
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    EXPECT_TRUE(schema.at("definitions").as_object().contains(name)) << name;
  }
  std::vector<const Object*> objects;
  each_field(root_object(), [&](const Object& object, const Field&) {
    if (&object != &root_object() &&
        std::find(objects.begin(), objects.end(), &object) == objects.end())
      objects.push_back(&object);
  });
  EXPECT_EQ(schema.at("definitions").as_object().size(),
            objects.size());  // no two objects share a name
}

}  // namespace
}  // namespace weir::config
