#include "converter/onnx/importer.h"

#include <onnx/onnx-ml.pb.h>

#include <bit>
#include <limits>

namespace octet {

// One for each operator that ONNX nodes become; defined in importers/<file>.cc.
#define OCTET_OPERATOR(name, file, version, least, most) void register_##file(ImporterTable& table);
#define OCTET_INTERNAL_OPERATOR(name, file, version, least, most)
#include "engine/ops.inc"
#undef OCTET_OPERATOR

// ONNX operators that become several operators, or none.
#define OCTET_OTHER_IMPORTERS(row) row(batch_normalization) row(constant) row(identity)
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

}  // namespace

const std::string& NodeImport::op_type() const { return proto_.op_type(); }
const std::string& NodeImport::output_name() const { return proto_.output(0); }
const std::string& NodeImport::input_name(std::size_t i) const { return proto_.input(static_cast<int>(i)); }

std::size_t NodeImport::output_count() const {
  std::size_t count = 0;
  for (const std::string& name : proto_.output()) count += name.empty() ? 0 : 1;
  return count;
}

std::size_t NodeImport::input_count() const { return static_cast<std::size_t>(proto_.input_size()); }

bool NodeImport::has_input(std::size_t i) const {
  return i < static_cast<std::size_t>(proto_.input_size()) && !input_name(i).empty();
}

Result<int> NodeImport::input(std::size_t i) {
  if (!has_input(i)) return invalid("input " + std::to_string(i) + " is missing");
  return builder_.tensor_of(input_name(i));
}

std::optional<Tensor> NodeImport::constant(std::size_t i) const {
  if (!has_input(i)) return std::nullopt;
  return builder_.constant_of(input_name(i));
}

Result<Tensor> NodeImport::constant(std::size_t i, const char* what) const {
  if (auto value = constant(i)) return *std::move(value);
  return unsupported(std::string("its ") + what + " must be constant");
}

Result<std::vector<std::int64_t>> NodeImport::constant_integers(std::size_t i, const char* what) const {
  OCTET_TRY(const Tensor value, constant(i, what));
  if (value.type != Type::s64 || value.shape.size() > 1)
    return invalid(std::string("its ") + what + " must be a list of s64, not " + name_of(value.type) + " of shape " +
                   to_string(value.shape));
  const auto values = value.data.as<std::int64_t>();
  if (values.size() > kMaxList)
    return invalid(std::string("its ") + what + " has " + std::to_string(values.size()) + " values");
  return std::vector<std::int64_t>(values.begin(), values.end());
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
    set_output(x);
    return {};
  }
  // The graph's outputs keep their names, so this one needs a tensor of its own: a Reshape that changes nothing.
  schema::ReshapeT same;
  same.shape.assign(rank(x), 0);
  return emit(std::move(same), {x});
}

void NodeImport::set_constant_output(Tensor constant) { builder_.define_constant(output_name(), std::move(constant)); }

Result<int> NodeImport::to_channels_last(int x) {
  schema::TransposeT t;
  t.perm = {0, 2, 3, 1};
  return append(std::move(t), {x}, builder_.tensor(x).name + kChannelsLast, false);
}

Result<void> NodeImport::emit_channels_first(int y) {
  schema::TransposeT t;
  t.perm = {0, 3, 1, 2};
  OCTET_TRY(const int x, append(std::move(t), {y}, output_name(), false));
  set_output(x);
  return {};
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

Error unsupported(std::string message) { return Error{ErrorCode::unsupported, std::move(message), {}}; }

}  // namespace octet
