// 06 Residual add and layer normalisation together: LN(x + f(x)), x + f(LN(x)), and what the order decides.

#include <algorithm>
#include <iomanip>

#include "show.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

constexpr Divisor n = Divisor::population, n_minus_1 = Divisor::sample;

double norm(const A& a) {
  double squares = 0;
  for (double entry : a) squares += entry * entry;
  return std::sqrt(squares);
}

double largest_difference(const A& a, const A& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}

V standardise(const V& x, double eps = 1e-5) { return layer_norm<double>(x, {}, {}, {eps}); }

void document_example() {
  show::section("The document's example");
  const V z = A{1, 2, 3}, gamma = 2, beta = 1;
  // [wrong-vector]
  const V x = z + relu(z);  // the vector that is normalised
  const auto normalised = [&](const V& mu, const V& sigma) { return gamma * (x - mu) / sigma + beta; };
  const V stated = normalised(2, 1);  // μ and σ of z
  const V right = normalised(mean(x), sqrt(variance(x)));
  const V right_n_minus_1 = normalised(mean(x), sqrt(variance(x, {}, false, n_minus_1)));
  // [/wrong-vector]
  std::cout << "D0 §4.4.1, z = [1, 2, 3], f = ReLU, γ = 2, β = 1\n";
  show::expect("  stated, μ = 2 and σ = 1:  x2", stated.value(), {1, 5, 9});
  show::expect("  z + f(z)                    ", x.value(), {2, 4, 6});
  show::expect("  its μ, σ (n), σ (n-1)       ",
               {mean(x).item(), sqrt(variance(x)).item(), sqrt(variance(x, {}, false, n_minus_1)).item()},
               {4, 1.632993162, 2});
  show::expect("  right, divisor n:         x2", right.value(), {-1.449489743, 1, 3.449489743});
  show::expect("  right, divisor n-1:       x2", right_n_minus_1.value(), {-1, 1, 3});
  std::cout << "  reason: the stated μ and σ are those of z, not of z + f(z)\n";
  show::expect_true("LN(2z) is LN(z): the add has doubled z, and Post-LN does not see it",
                    largest_difference(standardise(x, 0).value(), standardise(z, 0).value()) < 1e-15);
}

void its_gradients() {
  show::section("Its gradients, w = [0.5, -1, 2]");
  // [wirings]
  const auto frozen = [](const V& z, const V& gamma, const V& beta) {
    return gamma * (z + relu(z) - 2) / 1 + beta;
  };
  const auto post = [](double eps, Divisor divisor) {
    return [=](const V& z, const V& gamma, const V& beta) {
      return layer_norm(z + relu(z), gamma, beta, {eps, divisor});
    };
  };
  const auto pre = [](double eps) {
    return [=](const V& z, const V& gamma, const V& beta) {
      return z + relu(layer_norm(z, gamma, beta, {eps}));
    };
  };
  // [/wirings]
  const auto expect = [](const std::string& name, const auto& f, const std::vector<double>& dz,
                         const std::vector<double>& dgamma) {
    const V z = parameter(A{1, 2, 3}), gamma = parameter(A{2, 2, 2}), beta = parameter(A{1, 1, 1});
    Tape<double> tape;
    f(z, gamma, beta).backward(A{.5, -1, 2});
    show::expect(name + " dz", z.grad(), dz);
    show::expect(std::string(22, ' ') + "dγ", gamma.grad(), dgamma);
  };
  expect("μ = 2, σ = 1 constant", frozen, {2, -4, 8}, {0, -2, 8});
  expect("Post-LN n,   ε = 0   ", post(0, n), {1.837117307, -3.674234614, 1.837117307},
         {-.6123724357, 0, 2.449489743});
  expect("Post-LN n,   ε = 1e-5", post(1e-5, n), {1.837106973, -3.674227725, 1.837120752},
         {-.6123712875, 0, 2.44948515});
  expect("Post-LN n,   ε = 1e-3", post(1e-3, n), {1.836084413, -3.673545889, 1.837461476},
         {-.6122576481, 0, 2.449030593});
  expect("Post-LN n-1, ε = 0   ", post(0, n_minus_1), {1.5, -3, 1.5}, {-.5, 0, 2});
  expect("Pre-LN  n,   ε = 0   ", pre(0), {2.132993162, -4.265986324, 3.632993162}, {0, 0, 2.449489743});
  expect("Pre-LN  n,   ε = 1e-5", pre(1e-5), {2.132944173, -4.265961829, 3.633017656}, {0, 0, 2.449471372});
}

