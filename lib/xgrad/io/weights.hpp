#pragma once
// What a model has learned, as a safetensors file.

#include <string>

#include "xgrad/nn/module.hpp"

namespace xgrad {

/// Writes all parameters and buffers under their names ("attention.query.weight"), all or nothing.
template <class T>
void save_weights(Module<T>& module, const std::string& path);

/// Gives a module of the same structure the values of a file: one that save_weights wrote, the model of a
/// checkpoint, or any safetensors file with these names. Throws Error, before anything is changed, when the
/// file is rejected by load_safetensors, a name is missing or unknown, or a type or shape is another.
template <class T>
void load_weights(Module<T>& module, const std::string& path);

}  // namespace xgrad
