// Bytes as a file given to --data and --labels.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "cli/data/source.h"

namespace {

/// A file in memory, and a path that opens it.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("octet_fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {
    if (descriptor_ < 0) std::abort();
  }

  const std::string& with(const std::uint8_t* data, std::size_t size) {
    if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
    return path_;
  }

 private:
  int descriptor_;
  std::string path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static MemoryFile file;
  const std::string& path = file.with(data, size);
  octet::cli::ReadOptions options;
  options.max_bytes = std::uint64_t{64} << 20U;
  (void)octet::cli::read_data(path, options).has_value();
  options.samples = 1;
  options.channels = 3;
  (void)octet::cli::read_data(path, options).has_value();
  (void)octet::cli::read_labels(path).has_value();
  return 0;
}