// W[r][c] = ((3r + 5c + k) mod 7 - 3) / 5, as in chapter 04.
A weights(std::size_t rows, std::size_t columns, std::size_t k) {
  auto w = empty<double>({rows, columns});
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) w(r, c) = (double((3 * r + 5 * c + k) % 7) - 3) / 5;
  return w;
}

const A x0{{1, 2, 3}, {-1, .5, 2}}, dy{{1, -1, 2}, {.5, 2, -1}};
V w1 = parameter(weights(3, 3, 0), "W1"), w2 = parameter(weights(3, 3, 1), "W2");
V b1 = parameter(A{.1, -.2, .3}, "b1"), b2 = parameter(A{0, .1, -.1}, "b2");

V f(const V& x) { return linear(relu(linear(x, w1, b1)), w2, b2); }

// Runs y = wiring(x) backwards from dy and returns x with its gradient.
template <class F>
V run(const F& wiring) {
  for (V* parameter : {&w1, &w2, &b1, &b2}) parameter->zero_grad();
  const V x = parameter(x0);
  Tape<double> tape;
  wiring(x).backward(dy);
  return x;
}

void feed_forward_branch() {
  show::section("With a feed-forward branch");
  const auto expect = [](const std::string& name, const auto& wiring, const std::vector<double>& y,
                         const std::vector<double>& dx, const std::vector<double>& db1) {
    std::cout << name << '\n';
    show::expect("    y", wiring(V(x0)).value(), y);
    show::expect("   dx", run(wiring).grad(), dx);
    show::expect("  db1", b1.grad(), db1);
  };
  expect("Post-LN  LN(x + f(x))", [](const V& x) { return standardise(x + f(x)); },
         {-.7628544254, -.649838955, 1.41269338, -1.288577902, .1396488366, 1.148929065},
         {2.72581855, -2.137444502, .5607250803, -1.262612119, 2.332710307, -1.488789782},
         {.1418957517, .1827131237, 1.203740101});
  expect("Pre-LN   x + f(LN(x))", [](const V& x) { return x + f(standardise(x)); },
         {.9869682823, 2.16, 2.613031718, -1.013031105, .66, 1.613031105},
         {1.971624746, -2.943247288, 2.971622542, .2523297061, 2.495339608, -1.247669314}, {-1, 1.1, 0});
  expect("Both     LN(x + f(LN(x)))   (D2 §5.2's encoder layer, second half)",
         [](const V& x) { return standardise(f(standardise(x)) + x); },
         {-1.361705079, .3502659264, 1.011439153, -1.320232211, .22110876, 1.099123451},
         {1.686791677, -4.474083455, 2.787291777, -.9264125171, 2.256242395, -1.329829878},
         {-.7795242913, .640107311, 0});

  show::section("Is the skip path still the identity?");
  std::cout << "the gradient that reaches x without passing f; dy = " << show::text(show::entries(dy))
            << '\n';
  show::expect("Pre-LN ", run([](const V& x) { return x + f(standardise(x.detach())); }).grad(),
               show::entries(dy));
  show::value("Post-LN", reshaped(run([](const V& x) { return standardise(x + f(x.detach())); }).grad(), {6}),
              6);

  show::section("One LayerNorm used twice");
  // [shared]
  const auto both = [](LayerNorm<double>& inner, LayerNorm<double>& outer) {
    return run([&](const V& x) { return outer(f(inner(x)) + x); });
  };
  LayerNorm<double> shared(3), first(3), second(3);
  both(shared, shared);
  both(first, second);
  // [/shared]
  show::value("two layers: dγ of the inner ", first.gamma.grad(), 6);
  show::value("            dγ of the outer ", second.gamma.grad(), 6);
  const A both_gradients = (V(first.gamma.grad()) + V(second.gamma.grad())).value();
  show::expect("one layer used twice: dγ     ", shared.gamma.grad(), show::entries(both_gradients), 1e-14, 6);
}

