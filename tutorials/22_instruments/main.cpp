// 22 Instruments: what to look at while a network trains. Every instrument of the library on one small
// Transformer, and on the same one without residual adds and layer normalisation.

#include "watched.hpp"

namespace {

using V = Variable<float>;

// --- recorders: a number for each layer and step
// ------------------------------------------------------------

void flow(const Watched& pre, const Watched& plain) {
  show::section("Gradients, with residual adds and Pre-LN");
  print_table(pre.flow.gradients(), "", "%8.2f");
  show::section("Gradients, with neither");
  print_table(plain.flow.gradients(), "", "%8.2f");
  show::section("Values, with residual adds and Pre-LN");
  print_table(pre.flow.values(), "", "%8.2f");
  const auto fall = [](const Watched& w) {
    const auto& gradients = w.flow.gradients();
    return gradients.column("layers.5")[0] - gradients.column("layers.0")[0];
  };
  show::expect_true(
      "from layer 5 down to layer 0: no fall in Pre-LN, more than a factor of 10 in the plain one",
      fall(pre) < 0 && fall(plain) > 1);
}

void updates() {
  show::section("Update-to-data ratio of layers.3.attention.query.weight");
  std::vector<double> losses, last;
  for (const double rate : {3e-5, 3e-3, 3e-1}) {
    Watched watched{make_model(NormPlacement::pre)};
    losses.push_back(watched.train(rate));
    const auto ratio = watched.updates.ratios().column("layers.3.attention.query.weight");
    print_row("rate " + show::text(rate), {ratio[0], ratio[steps / 30 - 1], ratio[steps / 10 - 1]}, "%8.2f");
  }
  print_row("loss at the end", losses, "%8.2f");
  if (!show::quick)
    show::expect_true("the middle rate learns best", losses[1] < losses[0] && losses[1] < losses[2]);
}

void residual(const Watched& pre) {
  show::section("Identity share of the gradient");
  print_table(pre.residual.shares(), "layers.", "%8.3f");
  show::section("Cosine of identity and branch");
  print_table(pre.residual.cosines(), "layers.", "%8.3f");
}

void units(const Watched& pre) {
  show::section("Dead ReLUs");
  print_table(pre.units.dead(), "", "%8.3f");
  for (const auto& [name, init] :
       {std::pair("Xavier", Init::xavier_uniform()), {"N(0, 1)", Init::normal(1)}}) {
    show::section(std::string("Saturated tanh units, weights at the start: ") + name);
    Watched watched{make_model(NormPlacement::pre, "tanh", init)};
    watched.train(3e-3);
    print_table(watched.units.saturated(), "", "%8.3f");
    const double share = watched.units.saturated().rows[0][0];
    show::expect_true("in the first layer", name == std::string("Xavier") ? share < .1 : share > .5);
  }
}

// --- functions: one line for a state, a block, a matrix of weights
// -------------------------------------------

struct Inside {
  std::vector<double> rank, residual, entropy;
};

// [inside]
Inside look_inside(LanguageModel<float>& model, const Indices& sentence) {
  Inside result;
  V x = model.embedding(sentence);
  for (auto& layer : model.layers) {
    Array<float> weights;
    layer.attention.weights = &weights;
    x = layer(x);
    layer.attention.weights = nullptr;
    result.rank.push_back(effective_rank(x.value()));
    result.residual.push_back(rank_residual(x.value()));
    result.entropy.push_back(attention_entropy(weights));
  }
  return result;
}
// [/inside]

struct Named {
  std::string name;
  LanguageModel<float>& model;
};

void tokens(const std::vector<Named>& models, const Indices& sentence) {
  std::vector<Inside> inside;
  for (const auto& m : models) inside.push_back(look_inside(m.model, sentence));
  const auto print = [&](const char* title, std::vector<double> Inside::*what) {
    show::section(title);
    for (std::size_t i = 0; i < models.size(); ++i) print_row(models[i].name, inside[i].*what, "%8.3f");
  };
  print("Effective rank of the tokens behind each layer", &Inside::rank);
  print("Rank residual behind each layer", &Inside::residual);
  show::expect_true("behind the last: above 0.3 in Pre-LN, below 0.1 in the plain one",
                    inside[0].residual[5] > .3 && inside[2].residual[5] < .1);
  print("Attention entropy in each layer", &Inside::entropy);
  show::expect("alike for all keys: ln(24!)/24", inside[2].entropy[5], std::lgamma(25.) / 24, 1e-3, 4);
}

void jacobians(const std::vector<Named>& models) {
  show::section("Singular values of the third layer's Jacobian: largest, median, smallest");
  std::vector<double> medians;
  for (const auto& [name, model] : models) {
    // [jacobian]
    const Array<float> x = model.embedding(windows_at(story().ids, {100}, 8).x).value();  // (1, 8, 32)
    const auto sigma = jacobian_singular_values(model.layers[2], x);
    // [/jacobian]
    print_row(name, {sigma.front(), sigma[sigma.size() / 2], sigma.back()}, "%9.4f");
    medians.push_back(sigma[sigma.size() / 2]);
  }
  show::expect_true("median: near 1 in Pre-LN, below 0.2 in the plain one",
                    std::abs(medians[0] - 1) < .2 && medians[2] < .2);
}

void gradients_at_inputs(const std::vector<Named>& models) {
  show::section("Autocorrelation of gradients at lags 1, 4, 16, and their correlation over 64 sentences");
  for (const auto& [name, model] : models) {
    auto& layers = model.layers;  // C++17's lambdas do not capture the name of a binding
    // [gradients]
    const auto last = [&](V x) {
      for (auto& layer : layers) x = layer(x);
      return x;
    };
    const Array<float> ends = model.embedding(story().windows({100, 500}).x).value();
    Array<float> line = empty<float>({256, length, 32});
    const std::size_t n = length * 32;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const float t = float(i / n) / 255;  // from the one sentence to the other
      line.data()[i] = (1 - t) * ends.data()[i % n] + t * ends.data()[n + i % n];
    }
    const auto r = autocorrelation(input_gradient(last, line), 16);
    Rng rng(2);
    const Array<float> sentences = model.embedding(random_windows(story().ids, 64, length, rng).x).value();
    const double correlation = gradient_correlation(input_gradient(last, sentences));
    // [/gradients]
    print_row(name, {r[1], r[4], r[16], correlation}, "%8.3f");
  }
}

}  // namespace

int main(int argc, char** argv) {
  show::options(argc, argv,
                "The instruments of the library on a Transformer with and without residual adds and LN.");
  Watched pre{make_model(NormPlacement::pre)}, plain{make_model(NormPlacement::neither)};
  const double loss = pre.train(3e-3), plain_loss = plain.train(3e-3);
  show::section("Loss at the end: Pre-LN, neither");
  print_row("", {loss, plain_loss}, "%8.2f");
  flow(pre, plain);
  updates();
  residual(pre);
  units(pre);
  auto fresh = make_model(NormPlacement::pre), plain_fresh = make_model(NormPlacement::neither);
  const std::vector<Named> models{{"Pre-LN, fresh", fresh},
                                  {"Pre-LN, trained", pre.model},
                                  {"neither, fresh", plain_fresh},
                                  {"neither, trained", plain.model}};
  const Indices sentence = story().windows({100}).x;
  tokens(models, sentence);
  jacobians(models);
  gradients_at_inputs(models);
  return show::finish();
}
