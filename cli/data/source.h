// The files given as --data and --labels, whatever their format. They are untrusted: any bytes give arrays or an error,
// in bounded memory, and what is no regular file is not opened.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/data/array.h"
#include "cli/data/read_options.h"

namespace octet::cli {

/// Reads .npy, .npz, IDX (gzip-compressed or not), a PNG or JPEG file, or a directory of them; the content decides, not
/// the name. The arrays of .npz have their names, that of every other file has the name "". No array is empty. Errors:
/// invalid_file; invalid_argument where there are fewer than options.samples; run_failed without memory.
Result<std::map<std::string, Array>> read_data(const std::string& path, const ReadOptions& options = {});

/// A PNG or JPEG file, or a directory.
[[nodiscard]] bool holds_images(const std::string& path);

/// Reads one class a sample: IDX or .npy, integers of one dimension, or text with one integer a line.
Result<std::vector<std::int64_t>> read_labels(const std::string& path);

}  // namespace octet::cli
