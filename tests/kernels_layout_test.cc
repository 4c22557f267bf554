// Transposition: planes and whole tensors against the scalar kernel, byte for byte, between guard pages.
#include <algorithm>
#include <numeric>

#include "kernels/layout/transpose.h"
#include "tests/support/graph_builder.h"
#include "tests/support/guarded.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

void check(const std::vector<std::int64_t>& sizes, const std::vector<std::size_t>& perm, std::size_t element_bytes, int threads = 1) {
  TransposeShape s;
  s.axes = static_cast<int>(sizes.size());
  std::int64_t elements = 1;
  std::vector<std::int64_t> strides(sizes.size());
  for (std::size_t i = sizes.size(); i-- > 0; elements *= sizes[i]) strides[i] = elements;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    s.size[i] = sizes[perm[i]];
    s.stride[i] = strides[perm[i]];
  }
  const std::size_t bytes = static_cast<std::size_t>(elements) * element_bytes;
  std::string text;
  for (std::size_t i = 0; i < perm.size(); ++i) text += std::to_string(sizes[i]) + " to " + std::to_string(perm[i]) + ", ";
  INFO(text, element_bytes, " bytes");
  Guarded<std::byte> x(bytes);
  Random random(7);
  for (std::size_t i = 0; i < bytes; ++i) x.data()[i] = static_cast<std::byte>(random.integer(0, 255));
  std::vector<std::uint64_t> expected(bytes / 8 + 1);
  transpose_reference(s, element_bytes, x.data(), reinterpret_cast<std::byte*>(expected.data()), 1);
  for (const Isa isa : available_isas()) {
    const Transposer transposer(s, element_bytes, isa, threads);
    INFO(transposer.name());
    CHECK(allows(isa, transposer.isa()));
    Guarded<std::byte> y(bytes);
    transposer.run(x.data(), y.data());
    CHECK(std::memcmp(y.data(), expected.data(), bytes) == 0);
  }
}

TEST_CASE("planes of every size around the blocks'") {
  for (const std::int64_t rows : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 70, 128, 200})
    for (const std::int64_t columns : {1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 70, 128, 200}) check({rows, columns}, {1, 0}, 1);
}

TEST_CASE("every permutation of four axes, every element size") {
  std::vector<std::size_t> perm = {0, 1, 2, 3};
  do {
    for (const std::size_t bytes : {1U, 4U, 8U}) {
      check({2, 3, 17, 20}, perm, bytes);
      check({3, 1, 18, 4}, perm, bytes);
    }
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST_CASE("images between channels first and channels last") {
  for (const std::int64_t channels : {1, 2, 3, 4, 16, 24}) {
    check({2, channels, 9, 11}, {0, 2, 3, 1}, 1);
    check({2, 9, 11, channels}, {0, 3, 1, 2}, 1);
  }
}

TEST_CASE("threads give the same bytes") {
  check({1, 3, 500, 301}, {0, 2, 3, 1}, 1, 2);
  check({8, 40, 20, 30}, {0, 2, 3, 1}, 1, 2);
  check({8, 40, 20, 30}, {0, 2, 1, 3}, 4, 2);
}

}  // namespace
}  // namespace octet_test
