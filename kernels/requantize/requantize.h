// The epilogue of products computed elsewhere (oneDNN): exact s32 accumulators to u8 or f32, as kernels/epilogue.h says.
#pragma once

#include <cstdint>

#include "kernels/epilogue.h"

namespace octet::kernels {

/// The rows [0, rows) of acc [rows, channels] to epilogue.y or epilogue.real, in the same order.
void requantize_reference(const std::int32_t* acc, std::int64_t rows, std::int64_t channels, const Epilogue& epilogue,
                          int threads) noexcept;

/// The same bytes through xsimd, at the baseline instruction set.
void requantize_xsimd(const std::int32_t* acc, std::int64_t rows, std::int64_t channels, const Epilogue& epilogue,
                      int threads) noexcept;

}  // namespace octet::kernels
