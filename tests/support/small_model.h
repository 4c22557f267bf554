// A quantized model of every kind of operator that still fits into a few kilobytes.
#pragma once

#include "octet/converter.hpp"
#include "tests/support/graph_builder.h"

namespace octet_test {

/// f32 [N,4,4,2] -> Quantize, Conv, Lookup, MaxPool, Reshape, FullyConnected -> f32 [N,3].
inline GraphBuilder small_graph() {
  GraphBuilder b;
  const int x = b.input("x", Type::f32, {1, 4, 4, 2});
  const int q = b.node("q", octet::schema::QuantizeT{}, {x}, Type::u8, affine(0.02F, 128));
  std::vector<std::int8_t> filters;
  for (int i = 0; i < 3 * 2 * 2 * 2; ++i) filters.push_back(static_cast<std::int8_t>(i * 10 - 120));
  octet::schema::ConvT conv;
  conv.pad_right = conv.pad_bottom = 1;
  conv.clamp_min = 0.0F;
  const int w = b.constant("conv.w", {3, 2, 2, 2}, filters, symmetric({0.01F, 0.02F, 0.03F}));
  const int bias = b.constant<std::int32_t>("conv.b", {3}, {100, -200, 300});
  const int c = b.node("conv", conv, {q, w, bias}, Type::u8, affine(0.05F, 3));
  octet::schema::LookupT lookup;
  for (int i = 0; i < 256; ++i) lookup.tables.push_back(static_cast<std::uint8_t>(255 - i));
  const int l = b.node("curve", lookup, {c}, Type::u8, affine(0.04F, 7));
  octet::schema::MaxPoolT pool;
  pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
  const int p = b.node("pool", pool, {l}, Type::u8, affine(0.04F, 7));
  octet::schema::ReshapeT flat;
  flat.shape = {0, -1};
  const int r = b.node("flat", flat, {p}, Type::u8, affine(0.04F, 7));
  std::vector<std::int8_t> rows;
  for (int i = 0; i < 3 * 12; ++i) rows.push_back(static_cast<std::int8_t>((i * 37) % 255 - 127));
  const int v = b.constant("dense.w", {3, 12}, rows, symmetric({0.01F}));
  b.node("dense", octet::schema::FullyConnectedT{}, {r, v});
  return b;
}

/// Add, Mul, Concat, AveragePool, Transpose and Softmax on u8.
inline GraphBuilder other_graph() {
  GraphBuilder b;
  const int x = b.input("a", Type::u8, {1, 4, 4, 2}, affine(0.02F, 100));
  const int y = b.input("b", Type::u8, {1, 4, 4, 2}, affine(0.03F, 90));
  const int sum = b.node("sum", octet::schema::AddT{}, {x, y}, Type::u8, affine(0.05F, 95));
  const int product = b.node("product", octet::schema::MulT{}, {sum, y}, Type::u8, affine(0.05F, 95));
  octet::schema::ConcatT concat;
  concat.axis = 3;
  const int joined = b.node("joined", concat, {sum, product}, Type::u8, affine(0.05F, 95));
  octet::schema::AveragePoolT pool;
  pool.kernel_h = pool.kernel_w = 2;
  pool.pad_top = 1;
  const int mean = b.node("mean", pool, {joined}, Type::u8, affine(0.04F, 80));
  octet::schema::TransposeT swap;
  swap.perm = {0, 3, 1, 2};
  const int swapped = b.node("swapped", swap, {mean}, Type::u8, affine(0.04F, 80));
  octet::schema::SoftmaxT softmax;
  for (unsigned d = 0; d < 256; ++d) softmax.table.push_back(1U << (23 - d / 11));
  b.node("shares", softmax, {swapped}, Type::u8, affine(1.0F / 255.0F, 0));
  return b;
}

inline std::vector<std::byte> small_file() { return must(octet::serialize(must(small_graph().model()))); }
inline std::vector<std::byte> other_file() { return must(octet::serialize(must(other_graph().model()))); }

}  // namespace octet_test
