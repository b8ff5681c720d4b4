// The worked examples of documents D0 to D4, and examples made for those of their formulas that come without
// numbers: forward, dx and the gradients of all parameters. The numbers were computed with PyTorch in double
// and are written with ten significant digits.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <sstream>

#include "xgrad/xgrad.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;
using Numbers = std::vector<double>;

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
constexpr Divisor n = Divisor::population, n_minus_1 = Divisor::sample;

/// Ten digits leave half a unit of the tenth open, 5e-10 of the number; where terms cancel, rounding adds
/// 1e-12 of the largest number of the row.
void expect(const std::string& what, const A& computed, const Numbers& stated) {
  BOOST_TEST_CONTEXT(what) {
    BOOST_REQUIRE_EQUAL(computed.size(), stated.size());
    double scale = 1;
    for (double s : stated)
      if (std::isfinite(s)) scale = std::max(scale, std::abs(s));
    for (std::size_t i = 0; i < stated.size(); ++i) {
      const double c = computed.data()[i], s = stated[i];
      const bool agree =
          std::isnan(s) ? std::isnan(c) : std::abs(c - s) <= 5.001e-10 * std::abs(s) + 1e-12 * scale;
      BOOST_CHECK_MESSAGE(agree, "entry " << i << " is " << to_string(scalar(c), 12) << ", should be "
                                          << to_string(scalar(s), 12));
    }
  }
}

void expect(const std::string& what, double computed, double stated) {
  expect(what, scalar(computed), {stated});
}

