// 07 Attention by hand: scores, weights, gradients, masks, heads, positions, and a look-up that it learns.

#include <algorithm>
#include <iomanip>

#include "show.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

const A q0{{1, 0}, {0, 1}}, k0{{1, 0}, {1, 1}}, v0{{1, 2}, {3, 4}};  // two tokens, d_k = 2
const A c0{{1, 0}, {0, 1}};                                          // L = Σ C ⊙ Y

double largest_difference(const A& a, const A& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}

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

// Example weights, W[r][c] = (((4r + 7c + k) mod 5) - 2)/5: no randomness, nothing symmetric.
V example_weight(std::size_t k) {
  auto w = empty<double>({4, 4});
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t c = 0; c < 4; ++c) w(r, c) = (double((4 * r + 7 * c + k) % 5) - 2) / 5;
  return parameter(w);
}

// [heads]
std::vector<V> heads_of(const V& x, const std::vector<V>& w, std::size_t heads,
                        const AttentionOptions& options = {}) {
  const V q = matmul(x, w[0]), k = matmul(x, w[1]), v = matmul(x, w[2]);  // (tokens, d) each
  const auto width = static_cast<std::ptrdiff_t>(q.extent(-1) / heads);
  std::vector<V> result;
  for (std::ptrdiff_t begin = 0; begin < width * std::ptrdiff_t(heads); begin += width) {
    // all tokens, some columns
    const auto columns = [&](const V& a) { return slice(a, -1, begin, begin + width); };
    result.push_back(attention(columns(q), columns(k), columns(v), options));
  }
  return result;
}

V multi_head(const V& x, const std::vector<V>& w, std::size_t heads, const AttentionOptions& options = {}) {
  return matmul(concatenate(heads_of(x, w, heads, options), -1), w[3]);
}
// [/heads]

const A x0{{1, 0, 1, 0}, {0, 2, 0, 2}, {1, 1, 1, 1}};
const A x_c{{1, -1, 2, .5}, {.5, 1, -1, 2}, {2, .5, 1, -1}};

std::vector<V> example_weights() {
  return {example_weight(0), example_weight(1), example_weight(2), example_weight(3)};
}

struct MultiHeadNumbers {
  std::vector<double> y, loss, dx, dwq, dwk, dwv, dwo;
};

// Columns 3 and 4 of X repeat columns 1 and 2, and with them rows 3 and 4 of dW = Xᵀ d(XW).
std::vector<double> twice(std::vector<double> rows) {
  rows.insert(rows.end(), rows.begin(), rows.begin() + 8);
  return rows;
}

void two_heads(const std::string& title, bool causal, const MultiHeadNumbers& expected) {
  show::section(title);
  const V x = parameter(x0);
  const auto w = example_weights();
  AttentionOptions options;
  options.causal = causal;
  Tape<double> tape;
  const V y = multi_head(x, w, 2, options);
  const V loss = sum(V(x_c) * y);
  loss.backward();
  show::expect("Y  ", y.value(), expected.y, 1e-9, 3);
  show::expect("L  ", show::entries(loss.value()), expected.loss);
  show::expect("dX ", x.grad(), expected.dx, 1e-9, 3);
  show::expect("dWQ", w[0].grad(), twice(expected.dwq), 1e-9, 3);
  show::expect("dWK", w[1].grad(), twice(expected.dwk), 1e-9, 3);
  show::expect("dWV", w[2].grad(), twice(expected.dwv), 1e-9, 3);
  show::expect("dWO", w[3].grad(), expected.dwo, 1e-9, 3);
  options.heads = 2;
  const V at_once = matmul(attention(matmul(x, w[0]), matmul(x, w[1]), matmul(x, w[2]), options), w[3]);
  show::expect_true("attention with heads = 2 gives the same Y in one op",
                    largest_difference(at_once.value(), y.value()) < 1e-14);
}

