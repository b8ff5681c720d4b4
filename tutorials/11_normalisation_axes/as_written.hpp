#pragma once
// What D2 and D4 print as layer normalisation, run: where it breaks, and what works in its place.

#include <algorithm>
#include <limits>

#include "show.hpp"
#include "systems.hpp"

namespace as_written {

using namespace xgrad;
using A = Array<double>;
using V = Variable<double>;
using Norm = std::function<V(const V&)>;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

inline double largest(const A& a) {
  double result = 0;
  for (double entry : a) result = std::max(result, std::abs(entry));
  return result;
}

inline double difference(const V& a, const V& b) { return largest((a - b).value()); }

inline std::string rounded(double x) { return show::text(x, 3); }

// [literal]
// D2 §3.2.2: over the last axis, divisor n - 1; its ε is stored and not used.
inline V d2_layer_norm(const V& x, const V& weight, const V& bias) {
  return (x - mean(x, {-1}, true)) / sqrt(variance(x, {-1}, true, Divisor::sample)) * weight + bias;
}

// D4 Q11, Q15; under the name of an adaptive one Q18, Q22: over axis 1.
inline V d4_layer_norm(const V& x, const V& weight, const V& bias) {
  return (x - mean(x, {1}, true)) / sqrt(variance(x, {1}, true, Divisor::sample) + V(1e-8)) * weight + bias;
}

// D4 Q28, called adaptive layer normalisation: over axes 2 and 3.
inline V d4_third_norm(const V& x, const V& weight, const V& bias) {
  return (x - mean(x, {2, 3}, true)) / sqrt(variance(x, {2, 3}, true, Divisor::sample) + V(1e-8)) * weight +
         bias;
}
// [/literal]

inline void layer_norm_of_d2() {
  show::section("D2 §3.2.2: the ε that is not used");
  const V ones = full<double>({3}, 1.), zeros3 = zeros<double>({3});
  show::expect("[1, 2, 3]", d2_layer_norm(A{1, 2, 3}, ones, zeros3).value(), {-1, 0, 1});
  show::expect("[2, 4, 6]", d2_layer_norm(A{2, 4, 6}, ones, zeros3).value(), {-1, 0, 1});
  const V constant = parameter(A{{2, 2, 2}, {1, 2, 3}});
  Tape<double> tape;
  const V y = d2_layer_norm(constant, ones, zeros3);
  y.backward(A{{1, 0, 0}, {1, 0, 0}});
  show::expect("a constant row and another", y.value(), {nan, nan, nan, -1, 0, 1});
  show::expect("dx", constant.grad(), {nan, nan, nan, 1. / 6, -1. / 3, 1. / 6});
  show::expect("one feature", d2_layer_norm(full<double>({1, 1}, 5.), V(1.), V(0.)).value(), {nan});
  show::expect("layer_norm, ε = 1e-5: a constant row", layer_norm(V(A{2, 2, 2})).value(), {0, 0, 0});
  show::expect("                      one feature", layer_norm(V(full<double>({1, 1}, 5.))).value(), {0});
  const LayerNormOptions as_d2{0, Divisor::sample, 1};
  show::system(
      {"S7",
       "constant rows and single features give NaN, forwards and backwards: ε is stored, not used",
       "layer_norm with ε inside the root; divisor n - 1 and ε = 0 reproduce the sample",
       {show::equals("NaN of 3 outputs of a constant row",
                     double(std::count_if(y.value().begin(), y.value().begin() + 3,
                                          [](double v) { return std::isnan(v); })),
                     3),
        show::at_most("layer_norm without ε against D2's [2, 4, 6]",
                      {difference(layer_norm<double>(A{2, 4, 6}, {}, {}, as_d2), A{-1, 0, 1})}, 1e-15),
        show::equals("largest output for a constant row", largest(layer_norm(V(A{2, 2, 2})).value()), 0)}});
}

inline void layer_norm_of_d4() {
  show::section("D4 Q11: gain and shift on the wrong axis");
  const V images = Rng(2).normal<double>({2, 8, 6, 5}, 1, 2), per_channel = Rng(3).normal<double>({8}),
          none = zeros<double>({8});
  const bool refused =
      show::refused("images (2, 8, 6, 5), 8 gains", [&] { d4_layer_norm(images, per_channel, none); });
  const V square = slice(images, 1, 0, 5), gains = slice(per_channel, 0, 0, 5), shifts = zeros<double>({5});
  const V literal = d4_layer_norm(square, gains, shifts);
  const ChannelNormOptions as_d4{1e-8, Divisor::sample};
  const V meant = channel_layer_norm(square, gains, shifts, as_d4);
  std::cout << "images (2, 5, 6, 5), 5 gains: runs, because the images are 5 wide\n";
  show::expect("  the gain of column w of a channel of ones, as printed",
               (V(full<double>({1, 1, 1, 5}, 1.)) * gains).value(), show::entries(gains.value()), 1e-12, 4);
  show::expect_true("  largest difference from one gain per channel: " + rounded(difference(literal, meant)),
                    difference(literal, meant) > .1);
  const V repaired = channel_layer_norm(images, per_channel, none, as_d4);
  std::cout << "channel_layer_norm of (2, 8, 6, 5): " << to_string(repaired.shape()) << '\n';

  show::section("D4 Q11 on a sequence: the axis of time");
  const A tokens = Rng(4).normal<double>({1, 4, 6});
  A changed = tokens;
  for (std::size_t i = 0; i < 6; ++i) changed(0, 3, i) += 1;
  const auto first_token = [](const V& y) { return slice(y, 1, 0, 1); };
  const auto reaches_back = [&](const Norm& norm) {
    return difference(first_token(norm(changed)), first_token(norm(tokens)));
  };
  const V one(1.), nought(0.);
  const double leak = reaches_back([&](const V& x) { return d4_layer_norm(x, one, nought); });
  const double none_back = reaches_back([](const V& x) { return layer_norm(x); });
  std::cout << "(1, 4, 6): four tokens of six features; 1 is added to the last token\n";
  show::expect_true("  D4's layer: the first token's output changes by " + rounded(leak), leak > .05);
  show::expect_true("  layer_norm over the features: by " + rounded(none_back), none_back == 0);
  show::system({"S17",
                "64 gains meet the width 224: " + std::string(refused ? "refused" : "not refused") +
                    " (here 8 and 5); on a sequence axis 1 is time, and the future reaches the past",
                "channel_layer_norm, γ and β per channel; the last axis for (B, T, d)",
                {show::holds("gains per channel on the last axis are refused", refused),
                 show::above("change of the first token when the last changes, as printed", {leak}, .05),
                 show::equals("the same over the features", none_back, 0),
                 show::holds("output and input have one shape", repaired.shape() == images.shape())}});
}

inline void keras_and_the_third_one() {
  show::section("D4 Q16: channels last");
  // [channels-last]
  const V nchw = Rng(5).normal<double>({2, 8, 6, 5}), gamma = Rng(6).normal<double>({8}),
          beta = Rng(7).normal<double>({8});
  const V nhwc = transpose(nchw, {0, 2, 3, 1});  // what Keras calls an image: channels last
  const V keras = layer_norm(nhwc, gamma, beta, {1e-8, Divisor::population, 1});
  const V ours = channel_layer_norm(nchw, gamma, beta, {1e-8, Divisor::population});
  const double apart = difference(transpose(keras, {0, 3, 1, 2}), ours);
  // [/channels-last]
  show::expect_true("layer_norm of (2, 6, 5, 8) is channel_layer_norm of (2, 8, 6, 5)", apart < 1e-12);
  const V four = A{1, 2, 3, 4};
  show::expect("[1, 2, 3, 4], ε = 1e-8",
               layer_norm<double>(four, {}, {}, {1e-8, Divisor::population, 1}).value(),
               {-1.341640781, -.4472135937, .4472135937, 1.341640781});
  show::system(
      {"S20",
       "inputs_shape is not defined, and TensorFlow 2 has no tf.reduce_variance: it cannot be built (read, "
       "not run)",
       "layer_norm over the last axis, divisor n, ε = 1e-8; the same as channel_layer_norm of (N, C, H, W)",
       {show::at_most("difference of the two", {apart}, 1e-12)}});

  show::section("D4 Q28: instance normalisation");
  const V ones = full<double>({8}, 1.), none = zeros<double>({8});
  const bool refused =
      show::refused("images (2, 8, 6, 5), 8 gains", [&] { d4_third_norm(nchw, ones, none); });
  const bool image_only = show::refused("tokens (2, 4, 6)", [&] {
    d4_third_norm(V(zeros<double>({2, 4, 6})), V(1.), V(0.));
  });
  const double to_instance =
      difference(d4_third_norm(nchw, V(1.), V(0.)), group_norm(nchw, 8, ones, none, {1e-8, Divisor::sample}));
  const double to_layer = difference(d4_third_norm(nchw, V(1.), V(0.)), channel_layer_norm(nchw));
  show::expect_true("without gains: largest difference from instance normalisation below 1e-12",
                    to_instance < 1e-12);
  show::expect_true("                                  from layer normalisation: " + rounded(to_layer),
                    to_layer > 1);
  show::system({"S22",
                "gains per channel meet the width and are refused; axes 2 and 3 exist for images only; and "
                "it is instance normalisation",
                "InstanceNorm with γ and β per channel",
                {show::holds("gains per channel on the last axis are refused", refused),
                 show::holds("a sequence is refused", image_only),
                 show::at_most("difference from instance normalisation", {to_instance}, 1e-12)}});
}

}  // namespace as_written
