// Several heads: the example in numbers, and what one head can see.
#include "sections.hpp"

namespace {

// Example weights, W[r][c] = (((4r + 7c + k) mod 5) - 2)/5: no randomness, nothing symmetric.
V example_weight(std::size_t k) {
  auto w = empty<double>({4, 4});
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t c = 0; c < 4; ++c) w(r, c) = (double((4 * r + 7 * c + k) % 5) - 2) / 5;
  return parameter(w);
}

}  // namespace

std::vector<V> example_weights() {
  return {example_weight(0), example_weight(1), example_weight(2), example_weight(3)};
}

// [heads]
std::vector<V> heads_of(const V& x, const std::vector<V>& w, std::size_t heads,
                        const AttentionOptions& options) {
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

V multi_head(const V& x, const std::vector<V>& w, std::size_t heads, const AttentionOptions& options) {
  return matmul(concatenate(heads_of(x, w, heads, options), -1), w[3]);
}
// [/heads]

namespace {

const A x_c{{1, -1, 2, .5}, {.5, 1, -1, 2}, {2, .5, 1, -1}};

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

}  // namespace

void heads() {
  multi_head_numbers();
  what_a_head_sees();
}