void multi_head_numbers() {
  two_heads("Two heads", false,
            {{.1982494441, .08581996237, -.1869589159, .1300358366, .1287672501, .1690981152, -.1916208256,
              .07869049388, .1816600946, .1123889272, -.1898723845, .1152550496},
             {.5004003406},
             {.1287044937, .05312553775, -.1962194422, .1441138176, .01985373921, .1864005796, -.3116906331,
              .1501684602, .06253434744, .08643654685, -.2304348019, .1656289846},
             {-.06687103138, -.08146934727, .1315956851, .1104021139, .00618651173, .004022848083,
              .1840802228, .1463294129},
             {.03448653312, .05644780318, -.05947236174, .006456686818, -.04475752172, -.08348077131,
              .1018595043, -.02301392543},
             {.7367430703, .1988660034, -.7857716122, -.6547467259, 1.089823186, -.1571588923, -1.663575529,
              -.8050643666},
             {-.2213177674, -.1482561058, .0289499885, -.2294286991, .9275620165, .1919114951, .4509645405,
              .4648735571, -.3220251956, .01702788065, -.2693754204, -.04501809036, -1.514529432,
              -.1360116267, -.9743166269, -.5297031237}});
  two_heads("Two heads, causal", true,
            {{-.12, .36, -.16, -.08, .133172776, .1328875765, -.1665150881, .07792337045, .1816600946,
              .1123889272, -.1898723845, .1152550496},
             {-.2037769876},
             {.1199839884, .1963446501, -.8261678721, .3627562511, .0326471829, .06496991623, .08651269845,
              .1666940913, .02263177221, .07964992924, -.03082108762, -.03235745887},
             {.00563849698, .007506089833, .07077738826, .05868293891, .00563849698, .007506089833,
              .2453105115, .1983094375},
             {.001885452064, -.001885452064, -.03105899304, .03490662464, -.003753044917, .003753044917,
              .05524789175, -.06981324928},
             {.9861757228, -.1949407699, -1.352351245, -.3793328274, .160356339, .5225893244, -.3227190799,
              -1.106311937},
             {-.5821846512, .258016927, -.753325311, -.3568883007, 1.058384541, -.01218540961, .8103087632,
              .4447980426, -.02503017107, -.3141851261, .3702386049, .06355844277, -1.053343683, -.5739060318,
              -.08300025431, -.2719370155}});
}

void what_a_head_sees() {
  show::section("What a head sees");
  bool as_it_should = true;
  for (const bool causal : {false, true}) {
    AttentionOptions options;
    options.causal = causal;
    for (std::size_t head : {0, 1}) {
      const V x = parameter(x0);
      Tape<double> tape;
      const V first_token = slice(heads_of(x, example_weights(), 2, options)[head], 0, 0, 1);
      first_token.backward(A{{1, -2}});
      std::cout << (causal ? "causal, " : "") << "head " << head
                << ", output of token 0: ‖dx‖ of token 0, 1, 2 =";
      for (std::size_t token = 0; token < 3; ++token) {
        const double norm = std::hypot(std::hypot(x.grad()(token, 0), x.grad()(token, 1)),
                                       std::hypot(x.grad()(token, 2), x.grad()(token, 3)));
        std::cout << "  " << show::text(norm, 4);
        as_it_should = as_it_should && (token == 0 || !causal ? norm > 1e-3 : norm == 0);
      }
      std::cout << '\n';
    }
  }
  show::expect_true("every head reads every token that the mask allows, and no other", as_it_should);
}

A with_rows(const A& x, const std::vector<std::size_t>& order) {
  auto result = empty<double>(shape_of(x));
  for (std::size_t i = 0; i < order.size(); ++i)
    for (std::size_t j = 0; j < x.shape()[1]; ++j) result(i, j) = x(order[i], j);
  return result;
}

void positions() {
  show::section("Order and positions");
  const auto w = example_weights();
  const std::vector<std::size_t> order{2, 0, 1};
  // [equivariance]
  const auto difference = [&](const A& added) {
    const V x = x0, moved = with_rows(x0, order), p = added;
    return largest_difference(multi_head(moved + p, w, 2).value(),
                              with_rows(multi_head(x + p, w, 2).value(), order));
  };
  const double without = difference(zeros<double>({3, 4}));
  const double with = difference(sinusoidal_encoding<double>(3, 4));
  // [/equivariance]
  show::expect_true("without positions, tokens in another order give the same rows in that order (to 1e-14)",
                    without < 1e-14);
  std::cout << "with positions the rows differ by up to " << show::text(with, 4) << '\n';
  show::expect("PE, positions 0 to 3, d = 4", sinusoidal_encoding<double>(4, 4),
               {0, 1, 0, 1, .8414709848, .5403023059, .009999833334, .9999500004, .9092974268, -.4161468365,
                .01999866669, .9998000067, .1411200081, -.9899924966, .0299955002, .9995500337},
               1e-9, 4);
  const V pe = sinusoidal_encoding<double>(100, 64);
  const A gram = matmul(pe, transpose(pe)).value();
  double spread = 0;
  for (std::size_t lag = 0; lag < 100; ++lag)
    for (std::size_t p = 0; p + lag < 100; ++p)
      spread = std::max(spread, std::abs(gram(p, p + lag) - gram(0, lag)));
  show::expect("‖PE‖² of any position, d / 2 for d = 64", gram(0, 0), 32);
  show::expect_true("the product of two rows depends on their distance only (to 1e-12)", spread < 1e-12);
  std::cout << "rows at distance 0, 1, 5, 20: "
            << show::text({gram(0, 0), gram(0, 1), gram(0, 5), gram(0, 20)}, 4) << '\n';
}

// A memory of six (key, value) pairs in random order, and one key that is asked for.
const std::size_t keys = 6, values = 4;

