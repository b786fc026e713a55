// One operation, of which the whole vocoder is made: (instance norm's affine, activation) -> convolution over time ->
// (bias, residual, gain) and the next norm's statistics, in one pass over the data.
//
// Everything is channels last, (positions, channels), channels a multiple of 16, so that a vector register holds 16
// channels of one position. There are two ways to convolve:
//
// direct   one matrix product (positions x taps in) x (taps in x out); by rows, or by columns if the weights are larger.
// window   overlap-save in the frequency domain: a window of N positions gives N - k + 1 outputs, and costs one product
//          a real number of its spectrum; a complex product is three real ones (Gauss). With N = 32 a kernel of 11 needs
//          47 products for 22 outputs: 2.1 an output instead of 11. `dilation` interleaved windows make a group.
//
//   x --affine, activation--> act --rfft--> (windows, P, in) --P products--> (windows, P, out) --irfft--> out
//
// With `bfloat16` the factors of the products are bfloat16 and tensors between operations may be half precision (their
// own rounding is eight times finer); sums, transforms and statistics are float32 and up. Without, all is float32. In
// between, for direct ones: every factor the sum of two bfloat16, high and low, 16 bits of float32's 24, and three
// products, all but low x low. Where bfloat16 is multiplied by tiles (AMX) that is nearly twice as fast as float32.
#include <ATen/native/CPUBlas.h>
#include <omp.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>

#include "tiles.h"
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

extern "C" {

// Mirrored, field by field, by `_Operation` in convolution.py.
struct Operation {
  int64_t in_positions, out_positions;
  int64_t in_channels, out_channels;
  int64_t in_stride, out_stride, residual_stride;  // from one position to the next, elements
  int64_t kernel, dilation, padding;               // taps; positions between taps; zeros before the first position
  int64_t window;                                  // N: 16 or 32, or 0 for direct
  int64_t block;                                   // outputs (direct) or windows worked on together
  int64_t columns;                                 // output channels of one direct product, a divisor of all
  int64_t threads;
  int32_t bfloat16;    // parts that each weight is the sum of, bfloat16: 1, or 2 (direct only); 0 if it is one float32
  int32_t in_half, out_half;  // whether `in`, and `out` and `residual`, are half precision
  int32_t activation;  // 0 none, 1 leaky ReLU of `slope`, 2 Snake of `alpha`
  int32_t accumulate;  // add to what `out` holds
  float slope, gain;   // `gain` is on convolution + bias + residual
  const void* in;
  const float *mean, *variance;  // (in_channels) of `in` over time; null for no norm
  const float *scale, *shift;    // (in_channels) after normalisation
  const float* alpha;            // (in_channels)
  const void* weights;           // packed by convolution.py
  const float* bias;             // (out_channels)
  const void* residual;          // or null
  void* out;
  float *out_mean, *out_variance;  // (out_channels) of `out` over time; null for none
};

}  // extern "C"

namespace {

constexpr int LANES = 16;
constexpr int64_t PARTS = 8;
constexpr size_t PAGE = 1 << 21;  // a huge one: windows lie kilobytes apart, and small pages would each need an entry
constexpr float NORM_EPS = 1e-5f;
typedef float Vec __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t IntVec __attribute__((vector_size(LANES * sizeof(int32_t))));
using at::BFloat16;
#define INLINE inline __attribute__((always_inline))

INLINE Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float* p, Vec v) { std::memcpy(p, &v, sizeof v); }

