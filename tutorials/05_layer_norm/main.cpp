// 05 Layer normalisation by hand: the formula in all its variants, and the gradient term by term.

#include <limits>

#include "show.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Run {
  double loss;
  A y, dx, dgamma, dbeta;
};

// Normalises x by f, with γ and β filled with the given numbers, and runs L = Σ w ⊙ y backwards.
template <class F>
Run run(const F& f, const A& x0, const A& w, double gamma0 = 1, double beta0 = 0) {
  const V x = parameter(x0);
  const V gamma = parameter(full<double>({x.extent(-1)}, gamma0)),
          beta = parameter(full<double>({x.extent(-1)}, beta0));
  Tape<double> tape;
  const V y = f(x, gamma, beta), loss = sum(V(w) * y);
  loss.backward();
  return {loss.item(), y.value(), x.grad(), gamma.grad(), beta.grad()};
}

// layer_norm with its options, as one function of x, γ and β.
auto normalise(double eps, Divisor divisor) {
  return [=](const V& x, const V& gamma, const V& beta) {
    return layer_norm(x, gamma, beta, {eps, divisor});
  };
}

constexpr Divisor n = Divisor::population, n_minus_1 = Divisor::sample;

const A x3{1, 2, 3}, x4{1, 2, 3, 4};

void document_example() {
  show::section("The document's example");
  // [by-hand]
  const V x = x3, gamma = 2, beta = 1;
  const V frozen = gamma * (x - 2) / 1 + beta;  // with D0's own constants μ = 2, σ = 1
  const V mu = mean(x);
  const V sigma = sqrt(mean((x - mu) * (x - mu)));
  const V y = gamma * (x - mu) / sigma + beta;
  // [/by-hand]
  std::cout << "D0 §4.3.2, x = [1, 2, 3], γ = 2, β = 1\n"
               "  stated:                          [1, 2, 3] - 2 = [1, 0, 1], result [3, 1, 3]\n";
  show::expect("  right by its own μ = 2, σ = 1:   [1, 2, 3] - 2", (x - 2).value(), {-1, 0, 1});
  show::expect("                                   result", frozen.value(), {-1, 1, 3});
  std::cout << "  reason: the minus sign of the first entry was lost\n";
  show::expect("μ", mu.item(), 2);
  show::expect("σ, divisor n", sigma.item(), .8164965809);
  show::expect("σ, divisor n - 1 (D0's 1)", sqrt(variance(x, {}, false, n_minus_1)).item(), 1);
  show::expect("result, divisor n", y.value(), {-1.449489743, 1, 3.449489743});
}

