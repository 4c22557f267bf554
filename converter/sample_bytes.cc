#include "converter/sample_bytes.h"

#include <algorithm>
#include <cstring>

#include "engine/try.h"

namespace octet {
namespace {

/// `values` as T; false if one does not fit.
template <class T>
bool narrow(std::span<const std::int64_t> values, std::vector<std::byte>& bytes) {
  bool fits = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto v = static_cast<T>(values[i]);
    fits = fits && static_cast<std::int64_t>(v) == values[i];
    std::memcpy(bytes.data() + i * sizeof(T), &v, sizeof(T));
  }
  return fits;
}

bool narrow(Type type, std::span<const std::int64_t> values, std::vector<std::byte>& bytes) {
  switch (type) {
    case Type::u8: return narrow<std::uint8_t>(values, bytes);
    case Type::s8: return narrow<std::int8_t>(values, bytes);
    case Type::s32: return narrow<std::int32_t>(values, bytes);
    case Type::boolean: return narrow<std::uint8_t>(values, bytes) && std::ranges::all_of(values, [](std::int64_t v) { return v <= 1; });
    default: return narrow<std::int64_t>(values, bytes);
  }
}

template <class T>
std::vector<float> widened(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T v;
    std::memcpy(&v, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(v);
  }
  return values;
}

}  // namespace

Result<void> Samples::read_integers(std::size_t input, std::int64_t, std::int64_t, std::span<std::int64_t>) const {
  return Error{ErrorCode::invalid_argument, "these samples have no integers for input " + std::to_string(input), {}};
}

Result<void> read_bytes(const Samples& samples, std::size_t input, std::int64_t first, std::int64_t n, const TensorInfo& info,
                        std::vector<std::byte>& bytes) {
  if (info.type == Type::f32) return samples.read(input, first, n, {reinterpret_cast<float*>(bytes.data()), info.elements()});
  std::vector<std::int64_t> integers(info.elements());
  OCTET_CHECK(samples.read_integers(input, first, n, integers));
  if (!narrow(info.type, integers, bytes))
    return Error{ErrorCode::invalid_file, std::string("a sample has a value that ") + name_of(info.type) + " does not hold",
                 "input '" + info.name + "'"};
  return {};
}

std::vector<float> real_values(Type type, const std::vector<std::byte>& bytes) {
  switch (type) {
    case Type::f32: return widened<float>(bytes);
    case Type::s8: return widened<std::int8_t>(bytes);
    case Type::s32: return widened<std::int32_t>(bytes);
    case Type::s64: return widened<std::int64_t>(bytes);
    default: return widened<std::uint8_t>(bytes);
  }
}

}  // namespace octet
