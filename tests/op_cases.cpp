#include "op_cases.hpp"

#include <cmath>
#include <fstream>
#include <limits>

namespace xgrad::testing {

// --- golden numbers ----------------------------------------------------------------------------------------

namespace {

std::map<std::string, std::vector<Case>> read_golden() {
  const std::string folder = XGRAD_GOLDEN;
  std::ifstream file(folder + "/cases.json");
  if (!file) fail("golden", folder, "/cases.json cannot be opened");
  std::map<std::string, std::vector<Case>> result;
  std::map<std::string, Array<double>> numbers;
  for (const auto& entry : nlohmann::json::parse(file)) {
    Case c;
    c.op = entry.at("op");
    c.name = entry.at("case");
    c.smooth = entry.at("smooth");
    c.attributes = entry.at("attributes");
    auto [all, is_new] = numbers.try_emplace(c.op);
    if (is_new) all->second = load_npy<double>(folder + "/" + c.op + ".npy");
    for (const auto& array : entry.at("arrays")) {
      const Shape shape = array.at("shape");
      const std::size_t offset = array.at("offset");
      if (offset + count(shape) > all->second.size())
        fail("golden", c.op, ".npy and cases.json do not agree");
      auto value = empty<double>(shape);
      std::copy_n(all->second.data() + offset, value.size(), value.data());
      const std::string role = array.at("role"), name = array.at("name");
      if (role == "input") {
        c.names.push_back(name);
        c.inputs.push_back(value);
      } else if (role == "constant") {
        c.constants[name] = value;
      } else if (role == "output") {
        c.output = value;
      } else if (role == "cotangent") {
        c.cotangent = value;
      } else if (role == "gradient") {
        c.gradients.push_back(value);
      } else {
        fail("golden", c.op, ", ", c.name, ": unknown role ", role);
      }
    }
    result[c.op].push_back(std::move(c));
  }
  return result;
}

const std::map<std::string, std::vector<Case>>& golden() {
  static const auto all = read_golden();
  return all;
}

}  // namespace

std::size_t Case::index(const std::string& wanted) const {
  const auto at = std::find(names.begin(), names.end(), wanted);
  if (at == names.end()) fail(op.c_str(), "case ", name, " has no input called ", wanted);
  return static_cast<std::size_t>(at - names.begin());
}

const std::vector<Case>& cases_of(const std::string& op) {
  const auto at = golden().find(op);
  if (at == golden().end()) fail("golden", "there are no cases for ", op);
  return at->second;
}

std::vector<std::string> golden_ops() {
  std::vector<std::string> names;
  for (const auto& [name, cases] : golden()) names.push_back(name);
  return names;
}

// --- the table ---------------------------------------------------------------------------------------------

namespace {

template <class T>
T scalar_of(const Inputs<T>&);
/// The scalar type of a lambda's inputs.
template <class X>
using Scalar = decltype(scalar_of(std::declval<X>()));

template <class F>
Op row(const char* name, F f, testing::Function<double> composed = nullptr) {
  return {name, f, f, std::move(composed)};
}

Mask mask(const Case& c) { return cast<bool>(c.constants.at("mask")); }
Indices indices(const Case& c, const char* name) { return cast<std::int64_t>(c.constants.at(name)); }
Axes axes(const Case& c) { return c.attribute<Axes>("axes"); }
bool keepdims(const Case& c) { return c.attribute<bool>("keepdims"); }
Shape shape(const Case& c) { return c.attribute<Shape>("shape"); }
std::ptrdiff_t axis(const Case& c) { return c.attribute<std::ptrdiff_t>("axis"); }
std::size_t size(const Case& c, const char* name) { return c.attribute<std::size_t>(name); }
double number(const Case& c, const char* name) { return c.attribute<double>(name); }
bool has(const Case& c, const char* input) {
  return std::find(c.names.begin(), c.names.end(), input) != c.names.end();
}
Divisor divisor(const Case& c) {
  return c.attribute<std::string>("divisor") == "sample" ? Divisor::sample : Divisor::population;
}
Reduction reduction(const Case& c) {
  return c.attribute<std::string>("reduction") == "sum" ? Reduction::sum : Reduction::mean;
}
CrossEntropyOptions cross_entropy_options(const Case& c) {
  CrossEntropyOptions options;
  options.ignore_index = c.attributes.value("ignore_index", options.ignore_index);
  options.label_smoothing = number(c, "label_smoothing");
  options.reduction = reduction(c);
  return options;
}
LayerNormOptions layer_norm_options(const Case& c) { return {number(c, "eps"), divisor(c), size(c, "axes")}; }
template <class T>
ChannelStatistics<T> channel_statistics(const Case& c) {
  return {c.constant<T>("mean"), c.constant<T>("variance")};
}
Conv2dOptions conv_options(const Case& c) { return {size(c, "stride"), size(c, "padding")}; }
PoolOptions pool_options(const Case& c) { return {size(c, "stride"), size(c, "padding")}; }
BlockOrder block_order(const Case& c) {
  return c.attribute<std::string>("order") == "basic" ? BlockOrder::basic : BlockOrder::pre_activation;
}
Bias bias(const Case& c) { return c.attribute<bool>("bias") ? Bias::yes : Bias::no; }
ChannelNormOptions channel_norm_options(const Case& c) { return {number(c, "eps"), divisor(c)}; }
AttentionOptions attention_options(const Case& c) {
  AttentionOptions options;
  if (c.constants.count("mask")) options.mask = mask(c);
  options.causal = c.attribute<bool>("causal");
  options.scale = c.attributes.value("scale", 0.);
  options.heads = c.attributes.value("heads", options.heads);
  return options;
}

/// The input of that name, or an empty handle: "no bias".
template <class T>
Variable<T> optional_input(const Inputs<T>& x, const Case& c, const char* name) {
  return has(c, name) ? x[c.index(name)] : Variable<T>();
}

NormPlacement placement(const Case& c) {
  return c.attribute<std::string>("placement") == "pre" ? NormPlacement::pre : NormPlacement::post;
}
Positions positions(const Case& c) {
  const auto name = c.attribute<std::string>("positions");
  return name == "learned" ? Positions::learned : name == "none" ? Positions::none : Positions::sinusoidal;
}

/// Replaces the parameters of a module by the case's inputs of the same path, and the buffers by its
/// constants. A shared parameter is replaced by the input of its first path: `seen` maps old values to new
/// ones.
template <class T>
void set_parameters(Module<T>& module, const Inputs<T>& x, const Case& c, const std::string& prefix,
                    std::map<const Array<T>*, Variable<T>>& seen) {
  for (const auto& part : module.parts()) {
    const std::string path = prefix + part.name;
    if (const auto* parameter = std::get_if<Variable<T>*>(&part.what)) {
      if (!**parameter) continue;
      const Array<T>* old = &(*parameter)->value();
      if (!seen.count(old)) seen.emplace(old, x[c.index(path)]);
      **parameter = seen.at(old);
    } else if (const auto* inner = std::get_if<Module<T>*>(&part.what)) {
      set_parameters(**inner, x, c, path + ".", seen);
    } else if (c.constants.count(path)) {
      *std::get<Array<T>*>(part.what) = c.constant<T>(path);
    }
  }
}

/// A module as a function of its input (or inputs, `others`) and its parameters.
template <class T>
void use_parameters(Module<T>& module, const Inputs<T>& x, const Case& c, std::size_t others = 1) {
  if (module.parameters().size() + others != x.size())
    fail(c.op, "the module has ", module.parameters().size(), " parameters, the case ", x.size() - others);
  std::map<const Array<T>*, Variable<T>> seen;
  set_parameters(module, x, c, {}, seen);
}

template <class T>
Variable<T> run(Module<T>& module, const Inputs<T>& x, const Case& c) {
  use_parameters(module, x, c);
  return module(x[0]);
}

const Init any_init = Init::he_normal();  // replaced by the case's parameters

template <class T>
Sequential<T> two_layers(std::size_t in, std::size_t hidden, std::size_t out, const std::string& name,
                         Rng& rng) {
  return Sequential<T>(Linear<T>(in, hidden, any_init, rng), activation<T>(name),
                       Linear<T>(hidden, out, any_init, rng));
}

/// Parameters a and b after each step, one row a step.
template <class Optimiser, class T, class... Options>
Variable<T> trace(const Inputs<T>&, const Case& c, const Options&... options) {
  Parameters<T> parameters{{"a", parameter(c.constant<T>("a"))}, {"b", parameter(c.constant<T>("b"))}};
  Optimiser optimiser(parameters, number(c, "learning_rate"), options...);
  auto rows = c.constant<T>("gradients");
  T* entry = rows.data();
  for (std::size_t step = 0; step < rows.shape()[0]; ++step) {
    const T* gradient = entry;
    for (auto& [name, x] : parameters) {
      auto dx = empty<T>(x.shape());
      std::copy_n(gradient, dx.size(), dx.data());
      gradient += dx.size();
      x.zero_grad();
      x.accumulate(dx);
    }
    optimiser.step();
    for (auto& [name, x] : parameters) entry = std::copy_n(x.value().data(), x.size(), entry);
  }
  return rows;
}

/// Row by row for each batch: y in training mode, the running mean and variance after it, y in evaluation
/// mode.
template <class T>
Variable<T> batch_norm_steps(const Case& c) {
  const auto batches = c.constant<T>("batches");
  const Shape all = shape_of(batches), one(all.begin() + 1, all.end());
  BatchNorm<T> module(one[1], number(c, "eps"), number(c, "momentum"), false);
  auto rows = empty<T>({all[0], 2 * count(one) + 2 * one[1]});
  T* entry = rows.data();
  const auto append = [&](const Array<T>& a) { entry = std::copy_n(a.data(), a.size(), entry); };
  for (std::size_t step = 0; step < all[0]; ++step) {
    auto x = empty<T>(one);
    std::copy_n(batches.data() + step * x.size(), x.size(), x.data());
    module.train();
    append(module(Variable<T>(x)).value());
    append(module.running_mean);
    append(module.running_variance);
    module.train(false);
    append(module(Variable<T>(x)).value());
  }
  return rows;
}

SgdOptions sgd_options(const Case& c) {
  return {c.attributes.value("momentum", 0.), c.attributes.value("nesterov", false),
          c.attributes.value("weight_decay", 0.)};
}
AdamOptions adam_options(const Case& c) {
  return {c.attributes.value("beta1", .9), c.attributes.value("beta2", .999), c.attributes.value("eps", 1e-8),
          number(c, "weight_decay")};
}

AdafactorOptions adafactor_options(const Case& c) {
  return {number(c, "eps1"), number(c, "eps2"), number(c, "clip"), number(c, "decay"),
          number(c, "weight_decay")};
}
HandOver hand_over(const Case& c) {
  return {size(c, "at"), number(c, "factor"), {number(c, "momentum"), false, number(c, "sgd_decay")}};
}

/// The learning rate of 24 steps, from 0.5.
Schedule schedule_of(const Case& c) {
  const std::string name = c.attributes.at("schedule");
  const auto steps = c.attributes.value("steps", std::size_t(0));
  const double end = c.attributes.value("end", 0.);
  if (name == "step") return schedule::step(.5, steps, number(c, "factor"));
  if (name == "linear") return schedule::linear(.5, steps, end);
  if (name == "cosine") return schedule::cosine(.5, steps, end);
  if (name == "geometric") return schedule::geometric(.5, end, steps);
  if (name == "warm_up") return schedule::warm_up(steps, schedule::step(.5, 1, number(c, "factor")));
  if (name == "transformer") return schedule::transformer(64, steps);
  return schedule::constant(.5);
}

template <class F>
Op binary(const char* name, F f) {
  return row(name, [f](const auto& x, const Case&) { return f(x[0], x[1]); });
}

template <class F>
Op unary(const char* name, F f, testing::Function<double> composed = nullptr) {
  return row(
      name, [f](const auto& x, const Case&) { return f(x[0]); }, std::move(composed));
}

using X = Inputs<double>;

std::vector<Op> elementwise_ops() {
  return {
      binary("add", [](const auto& a, const auto& b) { return a + b; }),
      binary("sub", [](const auto& a, const auto& b) { return a - b; }),
      binary("mul", [](const auto& a, const auto& b) { return a * b; }),
      binary("div", [](const auto& a, const auto& b) { return a / b; }),
      binary("add_relu", [](const auto& a, const auto& b) { return add_relu(a, b); }),
      binary("maximum", [](const auto& a, const auto& b) { return maximum(a, b); }),
      unary("neg", [](const auto& x) { return -x; }),
      row("pow", [](const auto& x, const Case& c) { return xgrad::pow(x[0], number(c, "exponent")); }),
      unary("sqrt", [](const auto& x) { return xgrad::sqrt(x); }),
      unary("exp", [](const auto& x) { return xgrad::exp(x); }),
      unary("log", [](const auto& x) { return xgrad::log(x); }),
      unary("abs", [](const auto& x) { return xgrad::abs(x); }),
      unary("relu", [](const auto& x) { return relu(x); }),
      row("leaky_relu", [](const auto& x, const Case& c) { return leaky_relu(x[0], number(c, "slope")); }),
      unary("sigmoid", [](const auto& x) { return sigmoid(x); }),
      unary("tanh", [](const auto& x) { return xgrad::tanh(x); }),
      unary("softplus", [](const auto& x) { return softplus(x); }),
      unary("gelu", [](const auto& x) { return gelu(x); }),
      unary(
          "gelu_tanh", [](const auto& x) { return gelu_tanh(x); },
          [](const X& x, const Case&) { return composed::gelu_tanh(x[0]); }),
      row("where", [](const auto& x, const Case& c) { return xgrad::where(mask(c), x[0], x[1]); }),
      row("masked_fill",
          [](const auto& x, const Case& c) { return masked_fill(x[0], mask(c), number(c, "value")); }),
  };
}

std::vector<Op> linear_algebra() {
  return {
      binary("matmul", [](const auto& a, const auto& b) { return matmul(a, b); }),
      row(
          "linear",
          [](const auto& x, const Case& c) { return linear(x[0], x[1], optional_input(x, c, "bias")); },
          [](const X& x, const Case& c) {
            if (x[0].rank() < 2) return Variable<double>();
            return composed::linear(x[0], x[1], optional_input(x, c, "bias"));
          }),
  };
}

std::vector<Op> reductions() {
  return {
      row("sum", [](const auto& x, const Case& c) { return xgrad::sum(x[0], axes(c), keepdims(c)); }),
      row("mean", [](const auto& x, const Case& c) { return xgrad::mean(x[0], axes(c), keepdims(c)); }),
      row("max", [](const auto& x, const Case& c) { return xgrad::max(x[0], axes(c), keepdims(c)); }),
      row(
          "variance",
          [](const auto& x, const Case& c) {
            return xgrad::variance(x[0], axes(c), keepdims(c), divisor(c));
          },
          [](const X& x, const Case& c) {
            return composed::variance(x[0], axes(c), keepdims(c), divisor(c));
          }),
      row(
          "logsumexp",
          [](const auto& x, const Case& c) { return xgrad::logsumexp(x[0], axes(c), keepdims(c)); },
          [](const X& x, const Case& c) { return composed::logsumexp(x[0], axes(c), keepdims(c)); }),
  };
}

std::vector<Op> shape_ops() {
  return {
      row("reshape",
          [](const auto& x, const Case& c) {
            return reshape(x[0], c.attribute<std::vector<std::ptrdiff_t>>("shape"));
          }),
      row("transpose", [](const auto& x, const Case& c) { return xgrad::transpose(x[0], axes(c)); }),
      row("swap_axes",
          [](const auto& x, const Case& c) {
            return swap_axes(x[0], c.attribute<std::ptrdiff_t>("a"), c.attribute<std::ptrdiff_t>("b"));
          }),
      row("slice",
          [](const auto& x, const Case& c) {
            const auto at = [&](const char* name) { return c.attribute<std::ptrdiff_t>(name); };
            return at("step") == 1 ? slice(x[0], axis(c), at("begin"), at("end"))
                                   : slice(x[0], axis(c), at("begin"), at("end"), at("step"));
          }),
      row("concatenate", [](const auto& x, const Case& c) { return concatenate(x, axis(c)); }),
      row("stack", [](const auto& x, const Case& c) { return xgrad::stack(x, axis(c)); }),
      row("broadcast_to", [](const auto& x, const Case& c) { return broadcast_to(x[0], shape(c)); }),
      row("gather",
          [](const auto& x, const Case& c) { return gather(x[0], axis(c), indices(c, "indices")); }),
      row("embedding", [](const auto& x, const Case& c) { return embedding(x[0], indices(c, "indices")); }),
  };
}

std::vector<Op> normalisations() {
  return {
      row(
          "softmax", [](const auto& x, const Case& c) { return softmax(x[0], axis(c)); },
          [](const X& x, const Case& c) { return composed::softmax(x[0], axis(c)); }),
      row(
          "log_softmax", [](const auto& x, const Case& c) { return log_softmax(x[0], axis(c)); },
          [](const X& x, const Case& c) { return composed::log_softmax(x[0], axis(c)); }),
      row(
          "layer_norm",
          [](const auto& x, const Case& c) {
            return layer_norm(x[0], optional_input(x, c, "gamma"), optional_input(x, c, "beta"),
                              layer_norm_options(c));
          },
          [](const X& x, const Case& c) {
            return composed::layer_norm(x[0], optional_input(x, c, "gamma"), optional_input(x, c, "beta"),
                                        layer_norm_options(c));
          }),
      row(
          "rms_norm",
          [](const auto& x, const Case& c) {
            return rms_norm(x[0], optional_input(x, c, "gamma"), number(c, "eps"));
          },
          [](const X& x, const Case& c) {
            return composed::rms_norm(x[0], optional_input(x, c, "gamma"), number(c, "eps"));
          }),
      row(
          "channel_layer_norm",
          [](const auto& x, const Case& c) {
            return channel_layer_norm(x[0], optional_input(x, c, "gamma"), optional_input(x, c, "beta"),
                                      channel_norm_options(c));
          },
          [](const X& x, const Case& c) {
            return composed::channel_layer_norm(x[0], optional_input(x, c, "gamma"),
                                                optional_input(x, c, "beta"), channel_norm_options(c));
          }),
      row(
          "group_norm",
          [](const auto& x, const Case& c) {
            return group_norm(x[0], size(c, "groups"), optional_input(x, c, "gamma"),
                              optional_input(x, c, "beta"), channel_norm_options(c));
          },
          [](const X& x, const Case& c) {
            return composed::group_norm(x[0], size(c, "groups"), optional_input(x, c, "gamma"),
                                        optional_input(x, c, "beta"), channel_norm_options(c));
          }),
      row(
          "batch_norm",
          [](const auto& x, const Case& c) {
            return batch_norm(x[0], optional_input(x, c, "gamma"), optional_input(x, c, "beta"),
                              number(c, "eps"))
                .y;
          },
          [](const X& x, const Case& c) {
            return composed::batch_norm(x[0], optional_input(x, c, "gamma"), optional_input(x, c, "beta"),
                                        number(c, "eps"));
          }),
      row(
          "frozen_batch_norm",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            return frozen_batch_norm(x[0], channel_statistics<T>(c), optional_input(x, c, "gamma"),
                                     optional_input(x, c, "beta"), number(c, "eps"));
          },
          [](const X& x, const Case& c) {
            return composed::frozen_batch_norm(x[0], channel_statistics<double>(c),
                                               optional_input(x, c, "gamma"), optional_input(x, c, "beta"),
                                               number(c, "eps"));
          }),
      row(
          "attention",
          [](const auto& x, const Case& c) { return attention(x[0], x[1], x[2], attention_options(c)); },
          [](const X& x, const Case& c) {
            if (c.name == "blind query") return Variable<double>();  // its gradient: 0 · NaN
            return composed::attention(x[0], x[1], x[2], attention_options(c));
          }),
      row("dropout",
          [](const auto& x, const Case& c) {
            Rng rng(c.attribute<std::uint64_t>("seed"));
            return dropout(x[0], number(c, "p"), rng);
          }),
  };
}

std::vector<Op> convolutions() {
  return {
      row(
          "conv2d",
          [](const auto& x, const Case& c) {
            return conv2d(x[0], x[1], optional_input(x, c, "bias"), conv_options(c));
          },
          [](const X& x, const Case& c) {
            return composed::conv2d(x[0], x[1], optional_input(x, c, "bias"), conv_options(c));
          }),
      row(
          "max_pool2d",
          [](const auto& x, const Case& c) { return max_pool2d(x[0], size(c, "size"), pool_options(c)); },
          [](const X& x, const Case& c) {  // maximum halves the gradient of ties
            return c.smooth ? composed::max_pool2d(x[0], size(c, "size"), pool_options(c))
                            : Variable<double>();
          }),
      row(
          "avg_pool2d",
          [](const auto& x, const Case& c) { return avg_pool2d(x[0], size(c, "size"), pool_options(c)); },
          [](const X& x, const Case& c) {
            return composed::avg_pool2d(x[0], size(c, "size"), pool_options(c));
          }),
      unary("global_average_pool", [](const auto& x) { return global_average_pool(x); }),
  };
}

std::vector<Op> losses() {
  return {
      row(
          "cross_entropy",
          [](const auto& x, const Case& c) {
            return cross_entropy(x[0], indices(c, "labels"), cross_entropy_options(c));
          },
          [](const X& x, const Case& c) {
            const auto options = cross_entropy_options(c);
            const auto labels = indices(c, "labels");
            if (options.label_smoothing != 0 || options.reduction == Reduction::sum ||
                std::count(labels.begin(), labels.end(), options.ignore_index) > 0)
              return Variable<double>();
            return composed::cross_entropy(x[0], one_hot<double>(labels, x[0].extent(-1)));
          }),
      row(
          "cross_entropy_probabilities",
          [](const auto& x, const Case& c) {
            return cross_entropy(x[0], c.constant<Scalar<decltype(x)>>("target"), cross_entropy_options(c));
          },
          [](const X& x, const Case& c) {
            if (number(c, "label_smoothing") != 0 || reduction(c) == Reduction::sum)
              return Variable<double>();
            return composed::cross_entropy(x[0], c.constant<double>("target"));
          }),
      row("nll_loss",
          [](const auto& x, const Case& c) {
            return nll_loss(x[0], indices(c, "labels"), cross_entropy_options(c));
          }),
      row(
          "bce_with_logits",
          [](const auto& x, const Case& c) {
            return bce_with_logits(x[0], c.constant<Scalar<decltype(x)>>("target"), reduction(c));
          },
          [](const X& x, const Case& c) {
            // ln(1 - sigmoid(800)) is -inf: why the fused form exists.
            if (reduction(c) == Reduction::sum) return Variable<double>();
            return composed::bce_with_logits(x[0], c.constant<double>("target"));
          }),
      row("mse_loss",
          [](const auto& x, const Case& c) {
            return mse_loss(x[0], c.constant<Scalar<decltype(x)>>("target"), reduction(c));
          }),
      row("one_hot",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            return Variable<T>(one_hot<T>(indices(c, "labels"), size(c, "classes")));
          }),
  };
}