void variants() {
  show::section("Every ε and divisor: [1, 2, 3], γ = 2, β = 1");
  const auto y = [](double eps, Divisor divisor) { return run(normalise(eps, divisor), x3, x3, 2, 1).y; };
  show::expect("n,   ε = 0    (D0, D1, D3 formula)", y(0, n), {-1.449489743, 1, 3.449489743});
  show::expect("n,   ε = 1e-5 (D2 formula, PyTorch)", y(1e-5, n), {-1.449471372, 1, 3.449471372});
  show::expect("n,   ε = 1e-8 (D4 TensorFlow)", y(1e-8, n), {-1.449489724, 1, 3.449489724});
  show::expect("n-1, ε = 0    (D2 code)", y(0, n_minus_1), {-1, 1, 3});
  show::expect("n-1, ε = 1e-8 (D4 PyTorch)", y(1e-8, n_minus_1), {-.99999999, 1, 2.99999999});
  show::expect("n-1, ε = 1e-5", y(1e-5, n_minus_1), {-.9999900001, 1, 2.99999});
  const V x = x3;
  const V sigma = sqrt(variance(x, {}, false, n_minus_1));
  show::expect("n-1, ε = 1e-5 added to σ", (2 * (x - mean(x)) / (sigma + 1e-5) + 1).value(),
               {-.9999800002, 1, 2.99998});

  show::section("Every ε and divisor: [1, 2, 3, 4], w = [1, -1, 2, 0.5]");
  struct Row {
    std::string name;
    double eps;
    Divisor divisor;
    std::vector<double> y, dx;
  };
  for (const Row& row : std::vector<Row>{{"n,   ε = 0    (D1 §4.2.2)",
                                          0,
                                          n,
                                          {-1.341640786, -.4472135955, .4472135955, 1.341640786},
                                          {.5366563146, -1.386362146, 1.162755348, -.3130495168}},
                                         {"n-1, ε = 0    (D2 §3.2.2, code)",
                                          0,
                                          n_minus_1,
                                          {-1.161895004, -.3872983346, .3872983346, 1.161895004},
                                          {.4647580015, -1.200624837, 1.00697567, -.2711088342}},
                                         {"n,   ε = 1e-8 (D4 Q16)",
                                          1e-8,
                                          n,
                                          {-1.341640781, -.4472135937, .4472135937, 1.341640781},
                                          {.5366563108, -1.386362141, 1.162755344, -.313049514}},
                                         {"n-1, ε = 1e-8 (D4 Q11)",
                                          1e-8,
                                          n_minus_1,
                                          {-1.161895, -.3872983335, .3872983335, 1.161895},
                                          {.4647579991, -1.200624834, 1.006975667, -.2711088324}},
                                         {"n,   ε = 1e-5 (D2 §3.1.2, formula)",
                                          1e-5,
                                          n,
                                          {-1.34163542, -.4472118067, .4472118067, 1.34163542},
                                          {.536652558, -1.386357137, 1.162751234, -.3130466547}},
                                         {"n-1, ε = 1e-5",
                                          1e-5,
                                          n_minus_1,
                                          {-1.161891518, -.3872971727, .3872971727, 1.161891518},
                                          {.4647555616, -1.200621584, 1.006972998, -.2711069752}},
                                         {"n,   ε = 1e-3 (Keras)",
                                          1e-3,
                                          n,
                                          {-1.341104452, -.4470348173, .4470348173, 1.341104452},
                                          {.5362809769, -1.385861535, 1.162344126, -.3127635682}}}) {
    const Run result = run(normalise(row.eps, row.divisor), x4, A{1, -1, 2, .5});
    std::cout << row.name << '\n';
    show::expect("   y", result.y, row.y);
    show::expect("  dx", result.dx, row.dx);
  }
}

void constants_or_functions() {
  show::section("μ and σ are functions of x");
  std::cout << "x = [1, 2, 3], γ = 2, β = 1\n";
  // [frozen]
  const auto frozen = [](const V& x, const V& gamma, const V& beta) {
    const V mu = mean(x).detach(), sigma = sqrt(variance(x, {}, false, n_minus_1)).detach();
    return gamma * (x - mu) / sigma + beta;
  };
  // [/frozen]
  const auto show_run = [](const std::string& name, const Run& result, const std::vector<double>& dx,
                           const std::vector<double>& dgamma) {
    show::expect(name + " dx", result.dx, dx);
    show::expect("                               dγ", result.dgamma, dgamma);
  };
  const A one{1, 0, 0}, mixed{.5, -1, 2};
  show_run("w = [1, 0, 0]    constants    ", run(frozen, x3, one, 2, 1), {2, 0, 0}, {-1, 0, 0});
  show_run("                 functions n-1", run(normalise(0, n_minus_1), x3, one, 2, 1),
           {.3333333333, -.6666666667, .3333333333}, {-1, 0, 0});
  show_run("                 functions n  ", run(normalise(0, n), x3, one, 2, 1),
           {.4082482905, -.8164965809, .4082482905}, {-1.224744871, 0, 0});
  show_run("w = [0.5, -1, 2] constants    ", run(frozen, x3, mixed, 2, 1), {1, -2, 4}, {-.5, 0, 2});
  show_run("                 functions n-1", run(normalise(0, n_minus_1), x3, mixed, 2, 1), {1.5, -3, 1.5},
           {-.5, 0, 2});
  show_run("                 functions n  ", run(normalise(0, n), x3, mixed, 2, 1),
           {1.837117307, -3.674234614, 1.837117307}, {-.6123724357, 0, 2.449489743});
}

