// What reaches the first of 64 layers at initialisation, by wiring, activation and gain (experiment E1 of the
// documents' claims). Plain ReLU stacks: K. He et al., arXiv:1502.01852; B. Hanin & M. Nica,
// arXiv:1812.05994; normalised ones: R. Xiong et al., arXiv:2002.04745.

#include <algorithm>
#include <cmath>
#include <map>

#include "block_net.hpp"
#include "laboratory.hpp"
#include "xgrad/probe/gradient_norms.hpp"

namespace plots {
namespace {

struct Settings {
  std::size_t depth = 64, width = 32, batch = 16;
};

// log₁₀ RMS of ∂L/∂h₀ … ∂L/∂h_L relative to that of ∂L/∂h_L, L = mean over the batch of ⟨w, h_L⟩.
std::vector<double> gradients(Block block, const BlockOptions& options, const Settings& s, std::size_t depth,
                              std::uint64_t seed) {
  xgrad::Rng rng(seed);
  xgrad::Sequential<double> stack;
  for (std::size_t l = 0; l < depth; ++l) stack.add(make_block<double>(block, options, rng));
  stack.requires_grad(false);
  const auto x = xgrad::parameter(rng.normal<double>({s.batch, s.width}));
  const xgrad::Variable<double> w(rng.normal<double>({s.width}));
  xgrad::Tape<double> tape;
  const auto states = xgrad::hidden_states(stack, x);
  mean(sum(states.back() * w, {-1})).backward();
  auto logs = xgrad::log10_gradients(states);
  const double top = logs.back();
  for (double& each : logs) each -= top;
  return logs;
}

struct Cell {
  std::string activation, name;
  double gain;
  std::map<Block, std::vector<double>> ratios;  // log₁₀ R of each seed at full depth
  std::map<Block, Curve> by_layer;
};

const std::pair<double, const char*> gains[] = {
    {1 / std::sqrt(3.), "1/√3"}, {1, "1"}, {std::sqrt(2.), "√2"}, {2, "2"}};
const char* const activations[] = {"relu", "tanh", "sigmoid"};
const Block wirings[] = {Block::plain, Block::res, Block::ln, Block::post, Block::pre};

std::vector<Cell> measure_all(Laboratory& lab, const Settings& s) {
  std::vector<Cell> cells;
  for (const std::string activation : activations)
    for (const auto& [gain, name] : gains) {
      Cell cell{activation, name, gain, {}, {}};
      const BlockOptions options{s.width, gain, activation, xgrad::Bias::no};
      for (const Block block : wirings) {
        const auto runs = lab.over_seeds("", lab.seeds(5, 3), [&, block = block](auto seed) {
          return gradients(block, options, s, s.depth, seed);
        });
        for (const auto& run : runs) cell.ratios[block].push_back(run.front());
        cell.by_layer[block] = curve(runs);
      }
      cells.push_back(std::move(cell));
    }
  return cells;
}

// Of all cells that `chosen` accepts, the smallest or largest median of log₁₀ R.
double extreme(const std::vector<Cell>& cells, Block block, bool largest,
               const std::function<bool(const Cell&)>& chosen) {
  double result = largest ? -INFINITY : INFINITY;
  for (const auto& cell : cells) {
    if (!chosen(cell)) continue;
    const double ratio = median(cell.ratios.at(block));
    result = largest ? std::max(result, ratio) : std::min(result, ratio);
  }
  return result;
}

void judge(Laboratory& lab, const std::vector<Cell>& cells) {
  auto& verdicts = lab.verdicts();
  const auto is = [](const char* activation, const char* gain) {
    return [=](const Cell& c) { return c.activation == activation && (!*gain || c.name == gain); };
  };
  const auto any = [](const Cell&) { return true; };
  const std::string torch = "prototype, torch";
  const auto at = [&](Block block, const char* activation, const char* gain) {
    return extreme(cells, block, true, is(activation, gain));
  };
  verdicts.above("acceptance: E1 (c) residual, ReLU, gain √2: log₁₀ R", at(Block::res, "relu", "√2"), 14.2, 6,
                 torch);
  verdicts.below("acceptance: E1 (a) plain, ReLU, gain 1/√3: log₁₀ R", at(Block::plain, "relu", "1/√3"),
                 -25.4, -6, torch);
  verdicts.below("acceptance: E1 (a) plain, tanh, gain 1/√3: log₁₀ R", at(Block::plain, "tanh", "1/√3"),
                 -16.1, -6, torch);
  verdicts.below("acceptance: E1 (a) plain, sigmoid, any gain: log₁₀ R", at(Block::plain, "sigmoid", ""),
                 -25.8, -6, torch);
  verdicts.above("acceptance: E1 (b) residual, all: smallest log₁₀ R", extreme(cells, Block::res, false, any),
                 -.01, -1, torch);
  verdicts.above("acceptance: E1 (d) Pre-LN, all: smallest log₁₀ R", extreme(cells, Block::pre, false, any),
                 .18, std::log10(.5), torch);
  verdicts.below("acceptance: E1 (d) Pre-LN, all: largest log₁₀ R", extreme(cells, Block::pre, true, any),
                 1.4, 2, torch);
  verdicts.below("acceptance: E1 (e) LN alone, sigmoid: log₁₀ R", at(Block::ln, "sigmoid", ""), -27, -6,
                 torch);
  if (lab.quick()) return;
  // Median of five against median of five: plain ReLU fluctuates by √(5L/4n)/ln 10 decades, that is 0.7,
  // and residual ReLU by 0.5, which the prototype has in common for all its seeds: they share one w.
  const std::tuple<Block, const char*, const char*, double, double> oracles[] = {
      {Block::plain, "relu", "√2", std::log10(.34), 1.2},
      {Block::res, "relu", "1/√3", std::log10(6.3e5), 1.2},
      {Block::res, "relu", "1", std::log10(1.6e10), 1.2},
      {Block::ln, "relu", "1", std::log10(.34), 1.2},
      {Block::ln, "sigmoid", "1", std::log10(9.4e-28), 1},
      {Block::post, "relu", "1", std::log10(34.), .5},
      {Block::pre, "relu", "1", std::log10(9.8), .4},
      {Block::pre, "tanh", "2", std::log10(24.), .4}};
  for (const auto& [block, activation, gain, value, tolerance] : oracles) {
    const auto name = std::find_if(block_names.begin(), block_names.end(), [b = block](const auto& each) {
                        return each.block == b;
                      })->name;
    verdicts.within("oracle: E1 " + name + ", " + activation + ", gain " + gain + ": log₁₀ R",
                    at(block, activation, gain), value, tolerance, torch + ", median of 5");
  }
}

// Plain ReLU: log‖δ‖² changes per layer by E ln(K/n·gain²), K ~ Bin(n, ½), less what fluctuates: at width n
// ln(gain²/2) - 5/2n.
double predicted_plain(const Settings& s, double gain) {
  return double(s.depth) / 2 * (std::log(gain * gain / 2) - 2.5 / double(s.width)) / std::log(10);
}

// Residual ReLU. The stack is homogeneous, so ⟨∂L/∂h₀, h₀⟩ = ⟨w, h_L⟩: the gradient grows as the state does,
// times the cosine of w and h_L, whose mean logarithm is -(γ + ln 2)/2 - ½ ln n. ReLU is positive, so states
// drift towards equal entries, and what is added lies along what is there: with q = E h², m = E h,
// c = gain/√(2π), q ← q(1 + gain²/2) + 2cm√q, m ← m + c√q.
std::vector<double> predicted_residual(const Settings& s, double gain) {
  const double c = gain / std::sqrt(2 * std::acos(-1.));
  std::vector<double> q{1};
  for (double m = 0; q.size() <= s.depth;) {
    const double root = std::sqrt(q.back());
    q.push_back(q.back() * (1 + gain * gain / 2) + 2 * c * m * root);
    m += c * root;
  }
  const double cosine = -.635 - std::log(double(s.width)) / 2;
  std::vector<double> logs;  // at each layer
  for (const double each : q) logs.push_back((std::log(q.back() / each) / 2 + cosine) / std::log(10));
  return logs;
}

void judge_predictions(Laboratory& lab, const Settings& s, const std::vector<Cell>& cells) {
  const double seeds = double(cells.front().ratios.begin()->second.size());
  const double spread = std::sqrt(5 * double(s.depth) / double(s.width) / seeds) / 2 / std::log(10);
  for (const auto& cell : cells) {
    if (cell.activation != "relu") continue;
    lab.verdicts().within("plain, ReLU, gain " + cell.name + ": mean log₁₀ R",
                          mean(cell.ratios.at(Block::plain)), predicted_plain(s, cell.gain), 3 * spread + .5,
                          "[published] He 2015, Hanin & Nica 2018: 3 standard errors");
    lab.verdicts().within("residual, ReLU, gain " + cell.name + ": mean log₁₀ R",
                          mean(cell.ratios.at(Block::res)), predicted_residual(s, cell.gain).front(),
                          3 * .48 / std::sqrt(seeds) + .5,
                          "[derived here] homogeneity; 3 standard errors of the cosine");
  }
  // In plain stacks the layers near the input get the least (claim C7 has it the other way round).
  const auto& vanishing = cells.front().by_layer.at(Block::plain).mean;
  std::size_t rises = 0;
  for (std::size_t l = 1; l < vanishing.size(); ++l) rises += vanishing[l] > vanishing[l - 1];
  lab.verdicts().within("acceptance: E1 (C7) share of layers whose input gets less",
                        double(rises) / double(s.depth), 1, .05,
                        "[published] Glorot & Bengio 2010: towards the input");
}

void draw(Laboratory& lab, const Settings& s, const std::vector<Cell>& cells) {
  Figure figure{
      "claims-gradient-flow",
      "What reaches the first of " + std::to_string(s.depth) + " layers",
      "gradient at layer l over that at the output, width " + std::to_string(s.width) + ", before training",
      {},
      2};
  figure.same_y = false;
  figure.prediction = "prediction (ReLU)";
  figure.caption =
      "plain: φ(Wh); residual: h + φ(Wh); LN: φ(LN(Wh)); Post-LN: LN(h + φ(Wh)); Pre-LN: h + φ(W LN(h)). "
      "W ~ N(0, gain²/n). Mean of the logarithms and range over the seeds. Mind the different scales. "
      "Experiment "
      "E1 of the documents' claims.";
  const auto layers = counting(s.depth + 1);
  for (const auto& [activation, gain] :
       {std::pair("relu", "1/√3"), {"relu", "√2"}, {"tanh", "1"}, {"sigmoid", "1"}}) {
    const auto cell = std::find_if(cells.begin(), cells.end(), [a = activation, g = gain](const Cell& c) {
      return c.activation == a && c.name == g;
    });
    Panel panel{
        std::string(activation) + ", gain " + gain, "layer l (0: input)", "‖∂L/∂h_l‖ / ‖∂L/∂h_L‖", 10, {}};
    for (const auto& [block, name, look] : block_names)
      if (block != Block::bn) panel.series.push_back(measured(name, look, layers, cell->by_layer.at(block)));
    if (cell->activation == "relu") {
      const double depth = double(s.depth);
      panel.series.push_back(predicted("plain", {0, depth}, {predicted_plain(s, cell->gain), 0}));
      auto theory = predicted("residual", layers, predicted_residual(s, cell->gain));
      theory.x.resize(s.depth * 3 / 4);  // near the output other directions than that of h count
      theory.y.resize(s.depth * 3 / 4);
      panel.series.push_back(theory);
    }
    figure.panels.push_back(panel);
  }
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("claims-gradient-flow",
                        "Residual connections cure vanishing gradients, not exploding ones",
                        "experiment E1; K. He et al., arXiv:1502.01852; R. Xiong et al., arXiv:2002.04745");
  plots::Settings s;
  lab.add_option("--depth", s.depth, "layers").between(2, 1000);
  lab.add_option("--width", s.width, "of each layer").between(2, 1024);
  lab.add_option("--batch", s.batch, "samples").between(1, 1024);
  return lab.run(argc, argv, [&] {
    const auto cells = plots::measure_all(lab, s);
    if (!lab.changed()) plots::judge(lab, cells);
    plots::judge_predictions(lab, s, cells);
    plots::draw(lab, s, cells);
  });
}