#ifdef __AVX512BF16__
INLINE void store(BFloat16* p, Vec v) {
  const __m256bh packed = _mm512_cvtneps_pbh((__m512)v);
  std::memcpy(p, &packed, sizeof packed);
}
INLINE Vec load(const BFloat16* p) {
  const __m256i packed = _mm256_loadu_si256((const __m256i*)p);
  return (Vec)_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(packed), 16));
}
INLINE Vec load(const void* base, int64_t index, bool half) {
  if (!half) return load(static_cast<const float*>(base) + index);
  return (Vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)(static_cast<const uint16_t*>(base) + index)));
}
INLINE void store(void* base, int64_t index, Vec v, bool half) {
  if (!half) return store(static_cast<float*>(base) + index, v);
  // Saturate rather than overflow. The order of the arguments lets NaN through.
  const __m512 bounded = _mm512_max_ps(_mm512_set1_ps(-65504.0f), _mm512_min_ps(_mm512_set1_ps(65504.0f), (__m512)v));
  _mm256_storeu_si256((__m256i*)(static_cast<uint16_t*>(base) + index), _mm512_cvtps_ph(bounded, 0));
}
#else
INLINE Vec load(const void* base, int64_t index, bool) { return load(static_cast<const float*>(base) + index); }
INLINE void store(void* base, int64_t index, Vec v, bool) { store(static_cast<float*>(base) + index, v); }
#endif

// x + sin(alpha x)^2 / alpha. sin^2 has period pi: reduce to [-pi/2, pi/2], then a polynomial in the square, right to
// 2e-8.
INLINE Vec snake(Vec x, Vec alpha, Vec inverse_alpha) {
  constexpr float INVERSE_PI = 0.318309886f, PI_HIGH = 3.14159274f, PI_LOW = -8.74227766e-8f;
  constexpr float ROUND = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const Vec z = alpha * x;
  const Vec turns = (z * INVERSE_PI + ROUND) - ROUND;
  const Vec r = (z - turns * PI_HIGH) - turns * PI_LOW;
  const Vec u = r * r;
  Vec q = u * -3.631618289e-06f + 1.393526173e-04f;
  q = q * u + -3.172405354e-03f;
  q = q * u + 4.444318362e-02f;
  q = q * u + -3.333330681e-01f;
  q = q * u + 9.999999910e-01f;
  return x + inverse_alpha * (u * q);
}

constexpr float COSINE[9] = {1.0f,         0.980785280f, 0.923879533f, 0.831469612f, 0.707106781f,
                             0.555570233f, 0.382683432f, 0.195090322f, 0.0f};  // cos(2 pi i / 32)

// Real transform of x[0], x[S], ..., x[(N-1) S]: re[0..N/2], im[1..N/2-1].
template <int N, int S>
INLINE void rfft(const Vec* x, Vec* re, Vec* im) {
  if constexpr (N == 2) {
    re[0] = x[0] + x[S];
    re[1] = x[0] - x[S];
  } else {
    Vec even_re[N / 4 + 1], even_im[N / 4 + 1], odd_re[N / 4 + 1], odd_im[N / 4 + 1];
    rfft<N / 2, 2 * S>(x, even_re, even_im);
    rfft<N / 2, 2 * S>(x + S, odd_re, odd_im);
    re[0] = even_re[0] + odd_re[0];
    re[N / 2] = even_re[0] - odd_re[0];
#pragma GCC unroll 8
    for (int k = 1; k < N / 4; ++k) {
      const float c = COSINE[k * 32 / N], s = COSINE[8 - k * 32 / N];
      const Vec turned_re = c * odd_re[k] + s * odd_im[k];
      const Vec turned_im = c * odd_im[k] - s * odd_re[k];
      re[k] = even_re[k] + turned_re;
      im[k] = even_im[k] + turned_im;
      re[N / 2 - k] = even_re[k] - turned_re;
      im[N / 2 - k] = turned_im - even_im[k];
    }
    re[N / 4] = even_re[N / 4];
    im[N / 4] = -odd_re[N / 4];
  }
}

// Its inverse times N, to x[0], x[S], ...
template <int N, int S>
INLINE void irfft(const Vec* re, const Vec* im, Vec* x) {
  if constexpr (N == 2) {
    x[0] = re[0] + re[1];
    x[S] = re[0] - re[1];
  } else {
    Vec even_re[N / 4 + 1], even_im[N / 4 + 1], odd_re[N / 4 + 1], odd_im[N / 4 + 1];
    even_re[0] = re[0] + re[N / 2];
    odd_re[0] = re[0] - re[N / 2];
#pragma GCC unroll 8
    for (int k = 1; k < N / 4; ++k) {
      const float c = COSINE[k * 32 / N], s = COSINE[8 - k * 32 / N];
      const Vec difference_re = re[k] - re[N / 2 - k], difference_im = im[k] + im[N / 2 - k];
      even_re[k] = re[k] + re[N / 2 - k];
      even_im[k] = im[k] - im[N / 2 - k];
      odd_re[k] = c * difference_re - s * difference_im;
      odd_im[k] = c * difference_im + s * difference_re;
    }
    even_re[N / 4] = 2 * re[N / 4];
    odd_re[N / 4] = -2 * im[N / 4];
    irfft<N / 2, 2 * S>(even_re, even_im, x);
    irfft<N / 2, 2 * S>(odd_re, odd_im, x + S);
  }
}

