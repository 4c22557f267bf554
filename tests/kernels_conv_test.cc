// Every convolution kernel this CPU can run against the scalar one, byte for byte, between guard pages.
#include "kernels/conv/pixel_conv.h"
#include "kernels/conv/quad_conv.h"
#include "kernels/conv/tiled.h"
#include "kernels/depthwise/column_depthwise.h"
#include "kernels/depthwise/depthwise.h"
#include "kernels/depthwise/quad_depthwise.h"
#include "kernels/pool/pool.h"
#include "tests/support/product_checks.h"

namespace octet_test {
namespace {

using namespace octet::kernels;
using Kind = ProductData::Kind;

/// The convolution, then the pool, both of them the specification.
std::vector<std::uint8_t> pooled_reference(const ProductData& d, const ConvShape& s, const std::uint8_t* x) {
  std::vector<std::uint8_t> between(outputs_of(s));
  conv_reference(d, s)(x, d.epilogue(between.data(), nullptr, false));
  PoolShape pool;
  pool.batch = s.batch, pool.in_h = s.out_h, pool.in_w = s.out_w, pool.channels = s.out_c;
  pool.out_h = s.out_h / 2, pool.out_w = s.out_w / 2;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  std::vector<std::uint8_t> y(static_cast<std::size_t>(pool.batch * pool.out_h * pool.out_w * pool.channels));
  max_pool_u8_reference({pool, between.data(), y.data(), 1});
  return y;
}

void check_pooled(const ProductData& d, const ConvShape& s, const QuadConv& plain) {
  if (s.out_h < 2 || s.out_w < 2) return;
  const QuadConv conv = plain.pooled();
  for (const Edge edge : {Edge::end, Edge::begin}) {
    const Guarded<std::uint8_t> x(d.x, edge);
    const auto expected = pooled_reference(d, s, x.data());
    Guarded<std::uint8_t> y(expected.size(), edge);
    Guarded<std::byte> scratch(conv.scratch_bytes());
    conv.run(x.data(), d.epilogue(y.data(), nullptr, true), scratch.data());
    CHECK(y.values() == expected);
  }
}

void check_quads(const ProductData& d, const ConvShape& s, int threads) {
  for (const QuadKernel& kernel : quad_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name, ": ", to_string(s), ", threads ", threads);
    REQUIRE(QuadConv::fits(kernel, s));
    const QuadConv conv(kernel, s, d.weights.data(), d.folded_bias.data(), d.multiplier.data(), d.zero_point, threads);
    Guarded<std::byte> scratch(conv.scratch_bytes());
    check_product(d, outputs_of(s), conv_reference(d, s), [&](const std::uint8_t* x, const Epilogue& e) { conv.run(x, e, scratch.data()); });
    check_pooled(d, s, conv);
    if (conv.takes_residual())
      check_residual(d, outputs_of(s), conv_reference(d, s), [&](const std::uint8_t* x, const Epilogue& e) { conv.run(x, e, scratch.data()); });
  }
}

void check_pixels(const ProductData& d, const ConvShape& s, int threads) {
  const auto* kernel = find_pixel_conv_kernel(best_isa());
  if (kernel == nullptr || !PixelConv::fits(s)) return;
  INFO(kernel->name, ": ", to_string(s), ", threads ", threads);
  const PixelConv conv(*kernel, s, d.weights.data(), d.folded_bias.data(), d.multiplier.data(), d.zero_point, threads);
  Guarded<std::byte> scratch(conv.scratch_bytes());
  check_product(d, outputs_of(s), conv_reference(d, s), [&](const std::uint8_t* x, const Epilogue& e) { conv.run(x, e, scratch.data()); });
}

void check_pairs(const ProductData& d, const ConvShape& s, int threads) {
  for (const TileKernel& kernel : tile_kernels()) {
    if (!cpu_has(kernel.isa)) continue;
    INFO(kernel.name, ": ", to_string(s), ", threads ", threads);
    const TiledConv conv(kernel, s, d.weights.data(), d.folded_bias.data(), d.multiplier.data(), d.zero_point, threads);
    Guarded<std::int16_t> scratch(conv.scratch_bytes() / sizeof(std::int16_t));
    check_product(d, outputs_of(s), conv_reference(d, s),
                  [&](const std::uint8_t* x, const Epilogue& e) { conv_u8s8_tiled(conv, x, e, scratch.data()); });
  }
}

void check_depthwise(const ProductData& d, const ConvShape& s, int threads) {
  const auto* kernel = find_depthwise_kernel(best_isa(), s);
  if (kernel == nullptr) return;
  INFO(kernel->name, ": ", to_string(s), ", threads ", threads);
  const Depthwise conv(*kernel, s, d.weights.data(), d.folded_bias.data(), d.multiplier.data(), d.zero_point, threads);
  check_product(d, outputs_of(s), conv_reference(d, s), [&](const std::uint8_t* x, const Epilogue& e) { depthwise_u8s8(conv, x, e); });
}

void check_quad_depthwise(const ProductData& d, const ConvShape& s, int threads) {
  for (const QuadDepthwiseKernel& kernel : quad_depthwise_kernels()) {
    if (!cpu_has(kernel.isa) || !QuadDepthwise::fits(kernel, s)) continue;
    INFO(kernel.name, ": ", to_string(s), ", threads ", threads);
    const QuadDepthwise conv(kernel, s, d.weights.data(), d.folded_bias.data(), d.multiplier.data(), d.zero_point, threads);
    Guarded<std::byte> scratch(conv.scratch_bytes());
    check_product(d, outputs_of(s), conv_reference(d, s), [&](const std::uint8_t* x, const Epilogue& e) { conv.run(x, e, scratch.data()); });
  }
}

void check_column_depthwise(const ProductData& d, const ConvShape& s, int threads) {
  const auto* kernel = find_column_depthwise_kernel(best_isa());
  if (kernel == nullptr || !ColumnDepthwise::fits(s)) return;
  INFO(kernel->name, ": ", to_string(s), ", threads ", threads);
  const ColumnDepthwise conv(*kernel, s, d.weights.data(), d.folded_bias.data(), d.multiplier.data(), d.zero_point, threads);
  check_product(d, outputs_of(s), conv_reference(d, s), [&](const std::uint8_t* x, const Epilogue& e) { conv.run(x, e, nullptr); });
}

void check(Random& random, const ConvShape& s, Kind kind = Kind::random, int threads = 1) {
  const ProductData d(random, inputs_of(s), s.out_c, s.filter_size(), kind);
  check_quads(d, s, threads);
  check_pixels(d, s, threads);
  check_pairs(d, s, threads);
  check_depthwise(d, s, threads);
  check_quad_depthwise(d, s, threads);
  check_column_depthwise(d, s, threads);
}

ConvShape shape(std::int64_t h, std::int64_t w, std::int64_t in_c, std::int64_t out_c, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                std::int64_t groups = 1) {
  ConvShape s;
  s.in_h = h, s.in_w = w, s.in_c = in_c, s.out_c = out_c, s.groups = groups;
  s.kernel_h = s.kernel_w = kernel;
  s.stride_h = s.stride_w = stride;
  s.pad_top = s.pad_left = s.pad_bottom = s.pad_right = pad;
  REQUIRE(complete(s));
  return s;
}

TEST_CASE("convolutions: the layers of real networks") {
  Random random(1);
  for (const ConvShape& s : {shape(28, 28, 1, 20, 5, 1, 0), shape(12, 12, 20, 50, 5, 1, 0), shape(24, 24, 3, 8, 3, 2, 1), shape(14, 14, 32, 16, 1, 1, 0),
                             shape(9, 9, 24, 40, 1, 2, 0), shape(7, 9, 65, 33, 3, 1, 1), shape(10, 10, 32, 64, 3, 2, 1), shape(16, 16, 4, 16, 7, 2, 3)})
    check(random, s);
}

TEST_CASE("convolutions of whole vectors, which may have a residual: shapes, strides, groups, threads") {
  Random random(7);
  for (const std::int64_t channels : {16, 32, 48, 64, 80, 112}) {
    for (const std::int64_t stride : {1, 2}) {
      check(random, shape(random.integer(5, 11), random.integer(5, 11), random.integer(1, 20), channels, 3, stride, 1));
      check(random, shape(random.integer(5, 11), random.integer(5, 11), random.integer(1, 20), channels, 1, stride, 0));
    }
    check(random, shape(6, 9, 10, 2 * channels, 3, 1, 1, 2));
  }
  check(random, shape(33, 31, 16, 64, 3, 1, 1), Kind::random, 2);
  check(random, shape(33, 31, 16, 64, 3, 1, 1), Kind::highest, 2);
}

TEST_CASE("convolutions: random shapes") {
  Random random(2);
  int done = 0;
  while (done < 250) {
    ConvShape s;
    s.batch = random.integer(1, 2);
    s.in_h = random.integer(1, 12), s.in_w = random.integer(1, 12);
    s.groups = random.integer(0, 2) == 0 ? random.integer(1, 5) : 1;
    s.in_c = s.groups * random.integer(1, 9);
    s.out_c = s.groups * random.integer(1, random.integer(0, 3) == 0 ? 70 : 20);
    s.kernel_h = random.integer(1, 5), s.kernel_w = random.integer(1, 5);
    s.stride_h = random.integer(1, 3), s.stride_w = random.integer(1, 3);
    s.dilation_h = random.integer(0, 3) == 0 ? 2 : 1, s.dilation_w = random.integer(0, 3) == 0 ? random.integer(2, 3) : 1;
    if (random.integer(0, 1) == 0) {
      s.pad_top = random.integer(0, 3), s.pad_left = random.integer(0, 3);
      s.pad_bottom = random.integer(0, 3), s.pad_right = random.integer(0, 6);
    }
    if (!complete(s)) continue;
    check(random, s);
    ++done;
  }
}

TEST_CASE("convolutions of few channels: kernels, strides, dilations, every number of output channels") {
  Random random(7);
  for (std::int64_t out_c = 1; out_c <= 36; ++out_c) check(random, shape(9, 20, random.integer(1, 4), out_c, 3, random.integer(1, 2), 1));
  for (int done = 0; done < 150;) {
    ConvShape s;
    s.batch = random.integer(1, 2);
    s.in_h = random.integer(1, 24), s.in_w = random.integer(1, 60);
    s.in_c = random.integer(1, 4), s.out_c = random.integer(1, 33);
    s.kernel_h = random.integer(1, 7), s.kernel_w = random.integer(1, 7);
    s.stride_h = random.integer(1, 3), s.stride_w = random.integer(1, random.integer(0, 3) == 0 ? 40 : 3);
    s.dilation_h = random.integer(0, 3) == 0 ? 2 : 1, s.dilation_w = random.integer(0, 3) == 0 ? random.integer(2, 30) : 1;
    s.pad_top = random.integer(0, 3), s.pad_left = random.integer(0, 9);
    s.pad_bottom = random.integer(0, 3), s.pad_right = random.integer(0, 9);
    if (!complete(s) || !PixelConv::fits(s) || s.out_pixels() * s.out_c * s.filter_size() > 2'000'000) continue;
    check(random, s);
    ++done;
  }
  CHECK(PixelConv::fits(shape(28, 28, 1, 20, 5, 1, 0)));
  CHECK(PixelConv::fits(shape(224, 224, 3, 32, 3, 2, 1)));
  CHECK_FALSE(PixelConv::fits(shape(28, 28, 5, 20, 5, 1, 0)));
  CHECK_FALSE(PixelConv::fits(shape(3, 3, 1, 20, 1, 1, 0)));    // nine pixels
  CHECK_FALSE(PixelConv::fits(shape(17, 17, 1, 20, 17, 1, 8)));  // too deep
}

TEST_CASE("convolutions at the ends of the data: 255 * -128 and 255 * 127 around zero-points") {
  Random random(3);
  for (const Kind kind : {Kind::lowest, Kind::highest})
    for (const ConvShape& s : {shape(5, 5, 17, 18, 3, 1, 1), shape(6, 6, 1, 4, 3, 1, 2), shape(7, 7, 20, 20, 3, 1, 1, 20)}) check(random, s, kind);
}

TEST_CASE("convolutions: threads give the same bytes") {
  Random random(4);
  // Enough work to be worth a second thread; also where a batch is split instead of an image.
  check(random, shape(33, 31, 16, 64, 3, 1, 1), Kind::random, 2);
  ConvShape s = shape(3, 17, 48, 96, 3, 1, 1);
  s.batch = 3;
  check(random, s, Kind::random, 2);
  check(random, shape(48, 48, 30, 30, 3, 1, 1, 30), Kind::random, 2);
}

TEST_CASE("depthwise convolutions: kernels, strides and channels") {
  Random random(5);
  for (const std::int64_t channels : {2, 4, 8, 15, 16, 17, 24, 32, 33, 64, 72, 80, 96, 130}) {
    for (const std::int64_t kernel : {1, 3, 5, 7})
      for (const std::int64_t stride : {1, 2, 3})
        check(random, shape(random.integer(7, 11), random.integer(7, 11), channels, channels, kernel, stride, random.integer(0, kernel / 2), channels));
  }
  // Rows long enough to be cut into segments.
  for (const std::int64_t stride : {1, 2}) check(random, shape(6, 70, 96, 96, 3, stride, 1, 96));
  // Images high enough to be cut into strips, which share rows or, where the stride is as large as the kernel, do not.
  for (const std::int64_t stride : {1, 2, 3}) check(random, shape(300, 3, 4, 4, 3, stride, 1, 4));
  for (const std::int64_t stride : {1, 2}) check(random, shape(70, 12, 64, 64, 5, stride, 2, 64));
}

TEST_CASE("depthwise convolutions of 3 x 3 by columns: every remainder of channels, paddings, sizes") {
  Random random(8);
  for (std::int64_t channels = 32; channels <= 140; channels += random.integer(1, 5)) {
    for (const std::int64_t stride : {1, 2}) {
      ConvShape s;
      s.batch = random.integer(1, 2);
      s.in_h = random.integer(1, 9), s.in_w = random.integer(1, 9);
      s.in_c = s.out_c = s.groups = channels;
      s.kernel_h = s.kernel_w = 3;
      s.stride_h = s.stride_w = stride;
      s.pad_top = random.integer(0, 4), s.pad_left = random.integer(0, 4);
      s.pad_bottom = random.integer(0, 4), s.pad_right = random.integer(0, 4);
      if (!complete(s)) continue;
      CHECK(ColumnDepthwise::fits(s));
      check(random, s);
    }
  }
  for (const std::int64_t stride : {1, 2}) check(random, shape(45, 40, 96, 96, 3, stride, 1, 96), Kind::random, 2);
  check(random, shape(5, 5, 1500, 1500, 3, 1, 1, 1500));  // chunks after one another
  CHECK_FALSE(ColumnDepthwise::fits(shape(9, 9, 31, 31, 3, 1, 1, 31)));
  CHECK_FALSE(ColumnDepthwise::fits(shape(9, 9, 32, 32, 5, 1, 1, 32)));
  CHECK_FALSE(ColumnDepthwise::fits(shape(9, 9, 32, 64, 3, 1, 1, 32)));
}

TEST_CASE("depthwise convolutions: random shapes") {
  Random random(6);
  int done = 0;
  while (done < 200) {
    ConvShape s;
    s.batch = random.integer(1, 2);
    s.in_h = random.integer(1, 12), s.in_w = random.integer(1, 14);
    s.in_c = s.out_c = s.groups = random.integer(2, random.integer(0, 2) == 0 ? 90 : 20);
    s.kernel_h = random.integer(1, 6), s.kernel_w = random.integer(1, 6);
    s.stride_h = random.integer(1, 4), s.stride_w = random.integer(1, 4);
    s.dilation_h = random.integer(0, 3) == 0 ? 2 : 1, s.dilation_w = random.integer(0, 3) == 0 ? random.integer(2, 3) : 1;
    s.pad_top = random.integer(0, 3), s.pad_left = random.integer(0, 4);
    s.pad_bottom = random.integer(0, 3), s.pad_right = random.integer(0, 6);
    if (!complete(s)) continue;
    check(random, s);
    ++done;
  }
}

TEST_CASE("quads refuse shapes whose strips, offsets or weights would explode") {
  const QuadKernel& kernel = quad_kernels().back();
  CHECK(QuadConv::fits(kernel, shape(10, 10, 8, 8, 3, 1, 1)));
  ConvShape wide = shape(3, 3, 8, 8, 3, 1, 1);
  wide.pad_right = std::int64_t{1} << 31U;
  REQUIRE(complete(wide));
  CHECK_FALSE(QuadConv::fits(kernel, wide));
  ConvShape dilated = shape(3, 3, 8, 8, 3, 1, 0);
  dilated.dilation_h = std::int64_t{1} << 31U;
  dilated.pad_bottom = std::int64_t{1} << 33U;
  REQUIRE(complete(dilated));
  CHECK_FALSE(QuadConv::fits(kernel, dilated));
  CHECK_FALSE(QuadConv::fits(kernel, shape(1, 1, 1 << 15, 1 << 15, 1, 1, 0, 1 << 15)));  // 64 bytes for each weight

  const QuadDepthwiseKernel& depthwise = quad_depthwise_kernels().back();
  CHECK(QuadDepthwise::fits(depthwise, shape(10, 10, 8, 8, 3, 1, 1, 8)));
  CHECK_FALSE(QuadDepthwise::fits(depthwise, shape(10, 10, 8, 16, 3, 1, 1, 8)));
  CHECK_FALSE(QuadDepthwise::fits(depthwise, shape(10, 10, 8, 8, 3, 1, 1, 4)));
  CHECK_FALSE(QuadDepthwise::fits(depthwise, shape(3, 3, 2001, 2001, 3, 1, 1, 2001)));  // 512 bytes for each weight
  wide.groups = 8;
  CHECK_FALSE(QuadDepthwise::fits(depthwise, wide));
}

}  // namespace
}  // namespace octet_test
