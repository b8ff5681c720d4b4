// translate: an encoder-decoder Transformer learns a language pair from sentences, and translates.

#include <map>

#include "program.hpp"

using namespace xgrad;

namespace {

struct ModelOptions {
  std::size_t d = 32, heads = 4, layers = 1;
  std::string placement = "post";
  double dropout = 0;
  std::string source, target;  // the words of both languages, with spaces between
};

struct Settings {
  std::string program = "translate";
  ModelOptions model;
  std::string data;
  std::size_t epochs = 70, batch = 64, held_out = 30, seed = 1;
  double learning_rate = 3e-3;
};

void fields(Fields& f, ModelOptions& o) {
  f("d", o.d, 1, 4096);
  f("heads", o.heads, 1, 256);
  f("layers", o.layers, 1, 100);
  f("placement", o.placement, {"post", "pre"});
  f("dropout", o.dropout, 0, .9);
  f("source", o.source);
  f("target", o.target);
}

void fields(Fields& f, Settings& s) {
  f("program", s.program, {"translate"});
  f("model", s.model);
  f("data", s.data);
  f("epochs", s.epochs, 1, 100000);
  f("batch", s.batch, 1, 1000000);
  f("held_out", s.held_out, 0, 1000000);
  f("seed", s.seed);
  f("learning_rate", s.learning_rate, 1e-9, 10);
}

std::string words_of(const Vocabulary& vocabulary) {
  std::string words;
  for (std::size_t i = vocabulary.specials(); i < vocabulary.size(); ++i)
    words += (words.empty() ? "" : " ") + vocabulary.token(std::int64_t(i));
  return words;
}

Vocabulary vocabulary_of(const std::string& words) {
  Tokens tokens;
  std::istringstream text(words);
  for (std::string word; text >> word;) tokens.push_back(word);
  return Vocabulary(tokens);
}

/// The pairs of a file, in a random order; `n` are held out, of those whose words are all learned from
/// others.
ParallelCorpus corpus_of(const std::vector<SentencePair>& pairs, std::size_t n, std::uint64_t seed) {
  std::map<std::string, std::size_t> sources, targets;
  Tokens source, target;
  for (const auto& pair : pairs) {
    for (const auto& word : pair.source) ++sources[word], source.push_back(word);
    for (const auto& word : pair.target) ++targets[word], target.push_back(word);
  }
  const auto spare = [](const Tokens& words, const std::map<std::string, std::size_t>& counts) {
    return std::all_of(words.begin(), words.end(), [&](const auto& word) {
      return counts.at(word) > std::size_t(std::count(words.begin(), words.end(), word));
    });
  };
  ParallelCorpus corpus{{}, {}, Vocabulary(source), Vocabulary(target)};
  Rng rng(seed);
  for (const std::size_t i : rng.permutation(pairs.size())) {
    const SentencePair& pair = pairs[i];
    const bool held =
        corpus.held_out.size() < n && spare(pair.source, sources) && spare(pair.target, targets);
    (held ? corpus.held_out : corpus.train).push_back(pair);
    if (!held) continue;
    for (const auto& word : pair.source) --sources[word];
    for (const auto& word : pair.target) --targets[word];
  }
  return corpus;
}

struct Translator {
  Vocabulary source, target;
  Transformer<float> model;
  std::size_t longest = 64;

