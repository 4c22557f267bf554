// Data for products, and what the scalar kernels make of it, for tests that compare every kernel with them.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/conv/conv.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gemm/gemm.h"
#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {

using octet::kernels::ConvShape;
using octet::kernels::Epilogue;

/// x, weights [channels, depth], bias and multipliers of a product, some of them at the ends of what the contract allows.
struct ProductData {
  std::int64_t channels, depth;
  std::vector<std::uint8_t> x;
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> bias, folded_bias;
  std::vector<float> multiplier;
  std::int32_t zero_point = 0;
  octet::kernels::OutputU8 out;
  float clamp_min = -kInf, clamp_max = kInf;

  enum class Kind { random, lowest, highest };

  ProductData(Random& random, std::size_t x_size, std::int64_t channel_count, std::int64_t row_depth, Kind kind = Kind::random)
      : channels(channel_count), depth(row_depth) {
    const auto count = static_cast<std::size_t>(channels * depth);
    constexpr std::int32_t kZeros[] = {0, 255, 128, 3};
    zero_point = kZeros[random.integer(0, 3)];
    x = kind == Kind::random ? random.integers<std::uint8_t>(x_size, 0, 255) : std::vector<std::uint8_t>(x_size, 255);
    weights = kind == Kind::random ? random.integers<std::int8_t>(count, -128, 127)
                                   : std::vector<std::int8_t>(count, kind == Kind::lowest ? std::int8_t{-128} : std::int8_t{127});
    const bool large = random.integer(0, 1) == 0;  // multipliers, some of them
    const auto spread = static_cast<int>(5000.0 * std::sqrt(static_cast<double>(depth)));
    for (std::int64_t c = 0; c < channels; ++c) {
      bias.push_back(static_cast<std::int32_t>(random.integer(-spread, spread)));
      std::int32_t sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) sum += weights[static_cast<std::size_t>(c * depth + k)];
      folded_bias.push_back(bias.back() - zero_point * sum);
      const auto pick = random.integer(0, 19);
      multiplier.push_back(large && pick == 0 ? 1e30F : pick == 1 ? 0.0F : random.real(0.3F, 2.0F) * 100.0F / static_cast<float>(spread));
    }
    out.zero_point = kZeros[random.integer(0, 3)];
    out.lo = static_cast<std::int32_t>(random.integer(0, 1) * random.integer(0, 120));
    out.hi = static_cast<std::int32_t>(random.integer(0, 1) == 0 ? 255 : random.integer(120, 255));
    if (random.integer(0, 1) == 0) clamp_min = 0.0F, clamp_max = 6.0F;
  }

  /// u8 to y, or where that is null f32 to real.
  [[nodiscard]] Epilogue epilogue(std::uint8_t* y, float* real, bool folded) const {
    return {folded ? folded_bias.data() : bias.data(), multiplier.data(), out, clamp_min, clamp_max, y, real};
  }
};

/// A kernel's run: x and the epilogue's output are what a session would give it.
using ProductRun = std::function<void(const std::uint8_t* x, const Epilogue& output)>;

/// Runs a kernel between guard pages, u8 and f32, and compares it with the scalar one.
inline void check_product(const ProductData& d, std::size_t outputs, const ProductRun& reference, const ProductRun& kernel) {
  for (const Edge edge : {Edge::end, Edge::begin}) {
    const Guarded<std::uint8_t> x(d.x, edge);
    std::vector<std::uint8_t> expected(outputs);
    Guarded<std::uint8_t> y(outputs, edge);
    reference(x.data(), d.epilogue(expected.data(), nullptr, false));
    kernel(x.data(), d.epilogue(y.data(), nullptr, true));
    CHECK(y.values() == expected);
    std::vector<float> real(outputs);
    Guarded<float> r(outputs, edge);
    reference(x.data(), d.epilogue(nullptr, real.data(), false));
    kernel(x.data(), d.epilogue(nullptr, r.data(), true));
    CHECK(bytes_of(r.values()) == bytes_of(real));
  }
}

inline octet::kernels::OutputU8 random_output(Random& random) {
  const auto lo = static_cast<std::int32_t>(random.integer(0, 1) * random.integer(0, 120));
  return {static_cast<std::int32_t>(random.integer(0, 255)), lo, static_cast<std::int32_t>(random.integer(0, 1) == 0 ? 255 : random.integer(120, 255))};
}

