// Models of sequences: what may depend on what, which parts are there, and how text is drawn from them.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "differences.hpp"
#include "xgrad/xgrad.hpp"

using namespace xgrad;

namespace {

TransformerOptions small() {
  TransformerOptions options;
  options.source_vocabulary = 9;
  options.target_vocabulary = 7;
  options.d = 8;
  options.heads = 2;
  options.encoder_layers = options.decoder_layers = 2;
  return options;
}

LanguageModelOptions small_language_model() {
  LanguageModelOptions options;
  options.vocabulary = 7;
  options.d = 8;
  options.heads = 2;
  options.layers = 2;
  options.context = 6;
  return options;
}

const NormPlacement placements[] = {NormPlacement::post, NormPlacement::pre, NormPlacement::residual_only,
                                    NormPlacement::norm_only, NormPlacement::neither};

/// Row t of y (1, T, n).
Array<double> row_of(const Variable<double>& y, std::ptrdiff_t t) { return slice(y, 1, t, t + 1).value(); }

template <class F>
void check_error(F f, const std::string& expected) {
  BOOST_CHECK_EXCEPTION(f(), Error, [&](const Error& e) {
    BOOST_TEST(e.what() == expected);
    return true;
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sequence_test)

// Changing target token t changes output t, and no output before it: to the last bit.
BOOST_AUTO_TEST_CASE(the_decoder_does_not_read_the_future) {
  for (const NormPlacement placement : placements) {
    auto options = small();
    options.wiring = placement;
    Rng rng(1);
    Transformer<double> model(options, rng);
    LanguageModel<double> language_model(small_language_model(), rng);
    const Indices source{{4, 2, 8, 1}}, target{{1, 3, 2, 6, 5}};
    for (std::size_t t = 0; t < 5; ++t) {
      Indices changed = target;
      changed.data()[t] = 0;
      const auto check = [&](const Variable<double>& before, const Variable<double>& after) {
        for (std::ptrdiff_t i = 0; i < 5; ++i) {
          const double difference = largest_difference(row_of(before, i), row_of(after, i));
          if (i < std::ptrdiff_t(t)) BOOST_TEST(difference == 0);
          if (i == std::ptrdiff_t(t)) BOOST_TEST(difference > 0);  // little without residual connections
        }
      };
      check(model(source, target), model(source, changed));
      check(language_model(target), language_model(changed));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_the_mask_it_does) {
  Rng rng(1);
  Transformer<double> model(small(), rng);
  for (auto& layer : model.decoder) layer.attention.options.causal = false;
  const Indices source{{4, 2, 8, 1}};
  BOOST_TEST(largest_difference(row_of(model(source, Indices{{1, 3, 2}}), 0),
                                row_of(model(source, Indices{{1, 3, 5}}), 0)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(padding_changes_nothing) {
  for (const std::size_t heads : {1, 2}) {
    auto options = small();
    options.padding = 0;
    options.heads = heads;
    Rng rng(1);
    Transformer<double> model(options, rng);
    const auto alone = model(Indices{{4, 2}}, Indices{{1, 3, 2}});
    const auto padded = model(Indices{{4, 2, 0, 0}, {4, 2, 8, 1}}, Indices{{1, 3, 2, 0}, {1, 3, 2, 5}});
    const auto first = slice(slice(padded, 0, 0, 1), 1, 0, 3);
    BOOST_TEST(largest_difference(first.value(), alone.value()) < 1e-13);
    // The same length without the mask is another sentence.
    model.encoder[0].attention.options.mask = no_mask();
    options.padding = -1;
    Rng same(1);
    Transformer<double> blind(options, same);
    const auto unmasked = blind(Indices{{4, 2, 0, 0}}, Indices{{1, 3, 2}});
    BOOST_TEST(largest_difference(unmasked.value(), alone.value()) > 1e-3);
  }
}

BOOST_AUTO_TEST_CASE(order_matters_only_with_positions) {
  for (const Positions positions : {Positions::sinusoidal, Positions::learned, Positions::none}) {
    auto options = small();
    options.positions = positions;
    Rng rng(1);
    Transformer<double> model(options, rng);
    if (positions == Positions::learned)
      for (auto* e : {&model.source_embedding, &model.target_embedding})
        for (double& entry :
             std::get<Variable<double>*>(std::get<Module<double>*>(e->parts()[1].what)->parts()[0].what)
                 ->mutable_value())
          entry *= 50;
    const Indices target{{1, 3, 2}};
    const double difference = largest_difference(model(Indices{{4, 2, 8, 1}}, target).value(),
                                                 model(Indices{{8, 1, 2, 4}}, target).value());
    BOOST_TEST((positions == Positions::none ? difference < 1e-13 : difference > 1e-3));
  }
}

BOOST_AUTO_TEST_CASE(each_wiring_is_its_formula) {
  Rng rng(1);
  const Variable<double> x(rng.normal<double>({3, 8}));
  const auto layer = [&](const Wiring& wiring) {
    Rng same(2);
    return TransformerEncoderLayer<double>(8, 2, 16, wiring, Init::xavier_uniform(), same);
  };
  auto reference = layer(NormPlacement::post);  // all layers have its weights, but for DeepNorm's factor
  const auto attend = [&](const Variable<double>& x) { return reference.attention(x); };
  const auto forward = [&](const Variable<double>& x) { return reference.feed_forward(x); };
  const auto ln = [](const Variable<double>& x) { return layer_norm<double>(x); };
  const auto check = [&](const Wiring& wiring, auto sub_layer) {
    auto subject = layer(wiring);
    const auto expected = sub_layer(forward, sub_layer(attend, x));
    BOOST_TEST(largest_difference(subject(x).value(), expected.value()) < 1e-13);
    BOOST_TEST(subject.parameter_count() == reference.parameter_count() - (wiring.has_norm() ? 0 : 4 * 8));
  };
  check(NormPlacement::post, [&](auto f, auto x) { return ln(x + f(x)); });
  check(NormPlacement::pre, [&](auto f, auto x) { return x + f(ln(x)); });
  check(NormPlacement::residual_only, [](auto f, auto x) { return x + f(x); });
  check(NormPlacement::norm_only, [&](auto f, auto x) { return ln(f(x)); });
  check(NormPlacement::neither, [](auto f, auto x) { return f(x); });
  check(Wiring::scaled_residual(8), [](auto f, auto x) { return x + f(x) / 4.; });
  check({NormPlacement::post, 3}, [&](auto f, auto x) { return ln(3. * x + f(x)); });

  // DeepNorm, N = 8: α = 16^¼ = 2, β = 64^-¼ = 1/√8 on values, outputs and feed-forward.
  const Wiring deep = Wiring::deepnorm(8);
  BOOST_TEST(deep.skip == 2);
  auto scaled = layer(deep);
  const auto ratio = [](const Linear<double>& a, const Linear<double>& b) {
    return a.weight.value().data()[5] / b.weight.value().data()[5];
  };
  const double beta = std::sqrt(1 / 8.);
  BOOST_TEST(ratio(scaled.attention.query, reference.attention.query) == 1);
  BOOST_TEST(ratio(scaled.attention.key, reference.attention.key) == 1);
  BOOST_TEST(std::abs(ratio(scaled.attention.value, reference.attention.value) - beta) < 1e-15);
  BOOST_TEST(std::abs(ratio(scaled.attention.output, reference.attention.output) - beta) < 1e-15);
  BOOST_TEST(std::abs(ratio(scaled.feed_forward.first, reference.feed_forward.first) - beta) < 1e-15);
  BOOST_TEST(std::abs(ratio(scaled.feed_forward.second, reference.feed_forward.second) - beta) < 1e-15);
}

// D2 §5.2: 6(12d² + 13d) + 6(16d² + 19d), embeddings and head; D3 §5.2's library class with its defaults.
BOOST_AUTO_TEST_CASE(parameter_counts) {
  Rng rng(1);
  const std::size_t d = 32;
  TransformerOptions options;
  options.source_vocabulary = 28;
  options.target_vocabulary = 45;
  options.d = d;
  options.heads = 4;
  Transformer<float> six(options, rng);
  const std::size_t layers = 6 * (12 * d * d + 13 * d) + 6 * (16 * d * d + 19 * d);
  BOOST_TEST(six.parameter_count() == layers + (28 + 45) * d + 45 * (d + 1));
  BOOST_TEST(
      TransformerDecoderLayer<float>(d, 4, 4 * d, NormPlacement::post, options.init, rng).parameter_count() ==
      16992);
  TransformerDecoderLayer<float> large(512, 8, 2048, NormPlacement::pre, Init::constant(0), rng);
  BOOST_TEST(large.parameter_count() == 4204032);

  TransformerOptions library;  // vocabulary 11, d = 16, 2 encoder layers, and 6 decoder layers of width 2048
  library.source_vocabulary = library.target_vocabulary = 11;
  library.d = 16;
  library.heads = 4;
  library.encoder_layers = 2;
  library.hidden = 2048;
  library.shared_embedding = library.final_norm = true;
  BOOST_TEST(Transformer<float>(library, rng).parameter_count() == 557163);
  BOOST_TEST(summary(six, {1, 3}).find("TransformerDecoderLayer(Post-LN)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tied_head_is_the_table) {
  Rng rng(1);
  auto options = LanguageModelOptions::gpt2(7, 8, 2, 4, 6);
  LanguageModel<double> model(options, rng);
  BOOST_TEST(model.parameter_count() == 7 * 8 + 6 * 8 + 4 * (12 * 64 + 13 * 8) + 2 * 8);
  BOOST_TEST(&model.head.weight.value() == &model.embedding.tokens.weight.value());
  LanguageModel<double> moved = std::move(model);
  BOOST_TEST(&moved.head.weight.value() == &moved.embedding.tokens.weight.value());
  // Deviations: 0.02, and 0.02/√8 where a branch ends.
  const auto deviation = [](const Variable<double>& w) {
    double squares = 0;
    for (double entry : w.value()) squares += entry * entry;
    return std::sqrt(squares / double(w.size()));
  };
  BOOST_TEST(std::abs(deviation(moved.layers[0].feed_forward.first.weight) / .02 - 1) < .2);
  BOOST_TEST(std::abs(deviation(moved.layers[0].feed_forward.second.weight) * std::sqrt(8.) / .02 - 1) < .2);
  BOOST_TEST(std::abs(deviation(moved.layers[0].attention.output.weight) * std::sqrt(8.) / .02 - 1) < .2);
}

BOOST_AUTO_TEST_CASE(sampling_follows_the_probabilities) {
  const std::vector<double> logits{std::log(1.), std::log(4.), std::log(2.), std::log(1.)};
  const auto shares = [&](const Sampling& sampling) {
    Rng rng(3);
    std::vector<double> counts(4, 0);
    for (int i = 0; i < 20000; ++i)
      counts[std::size_t(sample(logits.data(), 4, sampling, rng))] += 1. / 20000;
    return counts;
  };
  const auto check = [](const std::vector<double>& got, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < 4; ++i) BOOST_TEST(std::abs(got[i] - expected[i]) < .012);
  };
  check(shares({1, 0}), {1. / 8, 4. / 8, 2. / 8, 1. / 8});
  check(shares({.5, 0}), {1. / 22, 16. / 22, 4. / 22, 1. / 22});  // squares
  check(shares({1, 2}), {0, 4. / 6, 2. / 6, 0});
  check(shares({0, 0}), {0, 1, 0, 0});
  BOOST_TEST(shares({1, 2})[0] == 0);
  BOOST_TEST(shares({2, 99})[3] > 0);
}

BOOST_AUTO_TEST_CASE(generated_text_is_what_the_logits_say) {
  Rng rng(1);
  auto options = small_language_model();
  options.dropout = .5;
  LanguageModel<double> model(options, rng);
  Tape<double> tape;
  const auto text = model.generate({1, 3}, 9);
  BOOST_TEST(tape.size() == 0u);
  BOOST_TEST(model.training());
  BOOST_TEST(text.size() == 9u);
  model.train(false);
  Ids all{1, 3};
  for (const std::int64_t token : text) {  // the last six tokens, then the likeliest next one
    const std::size_t seen = std::min<std::size_t>(all.size(), 6);
    Indices window = Indices::from_shape({seen});
    std::copy(all.end() - std::ptrdiff_t(seen), all.end(), window.data());
    const Array<double> logits = model(window).value();
    const double* last = logits.data() + (seen - 1) * 7;
    BOOST_TEST(token == std::max_element(last, last + 7) - last);
    all.push_back(token);
  }
  Rng a(5), b(5);
  BOOST_TEST(model.generate({1}, 20, {1, 0}, a) == model.generate({1}, 20, {1, 0}, b),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_translation_ends_where_the_model_ends_it) {
  Rng rng(1);
  auto options = small();
  options.dropout = .5;
  Transformer<double> model(options, rng);
  const Indices source{{4, 2, 8}, {1, 5, 5}};
  for (double& b : model.head.bias.mutable_value()) b = 0;
  model.head.bias.mutable_value().data()[3] = 100;  // always token 3
  const auto threes = model.translate(source, 1, 2, 5);
  BOOST_TEST(model.training());
  for (const auto& sentence : threes) BOOST_TEST(sentence == Ids(5, 3), boost::test_tools::per_element());
  model.head.bias.mutable_value().data()[2] = 200;  // always the end
  for (const auto& sentence : model.translate(source, 1, 2, 5)) BOOST_TEST(sentence.empty());

  // Each token is the likeliest after those before it.
  model.head.bias.mutable_value() = zeros<double>({7});
  const auto free = model.translate(source, 1, -1, 4);
  model.train(false);
  const auto all = model(
      source, Indices{{1, free[0][0], free[0][1], free[0][2]}, {1, free[1][0], free[1][1], free[1][2]}});
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t t = 0; t < 4; ++t) {
      const double* row = all.value().data() + (r * 4 + t) * 7;
      BOOST_TEST(free[r][t] == std::max_element(row, row + 7) - row);
    }
}

BOOST_AUTO_TEST_CASE(a_recurrent_network_by_hand) {
  Rng rng(1);
  const Variable<double> x1(rng.normal<double>({2, 3})), x2(rng.normal<double>({2, 3}));
  for (const bool residual : {false, true})
    for (const bool norm : {false, true}) {
      RNN<double> model(3, 4, Init::xavier_uniform(), rng, {residual, norm});
      const auto step = [&](const Variable<double>& x, const Variable<double>& h) {
        const auto z =
            linear(x, model.cell.input.weight, model.cell.input.bias) + linear(h, model.cell.state.weight);
        if (residual && norm) return layer_norm<double>(h + tanh(z));
        if (residual) return h + tanh(z);
        return norm ? tanh(layer_norm<double>(z)) : tanh(z);
      };
      const Variable<double> zero(zeros<double>({2, 4}));
      const auto expected = step(x2, step(x1, zero));
      BOOST_TEST(largest_difference(model({x1, x2}).back().value(), expected.value()) < 1e-14);
      BOOST_TEST(model.parameter_count() == (norm ? 40u : 32u));
      const auto all = model(stack<double>({x1, x2}, 1));
      BOOST_TEST(to_string(all.shape()) == "(2, 2, 4)");
      BOOST_TEST(largest_difference(reshape(slice(all, 1, 1, 2), {2, 4}).value(), expected.value()) < 1e-14);
    }
}

BOOST_AUTO_TEST_CASE(errors) {
  Rng rng(1);
  LanguageModel<double> model(small_language_model(), rng);
  check_error(
      [&] {
        model(Indices{{1, 2, 3, 4, 5, 6, 0}});
      },
      "[language_model] the tokens are (1, 7), the context is 6: the last axis must not be longer");
  check_error([&] { model.generate({}, 3); },
              "[language_model] the prompt is empty: there must be a token to go on from");
  check_error([&] { LanguageModel<double>(LanguageModelOptions(), rng); },
              "[token_embedding] the vocabulary is 0, the width 128: both must be at least 1");
  auto options = small();
  options.shared_embedding = true;
  check_error([&] { Transformer<double>(options, rng); },
              "[transformer] the vocabularies are 9 and 7: a shared embedding needs equal ones");
  Transformer<double> translator(small(), rng);
  check_error(
      [&] {
        translator(Indices{{1, 2}}, full<std::int64_t>({2, 1}, 1));
      },
      "[transformer] the source is (1, 2), the target (2, 1): they must be (batch, S) and (batch, T)");
  check_error(
      [&] {
        translator(Indices{{1, 9}}, full<std::int64_t>({1, 1}, 1));
      },
      "[embedding] the index 9 is out of range: the table has 9 rows");
  LearnedPositions<double> positions(3, 4, rng);
  check_error(
      [&] {
        positions(Variable<double>(zeros<double>({2, 4, 4})));
      },
      "[learned_positions] x is (2, 4, 4), the table (3, 4): x must be (…, T, d) with T at most the "
      "table's rows");
  RNN<double> rnn(3, 4, Init::xavier_uniform(), rng);
  check_error([&] { rnn(std::vector<Variable<double>>{}); },
              "[rnn] there is no step: a sequence needs one at least");
  check_error(
      [&] {
        rnn(Variable<double>(zeros<double>({2, 3})));
      },
      "[rnn] x is (2, 3): it must be (batch, T, in)");
  const double nothing = 0, infinite = INFINITY;
  check_error([&] { sample(&nothing, 0, {}, rng); },
              "[sample] there are no logits: there must be one at least");
  check_error(
      [&] {
        sample(&nothing, 1, {-1, 0}, rng);
      },
      "[sample] the temperature is -1: it must not be negative");
  check_error([&] { sample(&infinite, 1, {}, rng); },
              "[sample] the largest logit is inf: it must be finite, and none may be NaN");
  const Mask a = causal_mask(3), b = Mask::from_shape({1, 1, 1, 2});
  check_error(
      [&] { either(a, b); },
      "[either] a is (3, 3), b is (1, 1, 1, 2): axes are matched from the last one, and must be equal or 1");
  const Mask row{{false, true, false}};
  BOOST_TEST((either(a, row) == Mask{{false, true, true}, {false, true, true}, {false, true, false}}));
}

BOOST_AUTO_TEST_SUITE_END()
