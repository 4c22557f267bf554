#include "converter/onnx/expansions.h"

#include <onnx/onnx-ml.pb.h>

#include <algorithm>
#include <array>

#include "converter/onnx/importer.h"

namespace octet {
namespace {

using onnx::AttributeProto;
using onnx::NodeProto;
using Nodes = std::vector<NodeProto>;

constexpr const char* kMicrosoft = "com.microsoft";

/// The nodes one node becomes, under construction.
class Expanding {
 public:
  Expanding(const NodeProto& node, const ExpansionScope& scope) : node_(node), scope_(scope) {}

  [[nodiscard]] bool has(int i) const { return i < node_.input_size() && !node_.input(i).empty(); }
  [[nodiscard]] std::string input(int i) const { return has(i) ? node_.input(i) : std::string(); }
  [[nodiscard]] const ExpansionScope& scope() const noexcept { return scope_; }

  [[nodiscard]] const AttributeProto* attribute(const std::string& name) const {
    for (const AttributeProto& a : node_.attribute())
      if (a.name() == name) return &a;
    return nullptr;
  }
  [[nodiscard]] std::int64_t integer(const std::string& name, std::int64_t fallback) const {
    const AttributeProto* a = attribute(name);
    return a == nullptr ? fallback : a->i();
  }
  [[nodiscard]] float real(const std::string& name, float fallback) const {
    const AttributeProto* a = attribute(name);
    return a == nullptr ? fallback : a->f();
  }

  NodeProto& add(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
    NodeProto& n = nodes_.emplace_back();
    n.set_op_type(op);
    n.set_name(node_.name());
    for (const std::string& i : inputs) n.add_input(i);
    n.add_output(output);
    return n;
  }
  /// The same, of a value of its own.
  std::string inner(const std::string& op, const std::vector<std::string>& inputs, const std::string& suffix) {
    return add(op, inputs, scope_.fresh(suffix)).output(0);
  }
  static void set(NodeProto& n, const std::string& name, std::int64_t value) {
    AttributeProto* a = n.add_attribute();
    a->set_name(name);
    a->set_type(AttributeProto::INT);
    a->set_i(value);
  }
  /// Attributes of the source, but for these.
  void copy_attributes(NodeProto& to, std::initializer_list<std::string_view> without = {}) const {
    for (const AttributeProto& a : node_.attribute())
      if (std::ranges::find(without, a.name()) == without.end()) *to.add_attribute() = a;
  }

  /// A number.
  std::string number(float value, const std::string& suffix) {
    NodeProto& n = add("Constant", {}, scope_.fresh(suffix));
    AttributeProto* a = n.add_attribute();
    a->set_name("value_float");
    a->set_type(AttributeProto::FLOAT);
    a->set_f(value);
    return n.output(0);
  }

  /// Inputs i (integers), i + 1 (scale), i + 2 (zero-point) as real values.
  std::string dequantize(int i, const std::string& suffix, std::int64_t axis = 1) {
    return dequantize(input(i), input(i + 1), input(i + 2), suffix, axis);
  }
  std::string dequantize(const std::string& x, const std::string& scale, const std::string& zero_point, const std::string& suffix, std::int64_t axis) {
    NodeProto& n = add("DequantizeLinear", {x, scale}, scope_.fresh(suffix));
    if (!zero_point.empty()) n.add_input(zero_point);
    set(n, "axis", axis);
    return n.output(0);
  }
  /// The same for integers that stand for themselves, whatever scale they were made with.
  std::string integers(const std::string& x, const std::string& ones, const std::string& zero_point, const std::string& suffix, std::int64_t axis) {
    const std::string y = dequantize(x, ones, zero_point, suffix, axis);
    set(nodes_.back(), kOfIntegers, 1);
    return y;
  }
  /// `value` with the scale and zero-point of inputs i and i + 1, as the node's output.
  Nodes quantize(const std::string& value, int i) {
    NodeProto& n = add("QuantizeLinear", {value, input(i)}, node_.output(0));
    if (has(i + 1)) n.add_input(input(i + 1));
    return done();
  }
  [[nodiscard]] const std::string& output() const { return node_.output(0); }
  [[nodiscard]] const std::string& output(int i) const { return node_.output(i); }
  [[nodiscard]] bool has_output(int i) const { return i < node_.output_size() && !node_.output(i).empty(); }
  Nodes done() { return std::move(nodes_); }

