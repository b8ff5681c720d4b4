// What the experiments share: statistics of curves, seeds on all processors, the command line, the file of
// verdicts.

#include "laboratory.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "temporary_file.hpp"

using namespace plots;

namespace {

int run(Laboratory& lab, std::vector<std::string> words, const std::function<void()>& experiment) {
  words.insert(words.begin(), "program");
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  return lab.run(int(arguments.size()), arguments.data(), experiment);
}

Laboratory laboratory() { return {"some-claim", "claim", "source"}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(laboratory_test)

BOOST_AUTO_TEST_CASE(statistics) {
  BOOST_TEST(mean({1, 2, 6}) == 3);
  BOOST_TEST(median({9, 1, 4}) == 4);
  BOOST_TEST(median({9, 1, 4, 5}) == 4.5);
  const auto line = fit_line({0, 1, 2, 3}, {1, 3, 5, 7});
  BOOST_TEST(line.slope == 2);
  BOOST_TEST(line.intercept == 1);
  BOOST_TEST(std::isnan(fit_line({0, 1}, {0, -INFINITY}).slope));
  const auto three = curve({{1, 10}, {2, 20}, {6, 60}});
  BOOST_TEST(three.mean == (std::vector<double>{3, 30}), boost::test_tools::per_element());
  BOOST_TEST(three.low == (std::vector<double>{1, 10}), boost::test_tools::per_element());
  BOOST_TEST(three.high == (std::vector<double>{6, 60}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_work_is_done_once_and_errors_arrive) {
  std::vector<std::atomic<int>> times(100);
  on_all_processors("", times.size(), [&](std::size_t i) { ++times[i]; });
  for (const auto& n : times) BOOST_TEST(n == 1);
  BOOST_CHECK_THROW(
      on_all_processors("", 100, [](std::size_t i) { i == 7 ? throw std::runtime_error("seven") : void(); }),
      std::runtime_error);
}

BOOST_AUTO_TEST_CASE(seeds_follow_the_command_line) {
  const TemporaryFile folder("laboratory");
  const auto seeds_of = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--out", folder.path, "--format", "text"});
    std::vector<std::uint64_t> seeds;
    auto lab = laboratory();
    run(lab, words, [&] { seeds = lab.seeds(3, 1); });
    return seeds;
  };
  using Seeds = std::vector<std::uint64_t>;
  BOOST_TEST(seeds_of({}) == (Seeds{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(seeds_of({"--quick"}) == (Seeds{1}), boost::test_tools::per_element());
  BOOST_TEST(seeds_of({"--full"}).size() == 12);
  BOOST_TEST(seeds_of({"--seeds", "2", "--first-seed", "50"}) == (Seeds{50, 51}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_file_holds_every_verdict_and_the_code_says_whether_all_passed) {
  const TemporaryFile folder("laboratory");
  const std::vector<std::string> words = {"--out", folder.path, "--format", "text", "--depth", "5"};
  const auto code = [&](double measured) {
    auto lab = laboratory();
    int depth = 12;
    lab.add_option("--depth", depth, "layers");
    return run(lab, words, [&] {
      BOOST_TEST(depth == 5);
      BOOST_TEST(lab.changed());
      lab.verdicts().within("first", 1, 1, .1, "s");
      lab.verdicts().within("second", measured, 1, .1, "s");
    });
  };
  BOOST_TEST(code(1) == 0);
  BOOST_TEST(code(2) == 1);
  std::ifstream file(folder.path + "/some-claim.json");
  const auto json = nlohmann::json::parse(file);
  BOOST_TEST(json["experiment"] == "some-claim");
  BOOST_TEST(json["verdicts"].size() == 2);
  BOOST_TEST(json["verdicts"][0]["pass"] == true);
  BOOST_TEST(json["verdicts"][1]["pass"] == false);
  BOOST_TEST(json["verdicts"][1]["measured"] == 2);
  BOOST_TEST(code(NAN) == 1);
  auto lab = laboratory();
  BOOST_TEST(run(lab, {"--out", folder.path}, [] { throw std::runtime_error("no"); }) == 2);
}

BOOST_AUTO_TEST_CASE(one_line_shows_what_is_outside) {
  std::ostringstream out;
  Verdicts verdicts(out);
  BOOST_TEST(verdicts.summary("e").find("nothing was judged") != std::string::npos);
  verdicts.within("headline", 1, 1, .1, "s");
  verdicts.within("other", 1, 1, .1, "s");
  BOOST_TEST(verdicts.summary("e").find("PASS     e (2 of 2): headline") == 0);
  verdicts.within("wrong", 2, 1, .1, "s");
  BOOST_TEST(verdicts.summary("e").find("OUTSIDE  e (2 of 3): wrong") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
