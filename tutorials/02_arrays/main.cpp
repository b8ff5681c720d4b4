// Chapter 02: arrays instead of numbers. What broadcasting does to gradients, an op of one's own, and how to
// know that a gradient is right.
#include <algorithm>

#include "show.hpp"

using namespace xgrad;

// [softsign]
// y = x / (1 + |x|),   dx = dy (1 - |y|)²
template <class T>
Variable<T> softsign(const Variable<T>& x) {
  Array<T> value = x.value();
  for (T& entry : value) entry /= 1 + std::abs(entry);
  return record<T>("softsign", value, {x}, [x](const Array<T>& y, const Array<T>& dy) {
    Array<T> dx = dy;
    for (std::size_t i = 0; i < dx.size(); ++i) dx.data()[i] *= std::pow(1 - std::abs(y.data()[i]), T(2));
    x.accumulate(dx);
  });
}
// [/softsign]

// [careless]
template <class T>
Variable<T> careless_softsign(const Variable<T>& x) {
  Array<T> value = x.value();
  for (T& entry : value) entry /= 1 + std::abs(entry);
  return record<T>("careless_softsign", value, {x}, [x](const Array<T>& y, const Array<T>&) {
    Array<T> dx = y;
    for (T& entry : dx) entry = std::pow(1 - std::abs(entry), T(2));  // where is dy?
    x.accumulate(dx);
  });
}
// [/careless]

/// f(x) of one array, as the gradient check wants it.
template <class T>
Differentiable<T> of_one(Variable<T> (*f)(const Variable<T>&)) {
  return [f](const std::vector<Variable<T>>& inputs) { return f(inputs[0]); };
}

/// 'd' and 'f' ('*' for both) where the errors lie between 1e-12 and 1, four columns a decade.
std::string picture(double in_double, double in_float) {
  std::string line(49, ' ');
  for (const auto& [error, mark] : {std::pair{in_double, 'd'}, {in_float, 'f'}}) {
    const double column = std::clamp(4 * (std::log10(error) + 12), 0., 48.);
    char& cell = line[static_cast<std::size_t>(std::lround(column))];
    cell = cell == ' ' ? mark : '*';
  }
  return line;
}

int main() {
  {
    show::section("Arrays");
    // [arrays]
    const auto x = parameter(Array<double>{{1, 2, 3}, {4, 5, 6}}, "x");
    Tape<double> tape;
    const auto y = x * x;
    y.backward(Array<double>{{1, 0, 0}, {0, 0, 10}});
    // [/arrays]
    std::cout << "x is " << to_string(x.shape()) << ", y is " << to_string(y.shape()) << '\n';
    show::value("y", y.value());
    show::expect("dx", x.grad(), {2, 0, 0, 0, 0, 120});
  }

  {
    show::section("Broadcasting");
    // [broadcasting]
    const auto x = parameter(Array<double>{{1, 2, 3}, {4, 5, 6}}, "x");
    const auto scale = parameter<double>(scalar(2.), "scale");
    const auto column = parameter(reshaped(Array<double>{1, -1}, {2, 1}), "column");
    const auto bias = parameter(Array<double>{10, 20, 30}, "bias");
    Tape<double> tape;
    const auto scaled = scale * x;
    const auto signs = scaled * column;
    const auto y = signs + bias;
    std::cout << tape;
    y.backward(Array<double>{{1, 0, 2}, {0, 1, 1}});
    // [/broadcasting]
    show::value("y", y.value());
    show::expect("dx", x.grad(), {2, 0, 4, 0, -2, -2});
    show::expect("dscale", scale.grad(), {-4});
    show::expect("dcolumn", column.grad(), {14, 22});
    show::expect("dbias", bias.grad(), {1, 1, 3});
    bool same = true;
    for (const auto& v : {x, scale, column, bias}) same = same && shape_of(v.grad()) == v.shape();
    show::expect_true("every gradient has the shape of its value", same);

    show::section("Shapes that do not fit");
    // [error]
    try {
      x + Variable<double>(Array<double>{1, 2});
    } catch (const Error& error) {
      std::cout << error.what() << '\n';
    }
    // [/error]
  }

  const Array<double> at{-1.5, -.5, .75, 2};
  {
    show::section("An op of one's own");
    // [check]
    const auto x = parameter(at, "x");
    Tape<double> tape;
    const auto y = softsign(x);
    sum(y).backward();
    const auto check = check_gradients<double>(of_one(softsign<double>), {at});
    // [/check]
    show::value("y", y.value());
    show::expect("dx", x.grad(), {.16, .4444444444, .3265306122, .1111111111});
    show::expect_true("entries compared: " + std::to_string(check.entries) + ", all agree to 1e-9",
                      check.relative_error < 1e-9);
    show::expect_true("it is a derivative", check.passed);
  }

  {
    show::section("A wrong op");
    const auto x = parameter(at);
    Tape<double> tape;
    sum(careless_softsign(x)).backward();
    show::expect("dx of sum(y), as right as it can be", x.grad(),
                 {.16, .4444444444, .3265306122, .1111111111});
    const auto check = check_gradients<double>(of_one(careless_softsign<double>), {at});
    std::cout << check.report() << '\n';
    show::expect_true("the check has seen it", !check.passed);
  }

  {
    show::section("The choice of epsilon");
    // [sweep]
    std::vector<double> epsilons;
    for (int digit = 1; digit <= 12; ++digit) epsilons.push_back(std::pow(10, -digit));
    const auto in_double = epsilon_sweep<double>(of_one(softsign<double>), {at}, epsilons);
    const auto in_float = epsilon_sweep<float>(of_one(softsign<float>), {cast<float>(at)}, epsilons);
    // [/sweep]
    std::printf("%-8s %-9s %-9s 1e-12       1e-9        1e-6        1e-3        1\n", "epsilon", "double",
                "float");
    for (std::size_t i = 0; i < epsilons.size(); ++i) {
      const double d = in_double[i].relative_error, f = in_float[i].relative_error;
      std::printf("%-8.0e %-9.1e %-9.1e |%s|\n", epsilons[i], d, f, picture(d, f).c_str());
    }
    const auto best = [](const auto& points) {
      return std::min_element(
                 points.begin(), points.end(),
                 [](const auto& a, const auto& b) { return a.relative_error < b.relative_error; })
          ->epsilon;
    };
    std::printf("best epsilon: %.0e in double, %.0e in float\n", best(in_double), best(in_float));
    show::expect_true(
        "truncation: 10 times the step, 100 times the error",
        std::abs(std::log10(in_double[1].relative_error / in_double[2].relative_error) - 2) < .05);
  }
  return show::finish();
}
