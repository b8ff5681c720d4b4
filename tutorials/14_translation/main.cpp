// 14 Translation: an encoder-decoder Transformer learns English to French, and what it cannot do without.

#include <algorithm>
#include <iomanip>

#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;
using V = Variable<float>;

namespace {

std::size_t seeds() { return show::quick ? 1 : 3; }

// [model]
TransformerOptions model_options(const ParallelCorpus& corpus, std::size_t layers, const Wiring& wiring) {
  TransformerOptions options;
  options.source_vocabulary = corpus.source.size();
  options.target_vocabulary = corpus.target.size();
  options.d = 32;
  options.heads = 4;
  options.encoder_layers = options.decoder_layers = layers;
  options.wiring = wiring;
  options.padding = Vocabulary::pad;
  options.scale_embeddings = false;       // N(0, 1), as PyTorch's Embedding starts,
  options.init = Init::uniform_fan_in();  // and as its Linear does
  return options;
}
// [/model]

// [train]
// Teacher forcing: the decoder reads the true sentence behind <bos> and is asked, at each place, for the next
// word; the causal mask hides that word. Returns the last loss.
float train(Transformer<float>& model, const ParallelCorpus& corpus, std::size_t steps, Rng& rng) {
  Adam<float> adam(model.parameters(), 3e-3);
  CrossEntropyOptions not_padding;
  not_padding.ignore_index = Vocabulary::pad;
  float last = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    std::vector<SentencePair> pairs;
    const auto order = rng.permutation(corpus.train.size());
    for (std::size_t i = 0; i < 64; ++i) pairs.push_back(corpus.train[order[i]]);
    const auto batch = encode(pairs, corpus.source, corpus.target);
    Tape<float> tape;
    const V loss = cross_entropy(model(batch.source, batch.target), batch.expected, not_padding);
    last = loss.item();
    loss.backward();
    adam.step();
    adam.zero_grad();
  }
  return last;
}
// [/train]

std::vector<Tokens> translations(Transformer<float>& model, const ParallelCorpus& corpus,
                                 const std::vector<SentencePair>& pairs) {
  const auto batch = encode(pairs, corpus.source, corpus.target);
  std::vector<Tokens> result;
  for (const Ids& ids : model.translate(batch.source, Vocabulary::bos, Vocabulary::eos, 8))
    result.push_back(corpus.target.decode(ids));
  return result;
}

// [exact]
// The share of sentences whose greedy translation is right to the last word.
double exact_match(Transformer<float>& model, const ParallelCorpus& corpus,
                   const std::vector<SentencePair>& pairs) {
  const auto found = translations(model, corpus, pairs);
  std::size_t right = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) right += found[i] == pairs[i].target;
  return double(right) / double(pairs.size());
}
// [/exact]

