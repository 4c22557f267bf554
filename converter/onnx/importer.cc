#include "converter/onnx/importer.h"

#include <onnx/onnx-ml.pb.h>

#include <bit>
#include <limits>

#include "converter/onnx/source_quantization.h"

namespace octet {

// One for each operator that ONNX nodes become; defined in importers/<file>.cc.
#define OCTET_OPERATOR(name, file, version, least, most) void register_##file(ImporterTable& table);
#define OCTET_INTERNAL_OPERATOR(name, file, version, least, most)
#include "engine/ops.inc"
#undef OCTET_OPERATOR

// ONNX operators that become several operators, or none.
#define OCTET_OTHER_IMPORTERS(row) row(batch_normalization) row(constant) row(identity) row(quantize_linear) row(computed_quantization) row(shape) \
  row(conv_transpose) row(loss) row(mask) row(branch) row(einsum) row(sample) row(composed) row(rnn) \
  row(non_max_suppression)
#define OCTET_DECLARE(file) void register_##file(ImporterTable& table);
OCTET_OTHER_IMPORTERS(OCTET_DECLARE)
#undef OCTET_DECLARE

const ImporterTable& importers() {
  static const ImporterTable table = [] {
    ImporterTable t;
#define OCTET_OPERATOR(name, file, version, least, most) register_##file(t);
#include "engine/ops.inc"
#undef OCTET_OPERATOR
#undef OCTET_INTERNAL_OPERATOR
#define OCTET_REGISTER(file) register_##file(t);
    OCTET_OTHER_IMPORTERS(OCTET_REGISTER)
#undef OCTET_REGISTER
    return t;
  }();
  return table;
}

namespace {

// Lists of sizes or axes: more than any rank. Keeps the cost of a node from depending on the constants it names.
constexpr std::size_t kMaxList = 64;

Result<std::vector<std::int64_t>> integers_of(const Tensor& value, const char* what) {
  if ((value.type != Type::s64 && value.type != Type::s32) || value.shape.size() > 1)
    return invalid(std::string("its ") + what + " must be a list of integers, not " + name_of(value.type) + " of shape " +
                   to_string(value.shape));
  const auto count = static_cast<std::size_t>(element_count(value.shape));
  if (count > kMaxList) return invalid(std::string("its ") + what + " has " + std::to_string(count) + " values");
  if (value.type == Type::s32) {
    const auto values = value.data.as<std::int32_t>();
    return std::vector<std::int64_t>(values.begin(), values.end());
  }
  const auto values = value.data.as<std::int64_t>();
  return std::vector<std::int64_t>(values.begin(), values.end());
}

}  // namespace

const std::string& NodeImport::op_type() const { return proto_.op_type(); }

const std::string& NodeImport::output_name() const {
  for (const std::string& name : proto_.output())
    if (!name.empty()) return name;
  return name_;  // the driver has made sure that there is an output
}

bool NodeImport::has_output(std::size_t i) const {
  return i < static_cast<std::size_t>(proto_.output_size()) && !proto_.output(static_cast<int>(i)).empty();
}

std::string NodeImport::name_of_output(std::size_t i) const {
  return has_output(i) ? proto_.output(static_cast<int>(i)) : output_name() + "@" + std::to_string(i);
}

void NodeImport::set_output(std::size_t i, int tensor) {
  if (has_output(i)) builder_.define(proto_.output(static_cast<int>(i)), tensor);
}

void NodeImport::name_output(std::size_t i, int tensor) {
  builder_.rename(tensor, name_of_output(i));
  set_output(i, tensor);
}

const std::string& NodeImport::input_name(std::size_t i) const { return proto_.input(static_cast<int>(i)); }

std::size_t NodeImport::output_count() const {
  std::size_t count = 0;
  for (const std::string& name : proto_.output()) count += name.empty() ? 0 : 1;
  return count;
}

std::size_t NodeImport::output_places() const { return static_cast<std::size_t>(proto_.output_size()); }

std::size_t NodeImport::input_count() const { return static_cast<std::size_t>(proto_.input_size()); }

bool NodeImport::has_input(std::size_t i) const {
  return i < static_cast<std::size_t>(proto_.input_size()) && !input_name(i).empty();
}

Result<int> NodeImport::input(std::size_t i) {
  if (!has_input(i)) return invalid("input " + std::to_string(i) + " is missing");
  OCTET_TRY(const int x, builder_.tensor_of(input_name(i)));
  if (!takes_nothing && is_empty(shape(x))) return unsupported("its input '" + input_name(i) + "' of shape " + to_string(shape(x)) + " has no elements");
  return x;
}

std::optional<Tensor> NodeImport::constant(std::size_t i) const {
  if (!has_input(i)) return std::nullopt;
  return builder_.constant_of(input_name(i));
}

std::optional<KnownValue> NodeImport::known_value(std::size_t i) const {
  if (!has_input(i)) return std::nullopt;
  return builder_.known_value_of(input_name(i));
}

Result<Tensor> NodeImport::constant(std::size_t i, const char* what) const {
  if (auto value = constant(i)) return *std::move(value);
  return unsupported(std::string("its ") + what + " must be constant");
}

Result<std::vector<std::int64_t>> NodeImport::constant_integers(std::size_t i, const char* what) const {
  OCTET_TRY(const Tensor value, constant(i, what));
  return integers_of(value, what);
}

Result<std::array<std::vector<std::int64_t>, 2>> NodeImport::known_integers(std::size_t i, const char* what) const {
  const auto value = known_value(i);
  if (!value) return unsupported(std::string("its ") + what + " must be constant");
  OCTET_TRY(auto one, integers_of(value->one, what));
  OCTET_TRY(auto two, integers_of(value->at_two(), what));
  if (one.size() != two.size()) return unsupported(std::string("the number of its ") + what + " follows the batch");
  return std::array{std::move(one), std::move(two)};
}

Result<void> NodeImport::alias(std::size_t i) {
  if (!output_is_graph_output_) {
    if (auto value = constant(i)) {
      set_constant_output(*std::move(value));
      return {};
    }
  }
  OCTET_TRY(const int x, input(i));
  if (!output_is_graph_output_) {
    set_output(0, x);
    return {};
  }
  // The graph's outputs keep their names, so this one needs a tensor of its own: a Reshape that changes nothing.
  schema::ReshapeT same;
  same.shape.assign(rank(x), 0);
  return emit(std::move(same), {x});
}

Result<void> NodeImport::import_branch(const onnx::GraphProto& branch) {
  if (branches_ == nullptr) return unsupported("subgraphs are not supported here");
  return branches_->import_branch(branch, proto_);
}

void NodeImport::set_constant_output(Tensor constant) { builder_.define_constant(output_name(), std::move(constant)); }
void NodeImport::set_constant_output(KnownValue value) { builder_.define_constant(output_name(), std::move(value)); }

Result<void> NodeImport::emit_nothing(std::size_t i, int x, const std::array<Shape, 2>& shapes) {
  if (shapes[0] != shapes[1]) return follows_batch("its output has no elements, and its shape follows the batch");
  Tensor nothing;
  nothing.name = name_of_output(i);
  nothing.type = source_type(tensor(x));
  nothing.shape = shapes[0];
  nothing.data = Constant::of(std::vector<std::byte>());
  set_output(i, add_constant(std::move(nothing)));
  return {};
}

Result<int> NodeImport::transposed(int x, std::vector<int> perm) {
  std::string suffix = "@";
  for (const int axis : perm) suffix += std::to_string(axis);
  schema::TransposeT t;
  t.perm = std::move(perm);
  return append(std::move(t), {x}, builder_.tensor(x).name + suffix, false, type(x));
}

Result<void> NodeImport::emit_transposed(std::size_t i, int y, std::vector<int> perm) {
  schema::TransposeT t;
  t.perm = std::move(perm);
  OCTET_TRY(const int x, append(std::move(t), {y}, name_of_output(i), false, type(y)));
  set_output(i, x);
  return {};
}

Result<int> NodeImport::to_channels_last(int x) {
  std::vector<int> perm = {0};
  for (std::size_t i = 2; i < rank(x); ++i) perm.push_back(static_cast<int>(i));
  perm.push_back(1);
  return transposed(x, std::move(perm));
}

Result<void> NodeImport::emit_channels_first(int y) {
  std::vector<int> perm = {0, static_cast<int>(rank(y)) - 1};
  for (std::size_t i = 1; i + 1 < rank(y); ++i) perm.push_back(static_cast<int>(i));
  return emit_transposed(0, y, std::move(perm));
}

Result<int> NodeImport::reshaped(int x, std::vector<int> shape, const std::string& suffix) {
  schema::ReshapeT op;
  op.shape = std::move(shape);
  return append(std::move(op), {x}, builder_.tensor(x).name + suffix, false, type(x));
}

Result<int> NodeImport::to_image(int x) {
  OCTET_TRY(const int last, to_channels_last(x));
  if (rank(x) == 4) return last;
  OCTET_TRY(const int length, to_int(shape(last)[1], "length"));
  OCTET_TRY(const int channels, to_int(shape(last)[2], "channels"));
  return reshaped(last, {-1, 1, length, channels}, "@row");
}

Result<void> NodeImport::emit_image(int y, std::size_t rank) {
  if (rank == 4) return emit_channels_first(y);
  OCTET_TRY(const int length, to_int(shape(y)[2], "length"));
  OCTET_TRY(const int channels, to_int(shape(y)[3], "channels"));
  OCTET_TRY(const int sequence, reshaped(y, {-1, length, channels}, "@sequence"));
  return emit_channels_first(sequence);
}

Result<int> to_int(std::int64_t value, const char* what) {
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
    return invalid(std::string("its ") + what + " is " + std::to_string(value));
  return static_cast<int>(value);
}

std::string exact(double value) { return std::to_string(std::bit_cast<std::uint64_t>(value)); }

Result<int> normalize_axis(std::int64_t axis, std::size_t rank) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r)
    return invalid("axis " + std::to_string(axis) + " is out of range for rank " + std::to_string(r));
  return static_cast<int>(axis < 0 ? axis + r : axis);
}

Result<void> check_supported_type(const NodeImport& node, int tensor, std::initializer_list<Type> types) {
  const Tensor& x = node.tensor(tensor);
  if (std::ranges::find(types, x.type) != types.end() || (x.type == Type::u8 && x.quant.present())) return {};
  std::string names;
  for (const Type* t = types.begin(); t != types.end(); ++t) names += std::string(names.empty() ? "" : t + 1 == types.end() ? " and " : ", ") + name_of(*t);
  return unsupported(std::string("its input is ") + name_of(x.type) + "; " + names + (types.size() == 1 ? " is" : " are") + " supported");
}

Error unsupported(std::string message) { return Error{ErrorCode::unsupported, std::move(message), {}}; }

}  // namespace octet
