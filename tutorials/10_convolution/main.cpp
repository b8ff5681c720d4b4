// 10 Convolutional residual blocks: those of D2 §3.2.1, D4 Q11 and Q16, as printed and repaired; a small
// ResNet.

#include <CLI/CLI.hpp>
#include <optional>

#include "as_printed.hpp"
#include "training.hpp"

using namespace chapter;
using A = Array<double>;

namespace {

struct Settings {
  std::string mnist;
  bool full = false;
};

A square(const std::vector<double>& nine) {
  A result = empty<double>({1, 1, 3, 3});
  std::copy(nine.begin(), nine.end(), result.data());
  return result;
}

/// Prints the library's answer to something that cannot work.
template <class F>
bool refused(F f) {
  try {
    f();
  } catch (const Error& error) {
    std::cout << error.what() << '\n';
    return true;
  }
  return false;
}

double largest(const A& a) {
  double result = 0;
  for (double entry : a) result = std::max(result, std::abs(entry));
  return result;
}

const A x3 = square({1, 2, 3, 4, 5.5, 6, 7, 8, 9}), k1 = square({0, 1, 0, 1, -4, 1, 0, 1, 0}),
        k2 = square({.1, .2, .1, 0, .5, 0, -.1, -.2, -.1}), c3 = square({1, -1, 2, .5, 1, -1, 2, .5, -2});

V conv(const V& x, const V& kernel) { return conv2d(x, kernel, {}, {1, 1}); }

void by_hand() {
  show::section("A convolution by hand");
  show::value("x", reshaped(x3, {3, 3}));
  show::value("kernel", reshaped(k1, {3, 3}));
  show::expect("conv(x)", conv(x3, k1).value(), {2, 1.5, -4, -2.5, -2, -6.5, -16, -10.5, -22});
  const double middle = 2 + 4 - 4 * 5.5 + 6 + 8;
  show::expect("its middle: 2 + 4 - 4·5.5 + 6 + 8", conv(x3, k1).value().data()[4], middle);
}

void wirings() {
  show::section("Four ways to wire two convolutions and a skip");
  bool as_expected = true;
  const auto report = [&](const std::string& name, auto f, const std::vector<double>& y, double loss,
                          const std::vector<double>& dx) {
    std::cout << name << '\n';
    const V x = parameter(x3);
    Tape<double> tape;
    const V out = f(x), total = sum(V(c3) * out);
    total.backward();
    const int before = show::failures;
    show::expect("   y", out.value(), y);
    show::expect("   L", total.item(), loss);
    show::expect("  dx", x.grad(), dx);
    as_expected = as_expected && show::failures == before;
  };
  // [wirings]
  const auto core = [](const V& x) { return x + conv(relu(conv(x, k1)), k2); };
  const auto no_relu = [](const V& x) { return x + conv(conv(x, k1), k2); };
  const auto early = [](const V& x) { return conv(conv(x, k1) + x, k2); };
  const auto three = [](const V& x) { return x + conv(x, k1) + conv(conv(x, k1), k2); };
  // [/wirings]
  report("x + conv2(relu(conv1(x))): He et al.; the core of D2 §3.2.1 and D4 Q16", core,
         {2, 2.75, 3, 4.55, 6, 6.15, 7, 8, 9}, 7.375, {-2.15, 1.1, 1.65, 1.2, .65, -1, 2, .5, -2});
  report("x + conv2(conv1(x)): the code of D4 Q11, without its normalisation", no_relu,
         {2.7, 4.05, 2.5, 7.55, 10.5, 7.55, -1.7, 1.45, -3.5}, 14.7,
         {-1.55, 2.5, -3.1, .1, -1.8, 4.1, -.5, .5, .55});
  report("conv2(conv1(x) + x): the words of D4 Q1 and Q11", early,
         {.85, .95, -.75, 3.75, 5.35, 2.75, -3.85, -.45, -6.25}, 7.45,
         {-1.85, 3.15, -4.2, .2, -2.3, 3.95, -1.7, .1, 1.65});
  report("x + conv1(x) + conv2(conv1(x)): D2 §4.3.1, which calls it ResNet-50", three,
         {4.7, 5.55, -1.5, 5.05, 8.5, 1.05, -17.7, -9.05, -25.5}, 17.2,
         {-6.05, 10.5, -13.1, 2.1, -6.8, 9.1, -7.5, -.5, 8.05});
  show::system(
      {"S15",
       "in words, the second convolution gets the first one's output plus the input: no skip past it",
       "the add stands behind the second convolution",
       {show::holds("both wirings and two more to nine digits", as_expected)}});
}

/// What reaches x when nothing comes through the branch: its last convolution is 0.
template <class Block>
A gradient_past_the_branch(Block& block, const A& at, const A& dy) {
  block.conv2.weight.mutable_value().fill(0);
  const V x = parameter(at);
  Tape<double> tape;
  block(x).backward(dy);
  return x.grad();
}

void d2() {
  show::section("D2 §3.2.1 as printed");
  Rng rng(1);
  PrintedBlock wide(64, 128, rng), same(64, 64, rng), small(2, 2, rng);
  const bool is_refused = refused([&] { wide(zeros<double>({1, 64, 8, 8})); });
  show::expect_true("64 → 128 channels are refused", is_refused);
  show::expect("64 → 64 works; parameters", double(same.parameter_count()), 78144);
  // [identity]
  const A x = rng.uniform<double>({1, 2, 2, 2}, .5, 1.5), dy = rng.normal<double>({1, 2, 2, 2});
  small.train(false);
  small.norm.beta.mutable_value().fill(1);  // so that the last ReLU is open
  const A printed = gradient_past_the_branch(small, x, dy);
  small.down.weight.mutable_value().fill(0);
  const A closed = gradient_past_the_branch(small, x, dy);
  // [/identity]
  std::cout << "the branch sends nothing; dy = " << show::text(show::entries(dy), 3) << '\n';
  std::cout << "dx = " << show::text(show::entries(printed), 3) << '\n';
  show::expect("the 1×1 convolution is 0 too: dx", closed, std::vector<double>(8, 0.));

  show::section("D2 §3.2.1 repaired");
  // [repaired-d2]
  ConvBlockOptions options;  // relu(shortcut(x) + conv2(relu(conv1(x))))
  options.norm = false;
  options.bias = Bias::yes;
  ConvBlock<double> identity(2, 2, he, rng, options);
  // [/repaired-d2]
  const A past = gradient_past_the_branch(identity, x, dy);
  show::expect("the branch sends nothing: dx is dy", past, show::entries(dy));
  std::vector<double> errors;
  for (const bool norm : {false, true}) {
    options.norm = norm;
    ConvBlock<double> block(3, 5, he, rng, options);
    const Shape shape = block(rng.normal<double>({2, 3, 8, 8})).shape();
    std::cout << (norm ? "with" : "without") << " normalisation: (2, 3, 8, 8) → " << to_string(shape) << '\n';
    const auto check = check_gradients<double>([&](const auto& in) { return block(in[0]); },
                                               {rng.normal<double>({2, 3, 4, 4})});
    show::expect_true("  its gradient agrees with central differences", check.passed);
    errors.push_back(check.relative_error);
  }
  show::system(
      {"S6",
       "64 + 128 channels are refused; with 64 + 64 the input passes a 1×1 convolution, its "
       "normalisation and a ReLU: no identity",
       "the 1×1 convolution stands on the shortcut, and only where channels differ",
       {show::holds("printed: 64 + 128 refused", is_refused),
        show::at_most("printed, 1×1 weights 0: dx", {largest(closed)}, 0),
        show::equals("printed, parameters 64 → 64", double(same.parameter_count()), 78144),
        show::holds("repaired: dx = dy past the branch", past == dy),
        show::at_most("repaired: largest error of the gradient", {std::max(errors[0], errors[1])}, 1e-7)}});
}

/// The largest entry of f(a) + f(b) - f(a + b) - f(0): 0 for an affine f.
double departure_from_affine(Module<double>& f, Rng& rng) {
  const Shape shape{2, 4, 6, 6};
  const V a = rng.normal<double>(shape), b = rng.normal<double>(shape), zero = zeros<double>(shape);
  return largest((f(a) + f(b) - f(a + b) - f(zero)).value());
}

void d4_pytorch() {
  show::section("D4 Q11 as printed");
  Rng rng(2);
  auto wide = printed_d4(64, 128, rng), same = printed_d4(64, 64, rng), small = printed_d4(4, 4, rng);
  const bool is_refused = refused([&] { wide(zeros<double>({2, 64, 4, 4})); });
  show::expect_true("64 → 128 channels are refused", is_refused);
  show::expect("parameters 64 → 64", double(same.parameter_count()), 74112);
  for (int step = 0; step < 20; ++step) small(rng.normal<double>({8, 4, 6, 6}));  // running statistics
  small.train(false);
  const double printed = departure_from_affine(small, rng);
  show::expect_true("evaluation mode: f(a) + f(b) = f(a + b) + f(0) to 1e-12", printed < 1e-12);

  show::section("D4 Q11 repaired");
  // [repaired-d4]
  ConvBlockOptions options;
  options.order = BlockOrder::pre_activation;  // x + conv2(relu(norm2(conv1(relu(norm1(x))))))
  options.bias = Bias::yes;
  ConvBlock<double> block(4, 4, he, rng, options), full(64, 64, he, rng, options);
  // [/repaired-d4]
  for (int step = 0; step < 20; ++step) block(rng.normal<double>({8, 4, 6, 6}));
  block.train(false);
  const double repaired = departure_from_affine(block, rng);
  std::cout << "largest entry of f(a) + f(b) - f(a + b) - f(0): " << show::text(repaired, 3) << '\n';
  show::expect("parameters 64 → 64", double(full.parameter_count()), 74112);
  show::system(
      {"S16",
       "no activation: in evaluation mode the block is an affine function; 64 + 128 channels are refused",
       "a ReLU behind each normalisation (He et al. 2016), 1×1 projection where channels differ",
       {show::at_most("printed: departure from affine", {printed}, 1e-12),
        show::at_least("repaired: departure from affine", {repaired}, .1),
        show::equals("parameters 64 → 64", double(full.parameter_count()), 74112)}});
}

/// The driver of D4 Q11 and Q15: both of its classes on random images.
void driver(std::size_t images, std::size_t pixels) {
  Rng rng(3);
  const auto start = Clock::now();
  Sequential<float> branch{BatchNorm<float>(64), Conv2d<float>(64, 64, 3, he, rng, {1, 1}),
                           BatchNorm<float>(64), Conv2d<float>(64, 64, 3, he, rng, {1, 1})};
  Residual<float> block(std::move(branch));
  const Variable<float> x(rng.normal<float>({images, 64, pixels, pixels}));
  const Shape shape = x.shape(), from_block = block(x).shape();
  const double seconds = seconds_since(start);
  const bool is_refused = refused([&] { x* Variable<float>(full<float>({64}, 1.f)); });
  // [channels]
  ChannelLayerNorm<float> norm(64, {1e-8, Divisor::sample});  // D4's ε and divisor
  const auto normalised = norm(x);
  // [/channels]
  std::cout << "random images         " << to_string(shape) << "\nresidual block        "
            << to_string(from_block) << " after " << show::text(seconds, 3) << " s\nits multiply-adds      "
            << 2 * images * 64 * 64 * 9 * pixels * pixels << "\nlayer normalisation   "
            << to_string(normalised.shape()) << '\n';
  const bool same = from_block == shape && normalised.shape() == shape;
  show::expect_true("all shapes are equal", same);
  show::system({"S18",
                "γ (64,) does not fit the last axis of (32, 64, 224, 224); the residual block runs",
                "γ along the channels; (2, 64, 56, 56) by default, the printed size with --full",
                {show::holds("γ on the last axis refused", is_refused), show::holds("equal shapes", same)}});
}

/// The block of D4 Q16: Keras' normalisation, no ReLU behind the add.
void d4_keras() {
  show::section("D4 Q16");
  Rng rng(4);
  // [keras]
  const auto norm = [] { return BatchNorm<float>(64, 1e-3, .01); };  // Keras' momentum 0.99 is our 0.01
  Residual<float> block(Sequential<float>{Conv2d<float>(64, 64, 3, he, rng, {1, 1}), norm(),
                                          activation<float>("relu"),
                                          Conv2d<float>(64, 64, 3, he, rng, {1, 1}), norm()});
  const Variable<float> x(rng.normal<float>({2, 14, 14, 64}));  // images, rows, columns, channels
  const auto y = transpose(block(transpose(x, {0, 3, 1, 2})), {0, 2, 3, 1});
  // [/keras]
  std::size_t moving = 0;
  for (const auto& buffer : block.buffers()) moving += buffer.array->size();
  show::expect("trainable parameters", double(block.parameter_count()), 74112);
  show::expect("moving statistics", double(moving), 256);
  show::expect_true("(2, 14, 14, 64) keeps its shape", y.shape() == x.shape());
  block.train(false);
  const auto z = transpose(block(transpose(x, {0, 3, 1, 2})), {0, 2, 3, 1});
  const double difference = largest(cast<double>((y - z).value()));
  std::cout << "largest difference between training and evaluation mode after one step: "
            << show::text(difference, 3) << '\n';
  show::system({"S19",
                "as printed it builds and runs when the input has as many channels as filters",
                "the same, channels moved to the front and back",
                {show::equals("trainable parameters", double(block.parameter_count()), 74112),
                 show::equals("moving statistics", double(moving), 256),
                 show::holds("the shape is kept", y.shape() == x.shape())}});
}

void small_network(const std::optional<TrainTest<float>>& mnist) {
  show::section("A small ResNet");
  Rng rng(1);
  ResNet<float> model(small_resnet(BlockOrder::basic), he, rng);
  std::cout << summary(model, {1, 1, 28, 28});

  show::section("It learns generated digits");
  const TrainTest<float> generated{with_channel(digits<float>(show::quick ? 300 : 1000, 1)),
                                   with_channel(digits<float>(1000, 2))};
  const auto learn = [&](const TrainTest<float>& data, std::size_t epochs, double least,
                         const std::string& what, const char* needs) {
    const struct {
      const char *row, *name, *literal;
      BlockOrder order;
    } kinds[] = {{"S19", "basic blocks (D4 Q16)", "as printed", BlockOrder::basic},
                 {"S16", "pre-activation blocks (D4 Q11 repaired)", "", BlockOrder::pre_activation}};
    for (const auto& kind : kinds) {
      const Seeds seeds = train_seeds(kind.name, small_resnet(kind.order), data, epochs, 1e-2);
      auto result = show::at_least("ResNet, " + what + ", accuracy", seeds.accuracies, least);
      if (!show::quick) show::expect_true("  at least " + show::text(least), result.met);
      if (needs) result = std::move(result).needing(needs);
      show::system({kind.row, "", "", {result}});
    }
  };
  learn(generated, 3, .97, "1,000 generated digits", nullptr);
  if (!mnist) return;

  show::section("It learns handwritten digits");
  std::cout << "MNIST files: " << mnist->train.size() << " images to learn from, " << mnist->test.size()
            << " to test with\n";
  learn(*mnist, 2, .97, "8,000 images of MNIST", "XGRAD_MNIST");
}

void depth() {
  show::section("Plain and residual, 8 and 56 layers");
  TrainTest<float> data{with_channel(digits<float>(1000, 1)), with_channel(digits<float>(1000, 2))};
  for (Labelled<float>* part : {&data.train, &data.test})  // 14 × 14 pixels: a fourth of the work
    part->x = avg_pool2d(Variable<float>(part->x), 2).value();
  for (const std::size_t blocks : {std::size_t(1), std::size_t(9)}) {
    if (show::quick && blocks > 1) break;
    std::vector<double> accuracies[2];
    for (const bool shortcut : {false, true}) {
      ResNetOptions options;
      options.widths = {4, 8, 16};
      options.blocks = blocks;
      options.block.shortcut = shortcut;
      const std::string name =
          std::to_string(6 * blocks + 2) + " layers, " + (shortcut ? "residual" : "plain");
      accuracies[shortcut] = train_seeds(name, options, data, 4, 5e-3).accuracies;
    }
    if (blocks == 9)
      show::expect_true("  56 layers: for each seed the residual network is right three times as often",
                        3 * *std::max_element(accuracies[0].begin(), accuracies[0].end()) <
                            *std::min_element(accuracies[1].begin(), accuracies[1].end()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("The convolutional residual blocks of D2 and D4, and a small ResNet.", "10_convolution");
  app.add_option("--mnist", settings.mnist, "folder with MNIST's IDX files, to learn from them too")
      ->envname("XGRAD_MNIST");
  app.add_flag("--full", settings.full, "only D4 Q11's driver at its own size (32, 64, 224, 224)");
  app.add_flag("--quick", show::quick, show::quick_help);
  try {
    app.parse(argc, argv);
    if (settings.full) {
      show::section("The driver of D4 Q11, full size");
      driver(32, 224);
      return show::finish();
    }
    std::optional<TrainTest<float>> mnist;
    if (!settings.mnist.empty())
      mnist = first_images(load_mnist<float>(settings.mnist), show::quick ? 500 : 8000);
    by_hand();
    wirings();
    d2();
    d4_pytorch();
    show::section("The driver of D4 Q11");
    driver(2, 56);
    d4_keras();
    small_network(mnist);
    depth();
    return show::finish();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "10_convolution: " << error.what() << " (--help lists the options)\n";
  } catch (const std::exception& error) {
    std::cerr << "10_convolution: " << error.what() << '\n';
  }
  return 2;
}
