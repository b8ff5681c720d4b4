// The training toolbox: rate sweep, metrics, augmentation, adversarial inputs, half precision.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <set>

#ifdef __F16C__
#include <immintrin.h>
#endif

#include "errors.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;
using boost::test_tools::tolerance;

namespace {

using Words = Sentence<std::string>;

Words words(const std::string& text) {
  std::istringstream in(text);
  Words result;
  for (std::string word; in >> word;) result.push_back(word);
  return result;
}

double total(const Array<float>& x) { return std::accumulate(x.data(), x.data() + x.size(), 0.); }

/// The value of 16 bits of IEEE half, by the definition of the format.
double half_value(unsigned bits) {
  const double sign = bits & 0x8000u ? -1 : 1, fraction = bits & 0x3ffu;
  const int exponent = bits >> 10 & 31;
  if (exponent == 31) return fraction > 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(train_test)

BOOST_AUTO_TEST_CASE(schedules_reject_what_they_cannot_do) {
  rejects("[schedule::step] the rate would change every 0 steps", [] { schedule::step(.1, 0); });
  rejects("[schedule::transformer] d is 0", [] { schedule::transformer(0, 4); });
  rejects("[schedule::geometric] from 0 to 1", [] { schedule::geometric(0, 1, 5); });
  rejects("[schedule::geometric] from 1 to 2 in 1 steps", [] { schedule::geometric(1, 2, 1); });
  rejects("[suggested_rate] there are no points", [] { suggested_rate({}); });
  const Parameters<double> one{{"w", parameter(scalar(1.))}};
  rejects("[adamw_then_sgd] Nesterov's", [&] { AdamWThenSGD<double>(one, .1, {1, 1, {.9, true}}); });
}

BOOST_AUTO_TEST_CASE(schedule_transformer_peaks_where_the_warm_up_ends) {
  const auto rate = schedule::transformer(512, 4000);
  BOOST_TEST(rate(3999) == 1 / std::sqrt(512. * 4000), tolerance(1e-12));
  BOOST_TEST(rate(3998) < rate(3999));
  BOOST_TEST(rate(4000) < rate(3999));
}

// w ← w (1 - 2η) on the loss w²: in steps of a factor f the rates up to η sum to ηf/(f-1), so the loss is
// about e^(-4ηf/(f-1)); it falls fastest against ln η where that exponent is -1, at 0.05, and explodes
// above 1.
BOOST_AUTO_TEST_CASE(sweep_of_a_parabola) {
  double w = 1;
  const auto points = sweep_rates(1e-4, 100, 61, [&](double rate) {
    const double loss = w * w;
    w *= 1 - 2 * rate;
    return loss;
  });
  BOOST_TEST(points.size() < 61u);  // it ended when the loss exploded
  BOOST_TEST(points.back().rate > 1);
  BOOST_TEST(points[1].rate / points[0].rate == std::pow(1e6, 1 / 60.), tolerance(1e-12));
  BOOST_TEST(suggested_rate(points) > .025);
  BOOST_TEST(suggested_rate(points) < .1);
}

BOOST_AUTO_TEST_CASE(adafactor_takes_a_stack_of_matrices_as_separate_matrices) {
  Rng rng(1);
  const auto g = rng.normal<double>({2, 3, 4});
  const auto half = [&](std::size_t i) {
    auto part = empty<double>({3, 4});
    std::copy_n(g.data() + 12 * i, 12, part.data());
    return part;
  };
  AdafactorOptions options;
  options.clip = 1e9;  // the root mean square of the update is taken over the whole stack
  auto stack = parameter(full<double>({2, 3, 4}, .5)), a = parameter(full<double>({3, 4}, .5)),
       b = parameter(full<double>({3, 4}, .5));
  Adafactor<double> whole({{"stack", stack}}, .01, options), parts({{"a", a}, {"b", b}}, .01, options);
  for (auto [x, dx] : {std::pair(stack, g), {a, half(0)}, {b, half(1)}}) x.accumulate(dx);
  whole.step();
  parts.step();
  for (std::size_t i = 0; i < 24; ++i)
    BOOST_TEST(stack.value().data()[i] == (i < 12 ? a.value().data()[i] : b.value().data()[i - 12]),
               tolerance(1e-12));
}

// Two steps, the memory carried over into a new optimiser, two more: the same as four steps.
template <class Optimiser, class... Options>
void check_memory(const Options&... options) {
  Rng rng(1);
  std::vector<Array<double>> gradients;
  for (int i = 0; i < 4; ++i) gradients.push_back(rng.normal<double>({3, 2}));
  const auto steps = [&](Optimiser& optimiser, Variable<double> w, int begin, int end) {
    for (int i = begin; i < end; ++i) {
      optimiser.zero_grad();
      w.accumulate(gradients[static_cast<std::size_t>(i)]);
      optimiser.step();
    }
  };
  const auto make = [&](Variable<double> w) { return Optimiser({{"w", w}}, .1, options...); };
  auto a = parameter(full<double>({3, 2}, 1)), b = parameter(full<double>({3, 2}, 1));
  Optimiser whole = make(a), first = make(b), second = make(b);
  steps(whole, a, 0, 4);
  steps(first, b, 0, 2);
  for (std::size_t i = 0; i < first.memory().size(); ++i) {
    BOOST_TEST(second.memory()[i].name == first.memory()[i].name);
    BOOST_TEST(second.memory()[i].numbers->size() == first.memory()[i].numbers->size());
    *second.memory()[i].numbers = *first.memory()[i].numbers;
  }
  second.steps() = first.steps();
  steps(second, b, 2, 4);
  BOOST_TEST((a.value() == b.value()));
}

BOOST_AUTO_TEST_CASE(optimisers_go_on_from_their_memory) {
  check_memory<Adafactor<double>>();
  check_memory<AdamWThenSGD<double>>(HandOver{3, 2, {.9}});
  check_memory<AdamWThenSGD<double>>(HandOver{1, 2, {.9}});
}

// --- metrics -----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(predicted_classes_of_ties_and_nan) {
  const Array<double> scores{{1, 3, 3}, {2, 1, 0}, {0, NAN, 9}};
  BOOST_TEST((predicted_classes(scores) == Indices{1, 0, -1}));
  BOOST_TEST(shape_of(predicted_classes(zeros<float>({2, 4, 3}))) == (Shape{2, 4}));
  rejects("[predicted_classes] scores are (2, 0)", [] { predicted_classes(zeros<float>({2, 0})); });
}

// Counted by hand: class 0: 2 of 3 found, 2 of 3 answers right; class 1: 1 of 2, 1 of 1; class 2: 1 of 1, 1
// of 2.
BOOST_AUTO_TEST_CASE(confusion_matrix_by_hand) {
  const ConfusionMatrix m(4, Indices{0, 0, 0, 1, 1, 2}, Indices{0, 0, 2, 1, 0, 2});
  BOOST_TEST(m(0, 0) == 2u);
  BOOST_TEST(m(0, 2) == 1u);
  BOOST_TEST(m(1, 0) == 1u);
  BOOST_TEST(m(2, 0) == 0u);
  BOOST_TEST(m.accuracy() == 4. / 6, tolerance(1e-12));
  BOOST_TEST(m.of_class(0).precision == 2. / 3, tolerance(1e-12));
  BOOST_TEST(m.of_class(0).recall == 2. / 3, tolerance(1e-12));
  BOOST_TEST(m.of_class(1).precision == 1.);
  BOOST_TEST(m.of_class(1).recall == .5);
  BOOST_TEST(m.of_class(1).f1 == 2. / 3, tolerance(1e-12));
  BOOST_TEST(m.of_class(2).precision == .5);
  BOOST_TEST(m.of_class(3).f1 == 0.);  // nobody answers 3, and nothing is one: it does not count below
  BOOST_TEST(m.macro().precision == (2. / 3 + 1 + .5) / 3, tolerance(1e-12));
  BOOST_TEST(m.macro().recall == (2. / 3 + .5 + 1) / 3, tolerance(1e-12));
  BOOST_TEST(m.macro().f1 == (2. / 3 + 2. / 3 + 2. / 3) / 3, tolerance(1e-12));
  BOOST_TEST(m.micro().f1 == 4. / 6, tolerance(1e-12));
  BOOST_TEST(
      m.to_string({"a", "b", "c", "d"}).find("a     2     0     1     0    0.667") != std::string::npos,
      m.to_string({"a", "b", "c", "d"}));
}

BOOST_AUTO_TEST_CASE(confusion_matrix_counts_no_answer_as_wrong) {
  const ConfusionMatrix m(2, Indices{0, 0, 1}, Indices{0, -1, 1});
  BOOST_TEST(m.accuracy() == 2. / 3, tolerance(1e-12));
  BOOST_TEST(m.of_class(0).recall == .5);
  BOOST_TEST(m.of_class(0).precision == 1.);
  BOOST_TEST(m.micro().precision == 1.);
  BOOST_TEST(m.micro().recall == 2. / 3, tolerance(1e-12));
  BOOST_TEST(std::isnan(ConfusionMatrix(2).accuracy()));
}

BOOST_AUTO_TEST_CASE(confusion_matrix_rejects_what_it_cannot_count) {
  ConfusionMatrix m(3);
  rejects("[confusion_matrix] 2 labels and 1 answers", [&] { m.add(Indices{0, 1}, Indices{0}); });
  rejects("[confusion_matrix] label 3, answer 0: classes are 0 to 2", [&] {
    m.add(Indices{0, 3}, Indices{0, 0});
  });
  rejects("[confusion_matrix] label -1", [&] { m.add(Indices{-1}, Indices{0}); });
  rejects("[confusion_matrix] label 0, answer -2", [&] { m.add(Indices{0}, Indices{-2}); });
  rejects("[confusion_matrix] (0, 3)", [&] { m(0, 3); });
  rejects("[confusion_matrix] there are 0 classes", [] { ConfusionMatrix(0); });
  BOOST_TEST(m.samples() == 0u);
}

// The examples of Papineni et al. (2002), section 2, and their modified precisions; the score of the first is
// that of NLTK's documentation.
BOOST_AUTO_TEST_CASE(bleu_of_the_paper) {
  const std::vector<Words> references{
      words("It is a guide to action that ensures that the military will forever heed Party commands"),
      words("It is the guiding principle which guarantees the military forces always being under the command "
            "of the "
            "Party"),
      words("It is the practical guide for the army always to heed the directions of the party")};
  const Words first =
      words("It is a guide to action which ensures that the military always obeys the commands of the party");
  const Words second =
      words("It is to insure the troops forever hearing the activity guidebook that party direct");
  const auto one = bleu<std::string>({first}, {references}), two = bleu<std::string>({second}, {references});
  BOOST_TEST(one.precisions[0] == 17. / 18, tolerance(1e-12));
  BOOST_TEST(one.precisions[1] == 10. / 17, tolerance(1e-12));
  BOOST_TEST(two.precisions[0] == 8. / 14, tolerance(1e-12));
  BOOST_TEST(two.precisions[1] == 1. / 13, tolerance(1e-12));
  BOOST_TEST(one.score == .5045666840058485, tolerance(1e-12));
  BOOST_TEST(two.score == 0.);  // no three words in common
  const auto the =
      bleu<std::string>({words("the the the the the the the")},
                        {{words("The cat is on the mat"), words("There is a cat on the mat")}}, 1);
  BOOST_TEST(the.precisions[0] == 1. / 7, tolerance(1e-12));  // 2/7 in the paper, where The is the
}

BOOST_AUTO_TEST_CASE(bleu_of_a_corpus_sums_before_it_divides) {
  using S = Sentence<std::int64_t>;
  // 2 of 2 and 1 of 4 tokens; 1 of 1 and 0 of 3 pairs: (3/6, 1/4), and 6 tokens against 2 + 5.
  const auto b = bleu<std::int64_t>({S{1, 2}, S{1, 7, 8, 9}}, {{S{1, 2}}, {S{1, 2, 3, 4, 5}}}, 2);
  BOOST_TEST(b.precisions[0] == .5);
  BOOST_TEST(b.precisions[1] == .25);
  BOOST_TEST(b.length == 6u);
  BOOST_TEST(b.reference_length == 7u);
  BOOST_TEST(b.brevity_penalty == std::exp(1 - 7. / 6), tolerance(1e-12));
  BOOST_TEST(b.score == b.brevity_penalty * std::sqrt(.125), tolerance(1e-12));
  const auto smooth = bleu<std::int64_t>({S{1, 2}}, {{S{1, 3}}}, 2, BleuSmoothing::add_one);
  BOOST_TEST(smooth.score == std::sqrt(.5 * .5), tolerance(1e-12));  // 1/2, and (0 + 1)/(1 + 1)
  // Of references as near as each other the shorter counts: 2, not 4.
  BOOST_TEST((bleu<std::int64_t>({S{1, 2, 3}}, {{S{1, 2, 3, 4}, S{1, 2}}}, 1).reference_length == 2u));
  BOOST_TEST((bleu<std::int64_t>({S{}}, {{S{1}}}, 1).score == 0.));
  rejects("[bleu] 1 answers, 0 sets", [] { bleu<std::int64_t>({S{1}}, {}); });
  rejects("[bleu] answer 0 has no reference", [] { bleu<std::int64_t>({S{1}}, {{}}); });
}

BOOST_AUTO_TEST_CASE(exact_match_and_perplexity) {
  BOOST_TEST((exact_match<std::int64_t>({{1, 2}, {3}}, {{1, 2}, {3, 4}}) == .5));
  rejects("[exact_match] 1 answers and 0", [] { exact_match<std::int64_t>({{1}}, {}); });
  BOOST_TEST(perplexity(std::log(8)) == 8, tolerance(1e-12));
}

// Gains of +1, 0, -1 with known shares: the resampled mean has variance σ²/n, so the interval is about ±1.96
// of its root.
BOOST_AUTO_TEST_CASE(paired_bootstrap_finds_the_normal_interval) {
  std::vector<double> a, b;
  for (int i = 0; i < 400; ++i) {
    a.push_back(i % 10 < 3);  // better on 30 %, worse on 20 %: mean .1, variance .5 - .01
    b.push_back(i % 10 >= 8);
  }
  Rng rng(1);
  const auto c = paired_bootstrap(a, b, rng, 4000);
  const double deviation = std::sqrt(.49 / 400);
  BOOST_TEST(c.difference == .1, tolerance(1e-12));
  BOOST_TEST(c.low == .1 - 1.96 * deviation, tolerance(.15));
  BOOST_TEST(c.high == .1 + 1.96 * deviation, tolerance(.05));
  BOOST_TEST(c.p == .0021, tolerance(.6));  // Φ(-2.857)
  const auto same = paired_bootstrap(a, a, rng);
  BOOST_TEST(same.difference == 0);
  BOOST_TEST(same.p == 1);
  const auto swapped = paired_bootstrap(b, a, rng, 4000);
  BOOST_TEST(swapped.difference == -.1, tolerance(1e-12));
  BOOST_TEST(swapped.p < .01);
  rejects("[paired_bootstrap] 2 and 1 scores", [&] { paired_bootstrap({1, 2}, {1}, rng); });
}

// --- augmentation ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(shifted_moves_each_image_and_fills_with_zeros) {
  auto images = zeros<float>({300, 5, 4});
  for (std::size_t i = 0; i < 300; ++i) {
    images(i, 2, 1) = 1;
    images(i, 2, 2) = 2;
  }
  Rng rng(1);
  const auto moved = shifted(images, 1, rng);
  std::set<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t r = 0; r < 5; ++r)
      for (std::size_t c = 0; c < 4; ++c)
        if (moved(i, r, c) == 1) {
          places.insert({r, c});
          BOOST_TEST(moved(i, r, c + 1) == 2);
        }
  BOOST_TEST(places.size() == 9u);  // all of -1, 0, 1 in both directions
  BOOST_TEST(total(moved) == 900);  // nothing comes round at the other side, nothing is lost
  BOOST_TEST((shifted(images, 0, rng) == images));
  const auto far = shifted(full<float>({50, 2, 2}, 1), 9, rng);  // most are out of the picture altogether
  BOOST_TEST(total(far) < 100);
  rejects("[shifted] images are (3,)", [&] { shifted(zeros<float>({3}), 1, rng); });
}

