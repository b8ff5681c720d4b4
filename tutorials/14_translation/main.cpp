// 14 Translation: an encoder-decoder Transformer learns English to French, and what it cannot do without.

#include <algorithm>
#include <iomanip>

#include "translator.hpp"

namespace {

void the_corpus() {
  show::section("The corpus");
  const auto corpus = english_french(Grammar::pronouns, 30, 1);
  for (std::size_t i = 0; i < 5; ++i)
    std::cout << join_words(corpus.train[i].source) << "  →  " << join_words(corpus.train[i].target) << '\n';
  std::cout << corpus.train.size() << " pairs to learn from, " << corpus.held_out.size()
            << " held out; vocabularies " << corpus.source.size() << " and " << corpus.target.size() << '\n';
  const auto batch = encode({corpus.train[0]}, corpus.source, corpus.target);
  std::cout << "source   " << to_string(batch.source) << "\ntarget   " << to_string(batch.target)
            << "\nexpected " << to_string(batch.expected) << '\n';

  // The loss of a model that knows how frequent each word is, and nothing else: the entropy in nats.
  const auto all = encode(english_french(Grammar::pronouns), corpus.source, corpus.target);
  std::vector<double> counts(corpus.target.size(), 0);
  for (const std::int64_t id : all.expected) ++counts[std::size_t(id)];
  double entropy = 0;
  for (const double n : counts)
    if (n > 0) entropy -= n / double(all.expected.size()) * std::log(n / double(all.expected.size()));
  std::cout << "entropy of the expected words by their frequency: " << show::text(entropy, 3) << '\n';
}

double largest_difference(const V& a, const V& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double(a.value().data()[i]) - double(b.value().data()[i])));
  return largest;
}

V place(const V& y, std::ptrdiff_t t) { return slice(y, 1, t, t + 1); }

// [literal]
void as_printed() {
  show::section("The documents' models as printed");
  const auto corpus = english_french(Grammar::pronouns, 30, 1);
  auto options = model_options(corpus, 2, NormPlacement::post);
  const Indices source{{4, 9, 20, 2}}, reversed{{2, 20, 9, 4}};
  const Indices target{{1, 5, 6, 7}}, other_end{{1, 5, 6, 8}}, exchanged{{1, 6, 5, 7}};

  Rng rng(1);
  Transformer<float> unmasked(options, rng);  // D2 §5.2, D3 §5.2: no mask
  for (auto& layer : unmasked.decoder) layer.attention.options.causal = false;
  const double leak =
      largest_difference(place(unmasked(source, target), 0), place(unmasked(source, other_end), 0));
  std::cout << "no mask: another last word moves the first output by " << show::text(leak, 2) << '\n';

  options.positions = Positions::none;  // D3 §5.2: no positions
  Transformer<float> orderless(options, rng);
  for (auto& layer : orderless.decoder) layer.attention.options.causal = false;
  const double source_order = largest_difference(orderless(source, target), orderless(reversed, target));
  const V y = orderless(source, target), z = orderless(source, exchanged);
  const double target_order =
      std::max(largest_difference(place(y, 1), place(z, 2)), largest_difference(place(y, 2), place(z, 1)));
  std::cout << "no positions: the source read backwards moves the outputs by " << show::text(source_order, 1)
            << "\n              two target words exchanged only exchange their outputs, to "
            << show::text(target_order, 1) << '\n';

  // D2 §5.2: one table, of the source vocabulary's size, for both languages; positions of token numbers.
  Embedding<float> shared(corpus.source.size(), 32, rng);
  PositionalEncoding<float> positions(32);
  const bool table = show::refused("one table for both", [&] { shared(Indices{{1, 44}}); });
  const bool numbers = show::refused("positions of numbers", [&] { positions(V(cast<float>(source))); });

  options.positions = Positions::sinusoidal;
  Transformer<float> repaired(options, rng);
  double future = 0;
  const V before = repaired(source, target);
  for (std::size_t t = 0; t < 4; ++t) {
    Indices changed = target;
    changed.data()[t] = 30;
    const V after = repaired(source, changed);
    for (std::ptrdiff_t i = 0; i < std::ptrdiff_t(t); ++i)
      future = std::max(future, largest_difference(place(before, i), place(after, i)));
  }
  const double order = largest_difference(before, repaired(reversed, target));
  std::cout << "repaired: a later word moves an earlier output by " << future
            << ", the source read backwards by " << show::text(order, 2) << '\n';
  const Indices padded{{4, 9, 20, 2, 0, 0}};
  const double padding = largest_difference(before, repaired(padded, target));
  show::expect_true("          padding moves nothing beyond rounding", padding < 1e-5);
  // [/literal]

  TransformerOptions library;  // what D3's three arguments give: 2 encoder layers, and defaults for the rest
  library.source_vocabulary = library.target_vocabulary = 11;
  library.d = 16;
  library.heads = 4;
  library.encoder_layers = 2;
  library.hidden = 2048;
  library.shared_embedding = library.final_norm = true;
  const auto parameters = double(Transformer<float>(library, rng).parameter_count());
  show::expect("parameters of D3 §5.2 with vocabulary 11, d = 16, num_layers = 2", parameters, 557163);
  const std::size_t d = 32, six = 6 * (12 * d * d + 13 * d) + 6 * (16 * d * d + 19 * d);
  const auto whole =
      double(Transformer<float>(model_options(corpus, 6, NormPlacement::post), rng).parameter_count());
  show::expect("parameters of D2 §5.2 with 6 + 6 layers, d = 32", whole,
               double(six + (28 + 45) * d + 45 * (d + 1)));

  show::system(
      {"S8",
       "no mask: the decoder reads the future; one table and positions of token numbers are refused",
       "causal and padding masks, two tables, positions of embedded tokens",
       {show::above("leak of the last word into the first output, no mask", {leak}, 1e-3),
        show::holds("one table for both languages is refused", table),
        show::holds("positions of token numbers are refused", numbers),
        show::equals("the same leak, repaired", future, 0), show::below("effect of padding", {padding}, 1e-5),
        show::equals("parameters, 6 + 6 layers, d = 32", whole, double(six + 73 * d + 45 * (d + 1)))}});
  show::system({"S12",
                "no positions: the order of the source is lost; no mask; the decoder keeps 6 layers",
                "positions, causal mask, both stacks as long as asked",
                {show::below("effect of the source's order, no positions", {source_order}, 1e-5),
                 show::below("two target words exchanged, no positions", {target_order}, 1e-5),
                 show::above("effect of the source's order, repaired", {order}, 1e-2),
                 show::equals("the leak, repaired", future, 0),
                 show::equals("parameters as printed", parameters, 557163)}});
}