struct Batch {
  Indices stored, contents, asked, answer;  // (batch, keys), (batch, keys), (batch, 1), (batch, 1)
};

Batch draw_batch(std::size_t size, Rng& rng) {
  Batch b{Indices::from_shape({size, keys}), Indices::from_shape({size, keys}),
          Indices::from_shape({size, 1}), Indices::from_shape({size, 1})};
  for (std::size_t i = 0; i < size; ++i) {
    const auto order = rng.permutation(keys);
    for (std::size_t j = 0; j < keys; ++j) {
      b.stored(i, j) = std::int64_t(order[j]);
      b.contents(i, j) = std::int64_t(rng.below(values));
    }
    const auto place = rng.below(keys);
    b.asked(i, 0) = b.stored(i, place);
    b.answer(i, 0) = b.contents(i, place);
  }
  return b;
}

double accuracy(const V& logits, const Indices& answer) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const double* row = logits.value().data() + i * values;
    right += std::size_t(std::max_element(row, row + values) - row) == std::size_t(answer.data()[i]);
  }
  return double(right) / double(answer.size());
}

void look_up() {
  show::section("Learning to look up");
  Rng rng(42);
  const std::size_t d = 16;
  // [look-up]
  Embedding<double> key_table(keys, d, rng), value_table(values, d, rng);
  MultiHeadAttention<double> attend(d, 1, Init::xavier_uniform(), rng);
  Linear<double> read(d, values, Init::xavier_uniform(), rng);
  const auto model = [&](const Batch& b) {
    const V memory = key_table(b.stored) + value_table(b.contents);  // (batch, 6, d): one token a pair
    return read(attend(key_table(b.asked), memory));                 // (batch, 1, 4)
  };
  Parameters<double> parameters;
  for (Module<double>* module : std::vector<Module<double>*>{&key_table, &value_table, &attend, &read})
    for (const auto& p : module->parameters()) parameters.push_back(p);
  Adam<double> adam(parameters, 1e-2);
  // [/look-up]
  Rng test_rng(43);
  const Batch test = draw_batch(1000, test_rng);
  std::cout << "step   loss     accuracy on 1000 new memories (chance: 0.25)\n";
  double final_accuracy = 0;
  for (int step = 0; step <= 100; ++step) {
    // [step]
    const Batch batch = draw_batch(64, rng);
    Tape<double> tape;
    const V loss = cross_entropy(model(batch), batch.answer);
    adam.zero_grad();
    loss.backward();
    adam.step();
    // [/step]
    if (step % 20 == 0) {
      NoGrad pause;
      final_accuracy = accuracy(model(test), test.answer);
      std::printf("%4d   %.4f   %.3f\n", step, loss.item(), final_accuracy);
      std::fflush(stdout);
    }
  }
  show::expect_true("accuracy above 0.99", final_accuracy > .99);

  show::section("What it looks at");
  A weights;
  attend.weights = &weights;  // (batch, 1 query, 6 keys); with several heads (batch, heads, 1, 6)
  model(test);
  const auto weight = [&](std::size_t sample, std::size_t key) {  // of the first head
    return weights.data()[sample * weights.size() / test.asked.size() + key];
  };
  double table[keys][keys] = {}, asked_how_often[keys] = {};
  for (std::size_t i = 0; i < test.asked.size(); ++i) {
    const auto asked = std::size_t(test.asked(i, 0));
    ++asked_how_often[asked];
    for (std::size_t j = 0; j < keys; ++j) table[asked][std::size_t(test.stored(i, j))] += weight(i, j);
  }
  std::cout << "mean attention weight; row: key asked for, column: key stored\n      a     b     c     d     "
               "e     f\n";
  double smallest = 1;
  for (std::size_t asked = 0; asked < keys; ++asked) {
    std::cout << char('a' + int(asked));
    for (std::size_t stored = 0; stored < keys; ++stored)
      std::cout << "  " << std::fixed << std::setprecision(2)
                << table[asked][stored] / asked_how_often[asked];
    smallest = std::min(smallest, table[asked][asked] / asked_how_often[asked]);
    std::cout << '\n';
  }
  std::cout << "one memory:";
  for (std::size_t j = 0; j < keys; ++j)
    std::cout << "  " << char('a' + int(test.stored(0, j))) << '=' << test.contents(0, j);
  std::cout << "   asked: " << char('a' + int(test.asked(0, 0))) << "\nweights:   ";
  for (std::size_t j = 0; j < keys; ++j) std::cout << " " << weight(0, j);
  std::cout << "   answer: " << test.answer(0, 0) << '\n';
  show::expect_true("every key finds itself with a mean weight above 0.8", smallest > .8);
}

}  // namespace

int main() {
  small_example();
  fused_op();
  masks();
  why_the_root();
  multi_head_numbers();
  what_a_head_sees();
  positions();
  look_up();
  return show::finish();
}
