// The loss around a minimum on a plane of two random directions, filter-normalised. H. Li et al.,
// arXiv:1712.09913, show that skip connections make this picture of a deep convolutional network smooth.
// First of all a picture: whether a number tells plain from residual here depends on how it is taken.

#include <algorithm>
#include <cmath>
#include <sstream>

#include "classifiers.hpp"
#include "laboratory.hpp"
#include "xgrad/ops/ops.hpp"

namespace plots {
namespace {

using xgrad::Array;

struct Options {
  std::vector<std::size_t> layers = {20, 40};
  std::size_t width = 32, steps = 600, points = 21;
  double reach = 1;
};

/// One direction in the space of the parameters: normal, and each row of a weight matrix, the weights into
/// one unit, as long as that row of the network's (Li et al., section 4). 0 for biases and batch
/// normalisation.
std::vector<Array<float>> filter_normalised(const xgrad::Parameters<float>& parameters, xgrad::Rng& rng) {
  std::vector<Array<float>> result;
  for (const auto& [name, variable] : parameters) {
    const auto& weight = variable.value();
    if (weight.dimension() < 2) {
      result.push_back(xgrad::zeros<float>(variable.shape()));
      continue;
    }
    auto direction = rng.normal<float>(variable.shape());
    for (std::size_t row = 0; row < weight.shape(0); ++row) {
      double length = 0, wanted = 0;
      for (std::size_t k = 0; k < weight.shape(1); ++k) {
        length += direction(row, k) * direction(row, k);
        wanted += weight(row, k) * weight(row, k);
      }
      for (std::size_t k = 0; k < weight.shape(1); ++k)
        direction(row, k) *= float(std::sqrt(wanted / length));
    }
    result.push_back(std::move(direction));
  }
  return result;
}

std::string layered(const std::string& kind, std::size_t layers) {
  return kind + ", " + std::to_string(layers) + " layers";
}

using Grid = std::vector<std::vector<double>>;

/// The loss over the plane, the minimum in the middle, with batch normalisation by the statistics that
/// training left, and by those of the data at each point.
struct Landscape {
  Grid frozen, fresh;
  double minimum;  ///< the loss of the network itself, frozen
};

/// Share of inner points at which the Hessian of second differences has a negative eigenvalue.
double share_non_convex(const Grid& f) {
  std::size_t found = 0, inner = 0;
  for (std::size_t i = 1; i + 1 < f.size(); ++i)
    for (std::size_t j = 1; j + 1 < f.size(); ++j, ++inner) {
      const double xx = f[i + 1][j] - 2 * f[i][j] + f[i - 1][j], yy = f[i][j + 1] - 2 * f[i][j] + f[i][j - 1];
      const double xy = (f[i + 1][j + 1] - f[i + 1][j - 1] - f[i - 1][j + 1] + f[i - 1][j - 1]) / 4;
      found += (xx + yy) / 2 - std::hypot((xx - yy) / 2, xy) < 0;
    }
  return double(found) / double(inner);
}

Landscape survey(const Options& options, std::size_t layers, bool residual, std::uint64_t seed) {
  xgrad::Rng rng(seed);
  auto network = paired_network<float>(layers, options.width, residual, rng);
  const auto data = three_arms<float>(600, seed);
  train(network, data, {options.steps, 128, .05, .9}, rng);

  network.train(false);
  const auto loss = [&] { return double(cross_entropy(network(data.x), data.labels).item()); };
  auto parameters = network.parameters();
  std::vector<Array<float>> centre;
  for (const auto& parameter : parameters) centre.push_back(parameter.variable.value());
  const auto along = filter_normalised(parameters, rng), across = filter_normalised(parameters, rng);

  const Grid empty(options.points, std::vector<double>(options.points));
  Landscape result{empty, empty, loss()};
  const auto place = [&](std::size_t i) {
    return float(options.reach * (2 * double(i) / double(options.points - 1) - 1));
  };
  for (const bool fresh : {false, true}) {  // in this order: fresh statistics move the frozen ones
    network.train(fresh);
    for (std::size_t i = 0; i < options.points; ++i)
      for (std::size_t j = 0; j < options.points; ++j) {
        for (std::size_t p = 0; p < parameters.size(); ++p)
          parameters[p].variable.mutable_value() = centre[p] + place(i) * along[p] + place(j) * across[p];
        (fresh ? result.fresh : result.frozen)[i][j] = loss();
      }
  }
  return result;
}

Panel map_of(const std::string& title, const Landscape& landscape, const Options& options) {
  Panel panel{title, "along one direction", "along another", 0, {}};
  HeatMap map;
  const std::size_t n = options.points;
  for (std::size_t i = 0; i < n; ++i) {
    std::ostringstream label;
    label << std::round(100 * options.reach * (2 * double(i) / double(n - 1) - 1)) / 100;
    map.columns.push_back(label.str());
    map.rows.insert(map.rows.begin(), i % ((n - 1) / 4) == 0 ? label.str() : "");
  }
  for (const auto& row : landscape.frozen) {
    std::vector<double> cells;
    for (const double loss : row) cells.push_back(std::log10(loss));
    map.cells.insert(map.cells.begin(), cells);
  }
  map.unit = "log₁₀ loss";
  map.low = -3;
  map.high = 2;
  panel.map = map;
  return panel;
}

void loss_landscape(Laboratory& lab, Options options) {
  if (lab.quick()) {
    options.points = std::min<std::size_t>(options.points, 9);
    options.steps = std::min<std::size_t>(options.steps, 100);
  }
  if (options.points % 2 == 0) ++options.points;  // the minimum is one of them
  const auto seeds = lab.seeds(4, 1);
  const std::size_t n = seeds.size(), nets = 2 * options.layers.size();
  std::vector<Landscape> surveys(nets * n);
  on_all_processors("landscapes", surveys.size(), [&](std::size_t i) {
    const std::size_t net = nets - 1 - i / n;  // the deep ones first
    surveys[net * n + i % n] = survey(options, options.layers[net / 2], net % 2, seeds[i % n]);
  });

  Figure figure{"loss-landscape",
                "The loss around a minimum: plain beside residual",
                "batch normalisation, spiral of three arms; two random filter-normalised directions",
                {},
                2};
  figure.caption =
      "One seed of " + std::to_string(n) +
      ". Batch normalisation by the statistics of training: whether numbers tell plain from "
      "residual depends on that. After Li et al. 2018, who draw convolutional networks on images.";
  double moved = 0;
  std::vector<double> frozen[2], fresh[2];  // shares of plain and of residual networks
  for (std::size_t net = 0; net < nets; ++net) {
    const std::string name = layered(net % 2 ? "residual" : "plain", options.layers[net / 2]);
    std::ostringstream text;
    text << name
         << ": loss at the minimum, share of non-convex points with frozen and with fresh statistics:";
    for (std::size_t s = 0; s < n; ++s) {
      const auto& survey = surveys[net * n + s];
      const std::size_t middle = options.points / 2;
      moved = std::max(moved, std::abs(survey.frozen[middle][middle] - survey.minimum));
      frozen[net % 2].push_back(share_non_convex(survey.frozen));
      fresh[net % 2].push_back(share_non_convex(survey.fresh));
      text << (s ? "; " : " ") << survey.minimum << ' ' << frozen[net % 2].back() << ' '
           << fresh[net % 2].back();
    }
    lab.note(text.str());
    figure.panels.push_back(map_of(name, surveys[net * n], options));
  }
  auto& verdicts = lab.verdicts();
  verdicts.within("largest |loss in the middle of the plane - loss of the network|", moved, 0, 0,
                  "nothing is moved there");
  if (!lab.quick() && !lab.changed()) {
    const char* const oracle = "independent PyTorch program, fresh statistics";
    verdicts.between("oracle: non-convex share, plain", mean(fresh[0]), .625, .55, .75, oracle);
    verdicts.between("oracle: non-convex share, residual", mean(fresh[1]), .58, .48, .66, oracle);
    verdicts.within("plain - residual, fresh statistics", mean(fresh[0]) - mean(fresh[1]), .045, .1,
                    "independent PyTorch program: no clear difference");
    verdicts.between("plain - residual, frozen statistics", mean(frozen[0]) - mean(frozen[1]), .25, .1, .4,
                     "measured here first: no prediction; see the page");
  }
  lab.draw(figure);
}

}  // namespace
}  // namespace plots

int main(int argc, char** argv) {
  plots::Laboratory lab("loss-landscape", "The loss around a minimum, plain and residual: a picture",
                        "H. Li et al., arXiv:1712.09913");
  plots::Options options;
  lab.add_option("--layers", options.layers, "Depths, even numbers");
  lab.add_option("--width", options.width, "Width");
  lab.add_option("--steps", options.steps, "Steps of training");
  lab.add_option("--points", options.points, "Points of the plane in each direction").between(5, 401);
  lab.add_option("--reach", options.reach, "How far the plane goes, 1: as far as the weights are long");
  return lab.run(argc, argv, [&] { plots::loss_landscape(lab, options); });
}
