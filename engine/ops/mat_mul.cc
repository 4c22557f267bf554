#include "engine/ops/common.h"
#include "engine/ops/limits.h"
#include "kernels/matmul/matmul.h"

namespace octet::mat_mul {
namespace {

struct Sizes {
  std::int64_t rows, depth, columns;
};

Sizes sizes_of(const NodeView& node) {
  const Shape& a = node.input_shape(0);
  return {a[a.size() - 2], a.back(), node.output_shape().back()};
}

Shape leading(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

/// For each matrix of the output, where the one of `shape` it is made of starts, in elements.
std::vector<std::int64_t> offsets_of(const Shape& shape, const Shape& y) {
  const Shape from = leading(shape);
  const Shape to = leading(y);
  const std::int64_t matrix = shape.back() * shape[shape.size() - 2];
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(element_count(to)));
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    std::int64_t stride = matrix;
    for (std::size_t k = 0; k < from.size(); ++k) {  // from the last axis
      const std::int64_t size = from[from.size() - 1 - k];
      if (size != 1) offsets[i] += rest % size * stride;
      stride *= size;
      rest /= to[to.size() - 1 - k];
    }
  }
  return offsets;
}

/// The shape with its offsets, owned.
struct Geometry {
  std::vector<std::int64_t> a, b;
  kernels::MatMulShape shape;

  explicit Geometry(const NodeView& node) : a(offsets_of(node.input_shape(0), node.output_shape())), b(offsets_of(node.input_shape(1), node.output_shape())) {
    const Sizes s = sizes_of(node);
    shape = {static_cast<std::int64_t>(a.size()), s.rows, s.depth, s.columns, node.as<schema::MatMulT>().transpose_b, a.data(), b.data()};
  }
};

/// m = f32(f64(s_a) * f64(s_b) * f64(scale) / f64(s_out)); s_out is 1 where the output is f32.
float multiplier(const NodeView& node) {
  const double s_out = node.output().type == Type::u8 ? static_cast<double>(node.output().quant.scale()) : 1.0;
  return static_cast<float>(static_cast<double>(node.input(0).quant.scale()) * static_cast<double>(node.input(1).quant.scale()) *
                            static_cast<double>(node.as<schema::MatMulT>().scale) / s_out);
}

Step prepare_f32(const NodeView& node, const PrepareOptions& options) {
  auto geometry = std::make_shared<const Geometry>(node);
  const kernels::MatMulShape& s = geometry->shape;
  const std::size_t scratch = s.transpose_b ? static_cast<std::size_t>(options.threads) * static_cast<std::size_t>(s.depth * s.columns) * sizeof(float) : 0;
  const kernels::MatMulF32 product{s, nullptr, nullptr, node.as<schema::MatMulT>().scale, nullptr, nullptr, options.threads};
  const bool vectors = allows(options.isa, kernels::Isa::avx2);
  Step step = make_step(vectors ? "matmul_f32_avx2" : "matmul_f32_reference", [product, vectors, geometry = std::move(geometry), a = node.input_index(0), b = node.input_index(1),
                                                 y = node.output_index()](const Buffers& buffers) noexcept -> const char* {
    kernels::MatMulF32 p = product;
    p.a = buffers.tensor<float>(a);
    p.b = buffers.tensor<float>(b);
    p.y = buffers.tensor<float>(y);
    p.scratch = reinterpret_cast<float*>(buffers.scratch);
    kernels::matmul_f32(vectors ? kernels::matmul_rows_f32_avx2 : kernels::matmul_rows_f32_reference, p);
    return nullptr;
  });
  step.scratch_bytes = scratch;
  if (vectors) step.isa = kernels::Isa::avx2;
  return step;
}

/// The parameters of an int8 product, owned.
struct ProductU8 {
  Geometry geometry;
  std::vector<std::int32_t> bias;
  std::vector<float> multipliers;
  kernels::MatMulU8 product;

