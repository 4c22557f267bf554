#include "cli/data/elements.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/try.h"

namespace octet::cli {
namespace {

struct Half {
  std::uint16_t bits;
};

/// IEEE 754 binary16, exactly.
float value_of(Half half) {
  const std::uint32_t sign = (half.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (half.bits >> 10) & 0x1fu;
  const std::uint32_t fraction = half.bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  // 31 is infinity and NaN in binary16 as 255 is in binary32; the biases are 15 and 127.
  const std::uint32_t wide = exponent == 31 ? 255u : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

template <class T>
T value_of(T value) {
  return value;
}

template <class From, class To>
void convert(const std::byte* from, std::size_t count, bool swap, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) {
    std::array<std::byte, sizeof(From)> bytes;
    std::memcpy(bytes.data(), from + i * sizeof(From), sizeof(From));
    if (swap) std::reverse(bytes.begin(), bytes.end());
    const To value = static_cast<To>(value_of(std::bit_cast<From>(bytes)));
    std::memcpy(to + i * sizeof(To), &value, sizeof(To));
  }
}

using Convert = void (*)(const std::byte* from, std::size_t count, bool swap, std::byte* to);

struct StoredInfo {
  std::size_t size;
  Type type;
  Convert convert;
};

template <class From, class To>
constexpr StoredInfo row() {
  return {sizeof(From), type_of<To>(), convert<From, To>};
}

// In the order of Stored.
constexpr std::array<StoredInfo, 11> kStored = {
    row<Half, float>(), row<float, float>(), row<double, float>(), row<std::uint8_t, std::uint8_t>(),
    row<std::int8_t, std::int8_t>(), row<std::uint16_t, std::int32_t>(), row<std::int16_t, std::int32_t>(),
    row<std::uint32_t, std::int64_t>(), row<std::int32_t, std::int32_t>(), row<std::int64_t, std::int64_t>(),
    // Bytes until they are known to be 0 or 1.
    StoredInfo{1, Type::boolean, convert<std::uint8_t, std::uint8_t>}};

const StoredInfo& info(Stored stored) { return kStored[static_cast<std::size_t>(stored)]; }

Error too_large(std::uint64_t bytes, std::uint64_t limit) {
  return bad_file("would take " + std::to_string(bytes) + " bytes, more than the limit of " + std::to_string(limit) +
                  "; read fewer samples");
}

}  // namespace

std::size_t stored_size(Stored stored) noexcept { return info(stored).size; }
Type loaded_type(Stored stored) noexcept { return info(stored).type; }

Result<std::uint64_t> stored_bytes(const Layout& layout) {
  // Twice: the elements may be wider here than in the file.
  const auto here = array_bytes(layout.shape, size_of(loaded_type(layout.stored)));
  const auto there = array_bytes(layout.shape, stored_size(layout.stored));
  if (!here || !there) return bad_file("has the impossible shape " + shape_text(layout.shape));
  return *there;
}

Result<Array> read_elements(Layout layout, const ReadOptions& options, const ReadExactly& read) {
  Array array{loaded_type(layout.stored), std::move(layout.shape), {}};
  OCTET_TRY(const std::int64_t rows, take_samples(array.rows(), options.samples));
  if (!array.shape.empty()) array.shape.front() = rows;
  const auto bytes = array_bytes(array.shape, size_of(array.type));
  if (!bytes) return bad_file("has the impossible shape " + shape_text(array.shape));
  if (*bytes > options.max_bytes) return too_large(*bytes, options.max_bytes);
  array.bytes.resize(static_cast<std::size_t>(*bytes));

  const StoredInfo& stored = info(layout.stored);
  const std::size_t size = size_of(array.type);
  const bool swap = layout.order != std::endian::native;
  const bool as_is = stored.size == size && layout.stored != Stored::f16 && (!swap || size == 1);
  constexpr std::size_t kChunk = 32768;  // elements, so that a file is never in memory twice
  std::vector<std::byte> chunk(as_is ? 0 : std::min(kChunk, array.elements()) * stored.size);
  for (std::size_t done = 0; done < array.elements(); done += kChunk) {
    const std::size_t count = std::min(kChunk, array.elements() - done);
    std::byte* const to = array.bytes.data() + done * size;
    if (as_is) {
      OCTET_CHECK(read(to, count * size));
    } else {
      OCTET_CHECK(read(chunk.data(), count * stored.size));
      stored.convert(chunk.data(), count, swap, to);
    }
    const auto not_boolean = [](std::byte b) { return b > std::byte{1}; };
    if (array.type == Type::boolean && std::any_of(to, to + count, not_boolean)) {
      return bad_file("has a boolean that is neither 0 nor 1");
    }
    forget(array.bytes);
  }
  return array;
}

}  // namespace octet::cli
