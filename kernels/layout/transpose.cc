#include "kernels/layout/transpose.h"

#include <algorithm>
#include <cstring>

#include "kernels/choose.h"
#include "kernels/parallel.h"

namespace octet::kernels {

void plane_u8_avx2(const PlaneU8& plane) noexcept;
void plane_u8_avx512vbmi(const PlaneU8& plane) noexcept;

namespace {

constexpr std::array kKernels = {PlaneKernel{"transpose_u8_avx2", Isa::avx2, false, plane_u8_avx2},
                                 PlaneKernel{"transpose_u8_avx512vbmi", Isa::avx512, true, plane_u8_avx512vbmi}};

/// Drops axes of one element and joins those that are adjacent in input and output.
TransposeShape merged(const TransposeShape& s) noexcept {
  TransposeShape m;
  m.axes = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(s.axes); ++i) {
    if (s.size[i] == 1) continue;
    const auto last = static_cast<std::size_t>(m.axes) - 1;
    if (m.axes > 0 && m.stride[last] == s.stride[i] * s.size[i]) {
      m.size[last] *= s.size[i];
      m.stride[last] = s.stride[i];
      continue;
    }
    m.size[static_cast<std::size_t>(m.axes)] = s.size[i];
    m.stride[static_cast<std::size_t>(m.axes)] = s.stride[i];
    ++m.axes;
  }
  if (m.axes == 0) return TransposeShape{};
  return m;
}

/// Element offset in the input of the `index`-th combination of the axes for which keep(axis), the last one fastest.
template <class Keep>
std::int64_t offset_of(const TransposeShape& s, std::int64_t index, const Keep& keep) noexcept {
  std::int64_t offset = 0;
  for (auto i = static_cast<std::size_t>(s.axes); i-- > 0;) {
    if (!keep(i)) continue;
    offset += index % s.size[i] * s.stride[i];
    index /= s.size[i];
  }
  return offset;
}

}  // namespace

std::span<const PlaneKernel> plane_kernels() noexcept { return kKernels; }

const PlaneKernel* find_plane_kernel(Isa cap) noexcept {
  const auto kernels = plane_kernels();
  return best_of(cpu_has_vbmi() ? kernels : kernels.first(1), cap);
}

Transposer::Transposer(const TransposeShape& shape, std::size_t element_bytes, Isa cap, int threads) noexcept
    : shape_(merged(shape)), element_bytes_(element_bytes) {
  const auto axes = static_cast<std::size_t>(shape_.axes);
  for (std::size_t i = 0; i < axes; ++i) {
    elements_ *= shape_.size[i];
    if (shape_.stride[i] == 1) dense_axis_ = i;
  }
  constexpr double kBytesPerNanosecond = 5;
  threads_ = worthwhile_threads(threads, static_cast<double>(elements_) * static_cast<double>(element_bytes) / kBytesPerNanosecond);
  if (element_bytes == 1 && shape_.stride[axes - 1] != 1) kernel_ = find_plane_kernel(cap);
}

const char* Transposer::name() const noexcept {
  if (kernel_ != nullptr) return kernel_->name;
  return shape_.stride[static_cast<std::size_t>(shape_.axes) - 1] == 1 ? "transpose_runs" : "transpose_reference";
}

void Transposer::run(const std::byte* x, std::byte* y) const noexcept {
  if (kernel_ != nullptr) {
    run_planes(reinterpret_cast<const std::uint8_t*>(x), reinterpret_cast<std::uint8_t*>(y));
  } else if (shape_.stride[static_cast<std::size_t>(shape_.axes) - 1] == 1) {
    copy_runs(x, y);
  } else {
    transpose_reference(shape_, element_bytes_, x, y, threads_);
  }
}

void Transposer::run_planes(const std::uint8_t* x, std::uint8_t* y) const noexcept {
  const TransposeShape& s = shape_;
  const auto last = static_cast<std::size_t>(s.axes) - 1;
  PlaneU8 plane{nullptr, nullptr, s.size[dense_axis_], s.size[last], s.stride[last], 1};
  for (std::size_t i = dense_axis_ + 1; i <= last; ++i) plane.y_stride *= s.size[i];
  const auto outer = [&](std::size_t i) { return i != dense_axis_ && i != last; };
  const std::int64_t planes = elements_ / plane.rows / plane.columns;
  const std::int64_t inner = plane.y_stride / plane.columns;  // planes between the two axes
  if (planes == 1) {
    parallel_for(threads_, plane.rows, [&](std::int64_t begin, std::int64_t end) noexcept {
      PlaneU8 p = plane;
      p.x = x + begin;
      p.y = y + begin * p.y_stride;
      p.rows = end - begin;
      kernel_->run(p);
    });
    return;
  }
  parallel_for(threads_, planes, [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i) {
      PlaneU8 p = plane;
      p.x = x + offset_of(s, i, outer);
      p.y = y + (i / inner * plane.rows * inner + i % inner) * plane.columns;
      kernel_->run(p);
    }
  });
}

/// The innermost axis stays: rows of it are moved.
void Transposer::copy_runs(const std::byte* x, std::byte* y) const noexcept {
  const auto last = static_cast<std::size_t>(shape_.axes) - 1;
  const auto bytes = static_cast<std::size_t>(shape_.size[last]) * element_bytes_;
  const auto outer = [&](std::size_t i) { return i != last; };
  parallel_for(threads_, elements_ / shape_.size[last], [&](std::int64_t begin, std::int64_t end) noexcept {
    for (std::int64_t i = begin; i < end; ++i)
      std::memcpy(y + static_cast<std::size_t>(i) * bytes, x + static_cast<std::size_t>(offset_of(shape_, i, outer)) * element_bytes_, bytes);
  });
}

}  // namespace octet::kernels
