// Writes the model tests/c_api/c_api_test.c works on:
//   sum    u8  [N,4]  = a + b, at scale 0.5 with zero-point 10; a u8 [N,4] at scale 0.5, b u8 [N,4] at scale 1
//   scores f32 [N,2]  = sum W^T + bias, W = {{1, 2, 3, 4}, {-1, 0, 0, 1}}, bias = {8, -4} (in steps of 0.5)
#include <cstdio>

#include "engine/model.h"
#include "octet/converter.hpp"

namespace {

using namespace octet;

Tensor activation(const char* name, Type type, std::int64_t size, Quantization quant) {
  return {name, type, {1, size}, true, std::move(quant), {}};
}

Graph make_graph() {
  Graph g;
  g.tensors = {activation("a", Type::u8, 4, {{0.5F}, {0}, -1}),
               activation("b", Type::u8, 4, {{1.0F}, {0}, -1}),
               activation("sum", Type::u8, 4, {{0.5F}, {10}, -1}),
               {"weights", Type::s8, {2, 4}, false, {{1.0F}, {}, -1}, Constant::of<std::int8_t>({1, 2, 3, 4, -1, 0, 0, 1})},
               {"bias", Type::s32, {2}, false, {}, Constant::of<std::int32_t>({8, -4})},
               activation("scores", Type::f32, 2, {})};
  Node add;
  add.name = "add";
  add.attributes.Set(schema::AddT{});
  add.inputs = {0, 1};
  add.outputs = {2};
  Node product;
  product.name = "product";
  product.attributes.Set(schema::FullyConnectedT{});
  product.inputs = {2, 3, 4};
  product.outputs = {5};
  g.nodes = {add, product};
  g.inputs = {0, 1};
  g.outputs = {2, 5};
  g.preprocessing.resize(2);
  return g;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto model = make_model(make_graph());
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text().c_str()), 1;
  auto saved = save(*model, argv[1]);
  if (!saved) return std::fprintf(stderr, "%s\n", saved.error().text().c_str()), 1;
}