void i_love_you() {
  show::section("I love you");
  std::vector<double> learned, unseen, losses;
  bool right = true;
  for (std::uint64_t seed = 1; seed <= (show::quick ? 1 : 3); ++seed) {
    const auto corpus = english_french(Grammar::pronouns, 30, seed);
    Rng rng(seed);
    Transformer<float> model(model_options(corpus, 1, NormPlacement::post), rng);
    losses.push_back(train(model, corpus, 200, rng));
    learned.push_back(exact_match(model, corpus, corpus.train));
    unseen.push_back(exact_match(model, corpus, corpus.held_out));
    const std::string answer = say(model, corpus, "I love you");
    std::cout << "seed " << seed << ": loss " << show::text(losses.back(), 2) << ", exact on train "
              << show::text(learned.back(), 3) << ", on held-out " << show::text(unseen.back(), 3)
              << "; I love you → " << answer << '\n';
    right = right && answer == "je t'aime";
    if (seed > 1) continue;
    for (std::size_t i = 0; i < 3; ++i)
      std::cout << "        never seen: " << join_words(corpus.held_out[i].source) << " → "
                << join_words(translations(model, corpus, {corpus.held_out[i]})[0]) << '\n';
  }
  show::system(
      {"S13",
       "prose only: \"I love you\" becomes \"Je t'aime\"",
       "217 generated pairs, 30 held out; 1 + 1 layers, d = 32, Post-LN, 200 steps of Adam",
       {show::holds("I love you → je t'aime", right), show::at_least("exact match, train", learned, .99),
        show::at_least("exact match, held out", unseen, .9)}});
}

void without_parts() {
  show::section("Without residual, without LN");
  const std::vector<std::pair<std::string, NormPlacement>> rows{
      {"neither", NormPlacement::neither},
      {"LN only", NormPlacement::norm_only},
      {"residual only", NormPlacement::residual_only},
      {"Post-LN", NormPlacement::post},
      {"Pre-LN", NormPlacement::pre}};
  const auto range = [](const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return show::text(*low, 2) + " … " + show::text(*high, 2);
  };
  std::vector<double> residual, plain, both, alone;
  for (const std::size_t layers :
       show::quick ? std::vector<std::size_t>{2} : std::vector<std::size_t>{1, 2, 6}) {
    std::cout << layers << " + " << layers
              << " layers       loss          exact on train    exact on held-out\n";
    for (const auto& [name, placement] : rows) {
      const Runs found = runs(layers, placement);
      std::cout << "  " << std::left << std::setw(16) << name << std::setw(20) << range(found.loss)
                << std::setw(18) << range(found.learned) << range(found.unseen) << std::right << std::endl;
      if (layers == 1) continue;
      const auto append = [](std::vector<double>& all, const std::vector<double>& some) {
        all.insert(all.end(), some.begin(), some.end());
      };
      const bool adds = placement != NormPlacement::neither && placement != NormPlacement::norm_only;
      append(adds ? residual : plain, found.learned);
      if (adds) append(placement == NormPlacement::residual_only ? alone : both, found.unseen);
    }
  }
  const auto mean = [](const std::vector<double>& v) {
    double sum = 0;
    for (double x : v) sum += x;
    return sum / double(v.size());
  };
  show::experiment({"E20",
                    "from two layers on: without residual no sentence is right, with it the training set is "
                    "learned; with LN held-out is no worse than without",
                    {show::at_most("exact on train without residual, 2 and 6 layers", plain, .05),
                     show::at_least("exact on train with residual", residual, .99),
                     show::at_least("mean held-out exact match, LN against residual alone",
                                    {mean(both) - mean(alone)}, 0)}});
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv, "Chapter 14: translation");
  the_corpus();
  as_printed();
  i_love_you();
  without_parts();
  number_of_heads();
  order_needs_positions();
  return show::finish();
}
