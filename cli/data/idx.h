// IDX files, the format of MNIST and its kin: big-endian, gzip-compressed or not.
//   00 00 type ndim | ndim sizes of 4 bytes | elements, row-major
#pragma once

#include <string>

#include "cli/data/elements.h"

namespace octet::cli {

/// Reads the array, or decompresses no more than its first options.samples rows. Types: u8, s8, s16 (to s32), s32, f32,
/// f64 (to f32).
Result<Array> read_idx(const std::string& path, const ReadOptions& options = {});

}  // namespace octet::cli
