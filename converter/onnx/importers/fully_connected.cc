#include <algorithm>
#include <string>

#include "converter/onnx/importers/arithmetic.h"
#include "converter/onnx/importers/products.h"
#include "converter/onnx/tensor_proto.h"
#include "converter/passes/source_scales.h"
#include "engine/ops/common.h"

namespace octet {
namespace {

/// A right operand [K, N] (or [N, K], `rows_are_outputs`) as weights [N, K].
Tensor with_rows_of_outputs(const Tensor& right, bool rows_are_outputs) {
  const auto from = right.data.as<float>();
  const auto rows = static_cast<std::size_t>(right.shape[0]);
  const auto columns = static_cast<std::size_t>(right.shape[1]);
  std::vector<float> to(from.size());
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      to[rows_are_outputs ? r * columns + c : c * rows + r] = from[r * columns + c];
  Tensor made = right;
  if (!rows_are_outputs) made.shape = {right.shape[1], right.shape[0]};
  const int outputs_axis = rows_are_outputs ? 0 : 1;
  Quantization& q = made.source.quant;
  if (q.axis != -1 && q.axis != outputs_axis) q = {};
  if (q.axis != -1) q.axis = 0;
  made.data = Constant::of(std::move(to));
  return made;
}

/// The same times `factor`: integers of the source stay, their scales change.
Result<Tensor> weights_of(const Tensor& right, bool rows_are_outputs, float factor) {
  Tensor made = with_rows_of_outputs(right, rows_are_outputs);
  if (factor == 1.0F) return made;
  const std::vector<double> factors(static_cast<std::size_t>(made.shape[0]), static_cast<double>(factor));
  if (made.source.quant.present())
    if (auto scaled = with_scaled_source(made, factors)) return *std::move(scaled);
  const auto from = made.data.as<float>();
  std::vector<float> to(from.size());
  std::ranges::transform(from, to.begin(), [&](float v) { return v * factor; });
  made.source = {};
  made.data = Constant::of(std::move(to));
  return made;
}

/// Whether Gemm's C is a constant that is one row, or one value.
Result<bool> is_bias(const NodeImport& node, std::int64_t outputs) {
  const auto c = node.constant(2);
  if (!c) return false;
  if (c->type != Type::f32) return unsupported(std::string("its C is ") + name_of(c->type) + ", not f32");
  const std::int64_t count = element_count(c->shape);
  return count == 1 || (count == outputs && c->shape.back() == outputs);
}

/// Gemm's C as a bias [outputs], times `factor`.
Result<Tensor> bias_of(const Tensor& c, std::int64_t outputs, float factor) {
  const bool one_value = element_count(c.shape) == 1;
  const auto from = c.data.as<float>();
  std::vector<float> to(static_cast<std::size_t>(outputs));
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[one_value ? 0 : i] * factor;
  Tensor made = c;
  made.shape = {outputs};
  made.data = Constant::of(std::move(to));
  return made;
}

/// The product, and beta C added to it.
Result<void> add_c(NodeImport& node, int product, float beta) {
  OCTET_TRY(int c, node.input(2));
  OCTET_TRY(const Shape sum, broadcast_shape(node.shape(product), node.shape(c)));
  if (sum != node.shape(product)) return invalid("its C of shape " + to_string(node.shape(c)) + " does not fit to " + to_string(node.shape(product)));
  if (beta != 1.0F) {
    Tensor factor;
    factor.name = node.output_name() + "@beta";
    factor.data = Constant::of(std::vector<float>{beta});
    OCTET_TRY(c, node.emit_inner(schema::MulT{}, {c, node.add_constant(std::move(factor))}, "@C"));
  }
  return node.emit(schema::AddT{}, {product, c});
}

/// Of two activations.
Result<void> import_gemm_of_activations(NodeImport& node, int a, float alpha, float beta, bool trans_b) {
  OCTET_TRY(const int b, node.input(1));
  if (node.rank(b) != 2) return invalid("its input B has rank " + std::to_string(node.rank(b)) + ", not 2");
  OCTET_CHECK(refuse_integers(node, a, b));
  schema::MatMulT op;
  op.transpose_b = trans_b;
  op.scale = alpha;
  if (!node.has_input(2)) return node.emit(std::move(op), {a, b});
  OCTET_TRY(const int product, node.emit_inner(std::move(op), {a, b}, "@product"));
  return add_c(node, product, beta);
}

/// alpha A' B' + beta C.
Result<void> import_gemm(NodeImport& node) {
  OCTET_TRY(const float alpha, node.attributes.real("alpha", 1.0F));
  OCTET_TRY(const float beta, node.attributes.real("beta", 1.0F));
  OCTET_TRY(const std::int64_t trans_a, node.attributes.integer("transA", 0));
  OCTET_TRY(const std::int64_t trans_b, node.attributes.integer("transB", 0));
  OCTET_TRY(int x, node.input(0));
  if (node.rank(x) != 2) return invalid("its input A has rank " + std::to_string(node.rank(x)) + ", not 2");
  if (trans_a != 0) {
    schema::TransposeT swap;
    swap.perm = {1, 0};
    OCTET_TRY(x, node.emit_inner(std::move(swap), {x}, "@A"));
  }
  if (!node.constant(1)) return import_gemm_of_activations(node, x, alpha, beta, trans_b != 0);
  OCTET_TRY(const int weights, derive_weights(node, trans_b != 0, alpha));
  if (!node.has_input(2)) return node.emit(schema::FullyConnectedT{}, {x, weights});
  const std::int64_t outputs = node.shape(weights)[0];
  OCTET_TRY(const bool is_row, is_bias(node, outputs));
  if (!is_row) {
    OCTET_TRY(const int product, node.emit_inner(schema::FullyConnectedT{}, {x, weights}, "@product"));
    return add_c(node, product, beta);
  }
  const std::string how = "bias of " + std::to_string(outputs) + " x " + exact(beta);
  OCTET_TRY(const int bias, node.derived(2, how, [&](const Tensor& t) { return bias_of(t, outputs, beta); }));
  return node.emit(schema::FullyConnectedT{}, {x, weights, bias});
}

}  // namespace

Result<void> refuse_integers(const NodeImport& node, int a, int b) {
  if (!is_integer(node.type(a)) || node.type(a) != node.type(b)) return {};
  return unsupported(std::string("its inputs are ") + name_of(node.type(a)) + ", not f32");
}

bool has_weights(const NodeImport& node) {
  const auto right = node.constant(1);
  return right && right->type == Type::f32 && right->shape.size() == 2 && element_count(right->shape) > 0;
}

Result<int> derive_weights(NodeImport& node, bool rows_are_outputs, float factor) {
  OCTET_TRY(const Tensor right, node.constant(1, "right operand"));
  if (right.type != Type::f32)
    return unsupported(std::string("its right operand is ") + name_of(right.type) + ", not f32");
  if (right.shape.size() != 2)
    return unsupported("its right operand has rank " + std::to_string(right.shape.size()) + ", not 2");
  if (element_count(right.shape) < 1)
    return invalid("its right operand of shape " + to_string(right.shape) + " is empty");
  const std::string how = std::string(rows_are_outputs ? "rows" : "columns") + " x " + exact(factor);
  return node.derived(1, how, [&](const Tensor& t) { return weights_of(t, rows_are_outputs, factor); });
}

void register_fully_connected(ImporterTable& table) {
  table.add("Gemm", {2, 3, import_gemm});
}

}  // namespace octet
