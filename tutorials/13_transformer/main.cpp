// 13 The Transformer, piece by piece: what each part does, and the documents' diagrams as executed.

#include <algorithm>
#include <iomanip>

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;

namespace {

constexpr std::size_t d = 32, heads = 4, hidden = 4 * d, vocabulary = 12;
const Indices sentence{{3, 1, 4, 1, 5}};
const Init init = Init::xavier_uniform();

double largest_difference(const A& a, const A& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a.data()[i] - b.data()[i]));
  return largest;
}

V at(const V& y, std::ptrdiff_t t) { return slice(y, 1, t, t + 1); }

// [nodes]
// The ops of a tape under the names that diagrams use. What belongs to an attention or a feed-forward layer,
// its linear maps, is drawn as one node; an add is a residual connection unless one side is a constant:
// positions.
std::vector<std::string> nodes(const Tape<double>& tape) {
  std::vector<std::string> names;
  for (const auto& entry : tape.entries()) {
    const std::string op = entry.op;
    const bool with_constant = !entry.inputs.back().requires_grad();
    if (op == "embedding") names.push_back("embeddings");
    if (op == "add") names.push_back(with_constant ? "positional encoding" : "residual");
    if (op == "attention") names.push_back("attention");
    if (op == "relu") names.push_back("feed-forward");
    if (op == "layer_norm") names.push_back("LN");
  }
  return names;
}
// [/nodes]

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " → ") + name;
  return text;
}

// Runs f on a new tape; prints what was executed, and whether it is `expected`.
bool drawn(const std::string& title, const std::function<void()>& f,
           const std::vector<std::string>& expected) {
  Tape<double> tape;
  f();
  std::cout << title << "\n  ";
  const auto executed = nodes(tape);
  show::expect_true(join(executed), executed == expected);
  return executed == expected;
}

void pieces() {
  show::section("The pieces");
  Rng rng(1);
  TokenEmbedding<double> embedding({vocabulary, d}, rng);
  MultiHeadAttention<double> attention(d, heads, init, rng);
  FeedForward<double> feed_forward(d, hidden, init, rng);
  LayerNorm<double> norm(d);
  TransformerEncoderLayer<double> encoder(d, heads, hidden, NormPlacement::post, init, rng);
  TransformerDecoderLayer<double> decoder(d, heads, hidden, NormPlacement::post, init, rng);
  const V x = embedding(sentence);
  const auto line = [](const char* name, Module<double>& module, const V& y) {
    std::cout << std::left << std::setw(20) << name << std::setw(13) << to_string(y.shape()) << std::right
              << std::setw(6) << module.parameter_count() << '\n';
  };
  std::cout << "piece               output    parameters, d = 32, 4 heads, 4d inside\n";
  line("embedding + PE", embedding, x);
  line("attention", attention, attention(x));
  line("feed-forward", feed_forward, feed_forward(x));
  line("LN", norm, norm(x));
  line("encoder layer", encoder, encoder(x));
  line("decoder layer", decoder, decoder(x, encoder(x)));
  show::expect("12d² + 13d", double(encoder.parameter_count()), double(12 * d * d + 13 * d));
  show::expect("16d² + 19d", double(decoder.parameter_count()), double(16 * d * d + 19 * d));
}

void positions() {
  show::section("Positions");
  // D0 §2 and D2 §5.2 name positional encoding and define it nowhere.
  show::expect("PE of position 3, d = 4",
               at(V(reshaped(sinusoidal_encoding<double>(4, 4), {1, 4, 4})), 3).value(),
               {.1411200081, -.9899924966, .0299955002, .9995500337});
  Rng rng(1);
  LearnedPositions<double> learned(16, d, rng);
  std::cout << "learned instead: " << learned.describe() << ", " << learned.parameter_count()
            << " parameters\n";
}

