#include "products.hpp"

#include "xgrad/core/gemm.hpp"

#if __has_include(<cblas.h>)
#include <cblas.h>
#endif

namespace benchmarks {

using xgrad::full;
using xgrad::Op;

namespace {
/// C = α op(A) op(B) + β C, as xgrad::gemm, but always OpenBLAS's where there is one: the common yardstick.
void multiply(Op op_a, Op op_b, std::size_t m, std::size_t n, std::size_t k, float alpha, const float* a,
              std::size_t lda, const float* b, std::size_t ldb, float beta, float* c, std::size_t ldc) {
#if __has_include(<cblas.h>)
  const auto word = [](Op op) { return op == Op::none ? CblasNoTrans : CblasTrans; };
  const auto number = [](std::size_t x) { return static_cast<blasint>(x); };
  cblas_sgemm(CblasRowMajor, word(op_a), word(op_b), number(m), number(n), number(k), alpha, a, number(lda),
              b, number(ldb), beta, c, number(ldc));
#else
  xgrad::gemm<float>(op_a, op_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
#endif
}
}  // namespace

void Products::linear(std::size_t rows, std::size_t in, std::size_t out, bool dx) {
  const auto matrix = [](std::size_t m, std::size_t n) { return full<float>({m, n}, .01f); };
  parts_.push_back(Linear{rows, in, out, dx, matrix(rows, in), matrix(out, in), matrix(rows, out),
                          matrix(rows, in), matrix(out, in)});
}

void Products::attention(std::size_t count, std::size_t tokens, std::size_t width) {
  const auto values = [&] { return full<float>({count, tokens, width}, .01f); };
  const auto scores = [&] { return full<float>({count, tokens, tokens}, .01f); };
  parts_.push_back(Attention{count, tokens, width, values(), values(), values(), values(), scores(), values(),
                             values(), values(), scores()});
}

void Products::convolution(std::size_t images, std::size_t outputs, std::size_t window, std::size_t channels,
                           bool dx) {
  const auto filled = [](const xgrad::Shape& shape) { return full<float>(shape, .01f); };
  parts_.push_back(Convolution{images, outputs, window, channels, dx, filled({window, outputs}),
                               filled({channels, window}), filled({images, channels, outputs}),
                               filled({window, outputs}), filled({channels, window})});
}

void Products::encoder_layer(std::size_t batch, std::size_t tokens, std::size_t d, std::size_t heads) {
  for (int i = 0; i < 3; ++i) linear(batch * tokens, d, d);  // query, key, value
  attention(batch * heads, tokens, d / heads);
  linear(batch * tokens, d, d);
  linear(batch * tokens, d, 4 * d);
  linear(batch * tokens, 4 * d, d);
}

double Products::Linear::flops() const {
  return 2.0 * double(rows) * double(in) * double(out) * (wants_dx ? 3 : 2);
}

void Products::Linear::forward() {
  multiply(Op::none, Op::transposed, rows, out, in, 1, x.data(), in, w.data(), in, 0, y.data(), out);
}

void Products::Linear::backward() {  // dx = dy W, dW = dyᵀ x; y stands for dy
  if (wants_dx) multiply(Op::none, Op::none, rows, in, out, 1, y.data(), out, w.data(), in, 0, dx.data(), in);
  multiply(Op::transposed, Op::none, out, in, rows, 1, y.data(), out, x.data(), in, 0, dw.data(), in);
}

double Products::Attention::flops() const {
  return 2.0 * double(count) * double(tokens) * double(tokens) * double(width) * 6;
}

void Products::Attention::forward() {  // P = Q Kᵀ, Y = P V
  const std::size_t t = tokens, w = width;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i * t * w;
    float* pi = p.data() + i * t * t;
    multiply(Op::none, Op::transposed, t, t, w, 1, q.data() + at, w, k.data() + at, w, 0, pi, t);
    multiply(Op::none, Op::none, t, w, t, 1, pi, t, v.data() + at, w, 0, y.data() + at, w);
  }
}

void Products::Attention::backward() {  // dV = Pᵀ dY, dP = dY Vᵀ, dQ = dP K, dK = dPᵀ Q; y stands for dY
  const std::size_t t = tokens, w = width;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = i * t * w;
    const float *pi = p.data() + i * t * t, *dy = y.data() + at;
    float* dpi = dp.data() + i * t * t;
    multiply(Op::transposed, Op::none, t, w, t, 1, pi, t, dy, w, 0, dv.data() + at, w);
    multiply(Op::none, Op::transposed, t, t, w, 1, dy, w, v.data() + at, w, 0, dpi, t);
    multiply(Op::none, Op::none, t, w, t, 1, dpi, t, k.data() + at, w, 0, dq.data() + at, w);
    multiply(Op::transposed, Op::none, t, w, t, 1, dpi, t, q.data() + at, w, 0, dk.data() + at, w);
  }
}

double Products::Convolution::flops() const {
  return 2.0 * double(images) * double(outputs) * double(window) * double(channels) * (wants_dx ? 3 : 2);
}

void Products::Convolution::forward() {
  for (std::size_t i = 0; i < images; ++i)
    multiply(Op::none, Op::none, channels, outputs, window, 1, w.data(), window, k.data(), outputs, 0,
             y.data() + i * channels * outputs, outputs);
}

void Products::Convolution::backward() {  // dW += dY Kᵀ, dK = Wᵀ dY; y stands for dY
  for (std::size_t i = 0; i < images; ++i) {
    const float* dy = y.data() + i * channels * outputs;
    multiply(Op::none, Op::transposed, channels, window, outputs, 1, dy, outputs, k.data(), outputs, 1,
             dw.data(), window);
    if (wants_dx)
      multiply(Op::transposed, Op::none, window, outputs, channels, 1, w.data(), window, dy, outputs, 0,
               dk.data(), outputs);
  }
}

double Products::flops() const {
  double sum = 0;
  for (const auto& part : parts_) sum += std::visit([](const auto& p) { return p.flops(); }, part);
  return sum;
}

void Products::run() {
  for (auto& part : parts_) std::visit([](auto& p) { p.forward(); }, part);
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part)
    std::visit([](auto& p) { p.backward(); }, *part);
}

}  // namespace benchmarks
