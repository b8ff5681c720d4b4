#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>

#include "toolbox.hpp"
#include "xgrad/io/tensorboard.hpp"

using namespace toolbox;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t pad = 0, bos = 1, eos = 2, first_letter = 3, letters = 8;
constexpr std::size_t longest = 5;

/// Three to five letters, and the same backwards (or, when the target is to be noise, any others).
struct Pairs {
  Indices source, target, shifted;  // target: letters, end, padding; shifted: begin, letters, padding
  std::vector<Sentence<std::int64_t>> answers;
};

Pairs pairs(std::size_t n, std::uint64_t seed, bool noise = false) {
  Rng rng(seed);
  Pairs p{full<std::int64_t>({n, longest}, pad),
          full<std::int64_t>({n, longest + 1}, pad),
          full<std::int64_t>({n, longest + 1}, pad),
          {}};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t length = 3 + rng.below(3);
    Sentence<std::int64_t> answer(length);
    p.shifted(i, 0) = bos;
    for (std::size_t j = 0; j < length; ++j) p.source(i, j) = first_letter + std::int64_t(rng.below(letters));
    for (std::size_t j = 0; j < length; ++j) {
      answer[j] = noise ? first_letter + std::int64_t(rng.below(letters)) : p.source(i, length - 1 - j);
      p.target(i, j) = p.shifted(i, j + 1) = answer[j];
    }
    p.target(i, length) = eos;
    p.answers.push_back(answer);
  }
  return p;
}

Indices rows(const Indices& all, const Batch& which) {
  auto chosen = empty<std::int64_t>({which.size(), all.shape(1)});
  for (std::size_t i = 0; i < which.size(); ++i)
    std::copy_n(all.data() + which[i] * all.shape(1), all.shape(1), chosen.data() + i * all.shape(1));
  return chosen;
}

Transformer<float> transformer(std::uint64_t seed) {
  TransformerOptions options;
  options.source_vocabulary = options.target_vocabulary = std::size_t(first_letter + letters);
  options.d = 32;
  options.heads = 4;
  options.encoder_layers = options.decoder_layers = 1;
  options.wiring = NormPlacement::pre;
  options.padding = pad;
  Rng rng(seed);
  return Transformer<float>(options, rng);
}

double exact(Transformer<float>& model, const Pairs& test) {
  return exact_match<std::int64_t>(model.translate(test.source, bos, eos, longest + 1), test.answers);
}

// [literal]
/// D2 §5.4's train(), once over the data: the decoder gets the target, and the target is the label.
double train_literally(Transformer<float>& model, Optimizer<float>& optimizer, const Pairs& data, Rng& rng) {
  double total_loss = 0;
  const auto order = rng.permutation(data.answers.size());
  std::size_t batches = 0;
  for (std::size_t i = 0; i < order.size(); i += 32, ++batches) {
    const Batch batch(order.begin() + std::ptrdiff_t(i),
                      order.begin() + std::ptrdiff_t(std::min(i + 32, order.size())));
    Tape<float> tape;
    optimizer.zero_grad();
    const auto target = rows(data.target, batch);
    const auto output = model(rows(data.source, batch), target);
    const auto loss = cross_entropy(output, target);
    loss.backward();
    optimizer.step();
    total_loss += double(loss.item());
  }
  return total_loss / double(batches);
}
// [/literal]

const std::size_t epochs = show::quick ? 2 : 20;

double literal(std::uint64_t seed, bool noise) {
  const Pairs train = pairs(800, seed, noise), test = pairs(100, 1000 + seed, noise);
  auto model = transformer(seed);
  Adam<float> optimizer(model.parameters(), 3e-3);
  Rng rng(seed);
  double loss = 0;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) loss = train_literally(model, optimizer, train, rng);
  const double match = exact(model, test);
  std::printf("  seed %d: loss %.4f, exact match of its own answers %.2f\n", int(seed), loss, match);
  return noise ? loss : match;
}

