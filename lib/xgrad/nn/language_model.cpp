#include "xgrad/nn/language_model.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "xgrad/core/scalars.hpp"

namespace xgrad {

LanguageModelOptions LanguageModelOptions::gpt2(std::size_t vocabulary, std::size_t d, std::size_t heads,
                                                std::size_t layers, std::size_t context) {
  LanguageModelOptions options;
  options.vocabulary = vocabulary;
  options.d = d;
  options.heads = heads;
  options.layers = layers;
  options.context = context;
  options.positions = Positions::learned;
  options.tied = true;
  options.activation = "gelu";
  options.init = Init::normal(.02);
  options.embedding_deviation = .02;
  options.output_gain = 1 / std::sqrt(2 * double(layers));
  return options;
}

template <class T>
std::int64_t sample(const T* logits, std::size_t n, const Sampling& sampling, Rng& rng) {
  if (!(sampling.temperature >= 0))
    fail("sample", "the temperature is ", sampling.temperature, ": it must not be negative");
  if (n == 0) fail("sample", "there are no logits: there must be one at least");
  const T* top = std::max_element(logits, logits + n);
  if (!std::isfinite(double(*top)) || std::any_of(logits, logits + n, [](T z) { return std::isnan(z); }))
    fail("sample", "the largest logit is ", *top, ": it must be finite, and none may be NaN");
  if (sampling.temperature == 0) return top - logits;
  std::vector<std::size_t> order(n);  // the candidates, likeliest first
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [=](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  if (sampling.top_k > 0) order.resize(std::min(sampling.top_k, n));
  std::vector<double> sums;  // of their probabilities, not normalised
  for (std::size_t i : order)
    sums.push_back((sums.empty() ? 0 : sums.back()) +
                   std::exp((double(logits[i]) - double(*top)) / sampling.temperature));
  const auto drawn = std::upper_bound(sums.begin(), sums.end() - 1, rng.uniform() * sums.back());
  return static_cast<std::int64_t>(order[static_cast<std::size_t>(drawn - sums.begin())]);
}

template <class T>
LanguageModel<T>::LanguageModel(const LanguageModelOptions& o, Rng& rng)
    : embedding({o.vocabulary, o.d, o.positions, o.context, false, o.embedding_deviation, o.dropout}, rng),
      norm(o.d, o.eps, o.final_norm || o.wiring.placement == NormPlacement::pre),
      head(o.d, o.vocabulary, o.init, rng, o.tied ? Bias::no : Bias::yes),
      options_(o) {
  if (o.context == 0) fail("language_model", "the context is 0: it must be at least 1");
  for (std::size_t i = 0; i < o.layers; ++i) {
    layers.emplace_back(o.d, o.heads, o.hidden ? o.hidden : 4 * o.d, o.wiring, o.init, rng, o.dropout,
                        o.activation, o.eps);
    auto& layer = layers.back();
    layer.attention.options.causal = true;
    for (Linear<T>* output : {&layer.attention.output, &layer.feed_forward.second})
      for (T& entry : output->weight.mutable_value()) entry *= T(o.output_gain);
  }
  if (o.tied) head.weight = embedding.tokens.weight;
}

template <class T>
Variable<T> LanguageModel<T>::operator()(const Indices& tokens) {
  if (tokens.dimension() > 0 && tokens.shape().back() > options_.context)
    fail("language_model", "the tokens are ", to_string(shape_of(tokens)), ", the context is ",
         options_.context, ": the last axis must not be longer");
  auto x = embedding(tokens);
  for (auto& layer : layers) x = layer(x);
  return head(norm.gamma ? norm(x) : x);
}

template <class T>
std::vector<Part<T>> LanguageModel<T>::parts() {
  std::vector<Part<T>> result{{"embedding", embedding}};
  for (std::size_t i = 0; i < layers.size(); ++i)
    result.emplace_back("layers." + std::to_string(i), layers[i]);
  if (norm.gamma) result.emplace_back("norm", norm);
  result.emplace_back("head", head);
  return result;
}

template <class T>
std::string LanguageModel<T>::describe() const {
  std::ostringstream text;
  text << "LanguageModel(" << options_.layers << " layers, " << options_.wiring.describe() << ")";
  return text.str();
}

template <class T>
std::vector<std::int64_t> LanguageModel<T>::generate(const std::vector<std::int64_t>& prompt,
                                                     std::size_t length, const Sampling& sampling, Rng& rng) {
  if (prompt.empty()) fail("language_model", "the prompt is empty: there must be a token to go on from");
  const EvaluationMode<T> evaluation(*this);
  const NoGrad pause;
  auto text = prompt;
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t seen = std::min(text.size(), options_.context);
    Indices window = Indices::from_shape({seen});
    std::copy(text.end() - static_cast<std::ptrdiff_t>(seen), text.end(), window.data());
    const Array<T> logits = (*this)(window).value();
    const std::size_t n = options_.vocabulary;
    text.push_back(sample(logits.data() + (seen - 1) * n, n, sampling, rng));
  }
  return {text.begin() + static_cast<std::ptrdiff_t>(prompt.size()), text.end()};
}

template <class T>
std::vector<std::int64_t> LanguageModel<T>::generate(const std::vector<std::int64_t>& prompt,
                                                     std::size_t length) {
  Rng unused(0);
  return generate(prompt, length, {0, 0}, unused);
}

#define XGRAD_INSTANTIATE(T)       \
  template class LanguageModel<T>; \
  template std::int64_t sample(const T*, std::size_t, const Sampling&, Rng&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