std::vector<Op> modules() {
  return {
      row("Linear",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            Rng rng(1);
            Linear<T> module(x[0].extent(-1), size(c, "out"), any_init, rng, bias(c));
            return run(module, x, c);
          }),
      row("LayerNorm",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            LayerNorm<T> module(shape(c), number(c, "eps"), c.attribute<bool>("affine"), divisor(c));
            return run(module, x, c);
          }),
      row("BatchNorm",
          [](const auto& x, const Case& c) {
            BatchNorm<Scalar<decltype(x)>> module(x[0].extent(1), number(c, "eps"), .1,
                                                  c.attribute<bool>("affine"));
            module.train(c.attribute<bool>("training"));
            return run(module, x, c);
          }),
      row("ChannelLayerNorm",
          [](const auto& x, const Case& c) {
            ChannelLayerNorm<Scalar<decltype(x)>> module(x[0].extent(1), channel_norm_options(c),
                                                         c.attribute<bool>("affine"));
            return run(module, x, c);
          }),
      row("GroupNorm",
          [](const auto& x, const Case& c) {
            GroupNorm<Scalar<decltype(x)>> module(size(c, "groups"), x[0].extent(1), channel_norm_options(c),
                                                  c.attribute<bool>("affine"));
            return run(module, x, c);
          }),
      row("InstanceNorm",
          [](const auto& x, const Case& c) {
            InstanceNorm<Scalar<decltype(x)>> module(x[0].extent(1), channel_norm_options(c),
                                                     c.attribute<bool>("affine"));
            return run(module, x, c);
          }),
      row("RMSNorm",
          [](const auto& x, const Case& c) {
            RMSNorm<Scalar<decltype(x)>> module(x[0].extent(-1), number(c, "eps"),
                                                c.attribute<bool>("affine"));
            return run(module, x, c);
          }),
      row("AdaptiveLayerNorm",
          [](const auto& x, const Case& c) {
            using Module = AdaptiveLayerNorm<Scalar<decltype(x)>>;
            const auto statistics = c.attribute<std::string>("statistics");
            if (statistics == "given") {
              Module module(x[0].extent(-1), x[1].extent(-1), number(c, "eps"));
              use_parameters(module, x, c, 2);
              return module(x[0], x[1]);
            }
            Module module(x[0].extent(-1),
                          statistics == "variance" ? RowStatistics::variance : RowStatistics::log_deviation,
                          number(c, "eps"));
            return run(module, x, c);
          }),
      row("FrozenStandardize",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            FrozenStandardize<T> module(x[0].extent(-1));
            module.fit(c.constant<T>("data"));
            return run(module, x, c);
          }),
      row("BatchNorm_steps",
          [](const auto& x, const Case& c) { return batch_norm_steps<Scalar<decltype(x)>>(c); }),
      row("Conv2d",
          [](const auto& x, const Case& c) {
            Rng rng(1);
            Conv2d<Scalar<decltype(x)>> module(x[0].extent(1), size(c, "out"), size(c, "size"), any_init, rng,
                                               conv_options(c), bias(c));
            return run(module, x, c);
          }),
      row("ConvBlock",
          [](const auto& x, const Case& c) {
            Rng rng(1);
            ConvBlockOptions options;
            options.order = block_order(c);
            options.stride = size(c, "stride");
            options.norm = c.attribute<bool>("norm");
            options.bias = bias(c);
            options.shortcut = c.attribute<bool>("shortcut");
            options.eps = number(c, "eps");
            ConvBlock<Scalar<decltype(x)>> module(x[0].extent(1), size(c, "out"), any_init, rng, options);
            return run(module, x, c);
          }),
      row("ResNet",
          [](const auto& x, const Case& c) {
            Rng rng(1);
            ResNetOptions options{x[0].extent(1), 3, c.attribute<Shape>("widths"), size(c, "blocks"), {}};
            options.block.order = block_order(c);
            options.block.norm = c.attribute<bool>("norm");
            options.block.bias = options.block.norm ? Bias::no : Bias::yes;
            options.block.shortcut = c.attribute<bool>("shortcut");
            ResNet<Scalar<decltype(x)>> module(options, any_init, rng);
            return run(module, x, c);
          }),
      row("Embedding",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            Rng rng(1);
            Embedding<T> module(size(c, "vocabulary"), size(c, "d"), rng);
            use_parameters(module, x, c, 0);
            return module(indices(c, "indices"));
          }),
      row("Sequential",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            const Shape sizes = c.attribute<Shape>("sizes");
            Rng rng(1);
            Sequential<T> module;
            for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
              if (i > 0) module.add(activation<T>(c.attribute<std::string>("activation")));
              module.add(Linear<T>(sizes[i], sizes[i + 1], any_init, rng));
            }
            return run(module, x, c);
          }),
      row("Residual",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            const std::size_t in = x[0].extent(-1), out = size(c, "out");
            Rng rng(1);
            auto branch =
                two_layers<T>(in, size(c, "hidden"), out, c.attribute<std::string>("activation"), rng);
            if (in == out) {
              Residual<T> module(std::move(branch));
              return run(module, x, c);
            }
            Residual<T> module(std::move(branch), Linear<T>(in, out, any_init, rng, Bias::no));
            return run(module, x, c);
          }),
      row("FeedForward",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            Rng rng(1);
            FeedForward<T> module(x[0].extent(-1), size(c, "hidden"), any_init, rng,
                                  c.attribute<std::string>("activation"));
            return run(module, x, c);
          }),
      row("MultiHeadAttention",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            Rng rng(1);
            MultiHeadAttention<T> module(x[0].extent(-1), size(c, "heads"), any_init, rng,
                                         c.attribute<bool>("bias") ? Bias::yes : Bias::no);
            if (has(c, "memory")) {
              use_parameters(module, x, c, 2);
              return module(x[0], x[1]);
            }
            module.options = attention_options(c);
            return run(module, x, c);
          }),
      row("TransformerEncoderLayer",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            Rng rng(1);
            TransformerEncoderLayer<T> module(x[0].extent(-1), size(c, "heads"), size(c, "hidden"),
                                              placement(c), any_init, rng, 0,
                                              c.attribute<std::string>("activation"), number(c, "eps"));
            return run(module, x, c);
          }),
      row("TransformerDecoderLayer",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            Rng rng(1);
            TransformerDecoderLayer<T> module(x[0].extent(-1), size(c, "heads"), size(c, "hidden"),
                                              placement(c), any_init, rng, 0,
                                              c.attribute<std::string>("activation"), number(c, "eps"));
            use_parameters(module, x, c, 2);
            return module(x[0], x[1]);
          }),
      row("sinusoidal_encoding",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            return Variable<T>(sinusoidal_encoding<T>(size(c, "positions"), size(c, "d")));
          }),
      row("PositionalEncoding",
          [](const auto& x, const Case& c) {
            PositionalEncoding<Scalar<decltype(x)>> module(size(c, "d"));
            return run(module, x, c);
          }),
      row("LearnedPositions",
          [](const auto& x, const Case& c) {
            Rng rng(1);
            LearnedPositions<Scalar<decltype(x)>> module(size(c, "longest"), x[0].extent(-1), rng);
            return run(module, x, c);
          }),
      row("TokenEmbedding",
          [](const auto& x, const Case& c) {
            Rng rng(1);
            TokenEmbedding<Scalar<decltype(x)>> module(
                {6, size(c, "d"), positions(c), 7, c.attribute<bool>("scale")}, rng);
            use_parameters(module, x, c, 0);
            return module(indices(c, "tokens"));
          }),
      row("Transformer",
          [](const auto& x, const Case& c) {
            TransformerOptions options;
            options.source_vocabulary = size(c, "sources");
            options.target_vocabulary = size(c, "targets");
            options.d = size(c, "d");
            options.heads = size(c, "heads");
            options.hidden = size(c, "hidden");
            options.encoder_layers = options.decoder_layers = 1;
            options.wiring = placement(c);
            options.final_norm = c.attribute<bool>("final_norm");
            options.padding = c.attribute<std::int64_t>("padding");
            options.shared_embedding = c.attribute<bool>("shared");
            Rng rng(1);
            Transformer<Scalar<decltype(x)>> module(options, rng);
            use_parameters(module, x, c, 0);
            return module(indices(c, "source"), indices(c, "target"));
          }),
      row("RNN",
          [](const auto& x, const Case& c) {
            Rng rng(1);
            RNN<Scalar<decltype(x)>> module(x[0].extent(-1), size(c, "d"), any_init, rng);
            return run(module, x, c);
          }),
      row("LanguageModel",
          [](const auto& x, const Case& c) {
            LanguageModelOptions options;
            options.vocabulary = size(c, "vocabulary");
            options.d = size(c, "d");
            options.heads = size(c, "heads");
            options.layers = 2;
            options.hidden = size(c, "hidden");
            options.context = size(c, "context");
            options.wiring = placement(c);
            options.positions = positions(c);
            options.tied = c.attribute<bool>("tied");
            options.activation = "gelu";
            Rng rng(1);
            LanguageModel<Scalar<decltype(x)>> module(options, rng);
            use_parameters(module, x, c, 0);
            return module(indices(c, "tokens"));
          }),
  };
}

