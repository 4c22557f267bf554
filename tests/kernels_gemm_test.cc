// Every matrix product kernel this CPU can run against the scalar one, byte for byte, between guard pages.
#include "kernels/gemm/packed.h"
#include "kernels/gemm/quad_gemm.h"
#include "tests/support/product_checks.h"

namespace octet_test {
namespace {

using namespace octet::kernels;

void check_quads(const ProductData& d, std::int64_t rows, int threads = 1) {
  for (const QuadKernel& kernel : quad_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name, ": ", rows, " x ", d.depth, " x ", d.channels, ", threads ", threads);
    const QuadGemm gemm(kernel, d.weights.data(), rows, d.channels, d.depth, d.folded_bias.data(), d.multiplier.data(), threads);
    Guarded<std::byte> scratch(gemm.scratch_bytes());
    check_product(d, static_cast<std::size_t>(rows * d.channels), gemm_reference(d, rows),
                  [&](const std::uint8_t* x, const Epilogue& e) { gemm.run(x, e, scratch.data()); });
    if (gemm.takes_residual())
      check_residual(d, static_cast<std::size_t>(rows * d.channels), gemm_reference(d, rows),
                     [&](const std::uint8_t* x, const Epilogue& e) { gemm.run(x, e, scratch.data()); });
  }
}

void check_pairs(const ProductData& d, std::int64_t rows, int threads = 1) {
  for (const TileKernel& kernel : tile_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name, ": ", rows, " x ", d.depth, " x ", d.channels, ", threads ", threads);
    const TiledGemm gemm{&kernel, pack_gemm(d.weights.data(), d.channels, d.depth, d.folded_bias.data(), d.multiplier.data()), rows, threads};
    Guarded<std::int16_t> scratch(gemm.scratch_bytes() / sizeof(std::int16_t));
    check_product(d, static_cast<std::size_t>(rows * d.channels), gemm_reference(d, rows),
                  [&](const std::uint8_t* x, const Epilogue& e) { gemm_u8s8_tiled(gemm, x, e, scratch.data()); });
  }
}

ProductData make(Random& random, std::int64_t rows, std::int64_t channels, std::int64_t depth, ProductData::Kind kind = ProductData::Kind::random) {
  return {random, static_cast<std::size_t>(rows * depth), channels, depth, kind};
}

TEST_CASE("matrix products: every number of rows, channels and depths around the tiles' sizes") {
  Random random(1);
  for (std::int64_t rows = 1; rows <= 14; ++rows) {
    for (const std::int64_t channels : {1, 7, 8, 15, 16, 17, 31, 33, 48, 49, 64, 65, 80, 130}) {
      const auto d = make(random, rows, channels, random.integer(1, 40));
      check_quads(d, rows);
      check_pairs(d, rows);
    }
  }
  for (std::int64_t depth = 1; depth <= 36; ++depth) {
    for (const std::int64_t rows : {1, 2, 5}) {
      const auto d = make(random, rows, random.integer(1, 70), depth);
      check_quads(d, rows);
      check_pairs(d, rows);
    }
  }
}

TEST_CASE("matrix products: large ones") {
  Random random(2);
  for (const auto& [rows, channels, depth] : {std::array<std::int64_t, 3>{1, 500, 801}, {1, 10, 500}, {97, 70, 65}, {49, 257, 130}, {300, 24, 15}}) {
    const auto d = make(random, rows, channels, depth);
    check_quads(d, rows);
    check_pairs(d, rows);
  }
}

TEST_CASE("matrix products at the ends of the data: 255 * -128 and 255 * 127") {
  Random random(3);
  // 255 * 128 * 65,000 is just below 2^31.
  for (const std::int64_t depth : {1, 4, 63, 1000, 65'000}) {
    for (const auto kind : {ProductData::Kind::lowest, ProductData::Kind::highest}) {
      const auto d = make(random, 2, depth > 1000 ? 3 : 20, depth, kind);
      check_quads(d, 2);
      check_pairs(d, 2);
    }
  }
}

TEST_CASE("matrix products: threads give the same bytes") {
  Random random(4);
  // Enough work to be worth a second thread.
  const auto d = make(random, 401, 120, 170);
  check_quads(d, 401, 2);
  check_pairs(d, 401, 2);
}

TEST_CASE("blocks of channels are nearly equal, and their constants are complete") {
  Random random(5);
  for (const QuadKernel& kernel : quad_kernels()) {
    const std::int64_t channels = kernel.lanes * 5;
    const auto d = make(random, 1, channels, 9);
    const PackedQuads packed(kernel, d.weights.data(), channels, 9, dense_quads(9), d.folded_bias.data(), d.multiplier.data());
    CHECK(packed.channels() == channels);
    CHECK(packed.bytes() >= static_cast<std::size_t>(channels * (12 + 8)));
  }
}

}  // namespace
}  // namespace octet_test
