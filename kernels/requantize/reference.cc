#include "kernels/parallel.h"
#include "kernels/requantize/requantize.h"

namespace octet::kernels {

void requantize_reference(const std::int32_t* acc, std::int64_t rows, std::int64_t channels, const Epilogue& epilogue,
                          int threads) noexcept {
  parallel_for(threads, rows, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t r = begin; r < end; ++r)
      for (std::int64_t c = 0; c < channels; ++c) store(epilogue, r * channels + c, c, acc[r * channels + c]);
  });
}

}  // namespace octet::kernels
