#pragma once
// Checkpoints: one file from which a training that was stopped, or killed, goes on as if nothing had
// happened.

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "xgrad/io/weights.hpp"
#include "xgrad/optim/optim.hpp"

namespace xgrad {

/// A number, or a list of numbers, that changes in the course of training: epoch, step, best loss, history.
struct NamedNumber {
  std::string name;
  std::variant<std::size_t*, double*, std::vector<double>*> value;
};

/// All that a training run is made of. With the same values in all of it, the same program on the same
/// machine computes the same next step, bit for bit.
template <class T>
struct Training {
  Module<T>& model;                        ///< parameters, buffers, and generators such as those of dropout
  Optimizer<T>& optimizer;                 ///< its memory, step counts and learning rate
  std::vector<NamedGenerator> generators;  ///< others, such as the one that shuffles the samples
  std::vector<NamedNumber> numbers;
  std::string configuration;  ///< any text, usually JSON (see io/config.hpp): what the model is built from
};

/// Writes everything into one safetensors file, as write_file does: after a crash at any moment there is the
/// checkpoint before or this one, never a mixture.
template <class T>
void save_checkpoint(const std::string& path, const Training<T>& training);

/// Gives everything the values of a checkpoint but the configuration, which is for the program to read first.
/// Throws Error, before anything is changed, when the file is no checkpoint, damaged, or of another model,
/// optimiser or program: every name, type and shape must be the same.
template <class T>
void load_checkpoint(const std::string& path, const Training<T>& training);

/// The configuration of a checkpoint. Throws Error when the file is no checkpoint.
std::string checkpoint_configuration(const std::string& path);

}  // namespace xgrad