/// Something to add to what a product gives as `own`. Powers of two among the multipliers make ties.
inline octet::kernels::Residual random_residual(Random& random, const octet::kernels::OutputU8& own) {
  const auto multiplier = [&] { return random.integer(0, 2) == 0 ? 0.5F : random.real(0.1F, 1.5F); };
  const float own_multiplier = random.integer(0, 3) == 0 ? -multiplier() : multiplier();
  return {own, own_multiplier, static_cast<std::int32_t>(random.integer(0, 255)), random.integer(0, 3) == 0 ? -multiplier() : multiplier()};
}

inline Epilogue with_residual(Epilogue e, const octet::kernels::Residual& residual, const octet::kernels::OutputU8& out, const std::uint8_t* other) {
  e.below_one = true;
  e.out = out, e.residual = &residual, e.other = other;
  return e;
}

/// The same sum by itself.
inline octet::kernels::AddU8 sum_of(const std::vector<std::uint8_t>& own, const std::vector<std::uint8_t>& other, const octet::kernels::Residual& r,
                                    const octet::kernels::OutputU8& out, std::uint8_t* y) {
  octet::kernels::Broadcast flat;
  flat.size[0] = static_cast<std::int64_t>(own.size()), flat.stride_a[0] = flat.stride_b[0] = 1;
  return {flat, own.data(), other.data(), r.own.zero_point, r.zero_point, r.own_multiplier, r.multiplier, out, y, 1};
}

/// Runs a kernel between guard pages with a residual, whose place the result takes, and compares it with the scalar kernels: the product
/// with its residual, and the product, then the sum.
inline void check_residual(const ProductData& d, std::size_t outputs, const ProductRun& reference, const ProductRun& kernel) {
  Random random(static_cast<unsigned>(outputs));
  const auto residual = random_residual(random, d.out);
  const auto out = random_output(random);
  for (const Edge edge : {Edge::end, Edge::begin}) {
    const Guarded<std::uint8_t> x(d.x, edge);
    const auto other = random.integers<std::uint8_t>(outputs, 0, 255);
    std::vector<std::uint8_t> between(outputs);
    std::vector<std::uint8_t> expected(outputs);
    std::vector<std::uint8_t> at_once(outputs);
    reference(x.data(), d.epilogue(between.data(), nullptr, false));
    octet::kernels::add_u8_reference(sum_of(between, other, residual, out, expected.data()));
    reference(x.data(), with_residual(d.epilogue(at_once.data(), nullptr, false), residual, out, other.data()));
    CHECK(at_once == expected);
    Guarded<std::uint8_t> y(other, edge);
    kernel(x.data(), with_residual(d.epilogue(y.data(), nullptr, true), residual, out, y.data()));
    CHECK(y.values() == expected);
  }
}

inline ProductRun gemm_reference(const ProductData& d, std::int64_t rows) {
  return [&d, rows](const std::uint8_t* x, const Epilogue& e) {
    octet::kernels::gemm_u8s8_reference({rows, d.depth, d.channels, x, d.zero_point, d.weights.data(), e, 1});
  };
}

inline ProductRun conv_reference(const ProductData& d, const ConvShape& shape) {
  return [&d, shape](const std::uint8_t* x, const Epilogue& e) {
    octet::kernels::conv_u8s8_reference({shape, x, d.zero_point, d.weights.data(), e, 1});
  };
}

/// Output sizes of a shape whose other sizes are set. False if no window fits.
inline bool complete(ConvShape& s) {
  const std::int64_t h = s.in_h + s.pad_top + s.pad_bottom - (s.kernel_h - 1) * s.dilation_h - 1;
  const std::int64_t w = s.in_w + s.pad_left + s.pad_right - (s.kernel_w - 1) * s.dilation_w - 1;
  s.out_h = h / s.stride_h + 1;
  s.out_w = w / s.stride_w + 1;
  return h >= 0 && w >= 0;
}

inline std::string to_string(const ConvShape& s) {
  const auto list = [](std::initializer_list<std::int64_t> values) {
    std::string text;
    for (const std::int64_t v : values) text += std::to_string(v) + " ";
    return text;
  };
  return list({s.batch, s.in_h, s.in_w, s.in_c}) + "-> " + list({s.out_h, s.out_w, s.out_c}) + "kernel " + list({s.kernel_h, s.kernel_w}) + "stride " +
         list({s.stride_h, s.stride_w}) + "pad " + list({s.pad_top, s.pad_left, s.pad_bottom, s.pad_right}) + "dilation " +
         list({s.dilation_h, s.dilation_w}) + "groups " + std::to_string(s.groups);
}

inline std::size_t inputs_of(const ConvShape& s) { return static_cast<std::size_t>(s.batch * s.in_h * s.in_w * s.in_c); }
inline std::size_t outputs_of(const ConvShape& s) { return static_cast<std::size_t>(s.out_pixels() * s.out_c); }

}  // namespace octet_test
