#pragma once
// A network with one normalisation or the other learns small digits in batches of 1, 2, 4 and 32.

#include <iomanip>
#include <map>
#include <numeric>
#include <sstream>

#include "show.hpp"

namespace small_batches {

using namespace xgrad;

// [network]
// 100 → 64, then three times φ(norm(W h)), then ten logits: no residual connections.
class Network : public Module<float> {
 public:
  Network(const std::string& norm, Rng& rng) {
    const Init init = Init::he_normal();
    for (std::size_t l = 0; l <= blocks; ++l) {
      layers_.emplace_back(l ? width : 100, width, init, rng);
      if (l) norms_.push_back(normalisation<float>(norm, width));
    }
    layers_.emplace_back(width, 10, init, rng);
  }
  Variable<float> forward(const Variable<float>& x) override {
    auto h = relu(layers_[0](x));
    for (std::size_t l = 1; l <= blocks; ++l) h = relu((*norms_[l - 1])(layers_[l](h)));
    return layers_.back()(h);
  }
  // [/network]
  std::vector<Part<float>> parts() override {
    std::vector<Part<float>> result;
    for (auto& layer : layers_) result.emplace_back("layer" + std::to_string(result.size()), layer);
    for (auto& norm : norms_) result.emplace_back("norm" + std::to_string(result.size()), *norm);
    return result;
  }
  std::string describe() const override { return "Network"; }

 private:
  static constexpr std::size_t blocks = 3, width = 64;
  std::vector<Linear<float>> layers_;
  std::vector<std::unique_ptr<Module<float>>> norms_;
};

/// Small digits as rows of 100 pixels.
inline Labelled<float> rows(std::size_t count, std::uint64_t seed) {
  auto data = small_digits<float>(count, seed);
  data.x = reshaped(std::move(data.x), {count, 100});
  return data;
}

inline void train_epoch(Network& model, Adam<float>& optimizer, const Labelled<float>& data,
                        std::size_t batch, Rng& rng) {
  for (const auto& part : Batches<float>(data, batch, rng)) {
    Tape<float> tape;
    cross_entropy(model(part.x), part.labels).backward();
    optimizer.step();
    optimizer.zero_grad();
  }
}

/// Accuracy on 1,000 test images after six epochs with 300 training images. In the test BN uses its running
/// statistics, or, when `company` is given, those of each `company` test images.
inline double accuracy(const std::string& norm, std::size_t batch, std::uint64_t seed,
                       std::size_t company = 0) {
  const auto train = rows(300, seed), test = rows(1000, 1000 + seed);
  Rng rng(seed);
  Network model(norm, rng);
  Adam<float> optimizer(model.parameters(), 1e-3);
  for (int epoch = 0; epoch < 6; ++epoch) train_epoch(model, optimizer, train, batch, rng);
  model.train(company > 0);
  std::size_t correct = 0;
  for (const auto& part : Batches<float>(test, company ? company : test.size()))
    correct += count_correct(model(part.x).value(), part.labels);
  return double(correct) / double(test.size());
}

inline double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.) / double(values.size());
}

struct Table {
  std::map<std::string, std::map<std::size_t, std::vector<double>>> accuracies;
  std::string text;
  const std::vector<double>& of(const std::string& norm, std::size_t batch) const {
    return accuracies.at(norm).at(batch);
  }
  double mean(const std::string& norm, std::size_t batch) const {
    return small_batches::mean(of(norm, batch));
  }
};

inline Table measure(std::uint64_t seeds) {
  Table table;
  std::ostringstream text;
  text << "test accuracy, mean of " << seeds << " seeds (lowest to highest)\nbatch" << std::fixed
       << std::setprecision(3);
  const std::vector<std::string> norms{"layer", "batch", "group", "rms"};
  for (const auto& norm : norms) text << std::setw(26) << norm;
  for (std::size_t batch : {1, 2, 4, 32}) {
    text << '\n' << std::setw(5) << batch;
    for (const auto& norm : norms) {
      if (norm == "batch" && batch == 1) {
        text << std::setw(26) << "refused";
        continue;
      }
      auto& all = table.accuracies[norm][batch];
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) all.push_back(accuracy(norm, batch, seed));
      std::ostringstream cell;
      cell << std::fixed << std::setprecision(3) << table.mean(norm, batch) << " ("
           << *std::min_element(all.begin(), all.end()) << " to " << *std::max_element(all.begin(), all.end())
           << ")";
      text << std::setw(26) << cell.str();
    }
  }
  text << '\n';
  table.text = text.str();
  return table;
}

}  // namespace small_batches