/// The constants of `rows`, one after the other.
Numbers joined(const std::vector<Numbers>& rows) {
  Numbers all;
  for (const Numbers& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

struct Run {
  A y;
  double loss = 0;
  std::vector<A> gradients;  // of each input
};

/// y = f(inputs) and the gradients of L = Σ c ⊙ y.
Run run(const Differentiable<double>& f, const std::vector<A>& inputs, const A& c) {
  std::vector<V> variables;
  for (const A& input : inputs) variables.push_back(parameter(input));
  Tape<double> tape;
  const V y = f(variables), loss = sum(V(c) * y);
  loss.backward();
  Run result{y.value(), loss.item(), {}};
  for (const V& variable : variables) result.gradients.push_back(variable.grad());
  return result;
}

/// layer_norm without γ and β.
V standardise(const V& x, double eps = 1e-5, Divisor divisor = n) {
  return layer_norm<double>(x, {}, {}, {eps, divisor});
}

/// (x - mean)/√(variance + ε) over any axes.
V standardise_over(const V& x, const Axes& axes, double eps, Divisor divisor = n) {
  return (x - mean(x, axes, true)) / sqrt(variance(x, axes, true, divisor) + V(eps));
}

/// W[r][c] = ((3r + 5c + k) mod 7 - 3)/5, (out, in).
A pattern7(std::size_t rows, std::size_t columns, std::size_t k) {
  auto w = empty<double>({rows, columns});
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) w(r, c) = (double((3 * r + 5 * c + k) % 7) - 3) / 5;
  return w;
}

/// W[r][c] = ((4r + 7c + k) mod 5 - 2)/5, 4 × 4, (in, out).
A pattern5(std::size_t k) {
  auto w = empty<double>({4, 4});
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t c = 0; c < 4; ++c) w(r, c) = (double((4 * r + 7 * c + k) % 5) - 2) / 5;
  return w;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(documents_test)

// B1: D0 §4.2.2.
BOOST_AUTO_TEST_CASE(b1_residual_with_relu) {
  const auto check = [](const A& z, const A& w, const Numbers& y, double loss, const Numbers& dz) {
    const Run result = run([](const auto& in) { return in[0] + relu(in[0]); }, {z}, w);
    expect("y", result.y, y);
    expect("L", result.loss, loss);
    expect("dz", result.gradients[0], dz);
  };
  check(A{1, 2, 3}, A{1, 1, 1}, {2, 4, 6}, 12, {2, 2, 2});
  check(A{1, 2, 3}, A{1, 2, 3}, {2, 4, 6}, 28, {2, 4, 6});
  check(A{1, 2, 3}, A{1, 0, 0}, {2, 4, 6}, 2, {2, 0, 0});
  check(A{1, 2, 3}, A{.5, -1, 2}, {2, 4, 6}, 9, {1, -2, 4});
  check(A{-1, 0, 2}, A{1, 1, 1}, {-1, 0, 4}, 3, {1, 1, 2});
  check(A{-1, 0, 2}, A{.5, -1, 2}, {-1, 0, 4}, 7.5, {.5, -1, 4});
}

namespace {

using Normalisation = std::function<V(const V& x, const V& gamma, const V& beta)>;

Normalisation fused(double eps, Divisor divisor) {
  return [=](const V& x, const V& gamma, const V& beta) {
    return layer_norm(x, gamma, beta, {eps, divisor});
  };
}

/// With D0's constants instead of the mean and deviation of x.
V frozen(const V& x, const V& gamma, const V& beta) { return gamma * (x - V(2.)) / V(1.) + beta; }

/// D0's γ = 2 and β = 1 on x = [1, 2, 3].
Run document_norm(const Normalisation& f, const A& w) {
  return run([&](const auto& in) { return f(in[0], in[1], in[2]); }, {A{1, 2, 3}, A{2, 2, 2}, A{1, 1, 1}}, w);
}

void check_norm(const std::string& name, const Normalisation& f, const A& w, double loss, const Numbers& dx,
                const Numbers& dgamma) {
  const Run result = document_norm(f, w);
  expect(name + " L", result.loss, loss);
  expect(name + " dx", result.gradients[0], dx);
  expect(name + " dgamma", result.gradients[1], dgamma);
  expect(name + " dbeta", result.gradients[2], {w.begin(), w.end()});
}

}  // namespace

// B2: D0 §4.3.2. The document prints [3, 1, 3]; its own constants give [-1, 1, 3].
BOOST_AUTO_TEST_CASE(b2_layer_norm_forward) {
  const A w{1, 1, 1};
  expect("frozen", document_norm(frozen, w).y, {-1, 1, 3});
  expect("n, 0", document_norm(fused(0, n), w).y, {-1.449489743, 1, 3.449489743});
  expect("n, 1e-5", document_norm(fused(1e-5, n), w).y, {-1.449471372, 1, 3.449471372});
  expect("n, 1e-8", document_norm(fused(1e-8, n), w).y, {-1.449489724, 1, 3.449489724});
  expect("n-1, 0", document_norm(fused(0, n_minus_1), w).y, {-1, 1, 3});
  expect("n-1, 1e-8", document_norm(fused(1e-8, n_minus_1), w).y, {-.99999999, 1, 2.99999999});
  expect("n-1, 1e-5", document_norm(fused(1e-5, n_minus_1), w).y, {-.9999900001, 1, 2.99999});
  const auto outside = [](const V& x, const V& gamma, const V& beta) {
    return gamma * (x - mean(x)) / (sqrt(variance(x, {}, false, n_minus_1)) + V(1e-5)) + beta;
  };
  expect("n-1, 1e-5 outside the root", document_norm(outside, w).y, {-.9999800002, 1, 2.99998});
  const V x = A{1, 2, 3};
  expect("deviation, n", sqrt(variance(x)).item(), .8164965809);
  expect("deviation, n-1", sqrt(variance(x, {}, false, n_minus_1)).item(), 1);
}

BOOST_AUTO_TEST_CASE(b2_layer_norm_gradients) {
  const A sum_weights{1, 1, 1}, affine{1, 2, 3}, first{1, 0, 0}, mixed{.5, -1, 2};
  check_norm("frozen, sum", frozen, sum_weights, 3, {2, 2, 2}, {-1, 0, 1});
  check_norm("frozen, first", frozen, first, -1, {2, 0, 0}, {-1, 0, 0});
  check_norm("frozen, mixed", frozen, mixed, 4.5, {1, -2, 4}, {-.5, 0, 2});
  check_norm("n, 0, sum", fused(0, n), sum_weights, 3, {0, 0, 0}, {-1.224744871, 0, 1.224744871});
  check_norm("n, 0, affine", fused(0, n), affine, 10.89897949, {0, 0, 0}, {-1.224744871, 0, 3.674234614});
  check_norm("n, 0, first", fused(0, n), first, -1.449489743, {.4082482905, -.8164965809, .4082482905},
             {-1.224744871, 0, 0});
  check_norm("n, 0, mixed", fused(0, n), mixed, 5.174234614, {1.837117307, -3.674234614, 1.837117307},
             {-.6123724357, 0, 2.449489743});
  check_norm("n, 1e-5, affine", fused(1e-5, n), affine, 10.89894274, {-3.674151945e-05, 0, 3.674151945e-05},
             {-1.224735686, 0, 3.674207058});
  check_norm("n, 1e-5, first", fused(1e-5, n), first, -1.449471372, {.4082635994, -.8164904573, .4082268579},
             {-1.224735686, 0, 0});
  check_norm("n, 1e-5, mixed", fused(1e-5, n), mixed, 5.174207058, {1.837075973, -3.674207058, 1.837131085},
             {-.612367843, 0, 2.449471372});
  check_norm("n-1, 0, first", fused(0, n_minus_1), first, -1, {.3333333333, -.6666666667, .3333333333},
             {-1, 0, 0});
  check_norm("n-1, 0, mixed", fused(0, n_minus_1), mixed, 4.5, {1.5, -3, 1.5}, {-.5, 0, 2});
  check_norm("n-1, 1e-8, mixed", fused(1e-8, n_minus_1), mixed, 4.499999985,
             {1.499999978, -2.999999985, 1.500000007}, {-.4999999975, 0, 1.99999999});
}

// B3: D0 §4.4.1. The document prints [1, 5, 9], with the mean and deviation of z instead of z + f(z).
BOOST_AUTO_TEST_CASE(b3_residual_then_layer_norm) {
  const auto after_add = [](const Normalisation& f) -> Normalisation {
    return [=](const V& z, const V& gamma, const V& beta) { return f(z + relu(z), gamma, beta); };
  };
  const auto before_branch = [](double eps) -> Normalisation {
    return [=](const V& z, const V& gamma, const V& beta) {
      return z + relu(layer_norm(z, gamma, beta, {eps}));
    };
  };
  const A w{1, 1, 1};
  expect("frozen", document_norm(after_add(frozen), w).y, {1, 5, 9});
  expect("n, 0", document_norm(after_add(fused(0, n)), w).y, {-1.449489743, 1, 3.449489743});
  expect("n, 1e-5", document_norm(after_add(fused(1e-5, n)), w).y, {-1.44948515, 1, 3.44948515});
  expect("n, 1e-3", document_norm(after_add(fused(1e-3, n)), w).y, {-1.449030593, 1, 3.449030593});
  expect("n-1, 0", document_norm(after_add(fused(0, n_minus_1)), w).y, {-1, 1, 3});
  expect("n-1, 1e-8", document_norm(after_add(fused(1e-8, n_minus_1)), w).y, {-.9999999975, 1, 2.999999998});
  expect("pre, 0", document_norm(before_branch(0), w).y, {1, 3, 6.449489743});
  expect("pre, 1e-5", document_norm(before_branch(1e-5), w).y, {1, 3, 6.449471372});

  const A first{1, 0, 0}, mixed{.5, -1, 2};
  check_norm("frozen, sum", after_add(frozen), w, 15, {4, 4, 4}, {0, 2, 4});
  check_norm("frozen, first", after_add(frozen), first, 1, {4, 0, 0}, {0, 0, 0});
  check_norm("frozen, mixed", after_add(frozen), mixed, 13.5, {2, -4, 8}, {0, -2, 8});
  check_norm("n, 0, first", after_add(fused(0, n)), first, -1.449489743,
             {.4082482905, -.8164965809, .4082482905}, {-1.224744871, 0, 0});
  check_norm("n, 0, mixed", after_add(fused(0, n)), mixed, 5.174234614,
             {1.837117307, -3.674234614, 1.837117307}, {-.6123724357, 0, 2.449489743});
  check_norm("n, 1e-5, first", after_add(fused(1e-5, n)), first, -1.44948515,
             {.4082521178, -.81649505, .4082429322}, {-1.224742575, 0, 0});
  check_norm("n, 1e-5, mixed", after_add(fused(1e-5, n)), mixed, 5.174227725,
             {1.837106973, -3.674227725, 1.837120752}, {-.6123712875, 0, 2.44948515});
  check_norm("n, 1e-3, mixed", after_add(fused(1e-3, n)), mixed, 5.173545889,
             {1.836084413, -3.673545889, 1.837461476}, {-.6122576481, 0, 2.449030593});
  check_norm("n-1, 0, first", after_add(fused(0, n_minus_1)), first, -1,
             {.3333333333, -.6666666667, .3333333333}, {-1, 0, 0});
  check_norm("n-1, 0, mixed", after_add(fused(0, n_minus_1)), mixed, 4.5, {1.5, -3, 1.5}, {-.5, 0, 2});
  check_norm("n-1, 1e-8, mixed", after_add(fused(1e-8, n_minus_1)), mixed, 4.499999996,
             {1.499999994, -2.999999996, 1.500000002}, {-.4999999994, 0, 1.999999998});

  // Before the branch, ReLU stands between β and the loss: dβ is w where LN(z) > 0.
  for (const auto& [eps, loss, dz, dgamma] : std::vector<std::tuple<double, double, Numbers, Numbers>>{
           {0, 10.39897949, {2.132993162, -4.265986324, 3.632993162}, {0, 0, 2.449489743}},
           {1e-5, 10.39894274, {2.132944173, -4.265961829, 3.633017656}, {0, 0, 2.449471372}}}) {
    const Run result = document_norm(before_branch(eps), mixed);
    expect("pre L", result.loss, loss);
    expect("pre dz", result.gradients[0], dz);
    expect("pre dgamma", result.gradients[1], dgamma);
    expect("pre dbeta", result.gradients[2], {0, -1, 2});
  }
}

// B5: D1 §4.2.1, R(x) = y - L(x): the prediction is the target, and nothing can be learned.
BOOST_AUTO_TEST_CASE(b5_target_minus_output) {
  for (const A& x : {A{1, 2, 3}, A{-4, 0, 8}}) {
    const V w = parameter(A{.5, -1, 2});
    Tape<double> tape;
    const V output = sum(w * V(x)), prediction = output + (V(10.) - output);
    prediction.backward();
    expect("prediction", prediction.item(), 10);
    expect("dw", w.grad(), {0, 0, 0});
  }
  expect("L(x)", sum(V(A{.5, -1, 2}) * V(A{1, 2, 3})).item(), 4.5);
}

BOOST_AUTO_TEST_CASE(b7_activations) {
  const A x{-2, -1, -.5, 0, .5, 1, 2}, ones{1, 1, 1, 1, 1, 1, 1};
  const auto check = [&](const char* name, V (*f)(const V&), const Numbers& y, const Numbers& slope) {
    const Run result = run([=](const auto& in) { return f(in[0]); }, {x}, ones);
    expect(name, result.y, y);
    expect(name, result.gradients[0], slope);
  };
  check("sigmoid", sigmoid<double>,
        {.119202922, .2689414214, .3775406688, .5, .6224593312, .7310585786, .880797078},
        {.1049935854, .1966119332, .2350037122, .25, .2350037122, .1966119332, .1049935854});
  check("relu", relu<double>, {0, 0, 0, 0, .5, 1, 2}, {0, 0, 0, 0, 1, 1, 1});
  check("tanh", tanh<double>,
        {-.9640275801, -.761594156, -.4621171573, 0, .4621171573, .761594156, .9640275801},
        {.07065082485, .4199743416, .786447733, 1, .786447733, .4199743416, .07065082485});
}

BOOST_AUTO_TEST_CASE(b8_softmax_and_losses) {
  const A logits{1, 2, 3};
  expect("softmax", softmax(V(logits)).value(), {.09003057317, .2447284711, .6652409558});
  expect("log_softmax", log_softmax(V(logits)).value(), {-2.407605964, -1.407605964, -.4076059644});
  expect("d softmax[2]",
         run([](const auto& in) { return softmax(in[0]); }, {logits}, A{0, 0, 1}).gradients[0],
         {-.05989202454, -.162803402, .2226954265});

  const Numbers gradient{.09003057317, .2447284711, -.3347590442};
  const Indices label = reshaped<std::int64_t>(full<std::int64_t>({}, 2), {1});
  const A one_row = reshaped<double>(logits, {1, 3});
  const std::vector<std::pair<const char*, Differentiable<double>>> cross_entropies{
      {"label", [&](const auto& in) { return cross_entropy(in[0], label); }},
      {"one-hot", [&](const auto& in) { return cross_entropy(in[0], one_hot<double>(label, 3)); }},
      {"nll", [&](const auto& in) { return nll_loss(log_softmax(in[0]), label); }}};
  for (const auto& [name, loss] : cross_entropies) {
    const Run result = run(loss, {one_row}, scalar(1.));
    expect(name, result.loss, .4076059644);
    expect(name, result.gradients[0], gradient);
  }

  const auto bce = [](double target) {
    return run([=](const auto& in) { return bce_with_logits(in[0], A{target}); }, {A{.5}}, scalar(1.));
  };
  expect("bce 1", bce(1).loss, .4740769842);
  expect("bce 1", bce(1).gradients[0], {-.3775406688});
  expect("bce 7", bce(7).loss, -2.525923016);  // D0 §5.4's labels 0…9: unbounded below
  expect("bce 7", bce(7).gradients[0], {-6.377540669});
  expect("bce 7, logit 20", bce_with_logits(V(A{20.}), A{7.}).item(), -120);
}

BOOST_AUTO_TEST_CASE(b9_layer_norm_of_four) {
  const auto check = [](double eps, Divisor divisor, const Numbers& y, double loss, const Numbers& dx) {
    const LayerNormOptions options{eps, divisor};
    const std::vector<Differentiable<double>> forms{
        [=](const auto& in) { return layer_norm<double>(in[0], {}, {}, options); },
        [=](const auto& in) { return composed::layer_norm<double>(in[0], {}, {}, options); }};
    for (const auto& f : forms) {
      const Run result = run(f, {A{1, 2, 3, 4}}, A{1, -1, 2, .5});
      expect("y", result.y, y);
      expect("L", result.loss, loss);
      expect("dx", result.gradients[0], dx);
    }
  };
  check(0, n, {-1.341640786, -.4472135955, .4472135955, 1.341640786}, .6708203932,
        {.5366563146, -1.386362146, 1.162755348, -.3130495168});
  check(0, n_minus_1, {-1.161895004, -.3872983346, .3872983346, 1.161895004}, .5809475019,
        {.4647580015, -1.200624837, 1.00697567, -.2711088342});
  check(1e-8, n, {-1.341640781, -.4472135937, .4472135937, 1.341640781}, .6708203906,
        {.5366563108, -1.386362141, 1.162755344, -.313049514});
  check(1e-8, n_minus_1, {-1.161895, -.3872983335, .3872983335, 1.161895}, .5809475002,
        {.4647579991, -1.200624834, 1.006975667, -.2711088324});
  check(1e-5, n, {-1.34163542, -.4472118067, .4472118067, 1.34163542}, .67081771,
        {.536652558, -1.386357137, 1.162751234, -.3130466547});
  check(1e-5, n_minus_1, {-1.161891518, -.3872971727, .3872971727, 1.161891518}, .5809457591,
        {.4647555616, -1.200621584, 1.006972998, -.2711069752});
  check(1e-3, n, {-1.341104452, -.4470348173, .4470348173, 1.341104452}, .670552226,
        {.5362809769, -1.385861535, 1.162344126, -.3127635682});
  expect("mean", mean(V(A{1, 2, 3, 4})).item(), 2.5);
  expect("variance, n", variance(V(A{1, 2, 3, 4})).item(), 1.25);
  expect("variance, n-1", variance(V(A{1, 2, 3, 4}), {}, false, n_minus_1).item(), 1.666666667);
}

BOOST_AUTO_TEST_CASE(b10_degenerate_rows) {
  const auto constant = [](double eps, Divisor divisor) {
    return run([=](const auto& in) { return standardise(in[0], eps, divisor); }, {A{5, 5, 5}}, A{1, 0, 0});
  };
  expect("1e-5 y", constant(1e-5, n).y, {0, 0, 0});
  expect("1e-5 dx", constant(1e-5, n).gradients[0], {210.8185107, -105.4092553, -105.4092553});
  expect("1e-8 y", constant(1e-8, n).y, {0, 0, 0});
  expect("1e-8 dx", constant(1e-8, n).gradients[0], {6666.666667, -3333.333333, -3333.333333});
  for (Divisor divisor : {n, n_minus_1}) {
    expect("0 y", constant(0, divisor).y, {undefined, undefined, undefined});
    expect("0 dx", constant(0, divisor).gradients[0], {undefined, undefined, undefined});
  }
  for (double x : {7., -3.}) {
    expect("one feature, n", layer_norm(V(A{x}), V(A{2.}), V(A{.5})).value(), {.5});
    expect("one feature, n-1", layer_norm(V(A{x}), V(A{2.}), V(A{.5}), {1e-5, n_minus_1}).value(),
           {undefined});
  }
}

// B11: D3 §4.1's attention formula.
BOOST_AUTO_TEST_CASE(b11_attention) {
  const A q{{1, 0}, {0, 1}}, k{{1, 0}, {1, 1}}, v{{1, 2}, {3, 4}}, c{{1, 0}, {0, 1}};
  AttentionOptions causal;
  causal.causal = true;
  AttentionOptions unscaled;
  unscaled.scale = 1;
  A weights;
  const auto attend = [&](const AttentionOptions& options) {
    return run([&](const auto& in) { return attention(in[0], in[1], in[2], options, &weights); }, {q, k, v},
               c);
  };
  const Run full = attend({});
  expect("weights", weights, {.5, .5, .3302384507, .6697615493});
  expect("y", full.y, {2, 3, 2.339523099, 3.339523099});
  expect("L", full.loss, 5.339523099);
  expect("dq", full.gradients[0], {0, .3535533906, 0, .3127971931});
  expect("dk", full.gradients[1], {-.3535533906, -.3127971931, .3535533906, .3127971931});
  expect("dv", full.gradients[2], {.5, .3302384507, .5, .6697615493});

  const Run masked = attend(causal);
  expect("causal weights", weights, {1, 0, .3302384507, .6697615493});
  expect("causal y", masked.y, {1, 2, 2.339523099, 3.339523099});
  expect("causal L", masked.loss, 4.339523099);
  expect("causal dq", masked.gradients[0], {0, 0, 0, .3127971931});
  expect("causal dk", masked.gradients[1], {0, -.3127971931, 0, .3127971931});
  expect("causal dv", masked.gradients[2], {1, .3302384507, 0, .6697615493});

  const Run plain = attend(unscaled);
  expect("unscaled weights", weights, {.5, .5, .2689414214, .7310585786});
  expect("unscaled y", plain.y, {2, 3, 2.462117157, 3.462117157});
  expect("scores", (matmul(V(q), transpose(V(k))) / V(std::sqrt(2.))).value(),
         {.7071067812, .7071067812, 0, .7071067812});
}

namespace {

/// Two heads on (tokens, 4). The fixture multiplies X · W; Linear's weights are (out, in), the transpose.
MultiHeadAttention<double> two_heads() {
  Rng rng(0);
  MultiHeadAttention<double> heads(4, 2, Init::constant(0), rng, Bias::no);
  std::size_t k = 0;
  for (Linear<double>* part : {&heads.query, &heads.key, &heads.value, &heads.output})
    part->weight.mutable_value() = transpose(V(pattern5(k++))).value();
  return heads;
}

}  // namespace

// B12: D3 §4.1's multi-head formula.
BOOST_AUTO_TEST_CASE(b12_multi_head_attention) {
  expect("WQ", pattern5(0), {-.4, 0, .4, -.2, .4, -.2, .2, -.4, .2, -.4, 0, .4, 0, .4, -.2, .2});
  expect("WO", pattern5(3), {.2, -.4, 0, .4, 0, .4, -.2, .2, -.2, .2, -.4, 0, -.4, 0, .4, -.2});
  const A tokens{{1, 0, 1, 0}, {0, 2, 0, 2}, {1, 1, 1, 1}}, c{{1, -1, 2, .5}, {.5, 1, -1, 2}, {2, .5, 1, -1}};
  const auto check = [&](const std::string& name, bool causal, const Numbers& y, double loss,
                         const Numbers& dx, const std::vector<Numbers>& dw) {
    MultiHeadAttention<double> heads = two_heads();
    heads.options.causal = causal;
    const Run result = run([&](const auto& in) { return heads(in[0]); }, {tokens}, c);
    expect(name + " y", result.y, y);
    expect(name + " L", result.loss, loss);
    expect(name + " dx", result.gradients[0], dx);
    const auto gradient = [](const Linear<double>& part) { return transpose(V(part.weight.grad())).value(); };
    expect(name + " dWQ", gradient(heads.query), joined({dw[0], dw[0]}));  // rows 3 and 4 repeat rows 1 and 2
    expect(name + " dWK", gradient(heads.key), joined({dw[1], dw[1]}));
    expect(name + " dWV", gradient(heads.value), joined({dw[2], dw[2]}));
    expect(name + " dWO", gradient(heads.output), dw[3]);
  };
  check("unmasked", false,
        {.1982494441, .08581996237, -.1869589159, .1300358366, .1287672501, .1690981152, -.1916208256,
         .07869049388, .1816600946, .1123889272, -.1898723845, .1152550496},
        .5004003406,
        {.1287044937, .05312553775, -.1962194422, .1441138176, .01985373921, .1864005796, -.3116906331,
         .1501684602, .06253434744, .08643654685, -.2304348019, .1656289846},
        {{-.06687103138, -.08146934727, .1315956851, .1104021139, .00618651173, .004022848083, .1840802228,
          .1463294129},
         {.03448653312, .05644780318, -.05947236174, .006456686818, -.04475752172, -.08348077131, .1018595043,
          -.02301392543},
         {.7367430703, .1988660034, -.7857716122, -.6547467259, 1.089823186, -.1571588923, -1.663575529,
          -.8050643666},
         {-.2213177674, -.1482561058, .0289499885, -.2294286991, .9275620165, .1919114951, .4509645405,
          .4648735571, -.3220251956, .01702788065, -.2693754204, -.04501809036, -1.514529432, -.1360116267,
          -.9743166269, -.5297031237}});
  check("causal", true,
        {-.12, .36, -.16, -.08, .133172776, .1328875765, -.1665150881, .07792337045, .1816600946, .1123889272,
         -.1898723845, .1152550496},
        -.2037769876,
        {.1199839884, .1963446501, -.8261678721, .3627562511, .0326471829, .06496991623, .08651269845,
         .1666940913, .02263177221, .07964992924, -.03082108762, -.03235745887},
        {{.00563849698, .007506089833, .07077738826, .05868293891, .00563849698, .007506089833, .2453105115,
          .1983094375},
         {.001885452064, -.001885452064, -.03105899304, .03490662464, -.003753044917, .003753044917,
          .05524789175, -.06981324928},
         {.9861757228, -.1949407699, -1.352351245, -.3793328274, .160356339, .5225893244, -.3227190799,
          -1.106311937},
         {-.5821846512, .258016927, -.753325311, -.3568883007, 1.058384541, -.01218540961, .8103087632,
          .4447980426, -.02503017107, -.3141851261, .3702386049, .06355844277, -1.053343683, -.5739060318,
          -.08300025431, -.2719370155}});
}

BOOST_AUTO_TEST_CASE(b12_attention_in_a_residual_block) {
  const A tokens{{1, 0, 1, 0}, {0, 2, 0, 2}, {1, 1, 1, 3}}, c{{1, -1, 2, .5}, {.5, 1, -1, 2}, {2, .5, 1, -1}};
  MultiHeadAttention<double> heads = two_heads();
  const Run post = run([&](const auto& in) { return standardise(in[0] + heads(in[0])); }, {tokens}, c);
  expect("post y", post.y,
         {1.50128687, -1.177883188, .2296325532, -.5530362356, -.7264885832, .9012039386, -1.237303221,
          1.062587866, -.2573705157, -.5151268316, -.9118245003, 1.684321848});
  expect("post L", post.loss, 3.393904852);
  expect("post dx", post.gradients[0],
         {-1.405475307, -1.422099153, 1.971057865, .637563506, .4884528441, -.4427929092, -.7109504891,
          .3682593264, 1.153287235, -.6242695571, -.6932703597, -.122785668});
  const Run pre = run([&](const auto& in) { return in[0] + heads(standardise(in[0])); }, {tokens}, c);
  expect("pre y", pre.y,
         {1.215884415, -.3044181458, .8890291144, .1982354071, .02663283591, 1.927579705, -.09997796625,
          2.064288075, 1.086543118, .9721432814, .8179894658, 3.083054471});
  expect("pre L", pre.loss, 9.961021604);
  expect("pre dx", pre.gradients[0],
         {1.085830312, -.9616041732, 1.914164192, .4616096691, .6591341572, .8886357947, -1.159137154,
          2.111367202, 2.15548312, .7272859906, .6172298246, -.9999989347});
}

namespace {

/// The dense residual blocks of B13: inputs are x, W1, W2, b1, b2 and, for the last one, Wc.
V feed_forward(const V& h, const std::vector<V>& in) {
  return linear(relu(linear(h, in[1], in[3])), in[2], in[4]);
}

/// D0 §5.2's block has a second normalisation between ReLU and the second linear map.
Differentiable<double> two_norm_block(double eps) {
  return [=](const std::vector<V>& in) {
    const V h = relu(linear(standardise(in[0], eps), in[1], in[3]));
    return in[0] + linear(standardise(h, eps), in[2], in[4]);
  };
}

}  // namespace

BOOST_AUTO_TEST_CASE(b13_dense_residual_blocks) {
  using In = std::vector<V>;
  // The gradients are those of x, W1, W2, b1, b2 and, where there is one, Wc.
  const auto check = [](const std::string& name, const Differentiable<double>& f, const Numbers& y,
                        double loss, const std::vector<Numbers>& gradients) {
    std::vector<A> inputs{A{{1, 2, 3}, {-1, .5, 2}}, pattern7(3, 3, 0), pattern7(3, 3, 1), A{.1, -.2, .3},
                          A{0, .1, -.1}};
    if (gradients.size() == 6) inputs.push_back(pattern7(3, 6, 2));
    const Run result = run(f, inputs, A{{1, -1, 2}, {.5, 2, -1}});
    expect(name + " y", result.y, y);
    expect(name + " L", result.loss, loss);
    const char* const names[]{" dx", " dW1", " dW2", " db1", " db2", " dWc"};
    for (std::size_t i = 0; i < inputs.size(); ++i)
      expect(name + names[i], result.gradients[i], gradients[i]);
  };
  check("a: x + f(x)", [](const In& in) { return in[0] + feed_forward(in[0], in); },
        {1.5, 1.58, 3.04, -.88, .62, 1.68}, 5.12,
        {{2.56, -2.2, 2.8, .02, 2.52, -1.3},
         {-2.6, -3.2, -3.8, 2.1, 2.95, 3.8, .8, 1.6, 2.4},
         {.75, 1.2, .7, 1.5, .8, -.7, -.3, .8, 1.4},
         {-1, 1.1, .8},
         {1.5, 1, 1}});
  check("b: D0 §5.2, eps 1e-3", two_norm_block(1e-3),
        {.4354311134, 3.063129272, 2.335431113, -1.564409164, 1.563109252, 1.335590836}, 3.051587154,
        {{3.169247125, -5.340290789, 4.171043664, .1358469838, 2.728433985, -1.364280968},
         {2.720109885, 0, -2.720109885, -4.239118284, 0, 4.239118284, 0, 0, 0},
         {1.636755262, .3381992207, -1.974954482, 1.090956195, .2258106889, -1.316766884, 1.091341358,
          .2251905137, -1.316531872},
         {-2.222941952, 3.464300225, 0},
         {1.5, 1, 1}});
  check("b': eps 1e-5", two_norm_block(1e-5),
        {.4333780164, 3.067083594, 2.333378016, -1.56662036, 1.567083361, 1.33337964}, 3.050527358,
        {{3.174626514, -5.349271396, 4.174644882, .1370609872, 2.725879387, -1.362940375},
         {2.728231839, 0, -2.728231839, -4.258451692, 0, 4.258451692, 0, 0, 0},
         {1.643255313, .3400525601, -1.983307873, 1.095501333, .2267051563, -1.322206489, 1.095505309,
          .2266989471, -1.322204257},
         {-2.227611776, 3.477042162, 0},
         {1.5, 1, 1}});
  check("c: Post-LN", [](const In& in) { return standardise(in[0] + feed_forward(in[0], in)); },
        {-.7628544254, -.649838955, 1.41269338, -1.288577902, .1396488366, 1.148929065}, 1.198450948,
        {{2.72581855, -2.137444502, .5607250803, -1.262612119, 2.332710307, -1.488789782},
         {-2.002966231, -1.324854983, -.646743736, 2.224767078, 1.896966713, 1.569166348, 1.203740101,
          2.407480201, 3.611220302},
         {-.1236621682, .6608798571, 1.011677342, .8884496924, -.02332421255, -1.06713767, -.7647875242,
          -.6375556446, .05546032806},
         {.1418957517, .1827131237, 1.203740101},
         {.8260998214, -.02915526568, -.7969445557}});
  check("d: Pre-LN", [](const In& in) { return in[0] + feed_forward(standardise(in[0]), in); },
        {.9869682823, 2.16, 2.613031718, -1.013031105, .66, 1.613031105}, 3.25348506,
        {{1.971624746, -2.943247288, 2.971622542, .2523297061, 2.495339608, -1.247669314},
         {1.224731603, 0, -1.224731603, -1.347206703, 0, 1.347206703, 0, 0, 0},
         {1.252263648, .8022636482, 0, .8348475352, .5348475352, 0, .8348383497, .5348383497, 0},
         {-1, 1.1, 0},
         {1.5, 1, 1}});
  check("e: both", [](const In& in) { return standardise(feed_forward(standardise(in[0]), in) + in[0]); },
        {-1.361705079, .3502659264, 1.011439153, -1.320232211, .22110876, 1.099123451}, -1.006114737,
        {{1.686791677, -4.474083455, 2.787291777, -.9264125171, 2.256242395, -1.329829878},
         {.9547057559, 0, -.9547057559, -.7839572165, 0, .7839572165, 0, 0, 0},
         {.1322947115, .08475406083, 0, -.8465435312, -.5423367593, 0, .7142488197, .4575826984, 0},
         {-.7795242913, .640107311, 0},
         {.1584688357, -1.014022573, .8555537374}});
  check("f: concatenation",
        [](const In& in) {
          return linear(concatenate<double>({in[0], feed_forward(in[0], in)}, -1), in[5]);
        },
        {-.008, -.592, 1.568, .46, -1.04, .876}, .994,
        {{-.32, .248, 1.264, 1.16, -1.132, -.512},
         {-.82, -1.89, -2.96, -.08, 1.04, 2.16, .88, 1.76, 2.64},
         {.96, .32, -.7, .18, -.8, -1.26, .03, .88, 1.12},
         {-1.02, .88, .88},
         {.4, -1, 1.1},
         {.5, 2.25, 4, .56, -.36, -.12, -3, -1, 1, -.26, .66, -.68, 3, 3.5, 4, .88, -.96, .4}});
}

// D2 §5.2 uses one LayerNorm twice in a layer: its parameters receive the sum of both uses.
BOOST_AUTO_TEST_CASE(b13_shared_layer_norm) {
  Rng rng(1);
  FeedForward<double> f(3, 5, Init::xavier_normal(), rng);
  const A x = rng.normal<double>({4, 3}), c = rng.normal<double>({4, 3});
  const auto block = [&](LayerNorm<double>& inner, LayerNorm<double>& outer) {
    run([&](const auto& in) { return outer(f(inner(in[0])) + in[0]); }, {x}, c);
  };
  LayerNorm<double> shared(3), inner(3), outer(3);
  block(shared, shared);
  block(inner, outer);
  const auto total = [](const V& a, const V& b) {
    const A gradient = (V(a.grad()) + V(b.grad())).value();
    return Numbers(gradient.begin(), gradient.end());
  };
  expect("dgamma", shared.gamma.grad(), total(inner.gamma, outer.gamma));
  expect("dbeta", shared.beta.grad(), total(inner.beta, outer.beta));
}

// B14: images (1, 4, 2, 2) normalised over channels (D4 Q11, Q15, Q18, Q22), over the plane (D4 Q28, which is
// instance normalisation), and over the whole sample; γ and β per channel.
BOOST_AUTO_TEST_CASE(b14_normalisation_axes_of_images) {
  auto x = empty<double>({1, 4, 2, 2}), c = empty<double>({1, 4, 2, 2});
  for (std::size_t i = 0; i < 16; ++i) {
    x.data()[i] = double(7 * i % 16) / 4;
    c.data()[i] = (double(5 * i % 7) - 3) / 2;
  }
  const A gamma{1, 2, .5, -1}, beta{0, .1, -.1, .2};
  struct Variant {
    std::string name;
    std::function<V(const V&)> standardised;
    Numbers y;
    double loss;
    Numbers dgamma, dx;
  };
  // layer_norm normalises trailing axes, so the channels are moved to the back and returned.
  const auto over_channels = [](double eps, Divisor divisor) {
    return [=](const V& x) {
      return transpose(standardise(transpose(x, {0, 2, 3, 1}), eps, divisor), {0, 3, 1, 2});
    };
  };
  const auto over_trailing = [](std::size_t axes, double eps, Divisor divisor) {
    return [=](const V& x) { return layer_norm<double>(x, {}, {}, {eps, divisor, axes}); };
  };
  const auto smaller_ops = [](const Axes& axes, double eps, Divisor divisor) {
    return [=](const V& x) { return standardise_over(x, axes, eps, divisor); };
  };
  const std::vector<Variant> variants{
      {"channels, n-1, 1e-8",
       over_channels(1e-8, n_minus_1),
       {-1.161895, -.3872983335, 1.161895, -.3872983335, 2.423790001, -2.223790001, .8745966669, -2.223790001,
        .09364916673, .4809475002, -.2936491667, .4809475002, .5872983335, -.1872983335, 1.361895,
        -.1872983335},
       6.430896252,
       {1.742842501, 2.711088334, 2.517439167, 1.742842501},
       {.23237899, .1549193342, .5809474967, .4841229142, .3485685102, -.1161894976, -.5809475014,
        -.1936491746, -.4647579968, -.07745966913, -.580947499, .09682459121, -.1161895034, .03872983253,
        .5809475037, -.3872983308}},
      {"channels, n, 1e-5",
       over_channels(1e-5, n),
       {-1.34163542, -.4472118067, 1.34163542, -.4472118067, 2.78327084, -2.58327084, .9944236133,
        -2.58327084, .1236059033, .57081771, -.3236059033, .57081771, .6472118067, -.2472118067, 1.54163542,
        -.2472118067},
       7.464403665,
       {2.01245313, 3.130482647, 2.906876743, 2.01245313},
       {.2683115211, .1788859748, .6708123435, .5590107334, .4025061888, -.1341597854, -.6708194988,
        -.223617978, -.5366489804, -.08944611788, -.6708159212, .1118150263, -.1341687296, .04471992848,
        .6708230765, -.4472077818}},
      {"plane, n-1, 1e-8",
       over_trailing(2, 1e-8, n_minus_1),
       {-1.120245727, .08617274824, 1.292591224, -.2585182447, 2.166540155, -1.215071008, 1.415071008,
        -1.966540155, -.3973943433, .4353098179, -.6353098179, .1973943433, .7947886866, -.8706196359,
        1.270619636, -.3947886866},
       5.975602051,
       {2.025059584, 2.442274728, 1.368013979, 1.368013979},
       {-.2542522696, .907800041, -.342984599, -.3105631724, .9901711187, 1.555983171, -1.555983171,
        -.9901711187, .4264522647, -.4107408645, -.4219632967, .4062518965, -.8529045294, .821481729,
        .8439265935, -.8125037931}},
      {"sample, n, 1e-5",
       over_trailing(3, 1e-5, n),
       {-1.626972309, -.1084648206, 1.410042667, -.5423241029, 2.05236677, -1.85236677, 1.184648206,
        -2.720085335, -.04576758971, .7134861543, -.2626972309, .4965565131, .959253744, -.559253744,
        1.393113026, -.1253944617},
       8.020442569,
       {2.874317745, 2.820085335, 2.223528822, 1.355810257},
       {-.5582803063, .929925963, -.6188827437, -.6109139827, 2.178870133, 1.31912033, -1.097406941,
        -1.957156745, .398768089, -.7161813354, -.2743532921, .1292047715, -.07975610864, .1068723138,
        1.850278204, -1.00010835}}};
  const std::vector<std::function<V(const V&)>> same_by_smaller_ops{
      smaller_ops({1}, 1e-8, n_minus_1), smaller_ops({1}, 1e-5, n), smaller_ops({2, 3}, 1e-8, n_minus_1),
      smaller_ops({1, 2, 3}, 1e-5, n)};
  const std::vector<std::function<V(const V&, const V&, const V&)>> ops{
      [](const V& x, const V& g, const V& b) {
        return channel_layer_norm(x, g, b, {1e-8, n_minus_1});
      },
      [](const V& x, const V& g, const V& b) { return channel_layer_norm(x, g, b); },
      [](const V& x, const V& g, const V& b) {
        return group_norm(x, 4, g, b, {1e-8, n_minus_1});
      },
      [](const V& x, const V& g, const V& b) { return group_norm(x, 1, g, b); }};
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const auto with_affine = [](const auto& standardised) {
      return [&standardised](const std::vector<V>& in) {
        return standardised(in[0]) * reshape(in[1], {1, 4, 1, 1}) + reshape(in[2], {1, 4, 1, 1});
      };
    };
    const auto op = [&](const std::vector<V>& in) { return ops[i](in[0], in[1], in[2]); };
    const std::vector<Differentiable<double>> forms{with_affine(variants[i].standardised),
                                                    with_affine(same_by_smaller_ops[i]), op};
    for (const auto& form : forms) {
      const Run result = run(form, {x, gamma, beta}, c);
      const std::string& name = variants[i].name;
      expect(name + " y", result.y, variants[i].y);
      expect(name + " L", result.loss, variants[i].loss);
      expect(name + " dx", result.gradients[0], variants[i].dx);
      expect(name + " dgamma", result.gradients[1], variants[i].dgamma);
      expect(name + " dbeta", result.gradients[2], {-1.5, 0, 1.5, -.5});
    }
  }
}

