// 04 The residual add: y = x + f(x), its gradient dx = dy + Jᵀ dy, and what is not a residual connection.

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

std::string text(const A& a) { return show::text(show::entries(a), 6); }

double norm(const A& a) {
  double squares = 0;
  for (double entry : a) squares += entry * entry;
  return std::sqrt(squares);
}

A product(const V& a, const V& b) { return matmul(a, b).value(); }

// [gradient]
// dx = ∂L/∂x for y = f(x) and a given dy = ∂L/∂y.
template <class F>
A gradient(const F& f, const A& x0, const A& dy) {
  const V x = parameter(x0);
  Tape<double> tape;
  f(x).backward(dy);
  return x.grad();
}
// [/gradient]

V add_relu(const V& z) { return z + relu(z); }

void weighted_sums(const A& z, const std::vector<double>& y,
                   const std::vector<std::pair<A, std::vector<double>>>& cases) {
  show::expect("z + relu(z)", add_relu(V(z)).value(), y);
  for (const auto& [w, loss_and_dz] : cases) {
    std::vector<double> computed{sum(V(w) * add_relu(V(z))).item()};
    for (double entry : gradient(add_relu, z, w)) computed.push_back(entry);
    show::expect("w = " + text(w) + ": L, dz", computed, loss_and_dz);
  }
}

void document_example() {
  show::section("The document's example");
  std::cout << "D0 §4.2.2 states z + relu(z) = [2, 4, 6] for z = [1, 2, 3], which is right; L = Σ w ⊙ (z + "
               "relu(z)):\n";
  weighted_sums(A{1, 2, 3}, {2, 4, 6},
                {{A{1, 1, 1}, {12, 2, 2, 2}},
                 {A{1, 2, 3}, {28, 2, 4, 6}},
                 {A{1, 0, 0}, {2, 2, 0, 0}},
                 {A{.5, -1, 2}, {9, 1, -2, 4}}});

  show::section("Where ReLU is dead");
  std::cout << "z = [-1, 0, 2]: ReLU passes nothing back for the first two entries, the skip path does:\n";
  weighted_sums(A{-1, 0, 2}, {-1, 0, 4}, {{A{1, 1, 1}, {3, 1, 1, 2}}, {A{.5, -1, 2}, {7.5, .5, -1, 4}}});
  show::expect("relu alone:  dz for w = [1, 1, 1]",
               gradient([](const V& z) { return relu(z); }, A{-1, 0, 2}, A{1, 1, 1}), {0, 0, 1});

  show::section("Its tape");
  const V z = parameter(A{-1, 0, 2}, "z");
  Tape<double> tape;
  add_relu(z);
  std::cout << tape;
}

// W[r][c] = ((3r + 5c + k) mod 7 - 3) / 5: small weights that are easy to write down.
A weights(std::size_t rows, std::size_t columns, std::size_t k) {
  auto w = empty<double>({rows, columns});
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) w(r, c) = (double((3 * r + 5 * c + k) % 7) - 3) / 5;
  return w;
}

const A x0{{1, 2, 3}, {-1, .5, 2}}, dy{{1, -1, 2}, {.5, 2, -1}};
const V w1 = weights(3, 3, 0), w2 = weights(3, 3, 1), wc = weights(3, 6, 2);
const V b1 = A{.1, -.2, .3}, b2 = A{0, .1, -.1};

// The branch of this chapter: two linear maps with a ReLU between them.
V f(const V& x) { return linear(relu(linear(x, w1, b1)), w2, b2); }

void two_paths() {
  show::section("Two paths");
  // [two-paths]
  const A both = gradient([](const V& x) { return x + f(x); }, x0, dy);
  const A skip = gradient([](const V& x) { return x + f(x.detach()); }, x0, dy);    // dy itself
  const A branch = gradient([](const V& x) { return x.detach() + f(x); }, x0, dy);  // Jᵀ dy
  // [/two-paths]
  show::expect("skip path    dy     ", skip, show::entries(dy));
  show::value("branch       Jᵀ dy  ", reshaped(branch, {6}));
  show::expect("dx of x + f(x)      ", both, {2.56, -2.2, 2.8, .02, 2.52, -1.3});
  const A total = (V(skip) + V(branch)).value();
  show::expect("dy + Jᵀ dy          ", total, show::entries(both), 1e-15);
  const double cosine = sum(V(skip) * V(branch)).item() / (norm(skip) * norm(branch));
  std::cout << "norms: skip " << show::text(norm(skip), 4) << ", branch " << show::text(norm(branch), 4)
            << ", cosine between them " << show::text(cosine, 4) << '\n';

  show::section("A branch can also work against the skip");
  const A against = gradient([](const V& x) { return x - .9 * x; }, x0, dy);
  show::expect("f(x) = -0.9 x: |dx| / |dy|", norm(against) / norm(dy), .1);
}

