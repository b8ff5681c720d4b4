#include "xgrad/nn/convolution.hpp"

#include "xgrad/core/scalars.hpp"

namespace xgrad {

namespace {

std::string pool_text(const char* name, std::size_t size, const PoolOptions& options) {
  std::ostringstream text;
  text << name << '(' << size << "×" << size;
  if (options.stride && options.stride != size) text << ", stride " << options.stride;
  if (options.padding) text << ", padding " << options.padding;
  text << ')';
  return text.str();
}

/// y = module(x), or x when there is none.
template <class M, class T>
Variable<T> through(const std::unique_ptr<M>& module, const Variable<T>& x) {
  return module ? (*module)(x) : x;
}

template <class T>
std::unique_ptr<BatchNorm<T>> norm_of(std::size_t channels, const ConvBlockOptions& options) {
  if (!options.norm) return nullptr;
  return std::make_unique<BatchNorm<T>>(channels, options.eps, options.momentum);
}

template <class T>
std::unique_ptr<Module<T>> projection_of(std::size_t in, std::size_t out, const Init& init, Rng& rng,
                                         const ConvBlockOptions& options) {
  if (!options.shortcut || (in == out && options.stride == 1)) return nullptr;
  Conv2d<T> conv(in, out, 1, init, rng, {options.stride, 0}, options.bias);
  if (!options.norm || options.order == BlockOrder::pre_activation)
    return std::make_unique<Conv2d<T>>(std::move(conv));
  auto both = std::make_unique<Sequential<T>>(std::move(conv));
  both->add(BatchNorm<T>(out, options.eps, options.momentum));
  return both;
}

const ResNetOptions& checked(const ResNetOptions& options) {
  if (options.widths.empty() || options.blocks == 0)
    fail("resnet", "there are ", options.widths.size(), " stages of ", options.blocks,
         " blocks: there must be at least one of each");
  return options;
}

}  // namespace

template <class T>
Conv2d<T>::Conv2d(std::size_t in, std::size_t out, std::size_t size, const Init& init, Rng& rng,
                  const Conv2dOptions& options, Bias with_bias)
    : weight(parameter(init.weight<T>(Shape{out, in, size, size}, rng), "weight")), options_(options) {
  if (with_bias == Bias::yes) bias = parameter(init.bias<T>(out, in * size * size, rng), "bias");
}

template <class T>
std::string Conv2d<T>::describe() const {
  std::ostringstream text;
  text << "Conv2d(" << weight.extent(1) << " → " << weight.extent(0) << ", " << weight.extent(2) << "×"
       << weight.extent(3);
  if (options_.stride != 1) text << ", stride " << options_.stride;
  if (options_.padding) text << ", padding " << options_.padding;
  text << (bias ? ")" : ", no bias)");
  return text.str();
}

template <class T>
std::string MaxPool2d<T>::describe() const {
  return pool_text("MaxPool2d", size_, options_);
}

template <class T>
std::string AvgPool2d<T>::describe() const {
  return pool_text("AvgPool2d", size_, options_);
}

template <class T>
Variable<T> Flatten<T>::forward(const Variable<T>& x) {
  if (x.rank() == 0) fail("flatten", "x is (): it must have an axis of samples");
  const Shape shape = x.shape();
  return reshape(x, {std::ptrdiff_t(shape[0]), std::ptrdiff_t(count(Shape(shape.begin() + 1, shape.end())))});
}

template <class T>
ConvBlock<T>::ConvBlock(std::size_t in, std::size_t out, const Init& init, Rng& rng,
                        const ConvBlockOptions& options)
    : conv1(in, out, 3, init, rng, {options.stride, 1}, options.bias),
      conv2(out, out, 3, init, rng, {1, 1}, options.bias),
      norm1(norm_of<T>(options.order == BlockOrder::basic ? out : in, options)),
      norm2(norm_of<T>(out, options)),
      projection(projection_of<T>(in, out, init, rng, options)),
      options_(options) {}

template <class T>
Variable<T> ConvBlock<T>::forward(const Variable<T>& x) {
  if (options_.order == BlockOrder::basic) {
    const auto f = through(norm2, conv2(relu(through(norm1, conv1(x)))));
    return options_.shortcut ? add_relu(through(projection, x), f) : relu(f);
  }
  const auto f = conv2(relu(through(norm2, conv1(relu(through(norm1, x))))));
  return options_.shortcut ? through(projection, x) + f : f;
}

template <class T>
std::vector<Part<T>> ConvBlock<T>::parts() {
  std::vector<Part<T>> result{{"conv1", conv1}, {"conv2", conv2}};
  if (norm1) result.insert(result.end(), {{"norm1", *norm1}, {"norm2", *norm2}});
  if (projection) result.emplace_back("projection", *projection);
  return result;
}

template <class T>
std::string ConvBlock<T>::describe() const {
  std::ostringstream text;
  text << "ConvBlock(" << conv1.weight.extent(1) << " → " << conv1.weight.extent(0)
       << (options_.order == BlockOrder::basic ? "" : ", pre-activation")
       << (options_.shortcut ? ")" : ", no shortcut)");
  return text.str();
}

template <class T>
ResNet<T>::ResNet(const ResNetOptions& options, const Init& init, Rng& rng)
    : stem(options.channels, checked(options).widths.front(), 3, init, rng, {1, 1}, options.block.bias),
      norm(norm_of<T>(
          options.block.order == BlockOrder::basic ? options.widths.front() : options.widths.back(),
          options.block)),
      blocks([&] {
        Sequential<T> stages;
        std::size_t in = options.widths[0];
        for (const std::size_t width : options.widths)
          for (std::size_t i = 0; i < options.blocks; ++i) {
            ConvBlockOptions block = options.block;
            block.stride = i == 0 && stages.size() > 0 ? 2 : 1;
            stages.add(ConvBlock<T>(in, width, init, rng, block));
            in = width;
          }
        return stages;
      }()),
      head(options.widths.back(), options.classes, init, rng),
      order_(options.block.order) {}

// basic: head(mean(blocks(relu(norm(stem(x)))))),   pre-activation: head(mean(relu(norm(blocks(stem(x))))))
template <class T>
Variable<T> ResNet<T>::forward(const Variable<T>& x) {
  const auto activated = [&](const Variable<T>& h) { return relu(through(norm, h)); };
  const auto y = order_ == BlockOrder::basic ? blocks(activated(stem(x))) : activated(blocks(stem(x)));
  return head(global_average_pool(y));
}

template <class T>
std::vector<Part<T>> ResNet<T>::parts() {
  std::vector<Part<T>> result{{"stem", stem}};
  if (norm) result.emplace_back("norm", *norm);
  result.insert(result.end(), {{"blocks", blocks}, {"head", head}});
  return result;
}

template <class T>
std::string ResNet<T>::describe() const {
  return "ResNet of " + std::to_string(blocks.size()) + " blocks";
}

#define XGRAD_INSTANTIATE(T)           \
  template class Conv2d<T>;            \
  template class MaxPool2d<T>;         \
  template class AvgPool2d<T>;         \
  template class GlobalAveragePool<T>; \
  template class Flatten<T>;           \
  template class ConvBlock<T>;         \
  template class ResNet<T>;
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