std::vector<Op> optimisers() {
  return {
      row("SGD",
          [](const auto& x, const Case& c) { return trace<SGD<Scalar<decltype(x)>>>(x, c, sgd_options(c)); }),
      row("Adam",
          [](const auto& x, const Case& c) {
            using Optimiser = Adam<Scalar<decltype(x)>>;
            return c.attributes.count("weight_decay") ? trace<Optimiser>(x, c, adam_options(c))
                                                      : trace<Optimiser>(x, c);
          }),
      row("AdamW",
          [](const auto& x, const Case& c) {
            using Optimiser = AdamW<Scalar<decltype(x)>>;
            return c.attributes.count("weight_decay") ? trace<Optimiser>(x, c, adam_options(c))
                                                      : trace<Optimiser>(x, c);
          }),
      row("Adafactor",
          [](const auto& x, const Case& c) {
            using Optimiser = Adafactor<Scalar<decltype(x)>>;
            return c.attributes.count("eps1") ? trace<Optimiser>(x, c, adafactor_options(c))
                                              : trace<Optimiser>(x, c);
          }),
      row("AdamWThenSGD",
          [](const auto& x, const Case& c) {
            return trace<AdamWThenSGD<Scalar<decltype(x)>>>(x, c, hand_over(c));
          }),
      row("schedule",
          [](const auto& x, const Case& c) {
            using T = Scalar<decltype(x)>;
            auto rates = empty<T>({24});
            for (std::size_t t = 0; t < 24; ++t) rates(t) = T(schedule_of(c)(t));
            return Variable<T>(rates);
          }),
  };
}

}  // namespace