void concatenation() {
  show::section("Adding is not concatenating");
  // [concat]
  const auto add = [](const V& x) { return x + f(x); };
  const auto concat = [](const V& x) { return concatenate<double>({x, f(x)}, -1); };
  const auto projected = [&](const V& x) { return linear(concat(x), wc); };  // back to x's width
  // [/concat]
  std::cout << "x " << to_string(V(x0).shape()) << ", x + f(x) " << to_string(add(V(x0)).shape())
            << ", [x, f(x)] " << to_string(concat(V(x0)).shape()) << '\n';
  V wide = x0;
  for (int layer = 0; layer < 10; ++layer) wide = concatenate<double>({wide, relu(wide)}, -1);
  show::expect("width after 10 concatenations of 3 columns", double(wide.extent(-1)), 3072);
  show::expect("[x, f(x)] Wcᵀ ", projected(V(x0)).value(), {-.008, -.592, 1.568, .46, -1.04, .876});
  show::expect("its dx        ", gradient(projected, x0, dy), {-.32, .248, 1.264, 1.16, -1.132, -.512});

  std::cout << "what reaches x without passing f, for the dy above:\n";
  const auto around = [](const V& x) { return linear(concatenate<double>({x, f(x.detach())}, -1), wc); };
  const V wx = slice(wc, 1, 0, 3);  // the columns of Wc that see x
  show::expect("  add:    dy      ", gradient([](const V& x) { return x + f(x.detach()); }, x0, dy),
               show::entries(dy));
  show::expect("  concat: dy · Wx ", gradient(around, x0, dy), show::entries(product(dy, wx)));
  V through = dy;
  for (int layer = 0; layer < 20; ++layer) through = matmul(through, wx);
  std::cout << "  after 20 layers, relative to |dy|: add 1, concat "
            << show::text(norm(through.value()) / norm(dy), 3) << '\n';

  const V identities = A{{1, 0, 0, 1, 0, 0}, {0, 1, 0, 0, 1, 0}, {0, 0, 1, 0, 0, 1}};  // [I, I]
  show::expect("[x, f(x)] [I, I]ᵀ is the add", linear(concat(V(x0)), identities).value(),
               show::entries(add(V(x0)).value()), 1e-15);
}

struct Stack {
  std::string name;
  std::size_t parameters;
  std::vector<double> ratios;  // |dx| / |dy|, one for each seed
};

// Thirty layers 32 wide, W ~ N(0, 1/columns), b = 0; the growing one appends four columns in each layer.
Stack thirty_layers(const std::string& name) {
  Stack stack{name, 0, {}};
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Rng rng(seed);
    std::size_t parameters = 0;
    const auto map = [&](const V& x, std::size_t out) {
      const std::size_t in = x.extent(-1);
      parameters += out * in + out;
      return matmul(x, V(rng.normal<double>({in, out}, 0, 1 / std::sqrt(double(in)))));
    };
    const V x = parameter(rng.normal<double>({64, 32}));
    Tape<double> tape;
    V h = x;
    for (int layer = 0; layer < 30; ++layer) {
      // [wirings]
      if (name == "plain") h = relu(map(h, 32));
      if (name == "add") h = h + relu(map(h, 32));
      if (name == "concat + projection") h = map(concatenate<double>({h, relu(map(h, 32))}, -1), 32);
      if (name == "growing concat") h = concatenate<double>({h, relu(map(h, 4))}, -1);
      // [/wirings]
    }
    const A dy = rng.normal<double>(h.shape());
    h.backward(dy);
    stack.ratios.push_back(norm(x.grad()) / norm(dy));
    stack.parameters = parameters;
  }
  return stack;
}

