#include "models.hpp"

#include <memory>
#include <numeric>

namespace benchmarks {

using namespace xgrad;
using V = Variable<float>;

namespace {

Indices random_labels(const Shape& shape, std::size_t classes, Rng& rng) {
  Indices labels = Indices::from_shape(Indices::shape_type(shape.begin(), shape.end()));
  for (auto& label : labels) label = static_cast<std::int64_t>(rng.below(classes));
  return labels;
}

/// Splits a batch, the first axis of all inputs, into equal parts: as many as there are threads, or fewer.
class Split {
 public:
  Split(std::size_t batch, std::size_t threads) : batch_(batch), parts_(threads) {
    while (batch % parts_ != 0) --parts_;
  }
  /// The parts of `all`.
  template <class A>
  std::vector<A> operator()(const A& all) const {
    Shape shape = shape_of(all);
    shape.at(0) /= parts_;
    std::vector<A> result;
    for (std::size_t i = 0; i < parts_; ++i) {
      result.push_back(A::from_shape(typename A::shape_type(shape.begin(), shape.end())));
      std::copy_n(all.data() + i * count(shape), count(shape), result.back().data());
    }
    return result;
  }
  /// Part i of a variable whose gradient is wanted as a whole.
  V operator()(const V& all, std::size_t i) const {
    if (parts_ == 1) return all;
    const auto n = static_cast<std::ptrdiff_t>(batch_ / parts_), begin = static_cast<std::ptrdiff_t>(i) * n;
    return slice(all, 0, begin, begin + n);
  }
  /// What the workload must know of it: each part's loss is a mean over the part.
  void set(Workload& w) const {
    w.parts = parts_;
    w.cotangent = scalar(1 / float(parts_));
  }

 private:
  std::size_t batch_, parts_;
};

Linear<float> plain_linear(std::size_t in, std::size_t out, Rng& rng) {
  return Linear<float>(in, out, Init::uniform_fan_in(), rng);
}

/// Predicts the next character from all before: Pre-LN layers under a causal mask, learned positions.
class CharacterGpt : public Module<float> {
 public:
  CharacterGpt(std::size_t vocabulary, std::size_t tokens, std::size_t d, std::size_t heads,
               std::size_t layers, Rng& rng)
      : characters(vocabulary, d, rng, .02),
        positions(tokens, d, rng, .02),
        norm(d),
        head(plain_linear(d, vocabulary, rng)),
        order_(Indices::from_shape({tokens})) {
    std::iota(order_.begin(), order_.end(), 0);
    for (std::size_t i = 0; i < layers; ++i) {
      TransformerEncoderLayer<float> layer(d, heads, 4 * d, NormPlacement::pre, Init::uniform_fan_in(), rng,
                                           0, "gelu");
      layer.attention.options.causal = true;
      stack.add(std::move(layer));
    }
  }

  /// (…, T) characters to (…, T, vocabulary) logits.
  V logits(const Indices& text) { return forward(characters(text)); }
  V forward(const V& x) override { return head(norm(stack(x + positions(order_)))); }
  std::vector<Part<float>> parts() override {
    return {{"characters", characters},
            {"positions", positions},
            {"stack", stack},
            {"norm", norm},
            {"head", head}};
  }
  std::string describe() const override { return "CharacterGpt"; }

  Embedding<float> characters, positions;
  Sequential<float> stack;
  LayerNorm<float> norm;
  Linear<float> head;

