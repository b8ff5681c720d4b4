#include "xgrad/train/evaluate.hpp"

#include <algorithm>

#include "xgrad/core/scalars.hpp"
#include "xgrad/data/batches.hpp"
#include "xgrad/ops/loss.hpp"

namespace xgrad {

template <class T>
Evaluation evaluate(Module<T>& model, const Labelled<T>& data, std::size_t batch) {
  if (data.size() == 0) fail("evaluate", "there are 0 samples: there must be at least one");
  const bool was_training = model.training();
  model.train(false);
  const NoGrad no_grad;
  auto answers = empty<std::int64_t>({data.size()});
  std::size_t done = 0, classes = 0;
  double loss = 0;
  for (const auto& part : Batches<T>(data, batch)) {
    const auto logits = model(part.x);
    classes = logits.extent(-1);
    loss += double(cross_entropy(logits, part.labels).item()) * double(part.size());
    const Indices predicted = predicted_classes(logits.value());
    std::copy(predicted.begin(), predicted.end(), answers.begin() + std::ptrdiff_t(done));
    done += part.size();
  }
  model.train(was_training);
  return {loss / double(done), ConfusionMatrix(classes, data.labels, answers), answers};
}

template <class T>
Labelled<T> samples(const Labelled<T>& data, const std::vector<std::size_t>& which) {
  Shape shape = shape_of(data.x);
  if (shape.empty() || shape[0] != data.size())
    fail("samples", "x is ", to_string(shape), ", there are ", data.size(),
         " labels: there must be one for each row");
  shape[0] = which.size();
  Labelled<T> chosen{empty<T>(shape), empty<std::int64_t>({which.size()})};
  const std::size_t width = data.size() ? data.x.size() / data.size() : 0;
  for (std::size_t i = 0; i < which.size(); ++i) {
    if (which[i] >= data.size())
      fail("samples", "there is no sample ", which[i], ": there are ", data.size());
    std::copy_n(data.x.data() + which[i] * width, width, chosen.x.data() + i * width);
    chosen.labels.data()[i] = data.labels.data()[which[i]];
  }
  return chosen;
}

#define XGRAD_INSTANTIATE(T)                                                 \
  template Evaluation evaluate(Module<T>&, const Labelled<T>&, std::size_t); \
  template Labelled<T> samples(const Labelled<T>&, const std::vector<std::size_t>&);
XGRAD_FOR_EACH_SCALAR(XGRAD_INSTANTIATE)

}  // namespace xgrad