BOOST_AUTO_TEST_CASE(with_noise_adds_noise_of_that_deviation) {
  Rng rng(1);
  const auto y = with_noise(full<double>({10000}, 3.), .5, rng);
  double sum = 0, squares = 0;
  for (const double entry : y) {
    sum += entry - 3;
    squares += (entry - 3) * (entry - 3);
  }
  BOOST_TEST(std::abs(sum / 10000) < .02);
  BOOST_TEST(squares / 10000 == .25, tolerance(.06));
}

BOOST_AUTO_TEST_CASE(tokens_are_replaced_at_the_given_rate) {
  Rng rng(1);
  auto tokens = Indices::from_shape({10000});
  for (std::size_t i = 0; i < 10000; ++i) tokens(i) = static_cast<std::int64_t>(i % 6);
  const auto random = with_random_tokens(tokens, .3, 6, rng, 2);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < 10000; ++i) {
    changed += random(i) != tokens(i);
    if (tokens(i) < 2) BOOST_TEST(random(i) == tokens(i));
    BOOST_TEST((random(i) >= 2 || tokens(i) < 2));
    BOOST_TEST(random(i) < 6);
  }
  BOOST_TEST(double(changed) == 10000 * .3 * (4. / 6) * (3. / 4),
             tolerance(.08));  // one in four stays as it is
  const auto synonyms = with_synonyms(tokens, .5, {{1, 2, 3}, {5}}, rng);
  std::array<std::size_t, 6> became{};
  for (std::size_t i = 0; i < 10000; ++i) {
    if (tokens(i) == 1) ++became[static_cast<std::size_t>(synonyms(i))];
    if (tokens(i) == 0 || tokens(i) > 3) BOOST_TEST(synonyms(i) == tokens(i));
  }
  BOOST_TEST(double(became[1]) == 10000. / 6 / 2, tolerance(.1));
  BOOST_TEST(double(became[2]) == 10000. / 6 / 4, tolerance(.12));
  BOOST_TEST(double(became[3]) == 10000. / 6 / 4, tolerance(.12));
  rejects("[with_random_tokens] the probability is 1.5", [&] { with_random_tokens(tokens, 1.5, 6, rng); });
  rejects("[with_random_tokens] first is 6", [&] { with_random_tokens(tokens, .5, 6, rng, 6); });
  rejects("[with_synonyms] token 1 is listed twice", [&] { with_synonyms(tokens, .5, {{1, 2}, {1}}, rng); });
}