std::string say(Transformer<float>& model, const ParallelCorpus& corpus, const std::string& sentence) {
  return join_words(translations(model, corpus, {{split_words(sentence), {"je"}}})[0]);
}

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
  for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
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
  struct Row {
    const char* name;
    NormPlacement placement;
    std::vector<double> learned, unseen, loss;
  };
  std::vector<double> residual, plain, both, alone;
  for (const std::size_t layers :
       show::quick ? std::vector<std::size_t>{2} : std::vector<std::size_t>{1, 2, 6}) {
    std::vector<Row> rows{{"neither", NormPlacement::neither, {}, {}, {}},
                          {"LN only", NormPlacement::norm_only, {}, {}, {}},
                          {"residual only", NormPlacement::residual_only, {}, {}, {}},
                          {"Post-LN", NormPlacement::post, {}, {}, {}},
                          {"Pre-LN", NormPlacement::pre, {}, {}, {}}};
    std::cout << layers << " + " << layers
              << " layers       loss          exact on train    exact on held-out\n";
    for (Row& row : rows) {
      for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        const auto corpus = english_french(Grammar::pronouns, 30, seed);
        Rng rng(seed);
        Transformer<float> model(model_options(corpus, layers, row.placement), rng);
        row.loss.push_back(train(model, corpus, 200, rng));
        row.learned.push_back(exact_match(model, corpus, corpus.train));
        row.unseen.push_back(exact_match(model, corpus, corpus.held_out));
      }
      const auto range = [](const std::vector<double>& values) {
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        return show::text(*low, 2) + " … " + show::text(*high, 2);
      };
      std::cout << "  " << std::left << std::setw(16) << row.name << std::setw(20) << range(row.loss)
                << std::setw(18) << range(row.learned) << range(row.unseen) << std::right << '\n';
      if (layers == 1) continue;
      auto& group = row.placement == NormPlacement::neither || row.placement == NormPlacement::norm_only
                        ? plain
                        : residual;
      group.insert(group.end(), row.learned.begin(), row.learned.end());
      auto& held = row.placement == NormPlacement::residual_only ? alone : both;
      if (&group == &residual) held.insert(held.end(), row.unseen.begin(), row.unseen.end());
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

void number_of_heads() {
  show::section("More heads");
  std::vector<show::Result> results;
  std::cout << "heads    parameters    exact on held-out\n";
  for (const std::size_t heads : {1, 2, 4, 8}) {
    std::size_t parameters = 0;
    const auto unseen = show::over_seeds([&](std::uint64_t seed) {
      const auto corpus = english_french(Grammar::pronouns, 30, seed);
      auto options = model_options(corpus, 1, NormPlacement::post);
      options.heads = heads;
      Rng rng(seed);
      Transformer<float> model(options, rng);
      parameters = model.parameter_count();
      train(model, corpus, 200, rng);
      return exact_match(model, corpus, corpus.held_out);
    });
    const auto name = std::to_string(heads) + (heads == 1 ? " head" : " heads");
    std::cout << std::setw(5) << heads << std::setw(14) << parameters << "    " << show::text(unseen, 3)
              << '\n';
    results.push_back(show::equals("parameters, " + name, double(parameters), 33517));
    results.push_back(show::reported("exact match, held out, " + name, unseen));
  }
  show::experiment(
      {"E27", "the number of heads changes no number of parameters; accuracy reported", results});
}

// [order]
// Which of two marks comes first: one encoder layer, the mean over the tokens, two classes.
double order_accuracy(Positions positions, std::uint64_t seed) {
  Rng rng(seed);
  const auto data = which_comes_first(512, 8, seed), test = which_comes_first(500, 8, seed + 100);
  TokenEmbedding<float> embed({6, 32, positions}, rng);
  TransformerEncoderLayer<float> layer(32, 4, 64, NormPlacement::post, Init::xavier_uniform(), rng);
  Linear<float> head(32, 2, Init::xavier_uniform(), rng);
  const auto model = [&](const Indices& x) { return head(mean(layer(embed(x)), {1})); };
  // [/order]
  Parameters<float> parameters;
  for (Module<float>* part : {static_cast<Module<float>*>(&embed), static_cast<Module<float>*>(&layer),
                              static_cast<Module<float>*>(&head)})
    for (auto& p : part->parameters()) parameters.push_back(p);
  Adam<float> adam(parameters, 3e-3);
  for (std::size_t step = 0; step < 300; ++step) {
    Indices x = Indices::from_shape({64, 8}), labels = Indices::from_shape({64});
    for (std::size_t i = 0; i < 64; ++i) {
      const std::size_t from = rng.below(512);
      std::copy_n(data.x.data() + from * 8, 8, x.data() + i * 8);
      labels.data()[i] = data.labels.data()[from];
    }
    Tape<float> tape;
    cross_entropy(model(x), labels).backward();
    adam.step();
    adam.zero_grad();
  }
  const V logits = model(test.x);
  std::size_t right = 0;
  for (std::size_t i = 0; i < test.size(); ++i)
    right += (logits.value()(i, 1) > logits.value()(i, 0)) == (test.labels.data()[i] == 1);
  return double(right) / double(test.size());
}

void order_needs_positions() {
  show::section("Order needs positions");
  const auto accuracies = [](Positions positions) {
    return show::over_seeds([=](std::uint64_t seed) { return order_accuracy(positions, seed); });
  };
  const auto with = accuracies(Positions::sinusoidal), without = accuracies(Positions::none);
  std::cout << "which of two marks comes first, accuracy on 500 new rows\n  with positions    "
            << show::text(with, 3) << "\n  without           " << show::text(without, 3) << '\n';
  const auto corpus = english_french(Grammar::pronouns, 30, 1);
  auto options = model_options(corpus, 1, NormPlacement::post);
  options.positions = Positions::none;
  Rng rng(1);
  Transformer<float> model(options, rng);
  train(model, corpus, 200, rng);
  std::cout << "our corpus without positions: exact on held-out "
            << show::text(exact_match(model, corpus, corpus.held_out), 3) << ", I love you → "
            << say(model, corpus, "I love you") << '\n';
  show::experiment({"E25",
                    "with positions the order of two marks is learned, without it is guessed",
                    {show::at_least("accuracy with positions", with, .95),
                     show::at_most("accuracy without", without, .6)}});
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
