// For messages about a name that does not exist: the names it may have been meant to be.
#pragma once

#include <string>
#include <vector>

namespace octet::cli {

/// Up to `most` of `names`, most alike first: those that contain `name` (in any case of letters) or are contained in it, and
/// those a few typing errors away from it.
[[nodiscard]] std::vector<std::string> nearest(const std::string& name, const std::vector<std::string>& names, std::size_t most = 3);

/// "; did you mean 'a' or 'b'?", or nothing.
[[nodiscard]] std::string did_you_mean(const std::string& name, const std::vector<std::string>& names);

}  // namespace octet::cli