// --- adversarial inputs ------------------------------------------------------------------------------------

// For logistic regression the gradient is known: the worst change is -ε sign(w) for label 1.
BOOST_AUTO_TEST_CASE(fast_gradient_sign_of_a_linear_model) {
  Rng rng(1);
  Linear<double> model(3, 1, Init::xavier_uniform(), rng);
  model.weight.mutable_value() = Array<double>{{2, -1, 0}};
  model.bias.requires_grad(false);
  const Array<double> x{{.1, .2, .3}};
  const auto loss = [](const Variable<double>& z) { return bce_with_logits(z, full<double>(z.shape(), 1.)); };
  Tape<double> outer;  // that must not notice
  const auto worse = fast_gradient_sign<double>(model, x, .25, loss);
  BOOST_TEST(worse(0, 0) == .1 - .25, tolerance(1e-12));
  BOOST_TEST(worse(0, 1) == .2 + .25, tolerance(1e-12));
  BOOST_TEST(worse(0, 2) == .3);  // no gradient, no change
  BOOST_TEST(outer.size() == 0u);
  BOOST_TEST(!model.weight.has_grad());
  BOOST_TEST(model.weight.requires_grad());
  BOOST_TEST(!model.bias.requires_grad());
}

// --- half precision ----------------------------------------------------------------------------------------

