// 07 Attention by hand: scores, weights, gradients, masks, heads, positions, and a look-up that it learns.

#include "sections.hpp"

namespace {

const A q0{{1, 0}, {0, 1}}, k0{{1, 0}, {1, 1}}, v0{{1, 2}, {3, 4}};  // two tokens, d_k = 2
const A c0{{1, 0}, {0, 1}};                                          // L = Σ C ⊙ Y

void small_example() {
  show::section("Scores, weights, output");
  const V q = parameter(q0), k = parameter(k0), v = parameter(v0);
  // [forward]
  const double root = std::sqrt(2.0);  // √d_k
  Tape<double> tape;
  const V scores = matmul(q, transpose(k)) / root;  // (queries, keys)
  const V weights = softmax(scores);                // each row sums to 1
  const V y = matmul(weights, v);                   // each row: a mixture of the rows of V
  // [/forward]
  show::expect("scores", scores.value(), {.7071067812, .7071067812, 0, .7071067812});
  show::expect("weights", weights.value(), {.5, .5, .3302384507, .6697615493});
  show::expect("Y", y.value(), {2, 3, 2.339523099, 3.339523099});

  show::section("The gradients, by hand and from the tape");
  const V loss = sum(V(c0) * y);
  loss.backward();
  show::expect("L", loss.item(), 5.339523099);
  // [backward]
  const V c = c0;  // dY = ∂L/∂Y
  const V dv = matmul(transpose(weights), c);
  const V dweights = matmul(c, transpose(v));
  const V dscores = weights * (dweights - sum(weights * dweights, {-1}, true));  // softmax, row by row
  const V dq = matmul(dscores, k) / root;
  const V dk = matmul(transpose(dscores), q) / root;
  // [/backward]
  show::expect("dQ", dq.value(), {0, .3535533906, 0, .3127971931});
  show::expect("dK", dk.value(), {-.3535533906, -.3127971931, .3535533906, .3127971931});
  show::expect("dV", dv.value(), {.5, .3302384507, .5, .6697615493});
  show::expect_true("the tape's dQ, dK, dV are these to 1e-14",
                    largest_difference(q.grad(), dq.value()) < 1e-14 &&
                        largest_difference(k.grad(), dk.value()) < 1e-14 &&
                        largest_difference(v.grad(), dv.value()) < 1e-14);
}

void fused_op() {
  show::section("One op instead of nine");
  Rng rng(7);
  const std::vector<A> inputs{rng.normal<double>({2, 3, 4}), rng.normal<double>({2, 5, 4}),
                              rng.normal<double>({2, 5, 6})};  // a batch of 2; 3 queries see 5 keys
  const auto fused = [](const std::vector<V>& x) { return attention(x[0], x[1], x[2]); };
  const auto composed = [](const std::vector<V>& x) { return composed::attention(x[0], x[1], x[2]); };
  const auto run = [&](const Differentiable<double>& f, std::size_t& entries) {
    const V q = parameter(inputs[0]), k = parameter(inputs[1]), v = parameter(inputs[2]);
    Tape<double> tape;
    const V y = f({q, k, v});
    entries = tape.size();
    y.backward(Rng(8).normal<double>(y.shape()));
    return std::vector<A>{y.value(), q.grad(), k.grad(), v.grad()};
  };
  std::size_t one = 0, several = 0;
  const auto a = run(fused, one), b = run(composed, several);
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, largest_difference(a[i], b[i]));
  std::cout << "tape entries: fused " << one << ", composed " << several << '\n';
  show::expect_true("output and all gradients agree to 1e-13", worst < 1e-13);
  show::expect_true("both pass the gradient check at 1e-7",
                    check_gradients(Differentiable<double>(fused), inputs).passed &&
                        check_gradients(Differentiable<double>(composed), inputs).passed);
}

