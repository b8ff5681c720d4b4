#include "workloads.hpp"

#include <chrono>
#include <numeric>

namespace benchmarks {

using namespace xgrad;
using V = Variable<float>;

std::pair<double, double> Workload::step() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  auto middle = start;
  for (auto& p : parameters) p.variable.zero_grad();
  if (parts == 1) {
    Tape<float> tape;
    V y = forward(0);
    middle = Clock::now();
    y.backward(std::move(cotangent));  // lent, not copied: it is y's gradient now
    cotangent = std::move(y.mutable_grad());
  } else {
    in_parallel<float>(parts, [this](std::size_t part) {
      Tape<float> tape;
      forward(part).backward(cotangent);
    });
  }
  if (optimizer) optimizer->step();
  const std::chrono::duration<double> first = middle - start, rest = Clock::now() - middle;
  return {first.count(), rest.count()};
}

Array<float> Workload::result() const {
  if (parts == 1) return forward(0).value();
  float sum = 0;
  for (std::size_t i = 0; i < parts; ++i) sum += forward(i).item();
  return scalar(sum / float(parts));
}

namespace {

// So small that the weights stay where they are, however often a step is repeated: the thousandth is as much
// work as the first.
constexpr double learning_rate = 1e-7;

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

void add_adam(Workload& w) { w.optimizer = std::make_unique<Adam<float>>(w.parameters, learning_rate); }

Workload mlp(std::size_t threads) {
  constexpr std::size_t batch = 64, in = 784, hidden = 128, classes = 10;
  Rng rng(1);
  const auto model = std::make_shared<Sequential<float>>(
      plain_linear(in, hidden, rng), activation<float>("relu"), plain_linear(hidden, hidden, rng),
      activation<float>("relu"), plain_linear(hidden, classes, rng));
  const auto x = rng.normal<float>({batch, in});
  const Indices labels = random_labels({batch}, classes, rng);

  Workload w;
  const Split split(batch, threads);
  split.set(w);
  w.forward = [=, xs = split(x), all_labels = split(labels)](std::size_t i) {
    return cross_entropy((*model)(V(xs[i])), all_labels[i]);
  };
  w.model = model;
  w.parameters = model->parameters();
  w.numbers = {{"x", x}};
  w.indices = {{"labels", labels}};
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

  const Split split(batch, threads);
  split.set(w);
  w.forward = [=, xs = split(x), all_labels = split(labels)](std::size_t i) {
    return cross_entropy((*model)(V(xs[i])), all_labels[i]);
  };
  w.model = model;
  w.parameters = model->parameters();
  w.numbers = {{"x", x}};
  w.indices = {{"labels", labels}};
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

// One op on (4096, 768), with a given gradient of its output.
Workload single_op(const std::string& op) {
  const Shape shape{4096, 768};
  Rng rng(5);
  const V x = parameter(rng.normal<float>(shape), "x");
  const V gamma = parameter(rng.uniform<float>({768}, .5, 1.5), "gamma");
  const V beta = parameter(rng.normal<float>({768}), "beta");

  Workload w;
  w.cotangent = rng.normal<float>(shape);
  w.parameters = {{"x", x}};
  if (op == "layer_norm") {
    w.parameters.push_back({"gamma", gamma});
    w.parameters.push_back({"beta", beta});
    w.forward = [=](std::size_t) { return layer_norm(x, gamma, beta); };
  } else if (op == "bias_relu") {
    w.parameters.push_back({"beta", beta});
    w.forward = [=](std::size_t) { return add_relu(x, beta); };
  } else if (op == "softmax") {
    w.forward = [=](std::size_t) { return softmax(x); };
  } else if (op == "gelu") {
    w.forward = [=](std::size_t) { return gelu(x); };
  } else if (op == "tanh") {
    w.forward = [=](std::size_t) { return tanh(x); };
  } else if (op == "exp") {
    w.forward = [=](std::size_t) { return exp(x); };
  } else {
    fail("workload", "there is no e_", op);
  }
  w.numbers = {{"cotangent", w.cotangent}};
  const double bytes = double(x.size()) * sizeof(float);
  w.forward_bytes = 2 * bytes;   // x read, y written
  w.backward_bytes = 3 * bytes;  // dy and x or y read, dx written
  return w;
}

// A thousand ops with next to no arithmetic: what the tape itself costs.
Workload tiny_adds() {
  Rng rng(6);
  const V x = parameter(rng.normal<float>({8}), "x");
  const V step = parameter(rng.normal<float>({8}), "step");

  Workload w;
  w.forward = [=](std::size_t) {
    V y = x;
    for (int i = 0; i < 1000; ++i) y = y + step;
    return sum(y);
  };
  w.parameters = {{"x", x}, {"step", step}};
  return w;
}

const std::vector<std::size_t> depths{10, 20, 50, 100, 200, 500, 1000}, widths{32, 64, 128, 256, 512},
    token_counts{16, 32, 64, 128, 256, 512};

}  // namespace

const std::vector<std::string>& workload_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"a", "a_adam", "b", "b_adam", "b100", "c64", "c256", "d"};
    for (const auto* op : {"layer_norm", "softmax", "gelu", "tanh", "exp", "bias_relu"})
      all.push_back(std::string("e_") + op);
    all.push_back("f");
    for (std::size_t n : depths) all.push_back("depth_" + std::to_string(n));
    for (std::size_t n : widths) all.push_back("width_" + std::to_string(n));
    for (std::size_t n : token_counts) all.push_back("tokens_" + std::to_string(n));
    return all;
  }();
  return names;
}

Workload make_workload(const std::string& name, std::size_t threads) {
  const auto& names = workload_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string known;
    for (const auto& n : names) known += (known.empty() ? "" : ", ") + n;
    fail("workload", "there is no '", name, "': choose one of ", known);
  }
  const auto starts_with = [&](const std::string& start) {
    return name.compare(0, start.size(), start) == 0;
  };
  const auto number = [&] { return std::size_t(std::stoul(name.substr(name.find('_') + 1))); };
  if (starts_with("e_")) return single_op(name.substr(2));
  if (starts_with("depth_")) return residual_mlp(number(), 64, threads);
  if (starts_with("width_")) return residual_mlp(10, number(), threads);
  if (starts_with("tokens_")) return encoder_layer(64, 4, number(), 16, threads);
  if (name == "b100") return residual_mlp(100, 64, threads);
  if (name == "c64") return encoder_layer(64, 4, 32, 16, threads);
  if (name == "c256") return encoder_layer(256, 8, 128, 8, threads);
  if (name == "d") return character_gpt(threads);
  if (name == "f") return tiny_adds();
  Workload w = name[0] == 'a' ? mlp(threads) : residual_mlp(50, 64, threads);
  if (name == "a_adam" || name == "b_adam") add_adam(w);
  return w;
}

}  // namespace benchmarks
