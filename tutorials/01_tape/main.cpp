// Chapter 01: the tape. What is recorded, and why walking back through the list is all that backward does.
#include "show.hpp"

using namespace xgrad;

int main() {
  {
    show::section("One expression");
    // [expression]
    const auto a = parameter<double>(scalar(-4.), "a"), b = parameter<double>(scalar(2.), "b");
    Tape<double> tape;
    auto c = a + b;
    auto d = a * b + b * b * b;
    c += c + 1;
    c += 1 + c - a;
    d += 2 * d + relu(b + a);
    d += 3 * d + relu(b - a);
    const auto e = c - d, f = e * e;
    const auto g = f / 2 + 10 / f;
    g.backward();
    // [/expression]
    show::expect("g", g.item(), 24.7041, 1e-5);
    show::expect("da", a.grad(), {138.8338}, 1e-5);
    show::expect("db", b.grad(), {645.5773}, 1e-5);
    show::value("dc", c.grad());
    show::value("de", e.grad());
    show::value("df", f.grad());
  }

  {
    show::section("The tape is a list");
    // [list]
    const auto a = parameter<double>(scalar(-4.), "a"), b = parameter<double>(scalar(2.), "b");
    Tape<double> tape;
    const auto ab = a * b;
    const auto b2 = b * b;
    const auto b3 = b2 * b;
    const auto d = ab + b3;
    const auto r = relu(b - a);
    const auto f = r * d;
    std::cout << tape;
    // [/list]
    bool earlier = true;  // every input stands on the tape before the value that is made from it
    for (std::size_t i = 0; i < tape.size(); ++i)
      for (const auto& input : tape.entries()[i].inputs)
        for (std::size_t later = i; later < tape.size(); ++later)
          earlier = earlier && &input.value() != &tape.entries()[later].output.value();
    show::expect_true("every input stands above the value that is made from it", earlier);
    f.backward();
    show::expect("da", a.grad(), {12});  // b r - d
    show::expect("db", b.grad(), {48});  // (a + 3b²) r + d
  }

  {
    show::section("The diamond, walked by hand");
    const auto x = parameter<double>(scalar(2.), "x");
    Tape<double> tape;
    // [diamond]
    const auto a = x * x;
    const auto b = a * a, c = a * a;
    const auto y = b + c;  // 2x⁴
    // [/diamond]

    // [walk]
    y.accumulate(scalar(1.));  // dy = 1
    for (std::size_t i = tape.size(); i-- > 0;) {
      const auto& entry = tape.entries()[i];
      entry.vjp(entry.output.value(), entry.output.grad());
    }
    // [/walk]
    show::expect("in reverse order dx", x.grad(), {64});  // 8x³
    show::value("              with da", a.grad());

    // [wrong]
    const auto walk = [&](const std::vector<std::size_t>& order) {
      for (auto value : {x, a, b, c, y}) value.zero_grad();
      y.accumulate(scalar(1.));
      for (std::size_t i : order) {
        const auto& entry = tape.entries()[i];
        entry.vjp(entry.output.value(), entry.output.grad());
      }
      return x.grad();
    };
    // a, b, c, y are entries 0, 1, 2, 3.
    show::expect("a before b has reached it: dx", walk({3, 2, 0, 1}), {32});
    show::expect("a once for every arrival: dx", walk({3, 2, 0, 1, 0}), {96});
    // [/wrong]
  }

  {
    show::section("Sixty doublings");
    // [doublings]
    const auto x = parameter<double>(scalar(1.));
    Tape<double> tape;
    auto y = x;
    for (int i = 0; i < 60; ++i) y = y + y;
    show::expect("entries on the tape", double(tape.size()), 60);
    y.backward();
    // [/doublings]
    show::expect("dx = paths from y back to x", x.grad(), {std::ldexp(1., 60)}, 0, 19);
    show::value("years to walk them one by one, a thousand million a second",
                scalar(x.grad().data()[0] / 1e9 / 3600 / 24 / 365.25), 3);
  }

  {
    show::section("Twice");
    auto x = parameter<double>(scalar(3.), "x");
    {
      // [spent]
      Tape<double> tape;
      const auto y = x * x;
      y.backward();
      try {
        y.backward();
      } catch (const Error& error) {
        std::cout << error.what() << '\n';
      }
      // [/spent]
      show::expect("dx after the pass that was refused", x.grad(), {6});
    }
    {
      // [keep]
      Tape<double> tape;
      const auto h = x * x, y = 5 * h;
      y.backward(Keep::yes);
      y.backward();
      // [/keep]
      show::expect("dx after two more passes", x.grad(), {6 + 30 + 30});
      show::expect("dh of the last pass", h.grad(), {5});
    }
    // [add_up]
    x.zero_grad();
    for (double expected : {6., 12., 18.}) {
      Tape<double> tape;
      (x * x).backward();
      show::expect("dx", x.grad(), {expected});
    }
    // [/add_up]
  }

  {
    show::section("The graph");
    const auto x = parameter<double>(scalar(2.), "x");
    // [graph]
    Tape<double> tape;
    auto a = x * x, b = a * a, c = a * a, y = b + c;
    a.named("a"), b.named("b"), c.named("c"), y.named("y");
    y.backward(Keep::yes);
    std::cout << tape.to_dot();
    // [/graph]
  }
  return show::finish();
}