// Every half, every middle between two halves, and the numbers beside the middle.
BOOST_AUTO_TEST_CASE(round_to_half_everywhere) {
  std::size_t wrong = 0;
  const auto check = [&](double x, double expected) {
    for (const double sign : {1., -1.}) {
      wrong += round_to_half(sign * x) != sign * expected;
      if (double(float(x)) == x) wrong += round_to_half(float(sign * x)) != float(sign * expected);
    }
  };
  for (unsigned bits = 0; bits < 0x7c00; ++bits) {
    const double low = half_value(bits), high = half_value(bits + 1);
    const double up = std::isinf(high) ? 65536 : high, middle = (low + up) / 2;
    check(low, low);
    check(middle, bits % 2 == 0 ? low : high);  // to the even one
    check(std::nextafter(middle, 0), low);
    check(std::nextafter(middle, 1e9), high);
    check(double(std::nextafter(float(middle), 1e9f)), high);
  }
  BOOST_TEST(wrong == 0u);
  BOOST_TEST(std::signbit(round_to_half(-0.)));
  BOOST_TEST(std::signbit(round_to_half(-1e-30)));
  BOOST_TEST(std::isnan(round_to_half(float(NAN))));
  BOOST_TEST(std::isinf(round_to_half(65520.)));
  BOOST_TEST(round_to_half(65519.99) == 65504);
  BOOST_TEST(round_to_half(1e300) == INFINITY);
}