const std::vector<Op>& op_table() {
  static const std::vector<Op> table = [] {
    std::vector<Op> all;
    for (const auto& part : {elementwise_ops(), linear_algebra(), reductions(), shape_ops(), normalisations(),
                             convolutions(), losses(), modules(), optimisers()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

// --- the judge ---------------------------------------------------------------------------------------------

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Output and gradients of one run, in double whatever T is.
struct Run {
  Array<double> y;
  Gradients gradients;
};

template <class T>
using Thunk = std::function<Variable<T>(const Inputs<T>&)>;

/// One run of f and its backward pass; `wanted(i)` says whether input i requires a gradient.
template <class T, class Wanted>
Run run_on_tape(const Thunk<T>& f, const Case& c, const std::vector<Array<double>>& inputs, Wanted wanted) {
  Inputs<T> x;
  for (std::size_t i = 0; i < inputs.size(); ++i) x.emplace_back(cast<T>(inputs[i]), wanted(i));
  Tape<T> tape;
  const auto y = f(x);
  Run result{cast<double>(y.value()), {}};
  if (y.requires_grad()) tape.backward(y, cast<T>(c.cotangent));
  for (const auto& input : x)
    result.gradients.push_back(input.has_grad() ? std::optional(cast<double>(input.grad())) : std::nullopt);
  return result;
}

template <class T>
Run run_on_tape(const Thunk<T>& f, const Case& c) {
  return run_on_tape(f, c, c.inputs, [](std::size_t) { return true; });
}

double largest_entry(const Array<double>& a) {
  double largest = 0;
  for (double entry : a)
    if (std::isfinite(entry)) largest = std::max(largest, std::abs(entry));
  return largest;
}

/// Some gradients are exactly zero, such as that of the key's bias: softmax ignores a shift.
bool vanishes(const Array<double>& gradient) { return largest_entry(gradient) < 1e-12; }

/// The largest difference between arrays, relative to the largest expected entry; and which entry that was.
class Comparison {
 public:
  Comparison(const char* what, double tolerance, const Case& c, std::string other)
      : finding_{what, 0, tolerance, {}}, case_(c), other_(std::move(other)) {}

  void compare(const std::string& name, const Array<double>& got, const Array<double>& expected,
               double scale = 0) {
    if (shape_of(got) != shape_of(expected))
      return differ(infinity, name + " is " + to_string(shape_of(got)) + ", " + other_ + " " +
                                  to_string(shape_of(expected)));
    scale = std::max({scale, largest_entry(expected), .01});  // the numbers are of order 1; 0 is no scale
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double a = got.data()[i], b = expected.data()[i];
      const bool same = a == b || (std::isnan(a) && std::isnan(b));
      const double error = same                                   ? 0
                           : std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) / scale
                                                                  : infinity;
      if (error > finding_.error) {
        std::ostringstream text;
        text.precision(17);
        text << name << " " << to_string(shape_of(got)) << ", entry " << i << " is " << a << ", " << other_
             << " " << b;
        differ(error, text.str());
      }
    }
  }

  /// All gradients. One that vanishes is measured by the others.
  void compare_gradients(const Run& got, const Gradients& expected) {
    double largest = 0;
    for (const auto& gradient : expected)
      if (gradient) largest = std::max(largest, largest_entry(*gradient));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& gradient = expected[i];
      const std::string name = "gradient of " + case_.names[i];
      if (bool(gradient) != bool(got.gradients[i]))
        differ(infinity, name + (gradient ? " is missing" : " of a constant"));
      else if (gradient)
        compare(name, *got.gradients[i], *gradient, vanishes(*gradient) ? largest : 0);
    }
  }

  void differ(double error, const std::string& how) {
    finding_.error = error;
    finding_.detail = case_.op + ", case \"" + case_.name + "\": " + how + "; inputs:";
    for (std::size_t i = 0; i < case_.inputs.size(); ++i)
      finding_.detail += " " + case_.names[i] + " " + to_string(shape_of(case_.inputs[i]));
  }

  const Finding& finding() const { return finding_; }

 private:
  Finding finding_;
  const Case& case_;
  std::string other_;
};

template <class T>
Thunk<T> thunk(const testing::Function<T>& f, const Case& c) {
  return [&f, &c](const Inputs<T>& x) { return f(x, c); };
}

Finding against_pytorch(const char* what, double tolerance, const Case& c, const Run& run) {
  Comparison comparison(what, tolerance, c, "PyTorch");
  comparison.compare("output", run.y, *c.output);
  comparison.compare_gradients(run, c.gradients);
  return comparison.finding();
}

Finding against_differences(const Op& op, const Case& c, const Run& run) {
  // A gradient that vanishes has no relative error. Its input stays constant here; the comparison with
  // PyTorch covers it.
  std::vector<std::size_t> varied;
  std::vector<Array<double>> values;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    if (!vanishes(*run.gradients[i])) {
      varied.push_back(i);
      values.push_back(c.inputs[i]);
    }
  const auto f = [&](const Inputs<double>& x) {
    Inputs<double> all(c.inputs.begin(), c.inputs.end());
    for (std::size_t k = 0; k < varied.size(); ++k) all[varied[k]] = x[k];
    return op.in_double(all, c);
  };
  Comparison comparison(differences, GradientCheckOptions().tolerance, c, "central differences");
  if (varied.empty()) return comparison.finding();
  const GradientCheck check = check_gradients<double>(f, values);
  if (check.entries > 0)
    comparison.differ(check.relative_error,
                      "gradient of " + c.names[varied[check.input]] + ": " + check.report());
  return comparison.finding();
}

Finding value_used_twice(const Op& op, const Case& c, const Run& once) {
  Comparison comparison(used_twice, 1e-12, c, "expected");
  const auto all = [](std::size_t) { return true; };
  Run doubled = once;
  for (auto& gradient : doubled.gradients)
    for (double& g : *gradient) g *= 2;
  const auto twice = [&](const Inputs<double>& x) { return op.in_double(x, c) + op.in_double(x, c); };
  comparison.compare_gradients(run_on_tape<double>(twice, c), doubled.gradients);

  // One variable in the place of two: its gradient is the sum of theirs.
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    for (std::size_t j = i + 1; j < c.inputs.size(); ++j) {
      if (shape_of(c.inputs[i]) != shape_of(c.inputs[j])) continue;
      auto inputs = c.inputs;
      inputs[i] = inputs[j];
      const Run apart = run_on_tape<double>(thunk(op.in_double, c), c, inputs, all);
      const auto joined = [&](const Inputs<double>& x) {
        auto same = x;
        same[i] = x[j];
        return op.in_double(same, c);
      };
      const Run together = run_on_tape<double>(joined, c, inputs, all);
      auto sum = *apart.gradients[i];
      for (std::size_t k = 0; k < sum.size(); ++k) sum.data()[k] += apart.gradients[j]->data()[k];
      comparison.compare("gradient of " + c.names[i] + " = " + c.names[j], *together.gradients[j], sum);
    }
  return comparison.finding();
}

Finding constants_get_no_gradient(const Op& op, const Case& c, const Run& full) {
  Comparison comparison(constant_inputs, 1e-12, c, "with all gradients");
  for (std::size_t only = 0; only < c.inputs.size(); ++only) {
    auto expected = full.gradients;
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (i != only) expected[i].reset();
    const auto wanted = [&](std::size_t i) { return i == only; };
    comparison.compare_gradients(run_on_tape<double>(thunk(op.in_double, c), c, c.inputs, wanted), expected);
  }
  return comparison.finding();
}

Finding without_tape(const Op& op, const Case& c, const Run& run) {
  Comparison comparison(no_tape, 0, c, "on a tape");
  Inputs<double> x;
  for (const auto& input : c.inputs) x.push_back(parameter(input));
  const auto y = op.in_double(x, c);
  comparison.compare("output", cast<double>(y.value()), run.y);
  if (!x.empty() && y.requires_grad()) comparison.differ(infinity, "the output requires a gradient");
  for (auto& input : x) input.requires_grad(false);
  Tape<double> tape;
  op.in_double(x, c);
  if (!x.empty() && tape.size() != 0) comparison.differ(infinity, "an op on constants was recorded");
  return comparison.finding();
}

}  // namespace