// B4: γ per channel on the last axis, as D4 Q11, Q18 and Q28 print it, does not broadcast unless width =
// channels.
BOOST_AUTO_TEST_CASE(b4_gamma_on_the_wrong_axis) {
  BOOST_CHECK_THROW(V(zeros<double>({2, 8, 6, 5})) * V(zeros<double>({8})), Error);
  BOOST_CHECK_NO_THROW(V(zeros<double>({2, 8, 6, 8})) * V(zeros<double>({8})));
}

BOOST_AUTO_TEST_CASE(b15_batch_norm_and_layer_norm) {
  const A x{{1, 2, 3}, {-1, .5, 2}, {0, -2, 1}}, c{{1, -1, 2}, {.5, 2, -1}, {-1, 1, .5}};
  const Differentiable<double> by_smaller_ops =
                                   [](const auto&in) { return standardise_over(in[0], {0}, 1e-5); },
                               op = [](const auto&in) { return batch_norm(in[0]).y; };
  for (const auto& form : {by_smaller_ops, op}) {
    const Run columns = run(form, {x}, c);
    expect(
        "BN y", columns.y,
        {1.224735686, 1.111165758, 1.224735686, -1.224735686, .2020301378, 0, 0, -1.313195896, -1.224735686});
    expect("BN L", columns.loss, .4291699935);
    expect("BN dx", columns.gradients[0],
           {.7144337428, -.5566153111, .9185655425, .7144245574, .8905815292, -1.837103529, -1.4288583,
            -.3339662181, .9185379864});
  }
  const Run rows = run([](const auto& in) { return standardise(in[0]); }, {x}, c);
  const Numbers y{-1.224735686, 0,           1.224735686,  -1.224740789, 0,
                  1.224740789,  .2672603829, -1.336301914, 1.069041531};
  expect("LN y", rows.y, y);
  expect("LN L", rows.loss, -1.681417029);
  expect("LN dx", rows.gradients[0],
         {1.020603886, -2.041226143, 1.020622257, -.612366312, 1.224740789, -.6123744769, -.8590517215,
          .2863528646, .5726988569});

  // Without the third row LN's other rows stay, and each column of BN is a pair that becomes ±1.
  const V two = slice(V(x), 0, 0, 2);
  expect("LN of two rows", standardise(two).value(), {y.begin(), y.begin() + 6});
  const A pair = standardise_over(two, {0}, 0).value();
  expect("BN of two rows", pair, {1, 1, 1, -1, -1, -1});
}

