// numpy's .npy files. https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <string>

#include "cli/data/elements.h"
#include "cli/data/staged_file.h"

namespace octet::cli {

/// Reads versions 1.0, 2.0 and 3.0, little-endian, C order.
Result<Array> read_npy(const std::string& path, const ReadOptions& options = {});

/// The same from `size` bytes that `read` gives in order; errors have no `where`.
Result<Array> read_npy(const ReadExactly& read, std::uint64_t size, const ReadOptions& options);

/// Writes version 1.0; the file appears under its name with commit().
Result<StagedFile> stage_npy(const std::string& path, const Array& array);

/// Stages and commits: `path` has its old content, if any, until the new one is complete.
Result<void> write_npy(const std::string& path, const Array& array);

}  // namespace octet::cli