// [terms]
// dx = (1/s) (g - mean g - x̂ mean(g ⊙ x̂)) with g = γ ⊙ dy, s = √(σ² + ε), of one row.
struct Terms {
  A direct, centring, scaling, dx;  // the three terms, each with its 1/s, and their sum
};

Terms layer_norm_gradient(const V& x, const V& g, double eps) {
  const V centred = x - mean(x);
  const V s = sqrt(mean(centred * centred) + eps);
  const V xhat = centred / s;
  const V direct = g / s;                          // as if μ and σ were constants
  const V centring = -mean(g) / s;                 // because μ moves with x
  const V scaling = -(xhat * mean(g * xhat)) / s;  // because σ moves with x
  return {direct.value(), broadcast_to(centring, x.shape()).value(), scaling.value(),
          (direct + centring + scaling).value()};
}
// [/terms]

void three_terms() {
  show::section("Three terms: x = [1, 2, 3, 4], ε = 1e-5, dy = [1, -1, 2, 0.5]");
  const V x = x4, dy = A{1, -1, 2, .5};
  const Terms terms = layer_norm_gradient(x, dy, 1e-5);
  show::value("  g / s               ", terms.direct, 6);
  show::value("- mean(g) / s         ", terms.centring, 6);
  show::value("- x̂ mean(g ⊙ x̂) / s   ", terms.scaling, 6);
  show::expect("sum                   ", terms.dx, {.536652558, -1.386357137, 1.162751234, -.3130466547});
  const Run tape = run(normalise(1e-5, n), x4, dy.value());
  show::expect("layer_norm on the tape", tape.dx, show::entries(terms.dx), 1e-14);

  const auto dot = [](const V& a, const V& b) { return sum(a * b).item(); };
  const A exact = layer_norm_gradient(x, dy, 0).dx, ones{1, 1, 1, 1};
  const V xhat = layer_norm<double>(x, {}, {}, {0});
  show::expect_true("dx · 1 is 0: shifting x changes nothing", std::abs(dot(V(terms.dx), V(ones))) < 1e-14);
  show::expect_true("dx · x̂ is 0 when ε = 0: scaling x changes nothing",
                    std::abs(dot(V(exact), xhat)) < 1e-14);
  // dx · x̂ = (Σ g x̂) ε/(σ² + ε) / s: with an ε, scaling x does change y a little.
  const double s = std::sqrt(1.25 + 1e-5);
  const V xhat_eps = layer_norm<double>(x);
  show::expect("dx · x̂ when ε = 1e-5", dot(V(terms.dx), xhat_eps), dot(dy, xhat_eps) * 1e-5 / (s * s * s),
               1e-14, 3);

  const Differentiable<double> f = [](const std::vector<V>& in) { return layer_norm(in[0], in[1], in[2]); };
  Rng rng(5);
  const GradientCheck check = check_gradients<double>(
      f, {rng.normal<double>({3, 7}), rng.normal<double>({7}), rng.normal<double>({7})});
  show::expect_true("gradient check of x, γ and β at 1e-7", check.passed);
}

double largest_difference(const A& a, const A& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}

