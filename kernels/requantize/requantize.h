// The epilogue of products computed elsewhere (oneDNN): exact s32 accumulators to u8 or f32, as kernels/epilogue.h says.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/epilogue.h"
#include "kernels/isa.h"

namespace octet::kernels {

/// The rows [0, rows) of acc [rows, channels] to epilogue.y or epilogue.real, in the same order.
void requantize_reference(const std::int32_t* acc, std::int64_t rows, std::int64_t channels, const Epilogue& epilogue,
                          int threads) noexcept;

/// The same bytes with the vectors of an instruction set, for the rows [begin, end).
struct RequantizeKernel {
  const char* name;
  Isa isa;
  void (*rows)(const std::int32_t* acc, std::int64_t begin, std::int64_t end, std::int64_t channels, const Epilogue& epilogue) noexcept;
};

/// Every vector kernel, whatever this CPU is.
[[nodiscard]] std::span<const RequantizeKernel> requantize_kernels() noexcept;

/// The best one a cap allows; there always is one.
[[nodiscard]] const RequantizeKernel& find_requantize_kernel(Isa cap) noexcept;

void requantize(const RequantizeKernel& kernel, const std::int32_t* acc, std::int64_t rows, std::int64_t channels, const Epilogue& epilogue,
                int threads) noexcept;

}  // namespace octet::kernels