// B17: named in D0 §2 and D2 §5.2, defined in neither.
// D2 §3.2.1 and §4.3.1, D4 Q1, Q11, Q16: four ways to wire two convolutions and the input.
BOOST_AUTO_TEST_CASE(b16_convolutional_residuals) {
  const A x = reshaped(A{1, 2, 3, 4, 5.5, 6, 7, 8, 9}, {1, 1, 3, 3}),
          k1 = reshaped(A{0, 1, 0, 1, -4, 1, 0, 1, 0}, {1, 1, 3, 3}),
          k2 = reshaped(A{.1, .2, .1, 0, .5, 0, -.1, -.2, -.1}, {1, 1, 3, 3}),
          c = reshaped(A{1, -1, 2, .5, 1, -1, 2, .5, -2}, {1, 1, 3, 3});
  const auto conv = [](const V& x, const V& k) { return conv2d(x, k, {}, {1, 1}); };
  expect("conv1", conv(x, k1).value(), {2, 1.5, -4, -2.5, -2, -6.5, -16, -10.5, -22});

  const Numbers dk1_linear{-6.35, -3.5, 7.7, -9.375, -.75, 13.95, -2.15, 4.125, 11.05},
      dk2_linear{3.25, 13.5, -10.5, 13.5, 2.5, -34, -7, -10, -22.75};
  const struct {
    std::string name;
    Differentiable<double> f;  // of x, k1, k2
    Numbers y;
    double loss;
    Numbers dx, dk1, dk2;
  } rows[] = {{"x + conv2(conv1 x)",
               [&](const auto& in) { return in[0] + conv(conv(in[0], in[1]), in[2]); },
               {2.7, 4.05, 2.5, 7.55, 10.5, 7.55, -1.7, 1.45, -3.5},
               14.7,
               {-1.55, 2.5, -3.1, .1, -1.8, 4.1, -.5, .5, .55},
               dk1_linear,
               dk2_linear},
              {"x + conv2(relu(conv1 x))",
               [&](const auto& in) { return in[0] + conv(relu(conv(in[0], in[1])), in[2]); },
               {2, 2.75, 3, 4.55, 6, 6.15, 7, 8, 9},
               7.375,
               {-2.15, 1.1, 1.65, 1.2, .65, -1, 2, .5, -2},
               {0, 0, 0, -.35, 0, .35, -1.4, .875, 1.75},
               {.5, 2.5, .75, 1, .5, 1.5, 0, 0, 0}},
              {"conv2(conv1 x + x)",
               [&](const auto& in) { return conv(conv(in[0], in[1]) + in[0], in[2]); },
               {.85, .95, -.75, 3.75, 5.35, 2.75, -3.85, -.45, -6.25},
               7.45,
               {-1.85, 3.15, -4.2, .2, -2.3, 3.95, -1.7, .1, 1.65},
               dk1_linear,
               {-6.75, 11.75, 7.5, 2.5, 9, -5.75, -1, 3, -10.25}},
              {"x + conv1 x + conv2(conv1 x)",
               [&](const auto& in) {
                 const V first = conv(in[0], in[1]);
                 return in[0] + first + conv(first, in[2]);
               },
               {4.7, 5.55, -1.5, 5.05, 8.5, 1.05, -17.7, -9.05, -25.5},
               17.2,
               {-6.05, 10.5, -13.1, 2.1, -6.8, 9.1, -7.5, -.5, 8.05},
               {-16.35, -5.25, 25.7, -20.375, 5.75, 42.2, 3.85, 17.125, 23.55},
               dk2_linear}};
  for (const auto& row : rows) {
    const Run result = run(row.f, {x, k1, k2}, c);
    expect(row.name + " y", result.y, row.y);
    expect(row.name + " L", result.loss, row.loss);
    expect(row.name + " dx", result.gradients[0], row.dx);
    expect(row.name + " dk1", result.gradients[1], row.dk1);
    expect(row.name + " dk2", result.gradients[2], row.dk2);
  }

  // The block of the library is the second, then a ReLU: all its outputs are positive here.
  Rng rng(1);
  ConvBlockOptions options;
  options.norm = false;
  ConvBlock<double> block(1, 1, Init::he_normal(), rng, options);
  block.conv1.weight.mutable_value() = k1;
  block.conv2.weight.mutable_value() = k2;
  const Run result = run([&](const auto& in) { return block(in[0]); }, {x}, c);
  expect("block y", result.y, rows[1].y);
  expect("block dx", result.gradients[0], rows[1].dx);
  expect("block dk1", block.conv1.weight.grad(), rows[1].dk1);
}

