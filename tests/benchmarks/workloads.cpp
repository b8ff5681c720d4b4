#include "workloads.hpp"

#include <chrono>

#include "models.hpp"
#include "single_ops.hpp"

namespace benchmarks {

using namespace xgrad;

std::pair<double, double> Workload::step() {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  auto middle = start;
  for (auto& p : parameters) p.variable.zero_grad();
  if (parts == 1) {
    Tape<float> tape;
    Variable<float> y = forward(0);
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

void add_adam(Workload& w) { w.optimizer = std::make_unique<Adam<float>>(w.parameters, learning_rate); }

const std::vector<std::size_t> depths{10, 20, 50, 100, 200, 500, 1000}, widths{32, 64, 128, 256, 512},
    token_counts{16, 32, 64, 128, 256, 512};

}  // namespace

const std::vector<std::string>& workload_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"a", "a_adam", "b", "b_adam", "b100", "c64", "c256", "d", "conv"};
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
  if (name == "conv") return residual_convolutions();
  if (name == "d") return character_gpt(threads);
  if (name == "f") return tiny_adds();
  Workload w = name[0] == 'a' ? mlp(threads) : residual_mlp(50, 64, threads);
  if (name == "a_adam" || name == "b_adam") add_adam(w);
  return w;
}

}  // namespace benchmarks
