#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/isa.h"
#include "kernels/onednn.h"
#include "kernels/parallel.h"

namespace {

using octet::kernels::available_isas;
using octet::kernels::best_isa;
using octet::kernels::ConvShape;
using octet::kernels::cpu_has;
using octet::kernels::Isa;
using octet::kernels::onednn::MatmulShape;
using octet::kernels::onednn::Primitive;
namespace onednn = octet::kernels::onednn;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Clamp {
  float min, max;
};
constexpr Clamp kClamps[] = {{-kInfinity, kInfinity}, {0, kInfinity},  {0, 6},
                             {-1.5F, 0.25F},          {-kInfinity, 1}, {-1, kInfinity}};

std::size_t size_of(std::int64_t n) { return static_cast<std::size_t>(n); }

ConvShape conv_shape(std::int64_t in_c, std::int64_t out_c, std::int64_t kernel, std::int64_t size) {
  ConvShape s;
  s.in_c = in_c;
  s.out_c = out_c;
  s.kernel_h = s.kernel_w = kernel;
  s.in_h = size;
  s.in_w = size + 1;  // h and w must not be confused
  return s;
}

ConvShape with_outputs(ConvShape s) {
  s.out_h = (s.in_h + s.pad_top + s.pad_bottom - (s.kernel_h - 1) * s.dilation_h - 1) / s.stride_h + 1;
  s.out_w = (s.in_w + s.pad_left + s.pad_right - (s.kernel_w - 1) * s.dilation_w - 1) / s.stride_w + 1;
  return s;
}

/// What a model may ask for, one property at a time and then several.
std::vector<ConvShape> conv_shapes() {
  std::vector<ConvShape> shapes;
  const auto add = [&shapes](ConvShape s) { shapes.push_back(with_outputs(s)); };
  add(conv_shape(1, 20, 5, 12));  // first layer
  add(conv_shape(16, 32, 1, 7));  // pointwise
  add(conv_shape(13, 7, 1, 6));   // channels of no block size
  ConvShape s = conv_shape(20, 50, 3, 9);
  s.batch = 3;
  s.pad_top = 1, s.pad_left = 0, s.pad_bottom = 2, s.pad_right = 1;
  add(s);
  s = conv_shape(3, 16, 3, 11);
  s.stride_h = 2, s.stride_w = 1;
  s.kernel_w = 5;
  s.pad_left = s.pad_right = 2;
  add(s);
  s = conv_shape(16, 16, 3, 13);
  s.dilation_h = 2, s.dilation_w = 3;
  s.pad_top = s.pad_bottom = 2;
  s.pad_left = 3, s.pad_right = 1;
  add(s);
  s = conv_shape(12, 24, 3, 8);
  s.groups = 3;
  s.batch = 2;
  add(s);
  s = conv_shape(64, 64, 3, 8);  // groups of a whole block
  s.groups = 2;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = 1;
  add(s);
  for (const std::int64_t channels : {16, 19}) {
    s = conv_shape(channels, channels, 3, 10);  // depthwise
    s.groups = channels;
    s.stride_h = s.stride_w = 2;
    s.pad_top = 0, s.pad_left = 1, s.pad_bottom = 1, s.pad_right = 0;
    add(s);
    s = conv_shape(channels, 2 * channels, 3, 10);  // with a multiplier
    s.groups = channels;
    s.dilation_h = s.dilation_w = 2;
    add(s);
  }
  return shapes;
}

/// The sum of one output element, in Sum's arithmetic.
template <class Sum, class X, class W>
Sum conv_sum(const ConvShape& s, const X* x, const W* w, std::int64_t pixel, std::int64_t o) {
  const std::int64_t n = pixel / (s.out_h * s.out_w);
  const std::int64_t oh = pixel / s.out_w % s.out_h;
  const std::int64_t ow = pixel % s.out_w;
  const std::int64_t depth = s.group_in_c();
  const std::int64_t first = o / (s.out_c / s.groups) * depth;
  Sum sum = 0;
  for (std::int64_t kh = 0; kh < s.kernel_h; ++kh) {
    for (std::int64_t kw = 0; kw < s.kernel_w; ++kw) {
      const std::int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      const std::int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
      if (ih < 0 || ih >= s.in_h || iw < 0 || iw >= s.in_w) continue;
      for (std::int64_t i = 0; i < depth; ++i)
        sum += static_cast<Sum>(x[((n * s.in_h + ih) * s.in_w + iw) * s.in_c + first + i]) *
               static_cast<Sum>(w[((o * s.kernel_h + kh) * s.kernel_w + kw) * depth + i]);
    }
  }
  return sum;
}

template <class Sum, class X, class W>
std::vector<Sum> conv_sums(const ConvShape& s, const std::vector<X>& x, const std::vector<W>& w) {
  std::vector<Sum> sums;
  for (std::int64_t pixel = 0; pixel < s.out_pixels(); ++pixel)
    for (std::int64_t o = 0; o < s.out_c; ++o) sums.push_back(conv_sum<Sum>(s, x.data(), w.data(), pixel, o));
  return sums;
}

/// A matrix product is a convolution of one pixel.
ConvShape as_conv(const MatmulShape& m) {
  ConvShape s;
  s.batch = m.rows;
  s.in_c = m.depth;
  s.out_c = m.out;
  return s;
}

std::int64_t input_size(const ConvShape& s) { return s.batch * s.in_h * s.in_w * s.in_c; }
std::int64_t weight_size(const ConvShape& s) { return s.out_c * s.filter_size(); }

/// Runs it on the threads it was made for, with an aligned scratch.
template <class X, class Y>
void run(const Primitive& primitive, int threads, const std::vector<X>& x, std::vector<Y>& y) {
  std::vector<char> buffer(primitive.scratch_bytes() + 64);
  void* scratch = buffer.data();
  std::size_t space = buffer.size();
  REQUIRE(std::align(64, primitive.scratch_bytes(), scratch, space) != nullptr);
  const octet::kernels::ThreadScope scope(threads);
  REQUIRE(primitive.run(x.data(), y.data(), scratch));
}

std::vector<float> random_floats(std::int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> v(size_of(n));
  std::generate(v.begin(), v.end(), [&] { return uniform(random); });
  return v;
}

/// `make(weights, bias, clamp)` against sums in f64, for every clamp, with and without bias.
template <class Make>
void check_f32(const ConvShape& s, int threads, const Make& make) {
  const std::vector<float> x = random_floats(input_size(s), 1);
  const std::vector<float> bias = random_floats(s.out_c, 3);
  std::vector<float> w = random_floats(weight_size(s), 2);
  const std::vector<double> sums = conv_sums<double>(s, x, w);
  for (const Clamp clamp : kClamps) {
    for (const bool with_bias : {false, true}) {
      std::vector<float> weights = w;
      std::vector<float> own_bias = bias;
      const onednn::PrimitivePtr primitive = make(weights.data(), with_bias ? own_bias.data() : nullptr, clamp);
      REQUIRE(primitive != nullptr);
      INFO("implementation ", primitive->name(), " clamp ", clamp.min, " ", clamp.max, " bias ", with_bias);
      std::fill(weights.begin(), weights.end(), 1e9F);  // they are the primitive's now
      std::fill(own_bias.begin(), own_bias.end(), 1e9F);
      CHECK(primitive->packed_bytes() >= w.size() * sizeof(float));
      std::vector<float> y(sums.size(), 1e9F);
      for (int again = 0; again < 2; ++again) run(*primitive, threads, x, y);  // the second time with another scratch
      double largest = 1;
      double error = 0;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const double real = sums[i] + (with_bias ? double{bias[i % bias.size()]} : 0.0);
        const double expected = std::clamp(real, double{clamp.min}, double{clamp.max});
        largest = std::max(largest, std::abs(expected));
        error = std::max(error, std::abs(expected - double{y[i]}));
      }
      CHECK(error <= 1e-4 * largest);
    }
  }
}

