// Pre-LN divides the gradients of its last layers by √L; Post-LN does not, and Pre-LN is not level either.
// R. Xiong et al., arXiv:2002.04745.

#include <algorithm>
#include <cmath>

#include "encoder.hpp"
#include "laboratory.hpp"
#include "stack_figures.hpp"
#include "xgrad/ops/loss.hpp"

namespace plots {
namespace {

struct Settings {
  std::size_t width = 64, tokens = 16, batch = 8, stack_depth = 48;
  std::vector<std::size_t> depths = {2, 4, 6, 8, 12, 16, 24, 32};
  bool full_attention = false;
};

// The paper's setting for its theorems: one head, W_Q = W_K = 0, so that each token attends to all alike, W_V
// without W_O, feed-forward width d, Xavier weights.
struct Network {
  double last_gradient;        // ‖∂L/∂W₂‖ of the last feed-forward layer
  double mean_square;          // of the last layer's output: E‖x_L‖²/d
  std::vector<double> states;  // log₁₀ ‖∂L/∂x_l‖ at the inputs of the layers
};

Network measure_network(const Settings& settings, bool pre, std::size_t depth, std::uint64_t seed) {
  const std::size_t d = settings.width;
  xgrad::Rng rng(seed);
  const auto x = xgrad::parameter(rng.normal<double>({settings.batch, settings.tokens, d}));
  std::vector<xgrad::TransformerEncoderLayer<double>> layers;
  for (std::size_t l = 0; l < depth; ++l) {
    layers.emplace_back(d, 1, d, pre ? xgrad::NormPlacement::pre : xgrad::NormPlacement::post,
                        xgrad::Init::xavier_normal(), rng);
    auto& attention = layers.back().attention;
    merge_output(attention);
    if (settings.full_attention) continue;
    for (auto* linear : {&attention.query, &attention.key})
      linear->weight.mutable_value() = xgrad::zeros<double>({d, d});
  }
  xgrad::LayerNorm<double> final_norm(d);
  xgrad::Linear<double> head(d, d, xgrad::Init::lecun_normal(), rng, xgrad::Bias::no);
  auto labels = xgrad::zeros<std::int64_t>({settings.batch, settings.tokens});
  for (auto& label : labels) label = std::int64_t(rng.below(d));

  xgrad::Tape<double> tape;
  std::vector<xgrad::Variable<double>> states{x};
  for (auto& layer : layers) states.push_back(layer(states.back()));
  xgrad::cross_entropy(head(pre ? final_norm(states.back()) : states.back()), labels).backward();
  Network result{std::pow(10, xgrad::log10_norm(layers.back().feed_forward.second.weight.grad())),
                 std::pow(10, 2 * xgrad::log10_rms(states.back().value())),
                 {}};
  for (std::size_t l = 0; l < depth; ++l) result.states.push_back(xgrad::log10_norm(states[l].grad()));
  return result;
}

// What is shown over the depth: logarithms to base 10.
struct OverDepth {
  std::vector<double> depths, log_depths;
  Curve post, pre, size;                          // of the gradient, of the gradient, of E‖x_L‖²/d
  std::vector<double> deepest_post, deepest_pre;  // gradients at the layers of the deepest network
};

Curve joined(const std::vector<Curve>& points) {
  Curve result;
  for (const auto& point : points) {
    result.mean.push_back(point.mean.front());
    result.low.push_back(point.low.front());
    result.high.push_back(point.high.front());
  }
  return result;
}

OverDepth measure_depths(const Laboratory& lab, const Settings& settings) {
  OverDepth result;
  std::vector<Curve> gradients[2], sizes;
  for (const std::size_t depth : settings.depths) {
    result.depths.push_back(double(depth));
    result.log_depths.push_back(std::log(double(depth)));
    for (const bool pre : {false, true}) {
      const auto runs =
          lab.over_seeds((pre ? "Pre-LN, L=" : "Post-LN, L=") + std::to_string(depth), lab.seeds(40, 10),
                         [&](std::uint64_t seed) { return measure_network(settings, pre, depth, seed); });
      std::vector<std::vector<double>> gradient, size, states;
      for (const auto& run : runs) {
        gradient.push_back({std::log10(run.last_gradient)});
        size.push_back({std::log10(run.mean_square)});
        states.push_back(run.states);
      }
      gradients[pre].push_back(curve(gradient));
      if (pre) sizes.push_back(curve(size));
      (pre ? result.deepest_pre : result.deepest_post) = curve(states).mean;
    }
  }
  result.post = joined(gradients[false]);
  result.pre = joined(gradients[true]);
  result.size = joined(sizes);
  return result;
}

void judge_depths(Laboratory& lab, const OverDepth& all) {
  auto& verdicts = lab.verdicts();
  std::vector<double> log_ratio, log_pre, log_rms;
  double outside = 0;
  for (std::size_t i = 0; i < all.depths.size(); ++i) {
    log_ratio.push_back((all.pre.mean[i] - all.post.mean[i]) * std::log(10.));
    log_pre.push_back(all.pre.mean[i] * std::log(10.));
    log_rms.push_back(all.size.mean[i] * std::log(10.) / 2);
    const double size = std::pow(10, all.size.mean[i]), l = all.depths[i];
    outside += size < 1 + l / 2 || size > 1 + 3 * l / 2;
  }
  const double slope = fit_line(all.log_depths, log_ratio).slope,
               raw = fit_line(all.log_depths, log_pre).slope;
  const auto [low, high] = std::minmax_element(all.post.mean.begin(), all.post.mean.end());
  verdicts.within("acceptance: slope of log Pre/Post in log L", slope, -.5, lab.quick() ? .2 : .12,
                  "[published] Xiong et al. 2020, Theorem 1");
  verdicts.between("acceptance: Post-LN, largest/smallest gradient over L", std::pow(10, *high - *low), 1, 1,
                   2.5, "[published] Xiong et al. 2020, Theorem 1: no L in the bound");
  verdicts.within("acceptance: depths where E‖x_L‖² leaves its bounds", outside, 0, 0,
                  "[published] Xiong et al. 2020, Lemma 2");
  verdicts.within("slope of log Pre/Post in log L, from ‖x_L‖", slope,
                  -fit_line(all.log_depths, log_rms).slope, lab.quick() ? .2 : .1,
                  "[published] Xiong et al. 2020, Lemma 3: ‖J‖ ∝ √d/‖x‖");
  if (lab.changed()) return;
  verdicts.between("slope of log Pre in log L, not divided by Post", raw, -.5, -.5, -.25,
                   "the tokens grow alike with L: flatter than -½");
  verdicts.within("oracle: slope of log Pre in log L", raw, -.397, .08, "PyTorch, 5 networks");
  verdicts.within("oracle: slope of log Pre/Post in log L", slope, -.597, .08, "PyTorch, 5 networks");
  verdicts.ratio("oracle: E‖x_L‖²/d, L=32", std::pow(10, all.size.mean.back()), 43.2, .15,
                 "PyTorch, 5 networks");
  verdicts.ratio("oracle: last gradient, Post-LN, L=32", std::pow(10, all.post.mean.back()), .751, .25,
                 "PyTorch, 5 networks");
  verdicts.ratio("oracle: last gradient, Pre-LN, L=32", std::pow(10, all.pre.mean.back()), .119, .25,
                 "PyTorch, 5 networks");
}

// Feed-forward branches only, where nothing but the norms is at work: log₁₀ of ‖δ_l‖ relative to the top.
Panel feed_forward(Laboratory& lab, const Settings& settings) {
  StackOptions stack;
  stack.wiring = Wiring::residual;
  stack.init = stack.second_init = "xavier_normal";
  stack.depth = settings.stack_depth;
  stack.width = 128;
  const auto layers = counting(stack.depth + 1);
  Panel panel{"feed-forward only", "layer l  (0: input)", "RMS of ∂L/∂x_l", 10, {}};
  for (const bool pre : {false, true}) {
    stack.norm = pre ? Norm::pre : Norm::post;
    const auto states = curve(measure_seeds<double>(stack, lab.seeds(40, 10)), &Measurement::gradients);
    std::vector<double> expected, log_size, log_gradient;
    for (std::size_t l = 0; l < states.mean.size(); ++l) {
      const double size = 1 + double(l) / 2, top = 1 + double(stack.depth) / 2;
      expected.push_back(states.mean.back() + (pre ? std::log10(top / size) / 2 : 0));
      log_size.push_back(std::log(size));
      log_gradient.push_back(states.mean[l] * std::log(10.));
    }
    panel.series.push_back(measured(pre ? "Pre-LN" : "Post-LN", pre ? 2 : 3, layers, states));
    panel.series.push_back(predicted("prediction", layers, expected));
    if (pre) {
      lab.verdicts().within("acceptance: slope of log ‖δ_l‖ in log(1 + l/2), Pre-LN",
                            fit_line(log_size, log_gradient).slope, -.5, .03,
                            "[derived here] E‖x_l‖² = d(1 + l/2), Lemma 3");
    } else {
      lab.verdicts().within("log₁₀ ‖δ₀‖/‖δ_L‖, Post-LN, feed-forward only",
                            states.mean.front() - states.mean.back(), 0, .1,
                            "[derived here] (1 + c)/(1 + c) = 1");
    }
  }
  return panel;
}

void experiment(Laboratory& lab, const Settings& settings) {
  const auto all = measure_depths(lab, settings);
  judge_depths(lab, all);
  std::vector<double> from_post, low, high;
  for (std::size_t i = 0; i < all.depths.size(); ++i) {
    from_post.push_back(all.post.mean[i] - all.size.mean[i] / 2);
    low.push_back(std::log10(1 + all.depths[i] / 2));
    high.push_back(std::log10(1 + 3 * all.depths[i] / 2));
  }
  Panel last{"last feed-forward layer",
             "depth L",
             "‖∂L/∂W₂‖",
             10,
             {measured("Post-LN", 3, all.depths, all.post), measured("Pre-LN", 2, all.depths, all.pre),
              predicted("Post-LN/rms(x_L)", all.depths, from_post)}};
  Panel size{"Pre-LN: size of the last state",
             "depth L",
             "E‖x_L‖²/d",
             10,
             {measured("Pre-LN", 2, all.depths, all.size), predicted("lower bound", all.depths, low),
              predicted("upper bound", all.depths, high)}};
  Series post{"Post-LN", counting(all.deepest_post.size()), all.deepest_post},
      pre{"Pre-LN", counting(all.deepest_pre.size()), all.deepest_pre};
  post.look = 3;
  pre.look = 2;
  Panel states{"inside the deepest network", "layer l  (0: first)", "‖∂L/∂x_l‖", 10, {post, pre}};
  Figure figure{"pre-vs-post-ln",
                "Pre-LN divides the gradient of the last layer by √L, and is not level",
                "one head that attends to all tokens alike, width " + std::to_string(settings.width) +
                    ", Xavier weights, before any training",
                {last, size, states, feed_forward(lab, settings)},
                2};
  figure.same_y = false;
  figure.caption =
      "Dashed: top left, Post-LN's gradient divided by the measured rms(x_L); top right, the bounds 1 + L/2 "
      "and "
      "1 + 3L/2 of Lemma 2; bottom right, 1/√(1 + l/2) for Pre-LN and 1 for Post-LN. Mean of the logarithms "
      "and range "
      "over " +
      std::to_string(lab.seeds(40, 10).size()) + " networks. After Xiong et al. 2020.";
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("pre-vs-post-ln",
                        "Pre-LN divides the gradients of the last layer by √L; Post-LN does not",
                        "R. Xiong et al., arXiv:2002.04745");
  plots::Settings settings;
  lab.add_option("--depths", settings.depths, "depths of the networks");
  lab.add_option("--width", settings.width, "d, also inside the feed-forward networks");
  lab.add_option("--tokens", settings.tokens, "tokens of a sequence");
  lab.add_option("--batch", settings.batch, "sequences");
  lab.add_option("--stack-depth", settings.stack_depth, "layers of the network without attention");
  lab.add_flag("--full-attention", settings.full_attention, "random W_Q and W_K instead of zeros");
  return lab.run(argc, argv, [&] { plots::experiment(lab, settings); });
}