void losses_that_test_nothing() {
  show::section("Losses that test nothing: x = [1, 2, 3], γ = 1, ε = 0");
  const V x = x3, y = layer_norm<double>(x, {}, {}, {0});
  struct Loss {
    std::string name;
    A dy;
  };
  const std::vector<Loss> losses{{"sum of y", A{1, 1, 1}},
                                 {"sum of y^2, dy = 2y", (2 * y).value()},
                                 {"w = x = [1, 2, 3]", A{1, 2, 3}},
                                 {"w = [0.5, -1, 2]", A{.5, -1, 2}}};
  std::cout << "largest error of a faulty dx             right dx   no mean(g)   σ constant   dx = 0\n";
  for (const auto& [name, dy] : losses) {
    const Terms right = layer_norm_gradient(x, V(dy), 0);
    const A no_mean = (V(right.direct) + V(right.scaling)).value(),
            sigma_constant = (V(right.direct) + V(right.centring)).value();
    std::vector<double> dx;
    for (double entry : right.dx) dx.push_back(std::abs(entry) < 1e-14 ? 0 : entry);
    std::printf("%-19s%30s", name.c_str(), show::text(dx, 4).c_str());
    for (const A& fault : {no_mean, sigma_constant, zeros<double>({3})}) {
      const double error = largest_difference(fault, right.dx);
      std::printf("%13s", (error < 1e-14 ? "unseen" : show::text(error, 3)).c_str());
    }
    std::printf("\n");
  }
  for (const auto& [name, dy] : losses)
    if (name != losses.back().name)
      show::expect_true("layer_norm, " + name + ": dx is 0",
                        largest_difference(run(normalise(0, n), x3, dy).dx, zeros<double>({3})) < 1e-14);
}

void where_it_breaks() {
  show::section("Where it breaks: the constant row [5, 5, 5], w = [1, 0, 0]");
  const auto constant_row = [](const std::string& name, double eps, Divisor divisor,
                               const std::vector<double>& y, const std::vector<double>& dx) {
    const Run result = run(normalise(eps, divisor), A{5, 5, 5}, A{1, 0, 0});
    std::cout << name << '\n';
    show::expect("   y", result.y, y);
    show::expect("  dx", result.dx, dx);
  };
  constant_row("n,   ε = 1e-5", 1e-5, n, {0, 0, 0}, {210.8185107, -105.4092553, -105.4092553});
  constant_row("n,   ε = 1e-8", 1e-8, n, {0, 0, 0}, {6666.666667, -3333.333333, -3333.333333});
  constant_row("n,   ε = 0 (D0, D1, D3 formula)", 0, n, {nan, nan, nan}, {nan, nan, nan});
  constant_row("n-1, ε = 0 (D2 §3.2.2, code: its ε is stored and not used)", 0, n_minus_1, {nan, nan, nan},
               {nan, nan, nan});
  std::cout << "one feature, x = [7], γ = 2, β = 1:\n";
  show::expect("  n,   ε = 1e-5: y", run(normalise(1e-5, n), A{7}, A{1}, 2, 1).y, {1});
  show::expect("  n-1, ε = 1e-5: y", run(normalise(1e-5, n_minus_1), A{7}, A{1}, 2, 1).y, {nan});
  show::expect_true("in float, 1 + 1e-8f equals 1: beside a variance near 1, D4's ε is not there",
                    1.f + 1e-8f == 1.f);
}

void shape_of_the_distribution() {
  show::section("What it does not change");
  const auto moment = [](const V& x, int order) {  // standardised: 3 is the skewness, 4 the kurtosis
    const V z = (x - mean(x)) / sqrt(variance(x));
    return mean(pow(z, order)).item();
  };
  const V x = A{1, 2, 3, 10}, y = layer_norm<double>(x, {}, {}, {0});
  show::expect("[1, 2, 3, 10]: skewness before and after", {moment(x, 3), moment(y, 3)},
               {1.018233765, 1.018233765});
  show::expect("               kurtosis before and after", {moment(x, 4), moment(y, 4)}, {2.2304, 2.2304});
  show::expect("LN([1000, 2, 3, 4])", layer_norm<double>(V(A{1000, 2, 3, 4}), {}, {}, {0}).value(),
               {1.732048484, -.5796658418, -.5773494948, -.5750331477});
  show::expect_true(
      "LN(2x + 7) is LN(x), ε = 0",
      largest_difference(layer_norm<double>(2 * x + 7, {}, {}, {0}).value(), y.value()) < 1e-14);
}

}  // namespace

int main() {
  document_example();
  variants();
  constants_or_functions();
  three_terms();
  losses_that_test_nothing();
  where_it_breaks();
  shape_of_the_distribution();
  return show::finish();
}