  std::vector<Tokens> operator()(const std::vector<SentencePair>& pairs) {
    std::vector<Ids> sentences;
    for (const auto& pair : pairs) {
      sentences.push_back(source.encode(pair.source));
      sentences.back().push_back(Vocabulary::eos);
    }
    std::vector<Tokens> answers;
    for (const Ids& ids : model.translate(padded(sentences), Vocabulary::bos, Vocabulary::eos, longest))
      answers.push_back(target.decode(ids));
    return answers;
  }
};

Translator translator(const ModelOptions& options, Rng& rng) {
  auto source = vocabulary_of(options.source), target = vocabulary_of(options.target);
  TransformerOptions transformer;
  transformer.source_vocabulary = source.size();
  transformer.target_vocabulary = target.size();
  transformer.d = options.d;
  transformer.heads = options.heads;
  transformer.encoder_layers = transformer.decoder_layers = options.layers;
  transformer.wiring = options.placement == "pre" ? NormPlacement::pre : NormPlacement::post;
  transformer.dropout = options.dropout;
  transformer.padding = Vocabulary::pad;
  return {std::move(source), std::move(target), Transformer<float>(transformer, rng)};
}

/// The share of sentences that are translated right to the last word.
double exact(Translator& translate, const std::vector<SentencePair>& pairs) {
  std::size_t right = 0;
  for (std::size_t begin = 0; begin < pairs.size(); begin += 100) {
    const auto end = pairs.begin() + std::ptrdiff_t(std::min(begin + 100, pairs.size()));
    const std::vector<SentencePair> some(pairs.begin() + std::ptrdiff_t(begin), end);
    const auto answers = translate(some);
    for (std::size_t i = 0; i < some.size(); ++i) right += answers[i] == some[i].target;
  }
  return double(right) / double(pairs.size());
}

/// Trains until the epochs are over, or Ctrl-C; returns whether they are over.
bool train(Settings& settings, const program::Files& files) {
  const ParallelCorpus corpus =
      settings.data.empty() ? english_french(Grammar::pronouns, settings.held_out, settings.seed)
                            : corpus_of(read_sentence_pairs(settings.data), settings.held_out, settings.seed);
  const std::string source = words_of(corpus.source), target = words_of(corpus.target);
  if (files.resumes() && (source != settings.model.source || target != settings.model.target))
    fail("data", "the words are others than those of ", files.checkpoint, ": name another --checkpoint");
  settings.model.source = source;
  settings.model.target = target;
  Rng rng(settings.seed);
  Translator translate = translator(settings.model, rng);
  Adam<float> optimizer(translate.model.parameters(), settings.learning_rate);
  CrossEntropyOptions not_padding;
  not_padding.ignore_index = Vocabulary::pad;
  const auto loss_of = [&](const std::vector<SentencePair>& pairs) {
    const auto batch = encode(pairs, corpus.source, corpus.target);
    return cross_entropy(translate.model(batch.source, batch.target), batch.expected, not_padding);
  };

  TrainerOptions options = program::trainer_options(files, settings, 200);
  options.clip = 1;
  Trainer<float> trainer(translate.model, optimizer, options);
  if (!corpus.held_out.empty())
    trainer.validate = [&] { return Measures{{"loss", double(loss_of(corpus.held_out).item())}}; };
  program::Logs logs(files);
  trainer.on_epoch = [&](const History& h) {
    Scalars scalars{{"loss", h.epoch_loss.back()}};
    if (!corpus.held_out.empty()) scalars.emplace_back("held-out loss", h.measure("loss").back());
    logs.write(h.steps(), scalars);
    logs.histograms(h.steps(), translate.model);
  };
  const History history = trainer.fit(corpus.train.size(), [&](const Batch& batch) {
    std::vector<SentencePair> pairs;
    for (const std::size_t i : batch) pairs.push_back(corpus.train[i]);
    return loss_of(pairs);
  });
  if (history.interrupted) return program::interrupted(files, history.steps()), false;
  std::cerr << corpus.train.size() << " pairs learned, right to the last word: "
            << program::fixed(exact(translate, corpus.train), 3);
  if (!corpus.held_out.empty())
    std::cerr << "; of " << corpus.held_out.size()
              << " never seen: " << program::fixed(exact(translate, corpus.held_out), 3);
  std::cerr << '\n';
  return true;
}

int answer(const program::Files& files, const std::vector<std::string>& sentences) {
  const auto settings = from_json<Settings>(files.checkpoint, checkpoint_configuration(files.checkpoint));
  Rng rng(settings.seed);
  Translator translate = translator(settings.model, rng);
  load_weights(translate.model, files.checkpoint);
  const auto say = [&](const std::string& sentence) {
    const Tokens words = split_words(sentence);
    if (words.empty()) return;
    std::cout << join_words(translate({{words, {}}})[0]) << std::endl;
  };
  for (const std::string& sentence : sentences) say(sentence);
  if (sentences.empty())
    for (std::string line; std::getline(std::cin, line);) say(line);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  program::Files files;
  files.checkpoint = "translate.safetensors";
  std::vector<std::string> sentences;
  bool only_train = false;
  CLI::App app(
      "Translates sentences, one for each argument, or one for each line of its input. Without a checkpoint "
      "it\n"
      "learns first: from --data, or from 187 generated English and French sentences (subject, verb, "
      "pronoun).",
      "translate");
  app.add_option("sentence", sentences, "what to translate, such as \"I love you\"");
  app.add_flag("--train", only_train, "learn, or go on learning, and translate nothing");
  app.add_option("--data", settings.data, "text file: in each line a sentence, a tab, and its translation");
  using program::number;
  auto& model = settings.model;
  number(app, "--held-out", settings.held_out, 0, 1000000, "pairs kept from learning, to judge by");
  number(app, "--layers", model.layers, 1, 100, "of the encoder and of the decoder");
  number(app, "--heads", model.heads, 1, 256, "of attention");
  number(app, "--width", model.d, 1, 4096, "features of a word");
  program::word(app, "--norm", model.placement, {"post", "pre"},
                "where layer normalisation stands: post or pre");
  number(app, "--dropout", model.dropout, 0, .9, "share of numbers left out while learning");
  number(app, "--epochs", settings.epochs, 1, 100000, "times that every pair is seen");
  number(app, "--batch", settings.batch, 1, 1000000, "pairs per step");
  program::learning_rate(app, settings.learning_rate, "learning rate of Adam");
  app.add_option("--seed", settings.seed, "of the initial weights and all random choices")
      ->capture_default_str();
  files.add_to(app);
  return program::run(app, [&] {
    program::parse(app, argc, argv, files, settings);
    if (!settings.data.empty()) settings.data = std::filesystem::absolute(settings.data).string();
    const bool learn = only_train || !files.resumes();
    if (files.fresh) std::filesystem::remove(files.checkpoint);
    if (learn && !train(settings, files)) return 130;
    return only_train ? 0 : answer(files, sentences);
  });
}
