// continue-text: a decoder-only Transformer learns a text, character by character, and goes on writing.

#include "program.hpp"

using namespace xgrad;

namespace {

// The sizes that nanoGPT suggests for a processor without a graphics card.
struct ModelOptions {
  std::size_t d = 128, heads = 4, layers = 4, context = 64;
  double dropout = 0;
  std::string characters;  // of the text
};

struct Settings {
  std::string program = "continue-text";
  ModelOptions model;
  std::string text;
  std::size_t steps = 2000, batch = 12, evaluate_every = 250, save_every = 100, seed = 1;
  double learning_rate = 3e-3;  // on tiny Shakespeare better than 1e-3: validation loss 1.78, not 1.90
};

void fields(Fields& f, ModelOptions& o) {
  f("d", o.d, 1, 4096);
  f("heads", o.heads, 1, 256);
  f("layers", o.layers, 1, 100);
  f("context", o.context, 1, 100000);
  f("dropout", o.dropout, 0, .9);
  f("characters", o.characters);
}

void fields(Fields& f, Settings& s) {
  f("program", s.program, {"continue-text"});
  f("model", s.model);
  f("text", s.text);
  f("steps", s.steps, 1, 100000000);
  f("batch", s.batch, 1, 1000000);
  f("evaluate_every", s.evaluate_every, 1, 100000000);
  f("save_every", s.save_every, 1, 100000000);
  f("seed", s.seed);
  f("learning_rate", s.learning_rate, 1e-9, 10);
}

Vocabulary vocabulary_of(const std::string& characters) {
  return Vocabulary(split_characters(characters), Vocabulary::Specials::none);
}

LanguageModel<float> model_of(const ModelOptions& options, Rng& rng) {
  const std::size_t characters = split_characters(options.characters).size();
  auto gpt =
      LanguageModelOptions::gpt2(characters, options.d, options.heads, options.layers, options.context);
  gpt.dropout = options.dropout;
  return LanguageModel<float>(gpt, rng);
}

Variable<float> loss_of(LanguageModel<float>& model, const Windows& windows) {
  return cross_entropy(model(windows.x), windows.next);
}

/// The mean loss over `batches`, or over the first `most` of them.
double evaluate(LanguageModel<float>& model, const std::vector<Windows>& batches, std::size_t most) {
  model.train(false);
  double sum = 0;
  std::size_t windows = 0;
  for (std::size_t i = 0; i < std::min(most, batches.size()); ++i) {
    sum += double(loss_of(model, batches[i]).item()) * double(batches[i].size());
    windows += batches[i].size();
  }
  model.train();
  return sum / double(windows);
}

/// Trains until the steps are done, or Ctrl-C; returns whether they are done.
bool train(Settings& settings, const program::Files& files) {
  const Tokens text = split_characters(read_text(settings.text));
  const Vocabulary vocabulary(text, Vocabulary::Specials::none);
  std::string characters;
  for (std::size_t i = 0; i < vocabulary.size(); ++i) characters += vocabulary.token(std::int64_t(i));
  if (files.resumes() && characters != settings.model.characters)
    fail("data", settings.text, " has other characters than the text of ", files.checkpoint,
         ": name another --checkpoint, or begin anew with --fresh");
  settings.model.characters = characters;
  const TextSplit split = split_text(vocabulary.encode(text));
  const auto validation = consecutive_windows(split.validation, 64, settings.model.context);

  Rng rng(settings.seed);
  auto model = model_of(settings.model, rng);
  AdamW<float> optimizer(model.parameters(), settings.learning_rate, {.9, .99, 1e-8, .1});
  const std::size_t warm_up = std::min<std::size_t>(100, settings.steps / 10);
  const Schedule rate = schedule::warm_up(
      warm_up,
      schedule::cosine(settings.learning_rate, settings.steps - warm_up, settings.learning_rate / 10));
  std::size_t step = 0;
  const Training<float> training{model, optimizer, {{"windows", &rng}}, {{"step", &step}}, to_json(settings)};
  program::Logs logs(files);
  if (files.resumes()) load_checkpoint(files.checkpoint, training);
  save_config(files.configuration(), settings);
  std::cerr << text.size() << " characters, " << vocabulary.size() << " different ones; "
            << model.parameter_count() << " parameters\n";

  const Interrupt ctrl_c;
  double validation_loss = NAN;
  {
    Progress progress("training", settings.steps);
    while (step < settings.steps && !Interrupt::requested()) {
      const auto windows = random_windows(split.train, settings.batch, settings.model.context, rng);
      optimizer.learning_rate = rate(step);
      Tape<float> tape;
      const auto loss = loss_of(model, windows);
      optimizer.zero_grad();
      loss.backward();
      clip_grad_norm(model.parameters(), 1);
      optimizer.step();
      ++step;
      if (!std::isfinite(loss.item()))
        fail("training", "the loss of step ", step, " is ", loss.item(), ": try a smaller --lr");
      if (step % settings.evaluate_every == 0 || step == settings.steps) {
        const NoGrad pause;
        validation_loss = evaluate(model, validation, step == settings.steps ? validation.size() : 4);
        logs.write(step, {{"loss", double(loss.item())}, {"validation loss", validation_loss}});
        logs.histograms(step, model);
      }
      if (step % settings.save_every == 0 || step == settings.steps)
        save_checkpoint(files.checkpoint, training);
      progress.update(
          step,
          "loss " + program::fixed(double(loss.item()), 3) +
              (std::isnan(validation_loss) ? "" : "  validation " + program::fixed(validation_loss, 3)));
    }
  }
  if (step < settings.steps) {
    save_checkpoint(files.checkpoint, training);
    program::interrupted(files, step);
    return false;
  }
  if (!std::isnan(validation_loss))
    std::cerr << "validation loss on the last tenth of the text: " << program::fixed(validation_loss, 4)
              << '\n';
  return true;
}

struct Request {
  std::string prompt = "\n";
  std::size_t length = 500, seed = 1;
  bool greedy = false;
  Sampling sampling;
};

int write(const program::Files& files, const Request& request) {
  const auto settings = from_json<Settings>(files.checkpoint, checkpoint_configuration(files.checkpoint));
  const Vocabulary vocabulary = vocabulary_of(settings.model.characters);
  Rng rng(request.seed);
  auto model = model_of(settings.model, rng);
  load_weights(model, files.checkpoint);
  Sampling sampling = request.sampling;
  if (request.greedy) sampling.temperature = 0;
  Ids text = vocabulary.encode(split_characters(request.prompt));
  std::cout << request.prompt << std::flush;
  for (std::size_t i = 0; i < request.length; ++i) {  // one at a time, so that one can watch
    text.push_back(model.generate(text, 1, sampling, rng).back());
    std::cout << vocabulary.token(text.back()) << std::flush;
  }
  std::cout << '\n';
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  Request request;
  program::Files files;
  files.checkpoint = "continue-text.safetensors";
  CLI::App app(
      "Learns a text, character by character, and goes on writing. With a text file it learns, or goes on\n"
      "learning, and writes; without one it writes with what the checkpoint knows.",
      "continue-text");
  app.add_option("text", settings.text, "any text in UTF-8: the last tenth is kept to judge by");
  app.add_option("--prompt", request.prompt, "where the writing begins");
  app.add_option("--length", request.length, "how many characters to write")->capture_default_str();
  using program::number;
  number(app, "--temperature", request.sampling.temperature, 0, 100, "below 1: safer, above: bolder");
  app.add_option("--top-k", request.sampling.top_k, "draw from the k likeliest characters only; 0: all")
      ->capture_default_str();
  app.add_flag("--greedy", request.greedy, "always the likeliest character");
  app.add_option("--seed", request.seed, "of what is drawn")->capture_default_str();
  auto& model = settings.model;
  const std::size_t many = 100000000;
  for (CLI::Option* option :
       {number(app, "--steps", settings.steps, 1, many, "how long to learn"),
        number(app, "--batch", settings.batch, 1, 1000000, "pieces of text per step"),
        number(app, "--context", model.context, 1, 100000, "characters seen at once"),
        number(app, "--layers", model.layers, 1, 100, "blocks of attention and feed-forward"),
        number(app, "--heads", model.heads, 1, 256, "of attention"),
        number(app, "--width", model.d, 1, 4096, "features of a character"),
        number(app, "--dropout", model.dropout, 0, .9, "share of numbers left out while learning"),
        program::learning_rate(app, settings.learning_rate, "the largest learning rate"),
        app.add_option("--weights-seed", settings.seed,
                       "of the initial weights and the pieces that are drawn")
            ->capture_default_str(),
        number(app, "--evaluate-every", settings.evaluate_every, 1, many, "steps"),
        number(app, "--save-every", settings.save_every, 1, many, "steps")})
    option->group("Learning");
  files.add_to(app);
  return program::run(app, [&] {
    program::parse(app, argc, argv, files, settings);
    const bool learn = app.count("text") > 0;
    if (!learn && !files.resumes())
      fail("continue-text", files.checkpoint, " does not exist: name a text file to learn from");
    if (learn) settings.text = std::filesystem::absolute(settings.text).string();
    if (files.fresh) std::filesystem::remove(files.checkpoint);
    if (learn && !train(settings, files)) return 130;
    return write(files, request);
  });
}
