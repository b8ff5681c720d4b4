// 15 Continuing a text: a Transformer of characters, trained on a story of ours, or on any text file.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>

#include "quick.hpp"
#include "show.hpp"
#include "systems.hpp"

using namespace xgrad;

namespace {

struct Settings {
  std::string text, prompt, checkpoint;
  std::size_t steps = 2000, length = 400, threads = 1;
  Sampling sampling{.8, 20};
  std::uint64_t seed = 1;
  double deviation = .05, require = 1e9;
};

const std::string our_story = XGRAD_TEXTS "/lamp.txt", our_tale = XGRAD_TEXTS "/river.txt";

/// A text as numbers, one for each character.
struct Corpus {
  explicit Corpus(const std::string& text)
      : vocabulary(split_characters(text), Vocabulary::Specials::none),
        ids(vocabulary.encode(split_characters(text))) {}
  std::string text(const Ids& some) const { return join_characters(vocabulary.decode(some)); }
  Vocabulary vocabulary;
  Ids ids;
};

std::string first_paragraphs(const std::string& text, int n) {
  std::size_t end = 0;
  while (n-- > 0) end = text.find("\n\n", end) + 1;
  return text.substr(0, end);
}

// [model]
LanguageModelOptions small_model(const Corpus& corpus, std::size_t d, const Wiring& wiring) {
  LanguageModelOptions options;
  options.vocabulary = corpus.vocabulary.size();
  options.d = d;
  options.heads = 4;
  options.layers = 2;
  options.context = 32;
  options.wiring = wiring;
  options.init = Init::uniform_fan_in();  // PyTorch's default
  return options;
}
// [/model]

// [train]
// Each step learns from a batch of windows that begin at random places: from every character of a window and
// those before it the model has to tell the next one.
void train(LanguageModel<float>& model, Optimizer<float>& optimizer, const Ids& text, std::size_t steps,
           TrainerOptions options) {
  const std::size_t context = model.options().context;
  Rng rng(options.seed);
  std::vector<std::size_t> places(steps * options.batch);
  for (auto& place : places) place = rng.below(text.size() - context);
  options.shuffle = false;
  Trainer<float>(model, optimizer, options).fit(places.size(), [&](const Batch& batch) {
    std::vector<std::size_t> begins;
    for (std::size_t i : batch) begins.push_back(places[i]);
    const Windows windows = windows_at(text, begins, context);
    return cross_entropy(model(windows.x), windows.next);
  });
}
// [/train]

// [evaluate]
double mean_loss(LanguageModel<float>& model, const Ids& text) {
  const EvaluationMode<float> evaluation(model);
  double sum = 0, n = 0;
  for (const Windows& windows : consecutive_windows(text, 32, model.options().context)) {
    sum += double(cross_entropy(model(windows.x), windows.next).item()) * double(windows.size());
    n += double(windows.size());
  }
  return sum / n;
}
// [/evaluate]

/// How many characters of the true continuation come, one after the other, behind these places of the text.
std::vector<std::size_t> recalled(LanguageModel<float>& model, const Ids& text,
                                  const std::vector<std::size_t>& places) {
  std::vector<std::size_t> lengths;
  for (std::size_t place : places) {
    const auto here = text.begin() + std::ptrdiff_t(place);
    const Ids next = model.generate(Ids(here - 24, here), 40);
    lengths.push_back(std::size_t(std::mismatch(next.begin(), next.end(), here).first - next.begin()));
  }
  return lengths;
}

void the_text(const Corpus& corpus) {
  show::section("The text");
  std::cout << corpus.ids.size() << " characters, " << corpus.vocabulary.size() << " different ones\n"
            << "ln " << corpus.vocabulary.size() << " = " << show::text(std::log(corpus.vocabulary.size()), 4)
            << " nats: guessing\nbigram entropy " << show::text(bigram_entropy(corpus.ids), 4)
            << " nats: the best that one character back can do\n";
  const Windows windows = consecutive_windows(corpus.ids, 1, 12)[0];
  std::cout << "a window of 12, and what comes next:\n  " << corpus.text(row(windows.x, 0)) << "\n  "
            << corpus.text(row(windows.next, 0)) << '\n';
}

LanguageModel<float> learn_the_story(const Corpus& corpus) {
  show::section("Learning the story by heart");
  Rng rng(1);
  LanguageModel<float> model(small_model(corpus, 64, NormPlacement::pre), rng);
  Adam<float> adam(model.parameters(), 3e-3);
  const std::size_t steps = show::quick ? 100 : 1200;
  TrainerOptions options{1, 16};
  options.schedule = schedule::cosine(3e-3, steps, 3e-4);
  options.progress = "story";
  std::cout << model.parameter_count() << " parameters, " << steps << " steps of 16 windows\n"
            << "mean loss before " << show::text(mean_loss(model, corpus.ids), 3);
  train(model, adam, corpus.ids, steps, options);
  const double loss = mean_loss(model, corpus.ids), entropy = bigram_entropy(corpus.ids);
  std::cout << ", after " << show::text(loss, 2) << '\n';
  if (show::quick) return model;
  show::expect_true("below 0.5, and far below the bigram entropy", loss < .5 && .5 < entropy);
  return model;
}

/// Returns the fewest true characters that follow a prompt from the story.
double continue_the_story(LanguageModel<float>& model, const Corpus& corpus) {
  show::section("Greedy: always the likeliest");
  for (const std::string prompt : {"One night in autumn the ", "Far out on the water an "}) {
    const Ids next = model.generate(corpus.vocabulary.encode(split_characters(prompt)), 40);
    std::cout << prompt << "»" << corpus.text(next) << "«\n";
  }
  std::vector<std::size_t> places;
  for (std::size_t place = 30; place + 40 < corpus.ids.size(); place += 100) places.push_back(place);
  auto lengths = recalled(model, corpus.ids, places);
  std::sort(lengths.begin(), lengths.end());
  std::cout << "true characters that follow 24 others, at " << lengths.size() << " places: fewest "
            << lengths.front() << ", median " << lengths[lengths.size() / 2] << ", most " << lengths.back()
            << " (of 40)\n";
  return double(lengths.front());
}

// [temperature]
void temperatures() {
  show::section("Temperature and top-k");
  const std::vector<float> logits{2, 1, 0, 0, -1};
  std::cout << "shares in 10000 draws from the logits 2, 1, 0, 0, -1; beside the first its probability\n";
  Rng rng(1);
  for (const Sampling sampling : {Sampling{1, 0}, {.5, 0}, {2, 0}, {1, 2}, {0, 0}}) {
    std::vector<double> shares(5);
    for (int draw = 0; draw < 10000; ++draw)
      shares[std::size_t(sample(logits.data(), 5, sampling, rng))] += 1e-4;
    double sum = 0;
    for (std::size_t i = 0; i < (sampling.top_k ? sampling.top_k : 5); ++i)
      sum += std::exp((logits[i] - logits[0]) / sampling.temperature);
    const double expected = sampling.temperature > 0 ? 1 / sum : 1;
    std::cout << "temperature " << sampling.temperature << ", k "
              << (sampling.top_k ? std::to_string(sampling.top_k) : "all") << ": " << show::text(shares, 4)
              << "  " << show::text(expected, 4) << '\n';
    show::expect_true(
        "  within four standard deviations of it",
        std::abs(shares[0] - expected) <= 4 * std::sqrt(expected * (1 - expected) / 10000) + 1e-9);
  }
}
// [/temperature]

void samples(LanguageModel<float>& model, const Corpus& corpus) {
  show::section("Samples");
  const Ids prompt = corpus.vocabulary.encode(split_characters("and the "));
  Rng rng(1);
  for (const Sampling sampling : {Sampling{.5, 0}, {1, 0}, {2, 0}, {2, 3}})
    std::cout << "temperature " << sampling.temperature << ", k "
              << (sampling.top_k ? std::to_string(sampling.top_k) : "all") << ": and the »"
              << corpus.text(model.generate(prompt, 60, sampling, rng)) << "«\n";
}

void wirings(double recalled_characters) {
  show::section("Without residual connections, without normalisation");
  const Corpus corpus(first_paragraphs(read_text(our_story), 2));
  const double entropy = bigram_entropy(corpus.ids);
  const std::size_t steps = show::quick ? 40 : 400;
  std::cout << "the first " << corpus.ids.size() << " characters, bigram entropy " << show::text(entropy, 4)
            << "; 2 layers, d = 32, " << steps << " steps\n";
  show::SystemRow s14{"S14", "prose only: there is no code", "a decoder-only Transformer of characters", {}};
  show::ExperimentRow e21{"E21", "with residual connections below 0.5 nats, without above 1", {}};
  std::cout << std::left << std::setw(26) << "wiring"
            << "loss of each seed\n";
  for (const NormPlacement placement :
       {NormPlacement::neither, NormPlacement::norm_only, NormPlacement::residual_only, NormPlacement::post,
        NormPlacement::pre}) {
    const auto losses = show::over_seeds([&](std::uint64_t seed) {
      Rng rng(seed);
      LanguageModel<float> model(small_model(corpus, 32, placement), rng);
      Adam<float> adam(model.parameters(), 3e-3);
      TrainerOptions options{1, 16};
      options.seed = seed;
      train(model, adam, corpus.ids, steps, options);
      return mean_loss(model, corpus.ids);
    });
    const std::string name = Wiring(placement).describe();
    std::cout << std::setw(26) << name << show::text(losses, 2) << '\n';
    const bool residual = placement != NormPlacement::neither && placement != NormPlacement::norm_only;
    e21.results.push_back(residual ? show::below(name, losses, .5) : show::above(name, losses, 1));
    if (placement == NormPlacement::pre || placement == NormPlacement::post)
      s14.results.push_back(show::below("training loss, " + name, losses, .5));
  }
  std::cout << std::right;
  s14.results.push_back(show::above("bigram entropy", {entropy}, .5));
  s14.results.push_back(show::at_least("true characters behind a prompt, fewest", {recalled_characters}, 12));
  show::system(s14);
  show::experiment(e21);
}

void chinese() {
  show::section("Another script");
  const Corpus corpus(read_text(our_tale));
  Rng rng(1);
  LanguageModel<float> model(small_model(corpus, 64, NormPlacement::pre), rng);
  Adam<float> adam(model.parameters(), 3e-3);
  train(model, adam, corpus.ids, show::quick ? 20 : 300, {1, 16});
  const std::string prompt = "有一天，一个孩子";
  std::cout << corpus.ids.size() << " characters, " << corpus.vocabulary.size()
            << " different ones, bigram entropy " << show::text(bigram_entropy(corpus.ids), 3) << ", loss "
            << show::text(mean_loss(model, corpus.ids), 2) << '\n'
            << prompt << "»"
            << corpus.text(model.generate(corpus.vocabulary.encode(split_characters(prompt)), 24)) << "«\n";
}

// [file]
// The configuration of nanoGPT for a CPU, on any text.
int continue_file(const Settings& settings) {
  const Corpus corpus(read_text(settings.text));
  const TextSplit split = split_text(corpus.ids, .1);
  Rng rng(settings.seed);
  auto shape = LanguageModelOptions::gpt2(corpus.vocabulary.size(), 128, 4, 4, 64);
  shape.init = Init::normal(settings.deviation);
  shape.embedding_deviation = settings.deviation;
  LanguageModel<float> model(shape, rng);
  AdamW<float> adam(model.parameters(), 1e-3, {.9, .99, 1e-8, .1});
  TrainerOptions options{1, 12};
  options.seed = settings.seed;
  options.schedule =
      schedule::warm_up(100, schedule::cosine(1e-3, std::max<std::size_t>(settings.steps, 101) - 100, 1e-4));
  options.clip = 1;
  options.threads = settings.threads;
  options.progress = "training";
  options.checkpoint = settings.checkpoint;
  options.checkpoint_every = 100;
  std::cout << corpus.ids.size() << " characters, " << corpus.vocabulary.size()
            << " different ones, bigram entropy " << show::text(bigram_entropy(corpus.ids), 4) << "; "
            << model.parameter_count() << " parameters\n";
  consecutive_windows(split.validation, 1, 64);  // a text too short is refused before the work, not after it
  const Ids prompt = settings.prompt.empty() ? Ids(split.validation.begin(), split.validation.begin() + 32)
                                             : corpus.vocabulary.encode(split_characters(settings.prompt));
  const auto begin = std::chrono::steady_clock::now();
  train(model, adam, split.train, settings.steps, options);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const double loss = mean_loss(model, split.validation);
  std::cout << "training took " << show::text(seconds.count(), 3) << " s\nvalidation loss "
            << show::text(loss, 4) << ", perplexity " << show::text(perplexity(loss), 4) << "\n\n";
  std::cout << corpus.text(prompt) << "»"
            << corpus.text(model.generate(prompt, settings.length, settings.sampling, rng)) << "«\n";
  return loss <= settings.require ? 0 : 1;
}
// [/file]

int run() {
  const Corpus corpus(read_text(our_story));
  the_text(corpus);
  auto model = learn_the_story(corpus);
  const double characters = continue_the_story(model, corpus);
  temperatures();
  samples(model, corpus);
  wirings(characters);
  chinese();
  return show::finish();
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("A Transformer of characters continues a text.", "15_continuation");
  app.add_flag("--quick", show::quick, show::quick_help);
  app.add_option("--text", settings.text,
                 "a UTF-8 text file of yours to learn instead; the last tenth judges")
      ->check(CLI::ExistingFile);
  app.add_option("--prompt", settings.prompt,
                 "what to continue; without it, the beginning of the last tenth");
  app.add_option("--length", settings.length, "characters to add")->check(CLI::Range(0, 1000000));
  app.add_option("--temperature", settings.sampling.temperature, "0: always the likeliest")
      ->check(CLI::Range(0., 100.));
  app.add_option("--top-k", settings.sampling.top_k, "draw among the k likeliest only; 0: all");
  app.add_option("--steps", settings.steps, "of training")->check(CLI::Range(1, 10000000));
  app.add_option("--threads", settings.threads, "parts of a batch at the same time")
      ->check(CLI::Range(1, 12));
  app.add_option("--seed", settings.seed, "of the weights and the windows");
  app.add_option("--checkpoint", settings.checkpoint, "a file to save to, also on Ctrl-C, and to go on from");
  app.add_option("--deviation", settings.deviation,
                 "of the first weights; GPT-2, six times as wide, has 0.02")
      ->check(CLI::Range(0., 10.));
  app.add_option("--require", settings.require, "validation loss above which the exit code is 1");
  try {
    app.parse(argc, argv);
    set_threads(1);
    return settings.text.empty() ? run() : continue_file(settings);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    std::cerr << "15_continuation: " << error.what() << " (--help lists the options)\n";
  } catch (const std::exception& error) {
    std::cerr << "15_continuation: " << error.what() << '\n';
  }
  return 2;
}
