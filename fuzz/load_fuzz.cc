// Bytes as an .octet file: loaded as they are, which tests the header, then with a header that fits them, which tests
// everything behind it; what loads is run.
#include <vector>

#include "engine/file_header.h"
#include "fuzz/run_model.h"

namespace {

void load_and_run(std::span<const std::byte> file) {
  const auto model = octet::Model::load(file);
  if (model) octet::fuzz::run_model(*model);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  load_and_run(bytes);
  if (size < octet::kHeaderBytes) return 0;
  std::vector<std::byte> sealed(bytes.begin(), bytes.end());
  octet::seal(sealed);
  load_and_run(sealed);
  return 0;
}