#ifdef __F16C__
BOOST_AUTO_TEST_CASE(round_to_half_as_the_processor_does) {
  Rng rng(1);
  std::size_t wrong = 0;
  for (int i = 0; i < 1000000; ++i) {
    const auto bits = static_cast<std::uint32_t>(rng.bits());
    float x;
    std::memcpy(&x, &bits, sizeof x);
    const float ours = round_to_half(x),
                theirs = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT)));
    wrong += !(ours == theirs || (std::isnan(ours) && std::isnan(theirs)));
  }
  BOOST_TEST(wrong == 0u);
}
#endif

BOOST_AUTO_TEST_CASE(through_half_rounds_both_ways) {
  const auto x = parameter(Array<float>{1.f + .0004f, 1e-9f, 3});
  Tape<float> tape;
  const auto y = through_half(x);
  BOOST_TEST((y.value() == Array<float>{1, 0, 3}));
  y.backward(Array<float>{1e-8f, 1e6f, 1.f + .0004f});
  BOOST_TEST((x.grad() == Array<float>{0, INFINITY, 1}));
}

BOOST_AUTO_TEST_CASE(half_weights_give_the_masters_back) {
  auto w = parameter(Array<float>{1.0001f, -2.f / 3});
  {
    const HalfWeights<float> half({{"w", w}});
    BOOST_TEST(w.value()(0) == 1);
    BOOST_TEST(w.value()(1) == -.66650390625f);
  }
  BOOST_TEST((w.value() == Array<float>{1.0001f, -2.f / 3}));
}

