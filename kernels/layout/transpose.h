// Transposition of any axes, by planes: the output's innermost axis against the one along which the input is dense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/isa.h"
#include "kernels/layout/layout.h"

namespace octet::kernels {

/// y[a * y_stride + b] = x[b * x_stride + a], a < rows, b < columns; bytes.
struct PlaneU8 {
  const std::uint8_t* x = nullptr;
  std::uint8_t* y = nullptr;
  std::int64_t rows = 1, columns = 1;
  std::int64_t x_stride = 1, y_stride = 1;
};

struct PlaneKernel {
  const char* name;
  Isa isa;
  bool vbmi;  ///< it needs AVX-512 VBMI, too
  void (*run)(const PlaneU8& plane) noexcept;
};

/// Every vector kernel, whatever this CPU is.
[[nodiscard]] std::span<const PlaneKernel> plane_kernels() noexcept;

/// The best one a cap and this CPU allow, or nullptr.
[[nodiscard]] const PlaneKernel* find_plane_kernel(Isa cap) noexcept;

/// The same bytes as transpose_reference.
class Transposer {
 public:
  /// The best kernel a cap allows.
  Transposer(const TransposeShape& shape, std::size_t element_bytes, Isa cap, int threads) noexcept;

  void run(const std::byte* x, std::byte* y) const noexcept;

  [[nodiscard]] const char* name() const noexcept;
  [[nodiscard]] Isa isa() const noexcept { return kernel_ == nullptr ? Isa::reference : kernel_->isa; }

 private:
  void run_planes(const std::uint8_t* x, std::uint8_t* y) const noexcept;
  void copy_runs(const std::byte* x, std::byte* y) const noexcept;

  TransposeShape shape_;  ///< axes that move together merged
  std::size_t element_bytes_;
  const PlaneKernel* kernel_ = nullptr;  ///< for bytes whose innermost axis changes; null: runs or the specification
  std::size_t dense_axis_ = 0;           ///< the output axis along which the input is dense
  std::int64_t elements_ = 1;
  int threads_;
};

}  // namespace octet::kernels
