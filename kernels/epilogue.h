// What becomes of exact s32 accumulators: the last step of every int8 product.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/quant_math.h"

namespace octet::kernels {

/// A second tensor that is added to the u8 results of a product, of which nothing else is stored: as AddU8 of elementwise.h does it,
///   y[r, c] = finish_u8(f32(q - own.zero_point) * own_multiplier + f32(other[r, c] - zero_point) * multiplier, out),
///   q       = requantize(acc + bias[c], multiplier[c], own).
/// 255 (|own_multiplier| + |multiplier|) < 2^31. Vector kernels want channels in whole sixteens and multipliers below one.
struct Residual {
  OutputU8 own;
  float own_multiplier = 1;
  std::int32_t zero_point = 0;
  float multiplier = 1;
};

/// Accumulators [rows, channels] to u8 if `y` is set, to f32 if `real` is, or as they are to `sums`.
///   y[r, c]    = requantize(acc + bias[c], multiplier[c], out)
///   real[r, c] = min(max(f32(acc + bias[c]) * multiplier[c], clamp_min), clamp_max)
///   sums[r, c] = acc + bias[c]
struct Epilogue {
  const std::int32_t* bias = nullptr;  ///< [channels], never null
  const float* multiplier = nullptr;   ///< [channels]
  OutputU8 out;
  float clamp_min = 0, clamp_max = 0;  ///< for real outputs
  std::uint8_t* y = nullptr;
  float* real = nullptr;
  std::int32_t* sums = nullptr;
  bool below_one = false;  ///< every multiplier is, so that no f32(acc) * multiplier is beyond s32
  const Residual* residual = nullptr;     ///< null: none; else y is set
  const std::uint8_t* other = nullptr;    ///< the residual's; may be y itself
};

/// Whether all of them are, see Epilogue.
inline bool below_one(const float* multiplier, std::int64_t count) noexcept {
  return std::all_of(multiplier, multiplier + count, [](float m) { return m < 1.0F; });
}

/// The same for an output that starts `elements` further on.
inline Epilogue advanced(Epilogue e, std::int64_t elements) noexcept {
  if (e.y != nullptr) e.y += elements;
  if (e.real != nullptr) e.real += elements;
  if (e.sums != nullptr) e.sums += elements;
  if (e.other != nullptr) e.other += elements;
  return e;
}

/// One accumulator, without its bias, of channel c, to element `index` of the output.
inline void store(const Epilogue& e, std::int64_t index, std::int64_t c, std::int32_t acc) noexcept {
  acc += e.bias[c];
  if (e.residual != nullptr) {
    const Residual& r = *e.residual;
    const float own = static_cast<float>(requantize(acc, e.multiplier[c], r.own) - r.own.zero_point) * r.own_multiplier;
    const float other = static_cast<float>(e.other[index] - r.zero_point) * r.multiplier;
    e.y[index] = finish_u8(own + other, e.out);
  } else if (e.y != nullptr) {
    e.y[index] = requantize(acc, e.multiplier[c], e.out);
  } else if (e.sums != nullptr) {
    e.sums[index] = acc;
  } else {
    e.real[index] = std::min(std::max(static_cast<float>(acc) * e.multiplier[c], e.clamp_min), e.clamp_max);
  }
}

}  // namespace octet::kernels