BOOST_AUTO_TEST_CASE(loss_scale_saves_small_gradients_and_skips_infinite_ones) {
  auto w = parameter(Array<float>{0, 0});
  const auto unscaled = [&](LossScale& scale, float a, float b) {
    w.zero_grad();
    w.accumulate(Array<float>{a * float(scale.factor()), b * float(scale.factor())});
    return scale.unscale<float>({{"w", w}});
  };
  LossScale none(1), fixed(1024);
  BOOST_TEST(unscaled(none, 1e-8f, .5f));
  BOOST_TEST(w.grad()(0) == 0);  // below the smallest half, 6e-8
  BOOST_TEST(unscaled(fixed, 1e-8f, .5f));
  BOOST_TEST(w.grad()(0) == 1e-8f, tolerance(.01f));
  BOOST_TEST(w.grad()(1) == .5f);
  BOOST_TEST(!unscaled(fixed, 100, 0));  // 102400 is no half
  BOOST_TEST(fixed.factor() == 1024);
  BOOST_TEST(fixed.skipped() == 1u);
  LossScale dynamic(1024, 2);
  BOOST_TEST(!unscaled(dynamic, 100, 0));
  BOOST_TEST(dynamic.factor() == 512);
  BOOST_TEST(unscaled(dynamic, 100, 0));
  BOOST_TEST(dynamic.factor() == 512);
  BOOST_TEST(unscaled(dynamic, 100, 0));
  BOOST_TEST(dynamic.factor() == 1024);
  rejects("[loss_scale] the factor is 0", [] { LossScale(0); });
}

// A long parameter goes through vector instructions, a short one does not.
BOOST_AUTO_TEST_CASE(an_optimiser_changes_each_number_by_itself) {
  using Make = std::function<std::unique_ptr<Optimizer<float>>(const Parameters<float>&)>;
  const Make makers[] = {
      [](auto& p) {
        return std::make_unique<Adam<float>>(p, .1, AdamOptions{.9, .99, 1e-8, .01});
      },
      [](auto& p) { return std::make_unique<AdamW<float>>(p, .1); },
      [](auto& p) {
        return std::make_unique<SGD<float>>(p, .1, SgdOptions{.9, false, .01});
      },
      [](auto& p) {
        return std::make_unique<SGD<float>>(p, .1, SgdOptions{.9, true, 0});
      },
  };
  constexpr std::size_t n = 75;
  for (const Make& make : makers) {
    Rng rng(1);
    const auto start = rng.normal<float>({n});
    Parameters<float> whole{{"whole", parameter(start)}}, apart;
    for (std::size_t i = 0; i < n; ++i)
      apart.push_back({std::to_string(i), parameter(Array<float>{start.data()[i]})});
    const auto of_whole = make(whole), of_apart = make(apart);
    for (int step = 0; step < 5; ++step) {
      const auto g = rng.normal<float>({n});
      of_whole->zero_grad();
      of_apart->zero_grad();
      whole[0].variable.accumulate(g);
      for (std::size_t i = 0; i < n; ++i) apart[i].variable.accumulate(Array<float>{g.data()[i]});
      of_whole->step();
      of_apart->step();
    }
    for (std::size_t i = 0; i < n; ++i)
      BOOST_TEST(std::abs(whole[0].variable.value().data()[i] - apart[i].variable.value().data()[0]) < 1e-6);
  }
}

BOOST_AUTO_TEST_SUITE_END()
