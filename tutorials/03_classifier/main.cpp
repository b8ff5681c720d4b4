// Chapter 03: a linear layer, an activation, a loss, and the first network that learns: two moons.
#include <chrono>

#include "show.hpp"

using namespace xgrad;

namespace {
using V = Variable<double>;

/// The derivative of a function that acts entry by entry.
Array<double> slope(V (*f)(const V&), const Array<double>& at) {
  const auto x = parameter(at);
  Tape<double> tape;
  f(x).backward(full<double>(x.shape(), 1));
  return x.grad();
}

void linear_layer() {
  show::section("A linear layer");
  // [linear]
  const auto x = parameter(Array<double>{{1, -1}, {2, 0}}, "x");         // 2 samples, 2 features
  const auto w = parameter(Array<double>{{1, 2}, {3, 4}, {5, 6}}, "W");  // 3 outputs, 2 inputs
  const auto b = parameter(Array<double>{.5, 0, -1}, "b");
  Tape<double> tape;
  const auto y = linear(x, w, b);
  y.backward(Array<double>{{1, 0, -1}, {2, 1, 0}});
  // [/linear]
  std::cout << "x " << to_string(x.shape()) << ", W " << to_string(w.shape()) << ", b "
            << to_string(b.shape()) << ", y " << to_string(y.shape()) << '\n';
  show::expect("y  = x Wᵀ + b", y.value(), {-.5, -1, -2, 2.5, 6, 9});
  show::expect("dx = dy W", x.grad(), {-4, -4, 5, 8});
  show::expect("dW = dyᵀ x", w.grad(), {5, -1, 2, 0, -1, 1});
  show::expect("db = Σ dy", b.grad(), {3, 1, -1});
}

void activations() {
  show::section("Activations");
  const Array<double> x{-2, -1, -.5, 0, .5, 1, 2};
  show::value("x       ", x);
  show::expect("relu    ", relu<double>(x).value(), {0, 0, 0, 0, .5, 1, 2});
  show::expect("   slope", slope(relu<double>, x), {0, 0, 0, 0, 1, 1, 1});
  show::expect("sigmoid ", sigmoid<double>(x).value(),
               {.119202922, .2689414214, .3775406688, .5, .6224593312, .7310585786, .880797078}, 1e-9, 4);
  show::expect("   slope", slope(sigmoid<double>, x),
               {.1049935854, .1966119332, .2350037122, .25, .2350037122, .1966119332, .1049935854}, 1e-9, 4);
  show::expect("tanh    ", tanh<double>(x).value(),
               {-.9640275801, -.761594156, -.4621171573, 0, .4621171573, .761594156, .9640275801}, 1e-9, 4);
  show::expect("   slope", slope(tanh<double>, x),
               {.07065082485, .4199743416, .786447733, 1, .786447733, .4199743416, .07065082485}, 1e-9, 4);
}

void losses() {
  show::section("Losses");
  const auto logits = parameter(Array<double>{1, 2, 3});
  show::expect("softmax of [1, 2, 3]", softmax(logits).value(), {.09003057317, .2447284711, .6652409558});
  {
    // [cross_entropy]
    Tape<double> tape;
    const auto loss = cross_entropy(reshape(logits, {1, 3}), Indices{2});
    loss.backward();
    // [/cross_entropy]
    show::expect("cross-entropy with class 2", loss.item(), .4076059644);
    show::expect("   its gradient", logits.grad(), {.09003057317, .2447284711, -.3347590442});
  }
  const auto binary = [](double logit, double target, double expected, double slope) {
    const auto z = parameter(Array<double>{logit});
    Tape<double> tape;
    const auto loss = bce_with_logits(z, Array<double>{target});
    loss.backward();
    const std::string what = "logit " + show::text(logit) + ", target " + show::text(target);
    show::expect("binary cross-entropy, " + what, loss.item(), expected, 1e-8);
    show::expect("   its gradient", z.grad(), {slope});
  };
  binary(.5, 1, .4740769842, -.3775406688);
  binary(.5, 7, -2.525923016, -6.377540669);
  binary(20, 7, -120, -6.000000002);
}

double accuracy(const Array<double>& logits, const Indices& labels) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += (logits.data()[i] > 0) == (labels.data()[i] == 1);
  return double(right) / double(labels.size());
}