enum class Fill { random, most, least, mixed };

/// Activations and weights at the ends of their ranges; `mixed` has odd sums that an f32 could not hold.
void fill_int8(Fill fill, std::vector<std::uint8_t>& x, std::vector<std::int8_t>& w) {
  std::mt19937 random(7);
  for (std::uint8_t& v : x) v = fill == Fill::random ? static_cast<std::uint8_t>(random() & 255U) : std::uint8_t{255};
  for (std::int8_t& v : w) {
    if (fill == Fill::random) v = static_cast<std::int8_t>(static_cast<int>(random() & 255U) - 128);
    if (fill == Fill::most) v = 127;
    if (fill == Fill::least) v = -128;
    if (fill == Fill::mixed) v = (random() & 15U) == 0 ? std::int8_t{126} : std::int8_t{127};
  }
}

/// Exact wherever there is a primitive, at every cap this machine has; and there is one where no sum can pass 2^24,
/// which any implementation is trusted with.
template <class Make>
void check_int8(const ConvShape& s, int threads, const Make& make) {
  for (const Fill fill : {Fill::random, Fill::most, Fill::least, Fill::mixed}) {
    std::vector<std::uint8_t> x(size_of(input_size(s)));
    std::vector<std::int8_t> w(size_of(weight_size(s)));
    fill_int8(fill, x, w);
    const std::vector<std::int64_t> sums = conv_sums<std::int64_t>(s, x, w);
    for (const Isa cap : available_isas()) {
      const onednn::PrimitivePtr primitive = make(w.data(), cap);
      if (!allows(cap, Isa::avx512vnni)) {
        CHECK(primitive == nullptr);
        continue;
      }
      if (primitive == nullptr) {
        CHECK((cap != best_isa() || s.groups > 1 || 255 * 128 * s.filter_size() > (1 << 24)));
        continue;
      }
      INFO("implementation ", primitive->name(), " cap ", std::string(name_of(cap)), " fill ", static_cast<int>(fill));
      if (cap == Isa::avx512vnni) CHECK(primitive->name().find("amx") == std::string::npos);
      std::vector<std::int32_t> y(sums.size(), 12345);
      run(*primitive, threads, x, y);
      CHECK(std::equal(sums.begin(), sums.end(), y.begin()));
    }
  }
}

