#include "converter/onnx/tensor_proto.h"

#include <onnx/onnx-ml.pb.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>

#include "converter/onnx/external_data.h"
#include "engine/operator.h"

namespace octet {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

using onnx::TensorProto;

float from_bf16(std::uint16_t bits) noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16U); }

float from_f16(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact in f32
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 0x1FU) return std::bit_cast<float>(sign | 0x7F800000U | (fraction << 13U));
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23U) | (fraction << 13U));
}

float as_is(float v) noexcept { return v; }
std::uint8_t to_bool(std::uint8_t v) noexcept { return v != 0 ? 1 : 0; }
template <class T>
T same(T v) noexcept {
  return v;
}

/// A tensor as the file has it.
struct Source {
  const TensorProto& proto;
  std::optional<std::span<const std::byte>> raw;  ///< its bytes, where they are not in a field of their type
};

/// The values as `Stored`, from raw bytes or from the field of `typed` values, each through Convert.
template <class Stored, auto Convert, class Field>
Result<Constant> values_of(const Source& source, const Field& typed, std::size_t count) {
  using Value = decltype(Convert(Stored{}));
  std::vector<Value> values(count);
  if (source.raw) {
    if (source.raw->size() != count * sizeof(Stored))
      return invalid("has " + std::to_string(source.raw->size()) + " bytes of data where its shape needs " +
                     std::to_string(count * sizeof(Stored)));
    for (std::size_t i = 0; i < count; ++i) {
      Stored stored;
      std::memcpy(&stored, source.raw->data() + i * sizeof(Stored), sizeof(Stored));
      values[i] = Convert(stored);
    }
    return Constant::of(std::move(values));
  }
  if (static_cast<std::size_t>(typed.size()) != count)
    return invalid("has " + std::to_string(typed.size()) + " values where its shape needs " + std::to_string(count));
  for (std::size_t i = 0; i < count; ++i) {
    const auto wide = typed.Get(static_cast<int>(i));
    const auto stored = static_cast<Stored>(wide);
    // Narrow integers travel in int32 fields.
    if constexpr (std::is_integral_v<Stored>)
      if (static_cast<decltype(wide)>(stored) != wide)
        return invalid("value " + std::to_string(wide) + " does not fit its element type");
    values[i] = Convert(stored);
  }
  return Constant::of(std::move(values));
}

/// One ONNX element type: what it becomes, how its values are read, and how small they may be stored.
struct ElementType {
  int onnx;
  Type type;
  std::size_t stored_bytes;
  Result<Constant> (*read)(const Source&, std::size_t count);
};

constexpr ElementType kElementTypes[] = {
    {TensorProto::FLOAT, Type::f32, 4,
     [](const Source& t, std::size_t n) { return values_of<float, as_is>(t, t.proto.float_data(), n); }},
    {TensorProto::DOUBLE, Type::f32, 8,
     [](const Source& t, std::size_t n) { return values_of<double, round_to_f32>(t, t.proto.double_data(), n); }},
    {TensorProto::FLOAT16, Type::f32, 2,
     [](const Source& t, std::size_t n) { return values_of<std::uint16_t, from_f16>(t, t.proto.int32_data(), n); }},
    {TensorProto::BFLOAT16, Type::f32, 2,
     [](const Source& t, std::size_t n) { return values_of<std::uint16_t, from_bf16>(t, t.proto.int32_data(), n); }},
    {TensorProto::INT32, Type::s32, 4,
     [](const Source& t, std::size_t n) {
       return values_of<std::int32_t, same<std::int32_t>>(t, t.proto.int32_data(), n);
     }},
    {TensorProto::INT64, Type::s64, 8,
     [](const Source& t, std::size_t n) {
       return values_of<std::int64_t, same<std::int64_t>>(t, t.proto.int64_data(), n);
     }},
    {TensorProto::UINT8, Type::u8, 1,
     [](const Source& t, std::size_t n) {
       return values_of<std::uint8_t, same<std::uint8_t>>(t, t.proto.int32_data(), n);
     }},
    {TensorProto::INT8, Type::s8, 1,
     [](const Source& t, std::size_t n) {
       return values_of<std::int8_t, same<std::int8_t>>(t, t.proto.int32_data(), n);
     }},
    {TensorProto::BOOL, Type::boolean, 1,
     [](const Source& t, std::size_t n) { return values_of<std::uint8_t, to_bool>(t, t.proto.int32_data(), n); }},
};

