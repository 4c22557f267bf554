#include "engine/ops/indexed.h"

#include <algorithm>

namespace octet {

static_assert(kMaxRank <= kernels::kMaxIndexedAxes);

Result<void> check_indexed(const Shape& data, const Shape& indices, int batch) {
  const auto axes = static_cast<std::size_t>(batch);
  if (batch < 0 || axes >= data.size() || axes >= indices.size()) return invalid("has " + std::to_string(batch) + " batch axes");
  if (!std::equal(data.begin(), data.begin() + batch, indices.begin()))
    return invalid("its indices of shape " + to_string(indices) + " do not share " + std::to_string(batch) + " leading axes with " + to_string(data));
  const std::int64_t tuple = indices.back();
  if (tuple < 1 || tuple > static_cast<std::int64_t>(data.size() - axes))
    return invalid("its indices are tuples of " + std::to_string(tuple) + " for " + std::to_string(data.size() - axes) + " axes");
  return {};
}

Shape indexed_shape(const Shape& data, const Shape& indices, int batch) {
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + batch + indices.back(), data.end());
  return shape;
}

kernels::IndexedShape kernel_shape(const Shape& data, const Shape& indices, int batch) {
  kernels::IndexedShape s;
  const auto first = static_cast<std::size_t>(batch);
  s.axes = static_cast<int>(indices.back());
  for (std::size_t i = 0; i < first; ++i) s.batch *= data[i];
  for (std::size_t i = first; i + 1 < indices.size(); ++i) s.rows *= indices[i];
  for (std::size_t i = first; i < data.size(); ++i) {
    if (i < first + static_cast<std::size_t>(s.axes)) s.size[i - first] = data[i];
    else s.inner *= data[i];
  }
  return s;
}

namespace {

template <class T>
Result<void> check_range(std::span<const T> indices, std::span<const std::int64_t> sizes) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const std::int64_t size = sizes[i % sizes.size()];
    if (indices[i] < -size || indices[i] >= size)
      return invalid("index " + std::to_string(indices[i]) + " is out of range for an axis of " + std::to_string(size));
  }
  return {};
}

}  // namespace

Result<void> check_indices(const Tensor& indices, std::span<const std::int64_t> sizes) {
  if (indices.type == Type::s32) return check_range(indices.data.as<std::int32_t>(), sizes);
  if (indices.type == Type::s64) return check_range(indices.data.as<std::int64_t>(), sizes);
  return invalid(std::string("its indices must be s32 or s64, not ") + name_of(indices.type));
}

}  // namespace octet