void diagrams() {
  show::section("The documents' diagrams as executed");
  Rng rng(1);
  TokenEmbedding<double> embedding({vocabulary, d}, rng);
  TransformerEncoderLayer<double> layer(d, heads, hidden, NormPlacement::post, init, rng);
  const auto attention = [&](const V& x) { return layer.attention(x); };
  const auto feed_forward = [&](const V& x) { return layer.feed_forward(x); };
  const auto norm1 = [&](const V& x) { return layer.norm1(x); };
  const auto norm2 = [&](const V& x) { return layer.norm2(x); };
  const V x = parameter(A(embedding(sentence).value()));

  const bool first = drawn(
      "G1, D0 §2.1: the encoder block of 2017, TransformerEncoderLayer with Post-LN",
      [&] { layer(embedding(sentence)); },
      {"embeddings", "positional encoding", "attention", "residual", "LN", "feed-forward", "residual", "LN"});
  drawn("G2, D0 §2.2: LN on both sides, no residual", [&] { norm2(feed_forward(norm1(x))); },
        {"LN", "feed-forward", "LN"});
  drawn("G3, D0 §2.3: as G1, but the second residual is missing",
        [&] {
          const V e = embedding(sentence), h = norm1(e + attention(e));
          norm2(feed_forward(h));
        },
        {"embeddings", "positional encoding", "attention", "residual", "LN", "feed-forward", "LN"});
  for (const bool residual : {true, false})
    for (const bool norm : {true, false}) {
      SwitchedBlock<double> block(FeedForward<double>(d, hidden, init, rng), d, {residual, norm});
      std::vector<std::string> expected{"feed-forward"};
      if (norm) expected.insert(expected.begin(), "LN");
      if (residual) expected.push_back("residual");
      drawn(
          "G4, D1 §2.3: " + block.switches().describe(), [&] { block(x); }, expected);
    }
  drawn("G5, D2 §2.2: a residual layer, then LN", [&] { norm1(x + attention(x)); },
        {"attention", "residual", "LN"});

  const std::size_t small = 4;
  TransformerEncoderLayer<double> checked(small, 2, 8, NormPlacement::post, init, rng);
  const auto check = check_gradients<double>([&](const auto& in) { return checked(in[0]); },
                                             {rng.normal<double>({2, 3, small})});
  show::expect_true("gradient check of the encoder layer, relative error below 1e-7",
                    check.relative_error < 1e-7);
  show::system(
      {"S4",
       "prose and a diagram; §3.2 says concatenate where it adds; a second diagram drops one residual",
       "TransformerEncoderLayer on embedded tokens with positions, Post-LN (or Pre-LN)",
       {show::holds("executed order is the diagram's of §2.1", first),
        show::equals("parameters, d = 32", double(layer.parameter_count()), 12704),
        show::below("gradient check", {check.relative_error}, 1e-7)}});
}

// [literal]
// D2 §5.2's EncoderLayer, as near to the listing as a program can be that runs: its mask is defined nowhere,
// so there is none.
struct PrintedEncoderLayer : Module<double> {
  explicit PrintedEncoderLayer(Rng& rng)
      : attention(d, heads, init, rng),
        ffn(d, d, init, rng),
        linear1(d, 4 * d, init, rng),
        linear2(4 * d, d, init, rng),
        layer_norm1(d),
        layer_norm2(d) {}
  V forward(const V& x) override {
    const V a = layer_norm1(x + attention(x));
    return layer_norm2(ffn(layer_norm2(a)) + a);
  }
  std::vector<Part<double>> parts() override {
    return {{"attention", attention},     {"ffn", ffn},
            {"linear1", linear1},         {"linear2", linear2},
            {"layer_norm1", layer_norm1}, {"layer_norm2", layer_norm2}};
  }
  std::string describe() const override { return "PrintedEncoderLayer"; }

  MultiHeadAttention<double> attention;
  FeedForward<double> ffn;
  Linear<double> linear1, linear2;
  LayerNorm<double> layer_norm1, layer_norm2;
};
// [/literal]