const ElementType* find_element_type(int onnx_type) noexcept {
  for (const ElementType& e : kElementTypes)
    if (e.onnx == onnx_type) return &e;
  return nullptr;
}

Error unknown_type(int onnx_type) {
  const std::string name = TensorProto::DataType_IsValid(onnx_type)
                               ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(onnx_type))
                               : std::to_string(onnx_type);
  return Error{ErrorCode::unsupported, "element type " + name + " is not supported", {}};
}

}  // namespace

float round_to_f32(double value) noexcept {
  // Out of range conversions are undefined; the halfway point to infinity rounds there as IEEE does.
  constexpr double kLargest = std::numeric_limits<float>::max();
  constexpr double kHalfUlp = 0x1p103;
  if (std::abs(value) >= kLargest + kHalfUlp)
    return std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(value > 0 ? 1 : -1));
  if (std::abs(value) > kLargest)
    return std::copysign(std::numeric_limits<float>::max(), static_cast<float>(value > 0 ? 1 : -1));
  return static_cast<float>(value);
}

namespace {

std::size_t stored_in_fields(const TensorProto& proto) {
  return static_cast<std::size_t>(std::max({proto.float_data_size(), proto.double_data_size(), proto.int32_data_size(), proto.int64_data_size()}));
}

/// The values, after making sure that they are there: a shape may ask for far more than the file holds.
Result<Constant> read_values(const TensorProto& proto, const ElementType& element, const Shape& shape, ExternalData* external) {
  const auto count = static_cast<std::size_t>(element_count(shape));
  if (proto.data_location() == TensorProto::EXTERNAL) {
    if (external == nullptr) return Error{ErrorCode::unsupported, "only initializers may have their data in another file", {}};
    if (proto.has_raw_data() || stored_in_fields(proto) != 0) return invalid("has its data both here and in another file");
    OCTET_TRY(const std::vector<std::byte> bytes, external->read(proto, std::uint64_t{count} * element.stored_bytes));
    return element.read({proto, std::span(bytes)}, count);
  }
  if (proto.external_data_size() != 0) return invalid("names another file, but its data is not external");
  const std::size_t most = std::max(proto.raw_data().size() / element.stored_bytes, stored_in_fields(proto));
  if (count > most)
    return invalid("has data for " + std::to_string(most) + " elements where its shape " + to_string(shape) + " has " + std::to_string(count));
  if (!proto.has_raw_data()) return element.read({proto, std::nullopt}, count);
  return element.read({proto, std::as_bytes(std::span(proto.raw_data()))}, count);
}

}  // namespace

Result<Tensor> decode_tensor(const TensorProto& proto, ExternalData* external) {
  if (proto.has_segment()) return Error{ErrorCode::unsupported, "segmented tensors are not supported", {}};
  const ElementType* element = find_element_type(proto.data_type());
  if (element == nullptr) return unknown_type(proto.data_type());
  Tensor tensor;
  tensor.name = proto.name();
  tensor.type = element->type;
  for (const std::int64_t size : proto.dims()) {
    if (size < 0) return invalid("a size of its shape is " + std::to_string(size));
    tensor.shape.push_back(size);
  }
  if (element_count(tensor.shape) < 0) return invalid("its shape " + to_string(tensor.shape) + " overflows");
  OCTET_TRY(tensor.data, read_values(proto, *element, tensor.shape, external));
  return tensor;
}

Result<Type> declared_type(int onnx_type) {
  const ElementType* element = find_element_type(onnx_type);
  if (element == nullptr) return unknown_type(onnx_type);
  return element->type;
}

}  // namespace octet
