#include "cli/top1.h"

#include <algorithm>

namespace octet::cli {
namespace {

template <class T>
std::vector<std::int64_t> largest(std::span<const std::byte> output, std::size_t n) {
  const auto* values = reinterpret_cast<const T*>(output.data());
  const std::size_t classes = output.size() / sizeof(T) / n;
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < n; ++i) {
    const T* row = values + i * classes;
    result.push_back(std::max_element(row, row + classes) - row);
  }
  return result;
}

}  // namespace

Result<std::vector<std::int64_t>> top1(const TensorInfo& info, std::span<const std::byte> output, std::int64_t n) {
  const auto samples = static_cast<std::size_t>(n);
  const bool f32 = info.type == Type::f32;
  if ((!f32 && info.type != Type::u8) || info.elements() % samples != 0)
    return Error{ErrorCode::invalid_argument, "is not a classifier's: f32 or u8 scores, a row a sample",
                 "output '" + info.name + "'"};
  return f32 ? largest<float>(output, samples) : largest<std::uint8_t>(output, samples);
}

}  // namespace octet::cli