  ProductU8(const NodeView& node, int threads) : geometry(node) {
    const auto columns = static_cast<std::size_t>((geometry.shape.columns + kernels::kMatMulColumns - 1) / kernels::kMatMulColumns * kernels::kMatMulColumns);
    bias.assign(columns, 0);
    multipliers.assign(columns, multiplier(node));
    const float infinity = std::numeric_limits<float>::infinity();
    const kernels::Epilogue epilogue{bias.data(), multipliers.data(), output_u8(node.output()), -infinity, infinity, nullptr, nullptr};
    product = {geometry.shape, nullptr, nullptr, node.input(0).quant.zero_point(), node.input(1).quant.zero_point(), epilogue, threads};
  }
};

}  // namespace

Result<Shape> infer(const NodeView& node) {
  const auto& op = node.as<schema::MatMulT>();
  const Shape& a = node.input_shape(0);
  const Shape& b = node.input_shape(1);
  if (a.size() < 2 || b.size() < 2) return invalid("its inputs must have rank 2 or more");
  const std::int64_t depth = op.transpose_b ? b.back() : b[b.size() - 2];
  if (a.back() != depth) return invalid("cannot multiply " + to_string(a) + " by " + to_string(b) + (op.transpose_b ? " transposed" : ""));
  OCTET_TRY(Shape y, broadcast_shape(leading(a), leading(b)));
  constexpr std::int64_t kMostMatrices = std::int64_t{1} << 24;
  if (element_count(y) < 0 || element_count(y) > kMostMatrices) return invalid("multiplies too many matrices");
  if (element_count(b) > kMaxElements) return invalid("its inputs are too large");
  y.push_back(a[a.size() - 2]);
  y.push_back(op.transpose_b ? b[b.size() - 2] : b.back());
  return y;
}

Result<void> check(const NodeView& node) {
  const float scale = node.as<schema::MatMulT>().scale;
  if (!std::isfinite(scale)) return invalid("its scale is not finite");
  const Type x = node.input(0).type;
  if (x != node.input(1).type) return invalid("its inputs must have one type");
  if (x == Type::f32) {
    if (node.output().type != Type::f32) return invalid("f32 inputs need an f32 output");
    return {};
  }
  for (const std::size_t i : {0U, 1U})
    if (!quantized_u8(node.input(i))) return invalid(std::string("its inputs must be f32 or quantized u8, not ") + name_of(node.input(i).type));
  if (node.output().type != Type::f32 && !quantized_u8(node.output())) return invalid("its output must be f32 or quantized u8");
  if (node.input_shape(0).back() > kMaxMatMulDepth)
    return invalid("sums " + std::to_string(node.input_shape(0).back()) + " products, more than the " + std::to_string(kMaxMatMulDepth) + " that fit in s32");
  return check_multiplier(multiplier(node));
}

Result<Step> prepare(const NodeView& node, const PrepareOptions& options) {
  if (node.input(0).type == Type::f32) return prepare_f32(node, options);
  auto p = std::make_shared<const ProductU8>(node, options.threads);
  const kernels::MatMulKernel* kernel = kernels::find_matmul_kernel(options.isa);
  const std::size_t scratch = kernel != nullptr ? kernels::matmul_scratch_bytes(*kernel, p->geometry.shape, options.threads) : 0;
  Step step = make_step(kernel != nullptr ? kernel->name : "matmul_u8u8_reference",
                        [p = std::move(p), kernel, a = node.input_index(0), b = node.input_index(1), y = node.output_index(),
                         real = node.output().type == Type::f32](const Buffers& buffers) noexcept -> const char* {
                          kernels::MatMulU8 product = p->product;
                          product.a = buffers.tensor<std::uint8_t>(a);
                          product.b = buffers.tensor<std::uint8_t>(b);
                          if (real) {
                            product.epilogue.real = buffers.tensor<float>(y);
                          } else {
                            product.epilogue.y = buffers.tensor<std::uint8_t>(y);
                          }
                          if (kernel != nullptr) {
                            kernels::matmul_u8(*kernel, product, buffers.scratch);
                          } else {
                            kernels::matmul_u8_reference(product);
                          }
                          return nullptr;
                        });
  step.isa = kernel != nullptr ? kernel->isa : kernels::Isa::reference;
  step.scratch_bytes = scratch;
  return step;
}

std::uint64_t macs(const NodeView& node) {
  return static_cast<std::uint64_t>(element_count(node.output_shape())) * static_cast<std::uint64_t>(node.input_shape(0).back());
}

}  // namespace octet::mat_mul