// Two heads on (tokens, 4). The fixture multiplies X · W; our weights are (out, in), the transpose.
MultiHeadAttention<double> two_heads() {
  Rng rng(0);
  MultiHeadAttention<double> heads(4, 2, Init::constant(0), rng, Bias::no);
  std::size_t k = 0;
  for (Linear<double>* part : {&heads.query, &heads.key, &heads.value, &heads.output}) {
    for (std::size_t r = 0; r < 4; ++r)
      for (std::size_t c = 0; c < 4; ++c)
        part->weight.mutable_value()(c, r) = (double((4 * r + 7 * c + k) % 5) - 2) / 5;
    ++k;
  }
  return heads;
}

void attention_branch() {
  show::section("With an attention branch: two heads, three tokens");
  MultiHeadAttention<double> heads = two_heads();
  const A tokens{{1, 0, 1, 0}, {0, 2, 0, 2}, {1, 1, 1, 3}},
      cotangent{{1, -1, 2, .5}, {.5, 1, -1, 2}, {2, .5, 1, -1}};
  const auto expect = [&](const std::string& name, const auto& wiring, double loss,
                          const std::vector<double>& dx) {
    const V x = parameter(tokens);
    Tape<double> tape;
    const V total = sum(V(cotangent) * wiring(x));
    total.backward();
    show::expect(name + "  L", total.item(), loss);
    show::expect("dx", x.grad(), dx);
  };
  expect("Post-LN  LN(x + MHA(x))", [&](const V& x) { return standardise(x + heads(x)); }, 3.393904852,
         {-1.405475307, -1.422099153, 1.971057865, .637563506, .4884528441, -.4427929092, -.7109504891,
          .3682593264, 1.153287235, -.6242695571, -.6932703597, -.122785668});
  expect("Pre-LN   x + MHA(LN(x))", [&](const V& x) { return x + heads(standardise(x)); }, 9.961021604,
         {1.085830312, -.9616041732, 1.914164192, .4616096691, .6591341572, .8886357947, -1.159137154,
          2.111367202, 2.15548312, .7272859906, .6172298246, -.9999989347});
}

// The ops of a tape in the order in which they ran.
std::string order(const Tape<double>& tape) {
  std::string names;
  for (const auto& entry : tape.entries()) names += (names.empty() ? "" : " > ") + std::string(entry.op);
  return names;
}

void tapes() {
  show::section("The tape of Post-LN");
  {
    const V x = parameter(x0, "x");
    Tape<double> tape;
    standardise(x + f(x));
    std::cout << tape;
  }
  show::section("The tape of Pre-LN");
  {
    const V x = parameter(x0, "x");
    Tape<double> tape;
    x + f(standardise(x));
    std::cout << tape;
  }

  show::section("The documents' diagrams and code, as tapes");
  const auto expect = [](const std::string& name, const auto& wiring, const std::string& expected) {
    const V x = parameter(x0);
    Tape<double> tape;
    wiring(x);
    std::cout << name << "\n  ";
    show::expect_true(order(tape), order(tape) == expected);
  };
  const auto self_attention = [](const V& x) { return attention(x, x, x); };
  const auto attended = [&](const V& x) { return standardise(x + self_attention(x)); };
  expect(
      "D0 §2.1, D2 §2.2: Post-LN after attention and after the feed-forward layer",
      [&](const V& x) {
        const V a = attended(x);
        return standardise(a + f(a));
      },
      "attention > add > layer_norm > linear > relu > linear > add > layer_norm");
  expect(
      "D0 §2.3, as drawn: the second residual add is missing",
      [&](const V& x) { return standardise(f(attended(x))); },
      "attention > add > layer_norm > linear > relu > linear > layer_norm");
  expect(
      "D0 §2.2, as drawn: no residual add at all", [](const V& x) { return standardise(f(standardise(x))); },
      "layer_norm > linear > relu > linear > layer_norm");
  expect(
      "D0 §5.2, code: Pre-LN, with a second LN inside the branch",
      [](const V& x) { return x + linear(standardise(relu(linear(standardise(x), w1, b1))), w2, b2); },
      "layer_norm > linear > relu > layer_norm > linear > add");
  expect(
      "D2 §5.2, code: Post-LN for attention, both for the feed-forward layer",
      [&](const V& x) {
        const V a = attended(x);
        return standardise(f(standardise(a)) + a);
      },
      "attention > add > layer_norm > layer_norm > linear > relu > linear > add > layer_norm");
}