 private:
  const NodeProto& node_;
  const ExpansionScope& scope_;
  Nodes nodes_;
};

Result<void> check_channels(const Expanding& e) {
  return e.integer("channels_last", 0) == 0 ? Result<void>() : unsupported("channels_last is not supported");
}

/// x, its scale and zero-point, w and its, those of the output, bias.
Result<Nodes> expand_conv(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  OCTET_CHECK(check_channels(e));
  const std::string x = e.dequantize(0, "@x");
  const std::string w = e.dequantize(3, "@w", 0);
  std::string b;
  if (e.has(8)) b = e.dequantize(e.input(8), e.inner("Mul", {e.input(1), e.input(4)}, "@bias_scale"), "", "@b", 0);
  NodeProto& conv = e.add("Conv", {x, w}, scope.fresh("@real"));
  if (!b.empty()) conv.add_input(b);
  e.copy_attributes(conv, {"channels_last"});
  const std::string y = conv.output(0);
  return e.quantize(y, 6);
}

Result<Nodes> expand_mat_mul(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  const std::string a = e.dequantize(0, "@a", -2);
  const std::string b = e.dequantize(3, "@b", -1);
  return e.quantize(e.inner("MatMul", {a, b}, "@real"), 6);
}

/// Two tensors with their scales and zero-points.
template <const char* const& kOperator>
Result<Nodes> expand_binary(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  const std::string a = e.dequantize(0, "@a");
  const std::string b = e.dequantize(3, "@b");
  return e.quantize(e.inner(kOperator, {a, b}, "@real"), 6);
}

/// One tensor with its scale and zero-point, and the plain operator's attributes.
template <const char* const& kOperator>
Result<Nodes> expand_unary(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  OCTET_CHECK(check_channels(e));
  const std::string x = e.dequantize(0, "@x");
  NodeProto& n = e.add(kOperator, {x}, scope.fresh("@real"));
  e.copy_attributes(n, {"channels_last", "opset"});
  const std::string y = n.output(0);
  return e.quantize(y, 3);
}

constexpr const char* kAdd = "Add";
constexpr const char* kMul = "Mul";
constexpr const char* kAveragePool = "AveragePool";
constexpr const char* kGlobalAveragePool = "GlobalAveragePool";
constexpr const char* kSigmoid = "Sigmoid";
constexpr const char* kLeakyRelu = "LeakyRelu";
constexpr const char* kSoftmax = "Softmax";

/// Before opset 13 it normalized over all axes from `axis` on: the same where that is the last.
Result<Nodes> expand_softmax(const NodeProto& node, const ExpansionScope& scope) {
  const Expanding e(node, scope);
  const bool old = e.integer("opset", 13) < 13;
  const std::int64_t axis = e.integer("axis", old ? 1 : -1);
  const auto rank = scope.rank(node.input(0));
  const bool last = axis == -1 || (rank && axis == static_cast<std::int64_t>(*rank) - 1);
  if (old && !last) return unsupported("a softmax of opset " + std::to_string(e.integer("opset", 13)) + " over several axes is not supported");
  NodeProto copy = node;
  copy.clear_attribute();
  Expanding::set(copy, "axis", old ? -1 : axis);
  return expand_unary<kSoftmax>(copy, scope);
}

/// Scale and zero-point of the output, then three for each input.
Result<Nodes> expand_concat(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  if (node.input_size() % 3 != 2) return invalid("has " + std::to_string(node.input_size()) + " inputs: three are needed for each tensor, and two for the output");
  std::vector<std::string> inputs;
  for (int i = 2; i < node.input_size(); i += 3) inputs.push_back(e.dequantize(i, "@" + std::to_string(i / 3)));
  NodeProto& concat = e.add("Concat", inputs, scope.fresh("@real"));
  e.copy_attributes(concat);
  const std::string y = concat.output(0);
  return e.quantize(y, 0);
}

/// A, B with scales and zero-points, C as s32 at the product of the scales; without an output scale, a real result.
Result<Nodes> expand_gemm(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  const std::string a = e.dequantize(0, "@a");
  const std::string b = e.dequantize(3, "@b", e.integer("transB", 0) != 0 ? 0 : 1);
  std::string c;
  if (e.has(6)) {
    std::string scale = e.inner("Mul", {e.input(1), e.input(4)}, "@bias_scale");
    if (const float alpha = e.real("alpha", 1.0F); alpha != 1.0F) scale = e.inner("Mul", {scale, e.number(alpha, "@alpha")}, "@scaled");
    const auto rank = scope.rank(node.input(6));
    c = e.dequantize(e.input(6), scale, "", "@c", rank ? static_cast<std::int64_t>(*rank) - 1 : 0);
  }
  NodeProto& gemm = e.add("Gemm", {a, b}, e.has(7) ? scope.fresh("@real") : e.output());
  if (!c.empty()) gemm.add_input(c);
  e.copy_attributes(gemm);
  const std::string y = gemm.output(0);
  return e.has(7) ? e.quantize(y, 7) : e.done();
}

/// Ones, as many as there are zero-points: the scale of integers that stand for themselves.
std::string ones(Expanding& e, const std::string& zero_points, const std::string& suffix) {
  const std::string one = e.number(1.0F, suffix);
  if (zero_points.empty() || e.scope().rank(zero_points) == std::size_t{0}) return one;
  // 1 for each: a Cast of the zero-points times 0, plus 1.
  NodeProto& cast = e.add("Cast", {zero_points}, e.scope().fresh(suffix + "_numbers"));
  Expanding::set(cast, "to", onnx::TensorProto::FLOAT);
  const std::string numbers = cast.output(0);
  return e.inner("Add", {e.inner("Mul", {numbers, e.number(0.0F, suffix + "_zero")}, suffix + "_zeros"), one}, suffix + "_ones");
}

/// The exact sums of (a - az)(b - bz), s32.
template <bool kIsConv>
Result<Nodes> expand_integer_product(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  const std::string a = e.integers(e.input(0), ones(e, e.input(2), "@one_a"), e.input(2), "@a", -2);
  const std::string b = e.integers(e.input(1), ones(e, e.input(3), "@one_b"), e.input(3), "@b", kIsConv ? 0 : -1);
  NodeProto& product = e.add(kIsConv ? "Conv" : "MatMul", {a, b}, scope.fresh("@real"));
  e.copy_attributes(product);
  const std::string y = product.output(0);
  NodeProto& cast = e.add("Cast", {y}, e.output());
  Expanding::set(cast, "to", onnx::TensorProto::INT32);
  return e.done();
}

template <const char* const& kOperator>
Result<Nodes> rename(const NodeProto& node, const ExpansionScope&) {
  NodeProto n = node;
  n.clear_domain();
  n.set_op_type(kOperator);
  return Nodes{std::move(n)};
}
constexpr const char* kGelu = "Gelu";
constexpr const char* kQuantizeLinear = "QuantizeLinear";
constexpr const char* kDequantizeLinear = "DequantizeLinear";

/// Input i with its last two axes exchanged where the attribute asks for it.
Result<std::string> maybe_transposed(Expanding& e, int i, const char* attribute) {
  if (e.integer(attribute, 0) == 0) return e.input(i);
  const auto rank = e.scope().rank(e.input(i));
  if (!rank || *rank < 2) return e.input(i);  // as ONNX Runtime does
  NodeProto& n = e.add("Transpose", {e.input(i)}, e.scope().fresh(std::string("@") + attribute));
  AttributeProto* perm = n.add_attribute();
  perm->set_name("perm");
  perm->set_type(AttributeProto::INTS);
  for (std::size_t axis = 0; axis + 2 < *rank; ++axis) perm->add_ints(static_cast<std::int64_t>(axis));
  perm->add_ints(static_cast<std::int64_t>(*rank) - 1);
  perm->add_ints(static_cast<std::int64_t>(*rank) - 2);
  return n.output(0);
}

/// alpha op(A) op(B).
Result<Nodes> expand_fused_mat_mul(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  for (const char* name : {"transBatchA", "transBatchB"})
    if (e.integer(name, 0) != 0) return unsupported(std::string(name) + " is not supported");
  OCTET_TRY(const std::string a, maybe_transposed(e, 0, "transA"));
  OCTET_TRY(const std::string b, maybe_transposed(e, 1, "transB"));
  const float alpha = e.real("alpha", 1.0F);
  if (alpha == 1.0F) {
    e.add("MatMul", {a, b}, e.output());
  } else {
    const std::string product = e.inner("MatMul", {a, b}, "@product");
    e.add("Mul", {product, e.number(alpha, "@alpha")}, e.output());
  }
  return e.done();
}

/// LayerNormalization(input + skip + bias), and that sum as output 3.
Result<Nodes> expand_skip_norm(const NodeProto& node, const ExpansionScope& scope) {
  Expanding e(node, scope);
  for (const int i : {1, 2})
    if (e.has_output(i)) return unsupported("its output " + std::to_string(i) + " is not supported");
  const std::string sum = e.has_output(3) ? e.output(3) : scope.fresh("@sum");
  if (e.has(4)) {
    const std::string first = e.inner("Add", {e.input(0), e.input(1)}, "@skip");
    e.add("Add", {first, e.input(4)}, sum);
  } else {
    e.add("Add", {e.input(0), e.input(1)}, sum);
  }
  NodeProto& norm = e.add("LayerNormalization", {sum, e.input(2)}, e.output());
  if (e.has(3)) norm.add_input(e.input(3));
  e.copy_attributes(norm);
  if (e.attribute("epsilon") == nullptr) {
    AttributeProto* epsilon = norm.add_attribute();
    epsilon->set_name("epsilon");
    epsilon->set_type(AttributeProto::FLOAT);
    epsilon->set_f(1e-12F);  // ONNX Runtime's default
  }
  Expanding::set(norm, "axis", -1);
  return e.done();
}

constexpr std::array kRows = {
    Expansion{"", "ConvInteger", 2, 4, expand_integer_product<true>, "Dequantize, Conv, Cast", "as Conv; sums above 2^24 have the precision of f32"},
    Expansion{"", "MatMulInteger", 2, 4, expand_integer_product<false>, "Dequantize, FullyConnected or MatMul, Cast", "sums above 2^24 have the precision of f32"},
    Expansion{"", "QLinearConv", 8, 9, expand_conv, "Conv", "as Conv"},
    Expansion{"", "QLinearMatMul", 8, 8, expand_mat_mul, "FullyConnected or MatMul", "as MatMul"},
    Expansion{kMicrosoft, "DequantizeLinear", 2, 3, rename<kDequantizeLinear>, "as ONNX's", ""},
    Expansion{kMicrosoft, "FusedMatMul", 2, 2, expand_fused_mat_mul, "MatMul, Transpose, Mul", "without transBatchA, transBatchB"},
    Expansion{kMicrosoft, "Gelu", 1, 1, rename<kGelu>, "Pointwise", ""},
    Expansion{kMicrosoft, "QGemm", 6, 9, expand_gemm, "FullyConnected", "as Gemm; also with a real result"},
    Expansion{kMicrosoft, "QLinearAdd", 2, 8, expand_binary<kAdd>, "Add", ""},
    Expansion{kMicrosoft, "QLinearAveragePool", 2, 5, expand_unary<kAveragePool>, "AveragePool", "channels first"},
    Expansion{kMicrosoft, "QLinearConcat", 5, 1024, expand_concat, "Concat", ""},
    Expansion{kMicrosoft, "QLinearConv", 8, 9, expand_conv, "Conv", "channels first"},
    Expansion{kMicrosoft, "QLinearGlobalAveragePool", 2, 5, expand_unary<kGlobalAveragePool>, "AveragePool", "channels first"},
    Expansion{kMicrosoft, "QLinearLeakyRelu", 2, 5, expand_unary<kLeakyRelu>, "Lookup", ""},
    Expansion{kMicrosoft, "QLinearMul", 2, 8, expand_binary<kMul>, "Mul", ""},
    Expansion{kMicrosoft, "QLinearSigmoid", 2, 5, expand_unary<kSigmoid>, "Lookup", ""},
    Expansion{kMicrosoft, "QLinearSoftmax", 2, 5, expand_softmax, "Softmax", "over one axis"},
    Expansion{kMicrosoft, "QuantizeLinear", 2, 3, rename<kQuantizeLinear>, "as ONNX's", ""},
    Expansion{kMicrosoft, "SkipLayerNormalization", 3, 5, expand_skip_norm, "Add, LayerNormalization", "without mean and deviation as outputs"},
};

}  // namespace

std::span<const Expansion> expansions() noexcept { return kRows; }

const Expansion* find_expansion(const std::string& domain, const std::string& op_type) noexcept {
  for (const Expansion& e : kRows)
    if (domain == e.domain && op_type == e.op_type) return &e;
  return nullptr;
}

}  // namespace octet