std::vector<Finding> judge(const Op& op, const Case& c) {
  const Run in_double = run_on_tape(thunk(op.in_double, c), c);
  const Run in_float = run_on_tape(thunk(op.in_float, c), c);
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < c.names.size(); ++i)
    if (!in_double.gradients[i] || !in_float.gradients[i]) {
      Comparison comparison(constant_inputs, 0, c, "");
      comparison.differ(infinity, "gradient of " + c.names[i] + " is missing");
      return {comparison.finding()};
    }

  if (c.output) {
    findings.push_back(against_pytorch(pytorch_double, 1e-10, c, in_double));
    findings.push_back(against_pytorch(pytorch_float, 1e-5, c, in_float));
  }
  Comparison floats(float_is_double, 1e-5, c, "in double");
  floats.compare("output in float", in_float.y, in_double.y);
  floats.compare_gradients(in_float, in_double.gradients);
  findings.push_back(floats.finding());

  if (op.composed) {
    const auto covered = [&] {
      NoGrad pause;
      return bool(op.composed(Inputs<double>(c.inputs.begin(), c.inputs.end()), c));
    };
    if (covered()) {
      Comparison comparison(fused_is_composed, 1e-10, c, "composed");
      const Run composed = run_on_tape(thunk(op.composed, c), c);
      comparison.compare("output", in_double.y, composed.y);
      comparison.compare_gradients(in_double, composed.gradients);
      findings.push_back(comparison.finding());
    }
  }
  findings.push_back(without_tape(op, c, in_double));
  if (c.inputs.empty()) return findings;
  if (c.smooth) findings.push_back(against_differences(op, c, in_double));
  findings.push_back(value_used_twice(op, c, in_double));
  findings.push_back(constants_get_no_gradient(op, c, in_double));
  return findings;
}

}  // namespace xgrad::testing