void masks() {
  show::section("Masks");
  A weights;
  {
    const V q = parameter(q0), k = parameter(k0), v = parameter(v0);
    // [causal]
    AttentionOptions options;
    options.causal = true;  // query i sees keys 0…i
    Tape<double> tape;
    const V y = attention(q, k, v, options, &weights);
    sum(V(c0) * y).backward();
    // [/causal]
    show::expect("causal weights", weights, {1, 0, .3302384507, .6697615493});
    show::expect("Y", y.value(), {1, 2, 2.339523099, 3.339523099});
    show::expect("L", sum(V(c0) * y).item(), 4.339523099);
    show::expect("dQ", q.grad(), {0, 0, 0, .3127971931});
    show::expect("dK", k.grad(), {0, -.3127971931, 0, .3127971931});
    show::expect("dV", v.grad(), {1, .3302384507, 0, .6697615493});
  }
  {
    const V q = parameter(q0), k = parameter(k0), v = parameter(v0);
    // [padding]
    AttentionOptions options;
    options.mask = Mask{{false, true}, {true, true}};  // true: this query may not see this key
    Tape<double> tape;
    const V y = attention(q, k, v, options, &weights);
    sum(V(c0) * y).backward();
    // [/padding]
    std::cout << "query 0 may see key 0 only, query 1 may see none:\n";
    show::expect("weights", weights, {1, 0, 0, 0});
    show::expect("Y", y.value(), {1, 2, 0, 0});
    show::expect("dV", v.grad(), {1, 0, 0, 0});
  }
}

// How far the softmax still reacts to its scores: ‖diag(p) - ppᵀ‖, and the largest weight.
struct Softness {
  double jacobian, largest;
};

Softness softness(const A& scores) {
  const A p = softmax(V(scores)).value();
  double square = 0, largest = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double pi = p.data()[i];
    largest = std::max(largest, pi);
    for (std::size_t j = 0; j < p.size(); ++j) square += std::pow((i == j ? pi : 0) - pi * p.data()[j], 2);
  }
  return {std::sqrt(square), largest};
}

double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2), x.end());
  return x[x.size() / 2];
}

void why_the_root() {
  show::section("Without the root");
  const V scores = matmul(V(q0), transpose(V(k0)));
  show::expect("scores", scores.value(), {1, 1, 0, 1});
  show::expect("weights", softmax(scores).value(), {.5, .5, .2689414214, .7310585786});
  show::expect("Y", matmul(softmax(scores), V(v0)).value(), {2, 3, 2.462117157, 3.462117157});

  show::section("Why the root");
  const std::size_t draws = 2001, rivals = 32;
  std::cout << draws << " draws of one query and " << rivals << " keys, all entries N(0, 1); medians\n"
            << "          variance   largest weight      norm of softmax Jacobian\n"
            << "   d_k     of q·k    plain   scaled          plain      scaled\n";
  Rng rng(18);
  double plain_at_1024 = 1, scaled_at_1024 = 0;
  bool variance_is_d = true;
  for (std::size_t d : {4, 64, 1024}) {
    double square = 0;
    std::vector<double> jacobian[2], largest[2];
    for (std::size_t draw = 0; draw < draws; ++draw) {
      const V query(rng.normal<double>({d, 1})), keys(rng.normal<double>({rivals, d}));
      const V dots = matmul(keys, query);
      square += sum(dots * dots).item();
      const A rows[2] = {reshaped(dots.value(), {rivals}),
                         reshaped((dots / std::sqrt(double(d))).value(), {rivals})};
      for (int scaled : {0, 1}) {
        const auto s = softness(rows[scaled]);
        jacobian[scaled].push_back(s.jacobian);
        largest[scaled].push_back(s.largest);
      }
    }
    const double variance = square / double(draws * rivals);
    variance_is_d = variance_is_d && std::abs(variance / double(d) - 1) < .1;
    plain_at_1024 = median(jacobian[0]), scaled_at_1024 = median(jacobian[1]);
    std::printf("%6zu %10.4g %8.3f %8.3f %14.3g %11.3f\n", d, variance, median(largest[0]),
                median(largest[1]), plain_at_1024, scaled_at_1024);
  }
  std::fflush(stdout);
  show::expect_true("the variance of q·k is d_k within 10 %", variance_is_d);
  show::expect_true(
      "at d_k = 1024 the scaled softmax passes more than 500 times the gradient of the plain one",
      scaled_at_1024 > 500 * plain_at_1024);
}

}  // namespace

int main() {
  small_example();
  fused_op();
  masks();
  why_the_root();
  heads();
  positions();
  look_up();
  return show::finish();
}