 private:
  Indices order_;
};

}  // namespace

/// w learns the labels of the rows of x, which are split among the threads.
void classify(Workload& w, const std::shared_ptr<Sequential<float>>& model, const Array<float>& x,
              const Indices& labels, std::size_t threads) {
  const Split split(x.shape(0), threads);
  split.set(w);
  w.forward = [=, xs = split(x), all_labels = split(labels)](std::size_t i) {
    return cross_entropy((*model)(V(xs[i])), all_labels[i]);
  };
  w.model = model;
  w.parameters = model->parameters();
  w.numbers = {{"x", x}};
  w.indices = {{"labels", labels}};
}

Workload mlp(std::size_t threads) {
  constexpr std::size_t batch = 64, in = 784, hidden = 128, classes = 10;
  Rng rng(1);
  const auto model = std::make_shared<Sequential<float>>(
      plain_linear(in, hidden, rng), activation<float>("relu"), plain_linear(hidden, hidden, rng),
      activation<float>("relu"), plain_linear(hidden, classes, rng));
  const auto x = rng.normal<float>({batch, in});
  const Indices labels = random_labels({batch}, classes, rng);

  Workload w;
  classify(w, model, x, labels, threads);
  w.products.linear(batch, in, hidden, false);
  w.products.linear(batch, hidden, hidden);
  w.products.linear(batch, hidden, classes);
  return w;
}

// `depth` blocks x + W₂ relu(W₁ LN(x)), with biases, and a linear layer to ten classes.
Workload residual_mlp(std::size_t depth, std::size_t width, std::size_t threads) {
  constexpr std::size_t batch = 32, classes = 10;
  Rng rng(2);
  const auto model = std::make_shared<Sequential<float>>();
  Workload w;
  for (std::size_t i = 0; i < depth; ++i) {
    model->add(
        Residual<float>(Sequential<float>(LayerNorm<float>(width), plain_linear(width, width, rng),
                                          activation<float>("relu"), plain_linear(width, width, rng))));
    for (int j = 0; j < 2; ++j) w.products.linear(batch, width, width);
  }
  model->add(plain_linear(width, classes, rng));
  w.products.linear(batch, width, classes);
  const auto x = rng.normal<float>({batch, width});
  const Indices labels = random_labels({batch}, classes, rng);

  classify(w, model, x, labels, threads);
  return w;
}

// One Post-LN layer with ReLU as published; x needs a gradient too, as in the middle of a stack.
Workload encoder_layer(std::size_t d, std::size_t heads, std::size_t tokens, std::size_t batch,
                       std::size_t threads) {
  Rng rng(3);
  const auto model = std::make_shared<TransformerEncoderLayer<float>>(d, heads, 4 * d, NormPlacement::post,
                                                                      Init::uniform_fan_in(), rng);
  const V x = parameter(rng.normal<float>({batch, tokens, d}), "x");
  const auto target = rng.normal<float>({batch, tokens, d});

  Workload w;
  const Split split(batch, threads);
  split.set(w);
  w.forward = [=, targets = split(target)](std::size_t i) {
    return mse_loss((*model)(split(x, i)), targets[i]);
  };
  w.model = model;
  w.parameters = model->parameters();
  w.parameters.push_back({"x", x});
  w.numbers = {{"target", target}};
  w.products.encoder_layer(batch, tokens, d, heads);
  return w;
}

Workload character_gpt(std::size_t threads) {
  constexpr std::size_t vocabulary = 64, tokens = 64, d = 128, heads = 4, layers = 4, batch = 16;
  Rng rng(4);
  const auto model = std::make_shared<CharacterGpt>(vocabulary, tokens, d, heads, layers, rng);
  const Indices text = random_labels({batch, tokens}, vocabulary, rng);
  const Indices next = random_labels({batch, tokens}, vocabulary, rng);

  Workload w;
  const Split split(batch, threads);
  split.set(w);
  w.forward = [=, texts = split(text), nexts = split(next)](std::size_t i) {
    return cross_entropy(model->logits(texts[i]), nexts[i]);
  };
  w.model = model;
  w.parameters = model->parameters();
  w.indices = {{"text", text}, {"next", next}};
  for (std::size_t i = 0; i < layers; ++i) w.products.encoder_layer(batch, tokens, d, heads);
  w.products.linear(batch * tokens, d, vocabulary);
  return w;
}

// The residual network of He et al. for small images with one stage of three blocks, as published: two 3×3
// convolutions with batch normalisation, ReLU after the addition. Its statistics are the whole batch's, so
// the batch stays whole.
Workload residual_convolutions() {
  constexpr std::size_t batch = 32, channels = 16, pixels = 14, blocks = 3;
  // A seed with which no sum before a ReLU lies so near the kink that rounding decides whether its gradient
  // passes.
  Rng rng(38);
  ResNetOptions options;
  options.widths = {channels};
  options.blocks = blocks;
  const auto model = std::make_shared<ResNet<float>>(options, Init::he_normal(), rng);
  const auto x = rng.normal<float>({batch, 1, pixels, pixels});
  const Indices labels = random_labels({batch}, options.classes, rng);

  Workload w;
  w.forward = [=](std::size_t) { return cross_entropy((*model)(V(x)), labels); };
  w.model = model;
  w.parameters = model->parameters();
  w.numbers = {{"x", x}};
  w.indices = {{"labels", labels}};
  w.products.convolution(batch, pixels * pixels, 9, channels, false);
  for (std::size_t i = 0; i < 2 * blocks; ++i)
    w.products.convolution(batch, pixels * pixels, channels * 9, channels);
  w.products.linear(batch, channels, options.classes);
  return w;
}

}  // namespace benchmarks
