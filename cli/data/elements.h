// Elements as files store them, and their conversion to Octet's types.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "cli/data/array.h"
#include "cli/data/read_options.h"

namespace octet::cli {

/// Element types found in files. f16 and f64 become f32, u16 and s16 become s32, u32 becomes s64; the others stay.
enum class Stored : std::uint8_t { f16, f32, f64, u8, s8, u16, s16, u32, s32, s64, boolean };

[[nodiscard]] std::size_t stored_size(Stored stored) noexcept;
[[nodiscard]] Type loaded_type(Stored stored) noexcept;

/// A row-major array in a file.
struct Layout {
  Stored stored = Stored::f32;
  std::endian order = std::endian::little;
  std::vector<std::int64_t> shape;
};

/// The bytes the array takes in the file; an error where its shape is impossible.
Result<std::uint64_t> stored_bytes(const Layout& layout);

/// Where bytes come from: reads exactly `size` of them to `to`, or says why not.
using ReadExactly = std::function<Result<void>(std::byte* to, std::size_t size)>;

/// Reads the array, or its first options.samples rows. The caller has compared stored_bytes() with what the file has,
/// so that no more is allocated than a file of its size can fill.
Result<Array> read_elements(Layout layout, const ReadOptions& options, const ReadExactly& read);

}  // namespace octet::cli
