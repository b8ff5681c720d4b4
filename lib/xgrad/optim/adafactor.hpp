#pragma once
// Two optimisers beside SGD and Adam: Adafactor, and AdamW that hands over to SGD.

#include "xgrad/optim/optim.hpp"

namespace xgrad {

struct AdafactorOptions {
  double eps1 = 1e-30;      ///< added to each squared gradient
  double eps2 = 1e-3;       ///< the smallest size that a parameter counts as
  double clip = 1;          ///< d: the largest root mean square of an update
  double decay = .8;        ///< β₂ of step t is 1 - t^-decay
  double weight_decay = 0;  ///< decoupled: x -= ηλx
};

/// Adam's second moment in little memory: of a matrix (n, m), only the sums R of the rows and C of the
/// columns are kept, n + m numbers instead of nm (Shazeer & Stern, arXiv:1804.04235, algorithms 4 and 5):
///
///   R = β₂R + (1-β₂) (g² + ε₁)1,   C = β₂C + (1-β₂) 1ᵀ(g² + ε₁),   V̂ = RC/ΣR,   u = g/√V̂
///   x -= max(ε₂, rms x) ρ u/max(1, rms u/d),   ρ = min(η, 1/√t)
///
/// A vector keeps V̂ itself. With more axes than two, the last two are the matrix. No first moment.
template <class T>
class Adafactor : public Optimizer<T> {
 public:
  explicit Adafactor(const Parameters<T>& parameters, double learning_rate = .01,
                     AdafactorOptions options = {});
  std::vector<OptimizerMemory<T>> memory() override;  ///< R and C; of a vector V̂, called R

 private:
  void update(std::size_t which, T* x, const T* dx, std::size_t n) override;
  AdafactorOptions options_;
  std::vector<std::string> names_;
  std::vector<Shape> shapes_;
  std::vector<AlignedVector<T>> rows_, columns_;  // a vector's V̂ is in rows_
};

struct HandOver {
  std::size_t step;        ///< how many updates AdamW makes
  double rate_factor = 1;  ///< SGD's learning rate is this times learning_rate: it usually needs a larger one
  SgdOptions sgd = {};
};

/// AdamW for the first steps, then SGD ("AdamW+SGD"): the fast start of one with the end of the other, as
/// in Keskar & Socher, arXiv:1712.07628, but at a step and with a rate that the user gives. SGD's velocity
/// starts at 0. Throws Error when Nesterov's method is asked for.
template <class T>
class AdamWThenSGD : public AdamW<T> {
 public:
  AdamWThenSGD(const Parameters<T>& parameters, double learning_rate, HandOver hand_over,
               AdamOptions options = {.9, .999, 1e-8, .01});
  std::vector<OptimizerMemory<T>> memory() override;  ///< AdamW's m and v, and SGD's velocity

 private:
  void update(std::size_t which, T* x, const T* dx, std::size_t n) override;
  HandOver hand_over_;
  std::vector<AlignedVector<T>> velocity_;
};

}  // namespace xgrad
