#pragma once
// softmax, log_softmax, layer_norm, rms_norm. Each is one fused op; its readable definition from smaller ops
// is in composed.hpp and is tested against it.

#include "xgrad/core/tape.hpp"
#include "xgrad/ops/reduce.hpp"

namespace xgrad {

/// eˣⁱ / Σ eˣʲ along one axis. Stable for any finite input; a slice that is all -inf gives NaN. Throws Error
/// on an axis that does not exist.
template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);
/// ln softmax(x), computed as (x - m) - ln Σ e^(x-m) with m = max x. Throws as softmax does.
template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

struct LayerNormOptions {
  double eps = 1e-5;                      ///< inside the root; 0 is allowed and gives NaN on constant rows
  Divisor divisor = Divisor::population;  ///< sample: the n - 1 of torch.std; NaN for one feature
  std::size_t axes = 1;                   ///< how many trailing axes are normalised together
};

/// y = γ x̂ + β with x̂ = (x - μ)/√(σ² + ε), μ and σ² over the trailing axes of each sample
/// (Ba, Kiros & Hinton, arXiv:1607.06450). γ and β have the shape of those axes; either may be empty.
/// They may also have the shape of more of x's trailing axes: then neighbouring samples have gains of their
/// own. Throws Error when γ or β has no such shape, and when x has fewer axes than are to be normalised.
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gamma = {}, const Variable<T>& beta = {},
                       const LayerNormOptions& options = {});

/// y = γ x/√(mean x² + ε) over the last axis (Zhang & Sennrich, arXiv:1910.07467): no mean is taken out, and
/// no shift is added. γ (n,) for x (…, n), or empty; Error when it has another shape.
template <class T>
Variable<T> rms_norm(const Variable<T>& x, const Variable<T>& gamma = {}, double eps = 1e-5);

}  // namespace xgrad
