// The figure library: exact CSV, verdicts both ways, text chart, gnuplot program, and the theory that is
// drawn.

#include "figure.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <sstream>

#include "axis.hpp"
#include "mean_field.hpp"
#include "verdict.hpp"

using namespace plots;

namespace {

Figure small_figure() {
  Figure figure{"small", "Title", "subtitle", {}};
  Panel panel{"left, \"first\"", "x", "y", 10, {}};
  panel.series.push_back({"a", {0, 1}, {-1, -.1}, {-2, -.2}, {0, 0}});
  panel.series.push_back({"a", {0, 1}, {-1, 0}, {}, {}, Kind::predicted});
  figure.panels = {panel};
  return figure;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(figure_test)

BOOST_AUTO_TEST_CASE(csv_is_exact) {
  std::ostringstream out;
  write_csv(out, small_figure(), "program --option 1");
  BOOST_TEST(out.str() ==
             "# program --option 1\n"
             "panel,series,kind,scale,x,y,low,high\n"
             "\"left, \"\"first\"\"\",a,measured,log10,0,-1,-2,0\n"
             "\"left, \"\"first\"\"\",a,measured,log10,1,-0.10000000000000001,-0.20000000000000001,0\n"
             "\"left, \"\"first\"\"\",a,predicted,log10,0,-1,,\n"
             "\"left, \"\"first\"\"\",a,predicted,log10,1,0,,\n");
}

BOOST_AUTO_TEST_CASE(verdicts_both_ways) {
  std::ostringstream out;
  Verdicts verdicts(out);
  verdicts.within("in", 1.01, 1, .02, "s");
  verdicts.ratio("in", 2.1, 2, .06, "s");
  verdicts.between("in", 3, 3, 2, 4, "s");
  verdicts.between("edge", 2, 3, 2, 4, "s");
  verdicts.below("in", -30, -31, -25, "s");
  verdicts.above("in", 7, 8, 6, "s");
  BOOST_TEST(verdicts.passed() == 6);
  BOOST_TEST(verdicts.finish() == 0);
  BOOST_TEST(!contains(out.str(), "OUTSIDE"));
  verdicts.within("out", 1.03, 1, .02, "s");
  verdicts.ratio("out", 2.2, 2, .06, "s");
  verdicts.between("out", 4.01, 3, 2, 4, "s");
  verdicts.below("out", -25, -31, -25, "s");
  verdicts.above("out", 6, 8, 6, "s");
  BOOST_TEST(verdicts.outside() == 5);
  BOOST_TEST(verdicts.finish() == 1);
}

BOOST_AUTO_TEST_CASE(what_could_not_be_measured_never_passes) {
  std::ostringstream out;
  Verdicts verdicts(out);
  verdicts.within("nan", NAN, 1, 1e9, "s");
  verdicts.ratio("nan", NAN, 1, 1e9, "s");
  verdicts.between("inf", INFINITY, 1, 0, INFINITY, "s");
  verdicts.below("underflow", -INFINITY, -31, -25, "s");
  verdicts.above("overflow", INFINITY, 8, 6, "s");
  BOOST_TEST(verdicts.passed() == 0);
  BOOST_TEST(verdicts.outside() == 5);
}

BOOST_AUTO_TEST_CASE(verdict_line) {
  std::ostringstream out;
  Verdicts verdicts(out);
  verdicts.ratio("‖δ‖²", .5, .25, .1, "[published] somebody");
  for (const char* part : {"OUTSIDE", "‖δ‖²", "measured 0.5 ", "predicted 0.25 ", "tolerance ±10 %, ratio 2 ",
                           "source [published] somebody\n"})
    BOOST_TEST(contains(out.str(), part), part);
}

BOOST_AUTO_TEST_CASE(text_chart_shows_every_curve) {
  Figure figure = small_figure();
  figure.panels[0].series.push_back({"b", {0, 1}, {-1, -.1}});  // lies on top of a
  std::ostringstream out;
  write_text(out, figure);
  std::size_t a = 0, b = 0;
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) {
    BOOST_TEST(line.size() <= 78u);
    const auto axis = line.find('|');
    if (axis == std::string::npos) continue;
    a += std::size_t(std::count(line.begin() + long(axis), line.end(), 'a'));
    b += std::size_t(std::count(line.begin() + long(axis), line.end(), 'b'));
  }
  BOOST_TEST(a > 10u);
  BOOST_TEST(b > 10u);
  BOOST_TEST(contains(out.str(), "10^0 +"));
}

BOOST_AUTO_TEST_CASE(charts_of_odd_data) {  // nothing to draw, one point, gaps: no crash, and a chart
  for (const auto& series :
       {Series{"empty", {}, {}}, Series{"point", {2}, {3}}, Series{"gap", {0, 1, 2}, {1, -INFINITY, NAN}},
        Series{"level", {0, 1}, {7, 7}}}) {
    Figure figure = small_figure();
    figure.panels[0].series = {series};
    std::ostringstream out;
    write_text(out, figure);
    BOOST_TEST(contains(out.str(), series.name));
    const auto script = gnuplot_script(figure, Image::png, "x.png");
    BOOST_TEST(!contains(script, "inf"));
    BOOST_TEST(!contains(script, "nan"));
  }
}

BOOST_AUTO_TEST_CASE(gnuplot_program) {
  Figure figure = small_figure();
  figure.title = "It's";
  const auto script = gnuplot_script(figure, Image::svg, "folder/small.svg");
  BOOST_TEST(contains(script, "set terminal svg"));
  BOOST_TEST(contains(script, "set output 'folder/small.svg'"));
  BOOST_TEST(contains(script, "'It''s'"));
  BOOST_TEST(contains(script, "with filledcurves"));
  BOOST_TEST(contains(gnuplot_script(figure, Image::png, "p"), "set terminal pngcairo"));
}

BOOST_AUTO_TEST_CASE(ticks_are_round) {
  BOOST_TEST(tick_step({0, 10}, 5) == 2);
  BOOST_TEST(tick_step({0, 100}, 10) == 10);
  BOOST_TEST(tick_step({-63, 1}, 8) == 10);
  BOOST_TEST(tick_step({0, .5}, 8, 1) == 1);
  BOOST_TEST(std::abs(tick_step({0, .42}, 6) - .1) < 1e-15);
}

BOOST_AUTO_TEST_CASE(moments_of_activations) {
  const auto relu = activation_moments("relu", 3);
  BOOST_TEST(relu.square == 1.5, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(relu.slope_square == .5, boost::test_tools::tolerance(1e-12));
  BOOST_TEST(relu.mean == std::sqrt(3 / (2 * std::acos(-1.))), boost::test_tools::tolerance(1e-5));
  BOOST_TEST(activation_moments("identity", 3).square == 3, boost::test_tools::tolerance(1e-12));
  // The sigmoid's fixed point with fan_in·Var W = 1: q* = .2647, and ‖δ‖² shrinks by χ = .0557 a layer.
  double q = 1;
  for (int i = 0; i < 50; ++i) q = activation_moments("sigmoid", q).square;
  BOOST_TEST(std::abs(q - .2647) < 5e-5);
  BOOST_TEST(std::abs(activation_moments("sigmoid", q).slope_square - .0557) < 5e-5);
  BOOST_CHECK_THROW(activation_moments("cosine", 1), std::invalid_argument);
  BOOST_CHECK_THROW(variance_times_fan_in("magic"), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(predictions_in_closed_form) {
  const auto factor = [](const StackOptions& stack) {  // of ‖δ‖² per layer, in the middle of the stack
    const auto gradients = predict(stack).gradients;
    return std::pow(10, 2 * (gradients[20] - gradients[21]));
  };
  const double pi = std::acos(-1.);
  StackOptions stack;
  stack.init = "he_normal";
  BOOST_TEST(std::abs(factor(stack) - 1) < 1e-9);
  stack.norm = Norm::pre;
  BOOST_TEST(std::abs(factor(stack) - pi / (pi - 1)) < 1e-4);
  stack.norm = Norm::inner;
  BOOST_TEST(std::abs(factor(stack) - 1) < 1e-4);
  stack = {};
  stack.wiring = Wiring::no_skip;
  BOOST_TEST(std::abs(factor(stack) - 1 / 18.) < 1e-9);
  stack.wiring = Wiring::residual;
  BOOST_TEST(std::abs(factor(stack) - 19 / 18.) < 1e-9);
  stack.init = "he_normal";
  stack.second_init = "lecun_normal";
  BOOST_TEST(std::abs(factor(stack) - 2) < 1e-9);
  stack.alpha = 1 / std::sqrt(50.);
  BOOST_TEST(std::abs(predict(stack).gradients[0] - 25 * std::log10(1 + 1 / 50.)) < 1e-6);
  stack.alpha = 1;
  stack.norm = Norm::pre;  // ‖δ_l‖² ∝ 1/(1 + l)
  BOOST_TEST(std::abs(factor(stack) - 22 / 21.) < 1e-4);
  stack.norm = Norm::post;
  BOOST_TEST(std::abs(factor(stack) - 1) < 1e-4);
}

BOOST_AUTO_TEST_CASE(heat_maps) {
  Figure figure{"map", "Title", "subtitle", {}};
  Panel panel{"ratios", "depth", "wiring", 0, {}};
  panel.map = HeatMap{{"plain", "re,sidual"}, {"8", "64"}, {{-2, -16.25}, {.04, NAN}}, "log₁₀ ratio", -8, 8};
  figure.panels = {panel};
  std::ostringstream csv, text;
  write_csv(csv, figure, "c");
  BOOST_TEST(csv.str() ==
             "# c\npanel,series,kind,scale,x,y,low,high\n"
             "ratios,plain,map,linear,8,-2,,\nratios,plain,map,linear,64,-16.25,,\n"
             "ratios,\"re,sidual\",map,linear,8,0.040000000000000001,,\n"
             "ratios,\"re,sidual\",map,linear,64,nan,,\n");
  write_text(text, figure);
  BOOST_TEST(contains(text.str(), "plain        -2.0     -16\n"));
  BOOST_TEST(contains(text.str(), "re,sidual     0.0       –\n"));
  // Drawn from below, numbers beyond the scale at its end.
  const auto script = gnuplot_script(figure, Image::png, "map.png");
  BOOST_TEST(contains(script, "$map << EOD\n0 1 -2\n1 1 -8\n0 0 0.04\nEOD\nplot $map using"));
  BOOST_TEST(contains(script, "set cbrange [-8:8]"));
  BOOST_TEST(contains(script, "set ytics ('plain' 1, 're,sidual' 0)"));
  BOOST_TEST(contains(script, "'-16' at first 1,1 center font ',10' textcolor rgb 'white'"));
}

BOOST_AUTO_TEST_CASE(large_heat_maps_in_plain_text) {
  Figure figure{"map", "Title", "", {}};
  Panel panel{"", "step", "layer", 0, {}};
  HeatMap map;
  for (int i = 0; i < 100; ++i) map.columns.push_back(std::to_string(i));
  for (int row : {2, 1, 0}) {
    map.rows.push_back(std::to_string(row));
    map.cells.emplace_back(100, double(row));
  }
  panel.map = map;
  figure.panels = {panel};
  std::ostringstream out;
  write_text(out, figure);
  BOOST_TEST(contains(out.str(), "2 |@@@@@@"));
  BOOST_TEST(contains(out.str(), "1 |++++++"));
  BOOST_TEST(contains(out.str(), "0 |......"));
}

BOOST_AUTO_TEST_SUITE_END()
