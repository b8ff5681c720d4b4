// What chapters report to the table of systems: judged here, written as one line of JSON a row.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "show.hpp"
#include "systems.hpp"

namespace {

/// A file that XGRAD_SYSTEMS names while this lives, and a full run, not a quick one.
struct Rows {
  Rows() {
    std::filesystem::remove(path);
    setenv("XGRAD_SYSTEMS", path.c_str(), 1);
    show::quick = false;
    show::failures = 0;
  }
  ~Rows() {
    unsetenv("XGRAD_SYSTEMS");
    std::filesystem::remove(path);
    show::quick = was_quick;
    show::failures = 0;
  }
  std::vector<nlohmann::json> read() const {
    std::vector<nlohmann::json> rows;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
    return rows;
  }
  std::filesystem::path path = std::filesystem::temp_directory_path() / "xgrad_systems_rows_test.jsonl";
  bool was_quick = show::quick;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(systems_rows_test)

BOOST_AUTO_TEST_CASE(every_value_has_to_meet_the_threshold) {
  BOOST_TEST(show::at_least("a", {.95, .99}, .95).met);
  BOOST_TEST(!show::at_least("a", {.94, .99}, .95).met);
  BOOST_TEST(show::at_most("a", {.5, .95}, .95).met);
  BOOST_TEST(!show::at_most("a", {.5, .96}, .95).met);
  BOOST_TEST(!show::above("a", {.95, .99}, .95).met);
  BOOST_TEST(!show::below("a", {.95, .5}, .95).met);
  BOOST_TEST(show::equals("a", 3, 3).met);
  BOOST_TEST(!show::equals("a", 3, 4).met);
  BOOST_TEST(show::reported("a", {3}).met);
  BOOST_TEST(!show::holds("a", false).met);
  for (const auto& nothing : {std::vector<double>{}, {NAN}, {1, NAN}}) {
    BOOST_TEST(!show::at_least("a", nothing, -1e9).met);
    BOOST_TEST(!show::at_most("a", nothing, 1e9).met);
  }
}

BOOST_AUTO_TEST_CASE(rows_are_appended) {
  const Rows rows;
  show::system({"S1",
                "breaks",
                "works",
                {show::at_least("accuracy", {.5, .75, 1}, .25).needing("XGRAD_MNIST"),
                 show::equals("parameters", 136362, 136362), show::holds("refused", true)}});
  show::experiment({"E12", "more than chance", {show::reported("loss", {.125})}, "said 0.2"});
  const auto written = rows.read();
  BOOST_REQUIRE_EQUAL(written.size(), 2);
  const auto expected =
      nlohmann::json::parse(R"({"id": "S1", "literal": "breaks", "repaired": "works", "results": [
    {"what": "accuracy", "rule": "at least 0.25", "met": true, "needs": "XGRAD_MNIST", "seeds": 3,
     "mean": "0.75", "min": "0.5", "max": "1"},
    {"what": "parameters", "rule": "exactly 136362", "met": true, "needs": "", "seeds": 1,
     "mean": "136362", "min": "136362", "max": "136362"},
    {"what": "refused", "rule": "", "met": true, "needs": ""}]})");
  BOOST_TEST(written[0] == expected, written[0].dump() << " should be " << expected.dump());
  BOOST_TEST(written[1]["criterion"] == "more than chance");
  BOOST_TEST(written[1]["prototype"] == "said 0.2");
  BOOST_TEST(show::failures == 0);
}

BOOST_AUTO_TEST_CASE(a_missed_threshold_fails_the_chapter) {
  const Rows rows;
  show::system({"S1", "", "", {show::at_least("accuracy", {.5}, .9), show::holds("refused", false)}});
  BOOST_TEST(show::failures == 2);
  BOOST_TEST(rows.read().at(0)["results"][0]["met"] == false);
}

BOOST_AUTO_TEST_CASE(a_quick_run_reports_nothing) {
  const Rows rows;
  show::quick = true;
  show::system({"S1", "", "", {show::holds("refused", false)}});
  BOOST_TEST(show::failures == 0);
  BOOST_TEST(rows.read().empty());
  BOOST_TEST(show::over_seeds([](std::uint64_t seed) { return double(seed); }).size() == 1);
  show::quick = false;
  const auto values = show::over_seeds([](std::uint64_t seed) { return double(seed); });
  BOOST_TEST((values == std::vector<double>{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_written_is_an_error) {
  const Rows rows;
  setenv("XGRAD_SYSTEMS", "/nowhere/rows", 1);
  BOOST_CHECK_EXCEPTION(show::system({"S1", "", "", {}}), xgrad::Error, [](const xgrad::Error& error) {
    return std::string(error.what()) == "[systems] XGRAD_SYSTEMS is /nowhere/rows: it cannot be written";
  });
}

BOOST_AUTO_TEST_SUITE_END()
