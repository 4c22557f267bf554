// The header of a .npy file: a Python dictionary of exactly three entries.
#pragma once

#include <string>
#include <string_view>

#include "cli/data/elements.h"

namespace octet::cli {

/// Parses "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }" as numpy writes it; everything else, a
/// structured, big-endian or Fortran-ordered array included, is an error.
Result<Layout> parse_npy_header(std::string_view text);

/// The dictionary of an array, as numpy writes it.
[[nodiscard]] std::string npy_header(Type type, const std::vector<std::int64_t>& shape);

}  // namespace octet::cli