void the_encoder_layer_of_d2() {
  show::section("D2 §5.2's encoder layer");
  Rng rng(1);
  PrintedEncoderLayer printed(rng);
  const V x = parameter(rng.normal<double>({1, 5, d}));
  const A dy = rng.normal<double>({1, 5, d});
  const bool order = drawn("as printed", [&] { printed(x); },
                           {"attention", "residual", "LN", "LN", "feed-forward", "residual", "LN"});
  Tape<double> tape;
  printed(x).backward(dy);
  std::size_t dead = 0;
  for (const auto& p : printed.parameters())
    if (!p.variable.has_grad()) dead += p.variable.size();
  std::cout << "parameters: " << printed.parameter_count() << ", of which never used: " << dead << '\n';
  show::expect("8d² + 5d, linear1 and linear2", double(dead), double(8 * d * d + 5 * d));

  // The same layer with two separate norms of equal values: γ's gradient is the sum of theirs.
  LayerNorm<double> inner(d), outer(d);
  Tape<double> second;
  const V a = printed.layer_norm1(x + printed.attention(x));
  outer(printed.ffn(inner(a)) + a).backward(dy);
  const double apart = largest_difference((V(inner.gamma.grad()) + V(outer.gamma.grad())).value(),
                                          printed.layer_norm2.gamma.grad());
  show::expect_true("layer_norm2, used twice: its gradient is the sum of both uses", apart < 1e-12);

  TransformerEncoderLayer<double> repaired(d, heads, hidden, NormPlacement::post, init, rng);
  Tape<double> third;
  repaired(x).backward(dy);
  const auto all = repaired.parameters();
  const bool alive = std::all_of(all.begin(), all.end(), [](const auto& p) { return p.variable.has_grad(); });
  show::expect_true("repaired: every parameter gets a gradient", alive);
  show::system({"S9",
                "mask undefined; linear1, linear2 never used; one LN in two places; inner width d",
                "TransformerEncoderLayer; the hybrid with a shared LN kept as printed",
                {show::equals("dead parameters as printed, d = 32", double(dead), 8352),
                 show::holds("printed order: LN before and after the feed-forward", order),
                 show::below("shared LN: gradient against the sum of both uses", {apart}, 1e-12),
                 show::holds("repaired: no dead parameter", alive)}});
}

void the_decoder_layer() {
  show::section("The decoder layer");
  Rng rng(1);
  TransformerDecoderLayer<double> layer(d, heads, hidden, NormPlacement::post, init, rng);
  const V memory(rng.normal<double>({1, 7, d}));
  const A y0 = rng.normal<double>({1, 5, d});
  const bool order = drawn(
      "attention to itself, attention to the memory, feed-forward", [&] { layer(parameter(y0), memory); },
      {"attention", "residual", "LN", "attention", "residual", "LN", "feed-forward", "residual", "LN"});
  // [influence]
  // How far output t moves when token s does: row t, column s.
  const auto influence = [&](std::ptrdiff_t t, std::size_t s) {
    A changed = y0;
    for (std::size_t j = 0; j < d; ++j) changed(0, s, j) += 1 + .1 * double(j);
    return largest_difference(at(layer(V(y0), memory), t).value(), at(layer(V(changed), memory), t).value());
  };
  // [/influence]
  double future = 0;
  const auto print = [&] {
    for (std::ptrdiff_t t = 0; t < 5; ++t) {
      for (std::size_t s = 0; s < 5; ++s) {
        const double moved = influence(t, s);
        if (s > std::size_t(t)) future = std::max(future, moved);
        std::cout << std::setw(10) << show::text(moved, 2);
      }
      std::cout << '\n';
    }
  };
  std::cout << "how far output t (row) moves with target token s (column)\n";
  print();
  const double masked = future;
  layer.attention.options.causal = false;
  std::cout << "the same without the causal mask, as in D2 §5.2 and D3 §5.2\n";
  print();
  show::expect_true("with the mask the future has no influence at all", masked == 0);
  show::expect_true("without it, it has", future > .01);
  show::system(
      {"S10",
       "PositionalEncoding, MultiHeadAttention, FeedForwardNetwork, DecoderLayer are named, not there",
       "four public modules of these names, held against PyTorch",
       {show::holds("decoder layer: order of 2017", order),
        show::equals("influence of a later token", masked, 0),
        show::above("the same without a mask", {future}, .01),
        show::equals("parameters of a decoder layer, d = 32", double(layer.parameter_count()), 16992)}});
}

void the_whole() {
  show::section("The whole");
  TransformerOptions options;
  options.source_vocabulary = 28;
  options.target_vocabulary = 45;
  options.d = d;
  options.heads = heads;
  options.encoder_layers = options.decoder_layers = 1;
  Rng rng(1);
  Transformer<double> model(options, rng);
  std::cout << summary(model, {2, 5});
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "Chapter 13: the Transformer, piece by piece");
  pieces();
  positions();
  diagrams();
  the_encoder_layer_of_d2();
  the_decoder_layer();
  the_whole();
  return show::finish();
}
