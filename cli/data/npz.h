// numpy's .npz files: a zip archive with one .npy a named array.
#pragma once

#include <map>
#include <string>

#include "cli/data/elements.h"

namespace octet::cli {

/// Every array of the archive, stored or deflated, by its name without ".npy". Entries of other names are ignored; an
/// archive without any array is an error. options.samples cuts each array, and no more of it is decompressed.
Result<std::map<std::string, Array>> read_npz(const std::string& path, const ReadOptions& options = {});

}  // namespace octet::cli