/// The plane around the moons: '.' where the network says 1, 'o' and 'x' the samples with label 0 and 1.
std::string picture(Module<double>& network, const Labelled<double>& data) {
  constexpr std::size_t columns = 72, rows = 24;
  constexpr double left = -1.5, right = 2.5, bottom = -1, top = 1.5;
  auto points = empty<double>({rows * columns, 2});
  for (std::size_t i = 0; i < rows * columns; ++i) {
    points(i, 0) = left + (right - left) * (double(i % columns) + .5) / columns;
    points(i, 1) = top - (top - bottom) * (double(i / columns) + .5) / rows;
  }
  const auto logits = network(points).value();
  std::string cells(rows * columns, ' ');
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = logits.data()[i] > 0 ? '.' : ' ';
  for (std::size_t i = 0; i < data.size(); ++i) {
    const double column = (data.x(i, 0) - left) / (right - left) * columns;
    const double row = (top - data.x(i, 1)) / (top - bottom) * rows;
    cells[std::size_t(row) * columns + std::size_t(column)] = data.labels(i) ? 'x' : 'o';
  }
  std::string text;
  for (std::size_t row = 0; row < rows; ++row) text += '|' + cells.substr(row * columns, columns) + "|\n";
  return text;
}

// [network]
Sequential<double> make_network(Rng& rng) {
  return Sequential<double>{Linear<double>(2, 16, Init::he_normal(), rng), activation<double>("relu"),
                            Linear<double>(16, 16, Init::he_normal(), rng), activation<double>("relu"),
                            Linear<double>(16, 1, Init::he_normal(), rng)};
}
// [/network]

// [training]
/// Steps 0 to 100; returns the last accuracy. Prints every `report` steps, never when it is 0.
double train(Module<double>& network, const Labelled<double>& data, int report) {
  const auto targets = reshaped(cast<double>(data.labels), {data.size(), 1});
  SGD<double> sgd(network.parameters(), .3, {.9});
  double right = 0;
  for (int step = 0; step <= 100; ++step) {
    Tape<double> tape;
    const auto logits = network(data.x);
    const auto loss = bce_with_logits(logits, targets);
    right = accuracy(logits.value(), data.labels);
    if (report && step % report == 0)
      std::printf("step %3d   loss %.6f   accuracy %.2f\n", step, loss.item(), right);
    sgd.zero_grad();
    loss.backward();
    sgd.step();
  }
  return right;
}
// [/training]

void two_moons() {
  show::section("The network");
  Rng rng(1);
  auto network = make_network(rng);
  const auto data = moons<double>(100, .1, 1);
  std::cout << summary(network, shape_of(data.x));
  show::expect("parameters", double(network.parameter_count()), 337);

  show::section("Training");
  const auto start = std::chrono::steady_clock::now();
  const double last = train(network, data, 10);
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("101 steps in %.0f ms\n", elapsed.count());
  show::expect("accuracy on the 100 samples", last, 1);

  show::section("The decision");
  std::cout << picture(network, data);

  show::section("Fresh samples, fresh starts");
  const auto fresh = moons<double>(10000, .1, 2);
  show::value("accuracy on 10000 samples that it has not seen",
              scalar(accuracy(network(fresh.x).value(), fresh.labels)), 4);
  int perfect = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Rng other(seed);
    auto another = make_network(other);
    perfect += train(another, moons<double>(100, .1, seed), 0) == 1;
  }
  std::printf("of 40 networks, each with samples and start of its own, %d end at accuracy 1\n", perfect);
  show::expect_true("nearly all of them", perfect >= 36);
}
}  // namespace

int main() {
  linear_layer();
  activations();
  losses();
  two_moons();
  return show::finish();
}