// Memory that a thread keeps from call to call.
template <typename T, int TAG>
T* scratch(int64_t count) {
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  thread_local std::unique_ptr<void, Free> memory;
  thread_local size_t capacity = 0;
  const size_t bytes = (count * sizeof(T) + PAGE - 1) / PAGE * PAGE;
  if (bytes > capacity) {
    capacity = 0;
    memory.reset(std::aligned_alloc(PAGE, bytes));
    if (!memory) throw std::bad_alloc();
    madvise(memory.get(), bytes, MADV_HUGEPAGE);
    capacity = bytes;
  }
  return static_cast<T*>(memory.get());
}

// c (m, n) = a (m, k) b (k, n), or += with `add`.
INLINE void multiply(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldc, bool add, const BFloat16* a,
                     const BFloat16* b, float* c) {
#ifdef __AMX_BF16__
  if (tiles::allowed()) return tiles::multiply(m, n, k, lda, ldc, add, a, b, c);
#endif
  at::native::cpublas::brgemm(m, n, k, lda, n, ldc, add, a, b, c, true);
}
INLINE void multiply(int64_t m, int64_t n, int64_t k, int64_t lda, int64_t ldc, bool add, const float* a,
                     const float* b, float* c) {
  at::native::cpublas::brgemm(m, n, k, lda, n, ldc, add, a, b, c, false);
}

// What every block needs: the norm as one multiplication and addition, and Snake's reciprocal.
struct Prologue {
  const float *factor, *offset, *alpha, *inverse_alpha;
};

template <typename Element>
struct Convolution {
  const Operation& op;
  const Prologue prologue;

  void prepare() {}

  // Normalised and activated rows first, first + step, ... of the input, zero where there is no such row.
  template <typename To>
  void activate(int64_t first, int64_t count, To* act, int64_t step = 1) const {
    const int64_t channels = op.in_channels;
    for (int64_t i = 0; i < count; ++i, act += channels) {
      const int64_t row = first + i * step;
      if (row < 0 || row >= op.in_positions) {
        std::memset(static_cast<void*>(act), 0, channels * sizeof(To));
        continue;
      }
      for (int64_t c = 0; c < channels; c += LANES) {
        Vec x = load(op.in, row * op.in_stride + c, op.in_half);
        if (prologue.factor) x = x * load(prologue.factor + c) + load(prologue.offset + c);
        if (op.activation == 1) x = x > 0 ? x : x * op.slope;
        if (op.activation == 2) x = snake(x, load(prologue.alpha + c), load(prologue.inverse_alpha + c));
        store(act + c, x);
      }
    }
  }

  // Write `count` outputs of 16 channels from `c`: rows `row`, `row + step`, ... from y[0], y[y_stride], ...; y is
  // overwritten.
  INLINE void finish(float* y, int64_t y_stride, int64_t row, int64_t step, int64_t count, int64_t c,
                     double* sums) const {
    const Vec bias = load(op.bias + c);
    Vec total = {};
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = row + i * step;
      Vec v = load(y + i * y_stride) + bias;
      if (op.residual) v += load(op.residual, at * op.residual_stride + c, op.out_half);
      v *= op.gain;
      if (op.accumulate) v += load(op.out, at * op.out_stride + c, op.out_half);
      store(op.out, at * op.out_stride + c, v, op.out_half);
      store(y + i * y_stride, v);
      total += v;
    }
    if (!sums) return;
    // The sum of squares about these outputs' own mean, so that float32 suffices; gathered in double.
    const Vec mean = total / static_cast<float>(count);
    Vec squares = {};
    for (int64_t i = 0; i < count; ++i) {
      const Vec difference = load(y + i * y_stride) - mean;
      squares += difference * difference;
    }
    for (int j = 0; j < LANES; ++j) {
      sums[c + j] += total[j];
      sums[op.out_channels + c + j] += static_cast<double>(squares[j]) + static_cast<double>(mean[j]) * total[j];
    }
  }
};

