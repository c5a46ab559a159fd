#include "config/init.h"

#include <gtest/gtest.h>

#include "config/compile.h"
#include "config/report.h"

namespace weir::config {
namespace {

std::string check(const std::string& text) {
  NameTable names;
  const std::vector<SourceFile> files = {{"gateway.yaml", text}};
  return render_text(compile({.files = files}, names), files);
}

TEST(Init, TheStarterPassesWithoutAWarning) {
  EXPECT_EQ(check(init_text()), "0 errors, 0 warnings\n");
}

TEST(Init, RunToIsAWholeConfiguration) {
  const std::string text = run_to_text({.to = "127.0.0.1:3000", .listen = ":8080"}).value();
  EXPECT_EQ(check(text), "0 errors, 0 warnings\n");
  NameTable names;
  const Outcome outcome = compile({.files = {{"run", text}}}, names);
  EXPECT_EQ(to_string(outcome.policy->listeners.at(0).address), "0.0.0.0:8080");
  EXPECT_EQ(names.text(outcome.policy->endpoints.at(0).name), "127.0.0.1:3000");
  EXPECT_EQ(outcome.policy->routes.at(0).match.path, "/");
}

TEST(Init, RunToTakesEveryKindOfAddress) {
  for (const char* to : {"localhost:3000", "[::1]:3000", "unix:/run/my \"app\".sock"}) {
    const auto text = run_to_text({.to = to, .listen = "[::]:8080"});
    ASSERT_TRUE(text) << to;
    EXPECT_EQ(check(*text), "0 errors, 0 warnings\n") << *text;
  }
}

TEST(Init, RunToSaysWhichAddressIsWrong) {
  EXPECT_EQ(run_to_text({.to = "3000"}).error().context,
            "--to: \"3000\" has no port; write 127.0.0.1:3000");
  EXPECT_EQ(run_to_text({.to = "127.0.0.1:3000", .listen = "localhost:80"}).error().context,
            "--listen: \"localhost:80\" is not an IP address to listen on; write 127.0.0.1:80");
}

}  // namespace
}  // namespace weir::config
