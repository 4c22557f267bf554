// What importers of arithmetic share.
#pragma once

#include <algorithm>
#include <cmath>

#include "converter/onnx/importers/compose.h"

namespace octet {

[[nodiscard]] inline bool is_integer(Type type) noexcept { return type == Type::s32 || type == Type::s64; }

/// What is usually wrong where an operator on reals reads integers that stand for some.
[[nodiscard]] inline std::string hint_of_quantized(const NodeImport& node, int x) {
  return node.tensor(x).quant.present() ? ": is a DequantizeLinear missing?" : "";
}

/// An input that is f32 or an integer there is arithmetic of.
[[nodiscard]] inline Result<int> number_input(NodeImport& node, std::size_t i) {
  OCTET_TRY(const int x, node.input(i));
  const Type type = node.type(x);
  if (type == Type::f32 || is_integer(type)) return x;
  return unsupported(std::string("it computes in ") + name_of(type) + ", only f32 and integers are supported" + hint_of_quantized(node, x));
}

/// Integers of a byte: they are computed with as s32, of which the result's low bits are taken.
[[nodiscard]] inline bool is_narrow(Type type) noexcept { return type == Type::u8 || type == Type::s8; }

/// function(a, b) of narrow integers.
[[nodiscard]] inline Result<void> emit_narrow(NodeImport& node, schema::BinaryFunction function) {
  OCTET_TRY(int a, node.input(0));
  OCTET_TRY(int b, node.input(1));
  const Type type = node.type(a);
  if (node.type(b) != type) return invalid(std::string("its inputs are ") + name_of(type) + " and " + name_of(node.type(b)));
  Compose make(node);
  OCTET_TRY(a, make.cast(a, Type::s32));
  OCTET_TRY(b, make.cast(b, Type::s32));
  OCTET_TRY(int y, make.binary(function, a, b));
  OCTET_TRY(y, make.cast(y, type));
  return make.finish(y);
}

/// a function b of two integers or two reals; an operator of their own, `real`, where they are f32 and it has one.
template <class Real>
[[nodiscard]] Result<void> emit_arithmetic(NodeImport& node, schema::BinaryFunction function, Real real) {
  OCTET_TRY(const int first, node.input(0));
  if (is_narrow(node.type(first))) return emit_narrow(node, function);
  OCTET_TRY(const int a, number_input(node, 0));
  OCTET_TRY(const int b, number_input(node, 1));
  if (!is_integer(node.type(a))) return node.emit(std::move(real), {a, b});
  schema::BinaryT op;
  op.function = function;
  return node.emit(std::move(op), {a, b});
}

/// The constant with f applied to each of its f32 values.
template <class F>
[[nodiscard]] Result<Tensor> mapped(const Tensor& t, const F& f) {
  std::vector<float> values;
  for (const float v : t.data.as<float>()) values.push_back(f(v));
  Tensor made = t;
  made.data = Constant::of(std::move(values));
  return made;
}

/// The value of an input that is a constant of one f32.
[[nodiscard]] inline std::optional<float> scalar_constant(const NodeImport& node, std::size_t i) {
  const auto value = node.constant(i);
  if (!value || value->type != Type::f32 || element_count(value->shape) != 1) return std::nullopt;
  return value->data.as<float>()[0];
}

}  // namespace octet