template <typename Element>
struct Direct : Convolution<Element> {
  using Convolution<Element>::op;
  int64_t units() const { return op.out_positions; }
  int64_t units_at_once() const { return op.block * op.dilation; }

  // Rows of one phase, positions modulo the dilation, lie one after the other: what an output is made of is then one row
  // of kernel x in elements that begins where its first tap's does, and all taps are one product.
  void run(int64_t first, int64_t last, double* sums) const {
    const int64_t in = op.in_channels, taps = op.kernel * in, columns = op.columns;
    const int64_t phases = std::min(op.dilation, last - first), most = (last - first + phases - 1) / phases;
    const int64_t stride = (most + op.kernel - 1) * in;  // from one phase to the next
    Element* act = scratch<Element, 0>(phases * stride);
    float* products = scratch<float, 1>(most * columns);
    const auto count = [&](int64_t phase) { return (last - first - phase + op.dilation - 1) / op.dilation; };
    for (int64_t phase = 0; phase < phases; ++phase)
      this->activate(first + phase - op.padding, count(phase) + op.kernel - 1, act + phase * stride, op.dilation);
    const Element* weights = static_cast<const Element*>(op.weights);
    for (int64_t column = 0; column < op.out_channels; column += columns, weights += taps * columns)
      for (int64_t phase = 0; phase < phases; ++phase) {
        multiply(count(phase), columns, taps, in, columns, false, act + phase * stride, weights, products);
        for (int64_t c = 0; c < columns; c += LANES)
          this->finish(products + c, columns, first + phase, op.dilation, count(phase), column + c, sums);
      }
  }
};

// The same where the weights are larger than the data, or in two parts: a thread keeps a panel of columns in its cache
// and takes all rows past it, so that the weights are read once and not once a block of rows. Not for bfloat16 in one
// part: measured, it gains nothing.
template <typename Element>
struct Panels : Convolution<Element> {
  using Convolution<Element>::op;
  static constexpr bool SPLIT = std::is_same_v<Element, BFloat16>;
  static constexpr int WEIGHT_PARTS = SPLIT ? 2 : 1;
  const Element* act = nullptr;  // rows; split ones the high parts of a row, then the low ones
  int64_t act_stride = 0;

  int64_t reach() const { return (op.kernel - 1) * op.dilation; }
  int64_t units() const { return op.out_channels / op.columns; }
  int64_t units_at_once() const { return 1; }

  void prepare() {
    const int64_t in = op.in_channels, rows = op.out_positions + reach();
    const bool as_it_is = !op.in_half && !this->prologue.factor && op.activation == 0 && rows == op.in_positions;
    if constexpr (!SPLIT)
      if (as_it_is && op.padding == 0) {
        act = static_cast<const float*>(op.in), act_stride = op.in_stride;
        return;
      }
    act_stride = WEIGHT_PARTS * in;
    Element* own = scratch<Element, 7>(rows * act_stride);
#pragma omp parallel for schedule(static) num_threads(op.threads)
    for (int64_t row = 0; row < rows; ++row) {
      Element* to = own + row * act_stride;
      if constexpr (SPLIT) {
        float* whole = scratch<float, 8>(in);
        this->activate(row - op.padding, 1, whole);
        split(whole, in, to);
      } else {
        this->activate(row - op.padding, 1, to);
      }
    }
    act = own;
  }

  static void split(const float* from, int64_t count, BFloat16* to) {
    for (int64_t c = 0; c < count; c += LANES) {
      const Vec whole = load(from + c);
      store(to + c, whole);
      store(to + count + c, whole - load(to + c));
    }
  }

