#include "control/places.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

config::Input one(std::string name, std::string text) {
  return {.files = {{.name = std::move(name), .text = std::move(text)}}, .directory = "/srv"};
}

TEST(Places, DataDirIsRelativeToTheFileThatNamesIt) {
  EXPECT_EQ(written_data_dir(one("conf/gateway.yaml", "version: 1\ndata_dir: state\n")),
            "/srv/conf/state");
  EXPECT_EQ(written_data_dir(one("/etc/weir/gateway.yaml", "data_dir: ../lib\n")), "/etc/lib");
  EXPECT_EQ(written_data_dir(one("gateway.yaml", "data_dir: /var/lib/weir\n")), "/var/lib/weir");
}

TEST(Places, DataDirIsFoundInAConfigurationWithErrors) {
  EXPECT_EQ(
      written_data_dir(one("gateway.yaml", "data_dir: /var/lib/weir\nroutes: 7\nnonsense: true\n")),
      "/var/lib/weir");
  EXPECT_EQ(written_data_dir(one("gateway.yaml", "data_dir: /var/lib/weir\na: [\n")), "/var/lib/weir");
}

TEST(Places, DataDirThatIsNotWrittenIsNothing) {
  EXPECT_EQ(written_data_dir(one("gateway.yaml", "version: 1\n")), "");
  EXPECT_EQ(written_data_dir(one("gateway.yaml", "a: [\n")), "");
  EXPECT_EQ(written_data_dir(one("gateway.yaml", "a: {data_dir: state}\ndata_dirs: b\nc: [data_dir, d]\ndata_dir:\n")), "");
  EXPECT_EQ(written_data_dir({}), "");
}

TEST(Places, DefaultIsTheStateDirectoryElseBesideTheFile) {
  EXPECT_EQ(default_data_dir(one("conf/gateway.yaml", ""), ""), "/srv/conf/weir-data");
  EXPECT_EQ(default_data_dir(one("conf/gateway.yaml", ""), "/var/lib/weir:/var/lib/other"),
            "/var/lib/weir");
  EXPECT_EQ(default_data_dir({.files = {}, .directory = "/srv"}, ""), "/srv/weir-data");
}

}  // namespace
}  // namespace weir::control
