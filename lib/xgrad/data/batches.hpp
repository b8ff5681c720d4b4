#pragma once
// Minibatches: one epoch of the data in pieces, shuffled or in order.

#include <algorithm>
#include <numeric>

#include "xgrad/core/random.hpp"
#include "xgrad/data/labelled.hpp"

namespace xgrad {

/// One epoch. Every sample comes exactly once; the last batch is smaller when the size does not divide.
///
///   for (const auto& batch : Batches<float>(data, 32, rng)) loss = cross_entropy(model(batch.x),
///   batch.labels);
///
/// The data must outlive it.
template <class T>
class Batches {
 public:
  /// In random order. Throws Error when x and labels differ in number, or size is 0.
  Batches(const Labelled<T>& data, std::size_t size, Rng& rng) : Batches(data, size) {
    order_ = rng.permutation(data.size());
  }
  /// In the order of the data: for evaluation.
  Batches(const Labelled<T>& data, std::size_t size) : data_(&data), size_(size), order_(data.size()) {
    if (size == 0) fail("batches", "the batch size is 0: it must be at least 1");
    if (data.labels.dimension() != 1 || data.x.dimension() == 0 || data.x.shape(0) != data.size())
      fail("batches", "x is ", to_string(shape_of(data.x)), ", labels ", to_string(shape_of(data.labels)),
           ": there must be one label for each row of x");
    std::iota(order_.begin(), order_.end(), std::size_t(0));
  }
  Batches(Labelled<T>&&, std::size_t, Rng&) = delete;
  Batches(Labelled<T>&&, std::size_t) = delete;

  std::size_t size() const { return (order_.size() + size_ - 1) / size_; }

  /// Throws Error unless i < size().
  Labelled<T> operator[](std::size_t i) const {
    if (i >= size()) fail("batches", "there is no batch ", i, ": there are ", size());
    const std::size_t begin = i * size_, end = std::min(begin + size_, order_.size());
    Shape shape = shape_of(data_->x);
    shape[0] = end - begin;
    Labelled<T> batch{empty<T>(shape), Indices::from_shape({end - begin})};
    const std::size_t width = data_->x.size() / order_.size();
    for (std::size_t to = 0; to < end - begin; ++to) {
      const std::size_t from = order_[begin + to];
      std::copy_n(data_->x.data() + from * width, width, batch.x.data() + to * width);
      batch.labels.data()[to] = data_->labels.data()[from];
    }
    return batch;
  }

  class Iterator {
   public:
    Iterator(const Batches& batches, std::size_t i) : batches_(&batches), i_(i) {}
    Labelled<T> operator*() const { return (*batches_)[i_]; }
    Iterator& operator++() { return ++i_, *this; }
    bool operator!=(const Iterator& other) const { return i_ != other.i_; }

   private:
    const Batches* batches_;
    std::size_t i_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  const Labelled<T>* data_;
  std::size_t size_;
  std::vector<std::size_t> order_;
};

}  // namespace xgrad