  void run(int64_t first, int64_t last, double* sums) const {
    const int64_t in = op.in_channels, columns = op.columns, matrix = in * columns;
    float* products = scratch<float, 1>(op.block * columns);
    for (int64_t panel = first; panel < last; ++panel) {
      const Element* weights = static_cast<const Element*>(op.weights) + panel * op.kernel * WEIGHT_PARTS * matrix;
      for (int64_t row = 0; row < op.out_positions; row += op.block) {
        const int64_t rows = std::min(op.block, op.out_positions - row);
        bool add = false;
        const auto product = [&](const Element* a, const Element* b) {
          multiply(rows, columns, in, act_stride, columns, add, a, b, products);
          add = true;
        };
        for (int64_t tap = 0; tap < op.kernel; ++tap) {
          const Element* high = act + (row + tap * op.dilation) * act_stride;
          const Element* factor = weights + tap * WEIGHT_PARTS * matrix;
          if constexpr (SPLIT) product(high + in, factor), product(high, factor + matrix);
          product(high, factor);
        }
        for (int64_t c = 0; c < columns; c += LANES)
          this->finish(products + c, columns, row, 1, rows, panel * columns + c, sums);
      }
    }
  }
};

template <typename Element, int N>
struct Windowed : Convolution<Element> {
  using Convolution<Element>::op;
  static constexpr int BINS = N / 2 + 1, PRODUCTS = 3 * N / 2 - 1;
  // A group is `dilation` windows, one of each phase.
  int64_t outputs() const { return N - op.kernel + 1; }
  int64_t group() const { return outputs() * op.dilation; }
  int64_t units() const { return (op.out_positions + group() - 1) / group(); }
  int64_t units_at_once() const { return std::max<int64_t>(1, op.block / op.dilation); }

  void run(int64_t first, int64_t last, double* sums) const {
    const int64_t in = op.in_channels, out = op.out_channels;
    const int64_t windows = (last - first) * op.dilation;
    const int64_t rows = (last - first) * group() + (op.kernel - 1) * op.dilation;
    float* act = scratch<float, 2>(rows * in);
    Element* spectra = scratch<Element, 3>(windows * PRODUCTS * in);
    float* products = scratch<float, 4>(windows * PRODUCTS * out);
    this->activate(first * group() - op.padding, rows, act);
    const auto row_of = [&](int64_t window) { return window / op.dilation * group() + window % op.dilation; };
    for (int64_t window = 0; window < windows; ++window)
      for (int64_t c = 0; c < in; c += LANES)
        transform(act + row_of(window) * in + c, spectra + window * PRODUCTS * in + c);
    const Element* weights = static_cast<const Element*>(op.weights);
    for (int64_t p = 0; p < PRODUCTS; ++p)
      multiply(windows, out, in, PRODUCTS * in, PRODUCTS * out, false, spectra + p * in, weights + p * in * out,
               products + p * out);
    for (int64_t window = 0; window < windows; ++window) {
      const int64_t row = first * group() + row_of(window);
      const int64_t count = std::min(outputs(), (op.out_positions - row + op.dilation - 1) / op.dilation);
      for (int64_t c = 0; c < out && count > 0; c += LANES) {
        alignas(64) float y[N * LANES];
        invert(products + window * PRODUCTS * out + c, y);
        this->finish(y, LANES, row, op.dilation, count, c, sums);
      }
    }
  }

  // Of every spectrum X: X[0] and X[N/2], then Re + Im, Re, Im of the rest.
  INLINE void transform(const float* from, Element* to) const {
    const int64_t in = op.in_channels;
    Vec x[N], re[BINS], im[BINS];
#pragma GCC unroll 32
    for (int n = 0; n < N; ++n) x[n] = load(from + n * op.dilation * in);
    rfft<N, 1>(x, re, im);
    store(to, re[0]);
    store(to + in, re[N / 2]);
#pragma GCC unroll 16
    for (int k = 1; k < N / 2; ++k) {
      store(to + (3 * k - 1) * in, re[k] + im[k]);
      store(to + (3 * k) * in, re[k]);
      store(to + (3 * k + 1) * in, im[k]);
    }
  }