void as_written() {
  show::section("D2 §5.4: the loop as written");
  auto model = transformer(1);
  const Pairs few = pairs(3, 1);
  const auto logits = model(few.source, few.target);
  std::cout << "logits are " << to_string(logits.shape()) << ", targets " << to_string(shape_of(few.target))
            << "; with the classes on axis 1, where the document's loss looks for them:\n";
  try {
    cross_entropy(swap_axes(logits, 1, 2), few.target);
    show::expect_true("is refused", false);
  } catch (const Error& error) {
    std::cout << error.what() << '\n';
  }
  std::cout
      << "classes put right; targets that nobody can predict (four letters of six places: no honest loss "
         "is below 4/6 ln 8 = 1.386):\n";
  const auto noise = show::over_seeds([](std::uint64_t seed) { return literal(seed, true); });
  std::cout << "the source backwards:\n";
  const auto match = show::over_seeds([](std::uint64_t seed) { return literal(seed, false); });
  show::system(
      {"S11",
       "wrong import, writer never made; classes on the wrong axis; the target is input and label at once: "
       "the loss falls for targets that cannot be predicted, and no answer is right",
       "",
       {show::below("literal loop: training loss on unpredictable targets", noise, .2),
        show::below("literal loop: exact match of its answers", match, .1)}});
}

std::size_t lines(const fs::path& path) {
  std::ifstream in(path);
  std::size_t n = 0;
  for (std::string line; std::getline(in, line);) ++n;
  return n;
}

double repaired(std::uint64_t seed, const fs::path& folder) {
  const Pairs train = pairs(800, seed), test = pairs(100, 1000 + seed);
  auto model = transformer(seed);
  Adam<float> optimizer(model.parameters(), 3e-3);
  const std::string name = "seed" + std::to_string(seed);
  CsvLog csv((folder / (name + ".csv")).string());
  TensorBoardLog board((folder / name).string());
  // [repaired]
  TrainerOptions options{epochs, 32};
  options.seed = seed;
  options.clip = 1;
  options.schedule = schedule::warm_up(40, schedule::cosine(5e-3, epochs * 25 - 40));
  Trainer<float> trainer(model, optimizer, options);
  trainer.validate = [&] { return Measures{{"exact match", exact(model, test)}}; };
  trainer.on_step = [&](const History& h) {
    const Scalars now{{"loss", h.loss.back()},
                      {"learning rate", h.learning_rate.back()},
                      {"gradient norm", h.gradient_norm.back()}};
    csv.write(h.steps(), now);
    board.write(h.steps(), now);
  };
  const History history = trainer.fit(train.answers.size(), [&](const Batch& batch) {
    const auto logits = model(rows(train.source, batch), rows(train.shifted, batch));
    return cross_entropy(logits, rows(train.target, batch), {pad});  // padding does not count
  });
  // [/repaired]
  const auto& match = history.measure("exact match");
  std::printf(
      "  seed %d: mean loss of the epochs %.3f, %.3f … %.3f; exact match %.2f; %zu steps, %zu lines of log\n",
      int(seed), history.epoch_loss[0], history.epoch_loss[1], history.epoch_loss.back(), match.back(),
      history.steps(), lines(folder / (name + ".csv")) - 1);
  show::expect_true("  one line of log for each step",
                    lines(folder / (name + ".csv")) == history.steps() + 1);
  show::expect_true("  the loss has fallen", history.epoch_loss.back() < history.epoch_loss.front());
  return match.back();
}

void as_it_works() {
  show::section("The loop repaired");
  const fs::path folder =
      fs::temp_directory_path() / ("xgrad_training_" + std::to_string(std::random_device{}()));
  fs::create_directories(folder);
  const auto match = show::over_seeds([&](std::uint64_t seed) { return repaired(seed, folder); });
  fs::remove_all(folder);
  show::system({"S11",
                "",
                "the target one place later as input, padding ignored, a line of log for every step",
                {show::at_least("exact match on held-out pairs", match, .9)}});
}

// [checkpoint]
void checkpoint() {
  show::section("Killed and resumed");
  const fs::path file =
      fs::temp_directory_path() / ("xgrad_" + std::to_string(std::random_device{}()) + ".safetensors");
  Recipe recipe;
  recipe.epochs = 3;
  recipe.network.input_dropout = .2;
  const auto whole = run(recipe, 1).history.loss;
  recipe.trainer.checkpoint = file.string();
  recipe.epochs = 2;
  run(recipe, 1);  // the first program ends here
  recipe.epochs = 3;
  const auto resumed = run(recipe, 1).history.loss;  // the second finds the file
  fs::remove(file);
  std::cout << whole.size() << " losses, the last one is " << show::text(whole.back(), 6) << '\n';
  show::expect_true("resumed after two of three epochs: the same losses, bit for bit", resumed == whole);
}
// [/checkpoint]

}  // namespace

void the_loop() {
  as_written();
  as_it_works();
  checkpoint();
}
