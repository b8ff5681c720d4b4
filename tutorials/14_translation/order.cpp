// Which tasks need positions: one that asks for an order, and our corpus, which does not.
#include "translator.hpp"

namespace {

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

}  // namespace

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