void thirty_layers() {
  show::section("Thirty layers");
  std::cout << "|dx| / |dy|, five seeds, and the parameters:\n";
  std::vector<Stack> stacks;
  for (const char* name : {"plain", "add", "concat + projection", "growing concat"}) {
    stacks.push_back(thirty_layers(name));
    const auto& ratios = stacks.back().ratios;
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    std::printf("  %-20s %7.1e to %7.1e %8zu\n", name, *least, *most, stacks.back().parameters);
  }
  const Stack &plain = stacks[0], &add = stacks[1], &projected = stacks[2], &growing = stacks[3];
  const double shares = double(projected.parameters) / double(add.parameters);
  show::expect("parameters, add", double(add.parameters), double(plain.parameters), 0, 17);
  show::system({"S3",
                "concatenation for a residual add: the width doubles, and what passes by f is multiplied by "
                "a learned matrix",
                "the add; beside it concatenation with a projection, and DenseNet's growing one",
                {show::equals("width of [x, f(x)] for 3 columns",
                              double(concatenate<double>({x0, f(x0)}, -1).extent(-1)), 6),
                 show::equals("width of x + f(x)", double((V(x0) + f(x0)).extent(-1)), 3)}});
  show::experiment(
      {"E10",
       "concatenation with a projection loses the gradient as a plain stack does, at three times the "
       "parameters; the add keeps both",
       {show::below("|dx|/|dy| over 30 layers, plain", plain.ratios, .1),
        show::below("|dx|/|dy|, concat + projection", projected.ratios, .1),
        show::above("|dx|/|dy|, add", add.ratios, 1),
        show::reported("|dx|/|dy|, growing concat", growing.ratios),
        show::at_least("parameters, concat + projection beside add", {shares}, 2.9),
        show::equals("parameters, add beside plain", double(add.parameters) / double(plain.parameters), 1)}});
}

void doubling() {
  show::section("Doubling");
  std::cout << "z -> z + relu(z), L times:\n";
  // [doubling]
  const auto stack = [](int layers, double gain) {
    return [=](V z) {
      for (int layer = 0; layer < layers; ++layer) z = z + gain * relu(z);
      return z;
    };
  };
  // [/doubling]
  const auto output_and_gradient = [](const auto& f, double z) {
    return std::vector<double>{f(V(z)).item(), gradient(f, scalar(z), scalar(1.)).data()[0]};
  };
  for (int layers : {1, 10, 60})
    show::expect("L = " + std::to_string(layers) + ": z = 1 gives y, dz",
                 output_and_gradient(stack(layers, 1), 1), {std::pow(2, layers), std::pow(2, layers)}, 0);
  {
    const V z = parameter(scalar(1.));
    Tape<double> tape;
    stack(60, 1)(z);
    show::expect("L = 60: entries on the tape", double(tape.size()), 180, 0);
  }
  show::expect("L = 60: z = -1 gives y, dz", output_and_gradient(stack(60, 1), -1), {-1, 1}, 0);
  show::expect("L = 60, branch times 1/L: z = 1 gives y, dz", output_and_gradient(stack(60, 1. / 60), 1),
               {std::pow(61. / 60, 60), std::pow(61. / 60, 60)}, 1e-13);
}

void target_minus_output() {
  show::section("Residual as target minus output");
  std::cout
      << "D1 §4.2.1 sets R(x) = y - L(x); the prediction is then L(x) + R(x) = y whatever x and w are:\n";
  const V target = 10;
  for (const A& input : {A{1, 2, 3}, A{-4, 0, 8}, A{0, 0, 0}}) {
    const V w = parameter(A{.5, -1, 2});
    Tape<double> tape;
    // [target-minus-output]
    const V output = sum(w * V(input));      // L(x) = Σ wᵢ xᵢ
    const V residual = target - output;      // R(x) = y - L(x) looks at the target
    const V prediction = output + residual;  // = y
    // [/target-minus-output]
    prediction.backward();
    const std::string label = "x = " + text(input) + ": L(x) = " + show::text(output.item()) +
                              ", R(x) = " + show::text(residual.item());
    show::expect(label + "; prediction, dw", {prediction.item(), w.grad()(0), w.grad()(1), w.grad()(2)},
                 {10, 0, 0, 0});
  }

  std::cout << "what a residual block learns is target minus input, F(x) = t - x, and F sees x only:\n";
  const A x{{1, 2, 3}}, t{{2, 1, 4}};
  const V w = parameter(zeros<double>({3, 3}));
  const auto block = [&](const V& x) { return x + linear(x, w); };
  {
    Tape<double> tape;
    (mse_loss(block(x), t, Reduction::sum) / 2).backward();
  }
  show::expect("W = 0: dW = (x - t)ᵀ x", w.grad(), {-1, -2, -3, 1, 2, 3, -1, -2, -3});
  const V trained = w.value();
  const V stepped = trained - V(w.grad()) / 14;  // one step of length 1 / |x|²
  show::expect("one gradient step later: F(x)", linear(V(x), stepped).value(), {1, -1, 1}, 1e-12);
  show::expect("prediction x + F(x), no target needed", (V(x) + linear(V(x), stepped)).value(), {2, 1, 4},
               1e-12);
}

}  // namespace

int main() {
  document_example();
  two_paths();
  concatenation();
  thirty_layers();
  doubling();
  target_minus_output();
  return show::finish();
}