BOOST_AUTO_TEST_CASE(b17_positional_encoding) {
  expect("PE", sinusoidal_encoding<double>(4, 4),
         {0, 1, 0, 1, .8414709848, .5403023059, .009999833334, .9999500004, .9092974268, -.4161468365,
          .01999866669, .9998000067, .1411200081, -.9899924966, .0299955002, .9995500337});
}

BOOST_AUTO_TEST_CASE(b18_optimisers) {
  const auto check = [](const std::string& name, const auto& make, const Numbers& stated) {
    const Parameters<double> parameters{{"w", parameter(scalar(1.))}};
    auto optimiser = make(parameters);
    V w = parameters[0].variable;
    for (double expected : stated) {
      optimiser.zero_grad();
      Tape<double> tape;
      (w * w).backward();
      optimiser.step();
      expect(name, w.item(), expected);
    }
  };
  using P = Parameters<double>;
  check("SGD", [](const P& p) { return SGD<double>(p, .1); }, {.8, .64, .512});
  check("momentum", [](const P& p) { return SGD<double>(p, .1, {.9}); }, {.8, .46, .062});
  check("SGD with decay",
        [](const P& p) {
          return SGD<double>(p, .1, {0, false, .01});
        },
        {.799, .638401, .510082399});
  const Numbers adam{.9000000005, .8004122287, .7015862729};
  check(
      "Adam", [](const P& p) { return Adam<double>(p, .1); }, adam);
  check("Adam, eps 1e-7",
        [](const P& p) {
          return Adam<double>(p, .1, {.9, .999, 1e-7});
        },
        {.900000005, .8004122379, .701586287});
  check("AdamW",
        [](const P& p) {
          return AdamW<double>(p, .1, {.9, .999, 1e-8, .01});
        },
        {.8990000005, .7985190272, .6989111832});
  // Coupled decay makes the gradient of w² 2.01 w instead of 2 w, and Adam divides the factor out.
  check(
      "Adam with coupled decay",
      [](const P& p) {
        return Adam<double>(p, .1, {.9, .999, 1e-8, .01});
      },
      adam);
}