  INLINE void invert(const float* from, float* y) const {
    const int64_t out = op.out_channels;
    Vec x[N], re[BINS], im[BINS];
    re[0] = load(from);
    re[N / 2] = load(from + out);
#pragma GCC unroll 16
    for (int k = 1; k < N / 2; ++k) {
      const Vec both = load(from + (3 * k - 1) * out);
      re[k] = both - load(from + (3 * k + 1) * out);
      im[k] = both + load(from + (3 * k) * out);
    }
    irfft<N, 1>(re, im, x);
#pragma GCC unroll 32
    for (int n = 0; n < N; ++n) store(y + n * LANES, x[n]);
  }
};

template <typename Way>
void run(const Operation& op) {
  const int64_t in = op.in_channels, out = op.out_channels;
  float* derived = scratch<float, 5>(3 * in);
  Prologue prologue{nullptr, nullptr, op.alpha, derived + 2 * in};
  if (op.mean) {
    for (int64_t c = 0; c < in; ++c) {
      derived[c] = op.scale[c] / std::sqrt(op.variance[c] + NORM_EPS);
      derived[in + c] = op.shift[c] - op.mean[c] * derived[c];
    }
    prologue.factor = derived, prologue.offset = derived + in;
  }
  if (op.activation == 2)
    for (int64_t c = 0; c < in; ++c) derived[2 * in + c] = 1 / op.alpha[c];
  Way way{{op, prologue}};
  way.prepare();
  // Blocks that keep up to `PARTS` threads equally busy. Neither they nor the order of the sums depend on how many
  // threads there are, so that equal input gives equal output, to the last bit.
  const int64_t units = way.units(), at_once = way.units_at_once() * PARTS;
  const int64_t blocks = std::min(units, (units + at_once - 1) / at_once * PARTS);
  double* sums = nullptr;  // of every block
  if (op.out_mean) {
    sums = scratch<double, 6>(blocks * 2 * out);
    std::fill_n(sums, blocks * 2 * out, 0.0);
  }
  std::atomic<bool> failed{false};
#pragma omp parallel num_threads(op.threads)
  {
#pragma omp for schedule(dynamic)  // a thread that is kept from its core leaves its blocks to the others
    for (int64_t block = 0; block < blocks; ++block) {
      try {  // an exception must not leave a parallel region
        double* own = sums ? sums + block * 2 * out : nullptr;
        way.run(block * units / blocks, (block + 1) * units / blocks, own);
      } catch (...) {
        failed = true;
      }
    }
    at::native::cpublas::brgemm_release(op.bfloat16);
#ifdef __AMX_BF16__
    tiles::release();
#endif
  }
  if (failed) throw std::runtime_error("a block failed");
  for (int64_t c = 0; sums && c < out; ++c) {
    double sum = 0, squares = 0;
    for (int64_t block = 0; block < blocks; ++block) {
      sum += sums[block * 2 * out + c];
      squares += sums[block * 2 * out + out + c];
    }
    const double mean = sum / op.out_positions;
    op.out_mean[c] = mean;
    op.out_variance[c] = std::max(0.0, squares / op.out_positions - mean * mean);
  }
}

template <typename Element>
void run_as(const Operation& op) {
  if (op.window == 32) run<Windowed<Element, 32>>(op);
  else if (op.window == 16) run<Windowed<Element, 16>>(op);
  else if (op.bfloat16 ? op.bfloat16 == 2 : op.kernel * op.out_channels > op.out_positions) run<Panels<Element>>(op);
  else run<Direct<Element>>(op);
}

}  // namespace

// 0; 1 if it failed (no memory, or a product the machine cannot do); 2 if it was compiled without what it needs.
extern "C" int voicegraph_convolve(const Operation* op) {
  try {
    if (!op->bfloat16) run_as<float>(*op);
#ifdef __AVX512BF16__
    else run_as<BFloat16>(*op);
#else
    else return 2;
#endif
  } catch (...) {
    return 1;
  }
  return 0;
}