TEST_CASE("oneDNN f32 convolution") {
  for (const ConvShape& s : conv_shapes()) {
    for (const int threads : {1, 2}) {
      CAPTURE(s.in_c);
      CAPTURE(s.out_c);
      CAPTURE(s.kernel_w);
      CAPTURE(s.groups);
      CAPTURE(threads);
      check_f32(s, threads, [&](const float* w, const float* bias, Clamp clamp) {
        return onednn::make_conv_f32(s, w, bias, clamp.min, clamp.max, best_isa(), {threads});
      });
    }
  }
}

TEST_CASE("oneDNN f32 matrix product") {
  for (const MatmulShape& s :
       {MatmulShape{1, 800, 500}, {32, 80, 50}, {1, 1, 1}, {7, 13, 1}, {5, 1, 9}, {3, 100, 10}}) {
    for (const int threads : {1, 2}) {
      CAPTURE(s.rows);
      CAPTURE(s.depth);
      CAPTURE(s.out);
      CAPTURE(threads);
      check_f32(as_conv(s), threads, [&](const float* w, const float* bias, Clamp clamp) {
        return onednn::make_matmul_f32(s, w, bias, clamp.min, clamp.max, best_isa(), {threads});
      });
    }
  }
}

TEST_CASE("oneDNN int8 convolution is exact or refused") {
  std::vector<ConvShape> shapes = conv_shapes();
  shapes.push_back(with_outputs(conv_shape(256, 16, 3, 3)));  // 255 * 128 * 2304 passes 2^24
  for (const ConvShape& s : shapes) {
    for (const int threads : {1, 2}) {
      CAPTURE(s.in_c);
      CAPTURE(s.out_c);
      CAPTURE(s.kernel_w);
      CAPTURE(s.groups);
      CAPTURE(threads);
      check_int8(s, threads,
                 [&](const std::int8_t* w, Isa cap) { return onednn::make_conv_u8s8s32(s, w, cap, {threads}); });
    }
  }
}

TEST_CASE("oneDNN int8 matrix product is exact or refused") {
  for (const MatmulShape& s :
       {MatmulShape{1, 800, 500}, {32, 80, 50}, {1, 1, 1}, {7, 13, 1}, {5, 1, 9}, {16, 2200, 64}}) {
    for (const int threads : {1, 2}) {
      CAPTURE(s.rows);
      CAPTURE(s.depth);
      CAPTURE(s.out);
      CAPTURE(threads);
      check_int8(as_conv(s), threads,
                 [&](const std::int8_t* w, Isa cap) { return onednn::make_matmul_u8s8s32(s, w, cap, {threads}); });
    }
  }
}

TEST_CASE("oneDNN int8 is refused below avx512vnni") {
  const std::vector<std::int8_t> w(16 * 16, 1);
  for (const Isa cap : {Isa::reference, Isa::avx2, Isa::avxvnni, Isa::avx512}) {
    CHECK(onednn::make_conv_u8s8s32(with_outputs(conv_shape(16, 16, 1, 4)), w.data(), cap, {1}) == nullptr);
    CHECK(onednn::make_matmul_u8s8s32({4, 16, 16}, w.data(), cap, {1}) == nullptr);
  }
}

TEST_CASE("oneDNN refuses what does not fit together, without throwing") {
  const std::vector<float> w(9 * 16 * 16);
  ConvShape s = with_outputs(conv_shape(16, 16, 3, 8));
  s.out_h += 1;
  CHECK(onednn::make_conv_f32(s, w.data(), nullptr, 0, 6, best_isa(), {1}) == nullptr);
  s = with_outputs(conv_shape(16, 16, 3, 8));
  s.stride_w = 0;
  CHECK(onednn::make_conv_f32(s, w.data(), nullptr, 0, 6, best_isa(), {1}) == nullptr);
  CHECK(onednn::make_matmul_f32({-1, 16, 16}, w.data(), nullptr, 0, 6, best_isa(), {1}) == nullptr);
}

TEST_CASE("oneDNN in a forked child runs on one thread instead of waiting for those of its parent") {
  const ConvShape s = with_outputs(conv_shape(32, 64, 3, 16));
  const std::vector<float> w = random_floats(weight_size(s), 2);
  const std::vector<float> x = random_floats(input_size(s), 1);
  const onednn::PrimitivePtr primitive =
      onednn::make_conv_f32(s, w.data(), nullptr, -kInfinity, kInfinity, best_isa(), {2});
  REQUIRE(primitive != nullptr);
  std::vector<float> expected(size_of(s.out_pixels() * s.out_c));
  std::vector<float> y = expected;
  run(*primitive, 2, x, expected);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    run(*primitive, 2, x, y);
    _exit(y == expected ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("oneDNN version") { CHECK(onednn::version().find('.') != std::string::npos); }

}  // namespace