// B19: γ and β computed from the mean and variance of the row, which plain LayerNorm forgets.
BOOST_AUTO_TEST_CASE(b19_adaptive_layer_norm) {
  const A x{{1, 2, 3, 4}, {2, 4, 6, 8}}, c{{1, -1, 2, .5}, {.5, 1, -1, 2}};
  const A wc{{.1, .2}, {0, .1}, {-.1, .3}, {.2, -.2}, {.05, .1}, {0, .2}, {.1, 0}, {-.1, .1}};
  const Differentiable<double> by_smaller_ops = [](const auto& in) {
    const V statistics = concatenate<double>({mean(in[0], {-1}, true), variance(in[0], {-1}, true)}, -1);
    const V modulation = linear(statistics, in[1]);
    return (V(1.) + slice(modulation, 1, 0, 4)) * standardise(in[0]) + slice(modulation, 1, 4, 8);
  };
  const Differentiable<double> module = [](const auto& in) {
    AdaptiveLayerNorm<double> adaptive(4, RowStatistics::variance);
    adaptive.weight = in[1];
    return adaptive(in[0]);
  };
  for (const auto& form : {by_smaller_ops, module}) {
    const Run result = run(form, {x, wc}, c);
    expect("y", result.y,
           {-1.76245313, -.2531132825, .7531132825, 1.552044275, -2.604098612, .3291802776, 1.394426297,
            1.341639445});
    expect("L", result.loss, 1.08889242);
    expect("dx", result.gradients[0],
           {.8477592663, -1.636905134, 1.244972146, -.3452686404, .8270863511, .5950861881, -1.313963281,
            .1310858622});
    expect("dWc", result.gradients[1],
           {-6.708187162, -5.031142887, -1.118036225, -1.677050983, -6.708153621e-06, -1.118036225,
            15.09343872, 14.25491659, 5, 3.75, 2.5, 3.75, 0, -2.5, 11.25, 10.625});
  }
}