enum class Wiring { no_norm, post, pre };

// [stack]
// L residual blocks with f(x) = W₂ relu(W₁ x), d → 4d → d, Xavier weights, and a normal cotangent at the top.
// Returns ln(|∂L/∂x_l| / |∂L/∂x_L|) for l = 0…L.
std::vector<double> log_gradient_norms(Wiring wiring, std::size_t layers, std::size_t d, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<FeedForward<double>> blocks;
  for (std::size_t l = 0; l < layers; ++l) blocks.emplace_back(d, 4 * d, Init::xavier_normal(), rng);

  std::vector<V> x{parameter(standardise(rng.normal<double>({32, d})).value())};
  Tape<double> tape;
  for (auto& f : blocks) {
    const V h = x.back();
    if (wiring == Wiring::post) x.push_back(standardise(h + f(h)));
    if (wiring == Wiring::pre) x.push_back(h + f(standardise(h)));
    if (wiring == Wiring::no_norm) x.push_back(h + f(h));
  }
  x.back().backward(rng.normal<double>({32, d}));
  // [/stack]
  std::vector<double> logs;
  for (const V& h : x) logs.push_back(std::log(norm(h.grad()) / norm(x.back().grad())));
  return logs;
}

void depth() {
  show::section("Gradient norms over depth, at initialisation");
  constexpr std::size_t layers = 24, d = 64, seeds = 5;
  constexpr double c = .32;  // E|f(x)|² / E|x|²: ½ · d Var W₁ · 4d Var W₂ with Var W = 2 / (5d)
  struct Column {
    std::string name;
    Wiring wiring;
    std::function<double(double)> predicted;  // |dx_l| / |dx_L|
    double tolerance;                         // largest ratio of measured and predicted that passes
    std::vector<double> measured = std::vector<double>(layers + 1, 1.);
  };
  std::vector<Column> columns{
      {"no LN", Wiring::no_norm, [=](double l) { return std::pow(1 + c, (layers - l) / 2); }, 1.2},
      {"Post-LN", Wiring::post, [](double) { return 1.; }, 1.2},
      {"Pre-LN", Wiring::pre, [=](double l) { return std::sqrt((1 + c * layers) / (1 + c * l)); }, 1.1}};
  for (Column& column : columns)
    for (std::size_t seed = 1; seed <= seeds; ++seed) {
      const auto logs = log_gradient_norms(column.wiring, layers, d, seed);
      for (std::size_t l = 0; l <= layers; ++l) column.measured[l] *= std::exp(logs[l] / seeds);
    }

  std::cout << layers << " feed-forward layers, d = " << d << ", " << seeds
            << " seeds; |dx_l| / |dx_L|, measured (predicted)\nlayer";
  for (const Column& column : columns) std::cout << std::setw(22) << column.name;
  for (std::size_t l = 0; l <= layers; l += 4) {
    std::cout << '\n' << std::setw(5) << l;
    for (const Column& column : columns)
      std::cout << std::setw(22)
                << show::text(column.measured[l], 3) + " (" + show::text(column.predicted(double(l)), 3) +
                       ")";
  }
  std::cout << '\n';
  for (const Column& column : columns) {
    double worst = 1;
    for (std::size_t l = 0; l <= layers; ++l) {
      const double ratio = column.measured[l] / column.predicted(double(l));
      worst = std::max({worst, ratio, 1 / ratio});
    }
    show::expect_true(column.name + ": farthest from the prediction by a factor " + show::text(worst, 3) +
                          " < " + show::text(column.tolerance),
                      worst < column.tolerance);
  }
}

}  // namespace

int main() {
  document_example();
  its_gradients();
  feed_forward_branch();
  attention_branch();
  tapes();
  depth();
  return show::finish();
}