BOOST_AUTO_TEST_CASE(b20_the_distribution_keeps_its_shape) {
  const auto moment = [](const V& x, double order) {
    return mean(pow((x - mean(x)) / sqrt(variance(x)), order)).item();
  };
  const V x = A{1, 2, 3, 10};
  for (const V& row : {x, standardise(x, 0)}) {
    expect("skewness", moment(row, 3), 1.018233765);
    expect("kurtosis", moment(row, 4), 2.2304);
  }
  expect("dominated", standardise(V(A{1000, 2, 3, 4}), 0).value(),
         {1.732048484, -.5796658418, -.5773494948, -.5750331477});
}

namespace {

/// D0 §5.2's residual block: LN, dense with ReLU, LN, dense, add.
Residual<double> norm_dense_block(std::size_t d, Rng& rng) {
  const Init init = Init::xavier_uniform();
  return Residual<double>(Sequential<double>(LayerNorm<double>(d, 1e-3), Linear<double>(d, d, init, rng),
                                             activation<double>("relu"), LayerNorm<double>(d, 1e-3),
                                             Linear<double>(d, d, init, rng)));
}

/// D0 §5.2's network; the document applies a sigmoid to its one output.
Sequential<double> norm_dense_network(std::size_t in, std::size_t out, Rng& rng) {
  const Init init = Init::xavier_uniform();
  return Sequential<double>(Linear<double>(in, 64, init, rng), activation<double>("relu"),
                            LayerNorm<double>(64, 1e-3), norm_dense_block(64, rng), norm_dense_block(64, rng),
                            Linear<double>(64, out, init, rng));
}

/// The number that ends the summary.
std::size_t summary_total(Module<double>& module, const Shape& input) {
  std::istringstream words(summary(module, input));
  std::string last;
  while (words >> last) {
  }
  return std::stoull(last);
}

}  // namespace

BOOST_AUTO_TEST_CASE(b21_parameter_counts) {
  const auto check = [](Module<double>& module, const Shape& input, const Shape& output, std::size_t count) {
    BOOST_CHECK_EQUAL(module.parameter_count(), count);
    BOOST_CHECK_EQUAL(summary_total(module, input), count);
    BOOST_CHECK_EQUAL(to_string(module(V(zeros<double>(input))).shape()), to_string(output));
  };
  Rng rng(1);
  const Init init = Init::xavier_uniform();
  auto published = norm_dense_network(10, 1, rng),
       digits = norm_dense_network(784, 10, rng);  // D0 §5.2, §5.4
  check(published, {4, 10}, {4, 1}, 18049);
  check(digits, {4, 784}, {4, 10}, 68170);

  // D1 §5.2 adds 784 to 128 columns. Either the stem brings the width to 128, or the shortcut does.
  const auto branch = [&](std::size_t in) {
    return Sequential<double>(Linear<double>(in, 128, init, rng), activation<double>("relu"),
                              Linear<double>(128, 128, init, rng));
  };
  Sequential<double> stem(LayerNorm<double>(784), Linear<double>(784, 128, init, rng),
                          Residual<double>(branch(128)), Linear<double>(128, 10, init, rng));
  check(stem, {4, 784}, {4, 10}, 136362);
  Sequential<double> projected(LayerNorm<double>(784),
                               Residual<double>(branch(784), Linear<double>(784, 128, init, rng, Bias::no)),
                               Linear<double>(128, 10, init, rng));
  check(projected, {4, 784}, {4, 10}, 220202);
  Residual<double> printed(branch(784));
  BOOST_CHECK_THROW(printed(V(zeros<double>({4, 784}))), Error);

  TransformerEncoderLayer<double> small(32, 4, 4 * 32, NormPlacement::post, init, rng),
      large(512, 8, 4 * 512, NormPlacement::pre, init, rng);
  check(small, {2, 3, 32}, {2, 3, 32}, 12704);
  BOOST_CHECK_EQUAL(large.parameter_count(), 3152384);
}

BOOST_AUTO_TEST_CASE(b21_parameters_of_convolutional_blocks) {
  Rng rng(1);
  const auto conv = [&](std::size_t size) {
    return Conv2d<double>(64, 64, size, Init::he_normal(), rng, {1, size / 2});
  };
  Sequential<double> d2{conv(3), activation<double>("relu"), conv(3), conv(1), BatchNorm<double>(64)};
  BOOST_CHECK_EQUAL(d2.parameter_count(), 78144);  // D2 §3.2.1
  Residual<double> d4(Sequential<double>{BatchNorm<double>(64), conv(3), BatchNorm<double>(64), conv(3)});
  BOOST_CHECK_EQUAL(d4.parameter_count(), 74112);  // D4 Q11
  BOOST_CHECK_EQUAL(summary_total(d4, {1, 64, 2, 2}), 74112);
  ConvBlockOptions options;
  options.order = BlockOrder::pre_activation;
  options.bias = Bias::yes;
  ConvBlock<double> repaired(64, 64, Init::he_normal(), rng, options);
  BOOST_CHECK_EQUAL(repaired.parameter_count(), 74112);
  options.order = BlockOrder::basic;
  ConvBlock<double> d4_keras(64, 64, Init::he_normal(), rng, options);  // D4 Q16
  BOOST_CHECK_EQUAL(d4_keras.parameter_count(), 74112);
  std::size_t moving_statistics = 0;
  for (const auto& buffer : d4_keras.buffers()) moving_statistics += buffer.array->size();
  BOOST_CHECK_EQUAL(moving_statistics, 256);
}

BOOST_AUTO_TEST_SUITE_END()
