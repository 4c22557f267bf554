// .octet bytes to a Graph: header, FlatBuffers' verifier, then a decoding that trusts nothing. What the graph means is
// checked afterwards, by check_graph.
#include <flatbuffers/flatbuffers.h>

#include "engine/file_header.h"
#include "engine/model.h"
#include "engine/operator.h"

namespace octet {
namespace {

constexpr int kMaxDepth = 16;
constexpr int kMaxTables = 4'000'000;

template <class Vector>
std::size_t size_of_vector(const Vector* v) noexcept {
  return v == nullptr ? 0 : v->size();
}

std::string text(const flatbuffers::String* s) { return s == nullptr ? std::string() : s->str(); }

template <class T>
std::vector<T> copy(const flatbuffers::Vector<T>* v) {
  return v == nullptr ? std::vector<T>() : std::vector<T>(v->begin(), v->end());
}

/// Offsets may share what they point at, so that decoding a small file could take any amount of memory. Real files share
/// next to nothing: what is copied out of them is about as large as they are.
class Budget {
 public:
  explicit Budget(std::size_t file_bytes) : left_(8 * file_bytes) {}

  Result<void> take(std::size_t bytes) {
    if (bytes > left_) return invalid("is damaged: too many of its parts share their content");
    left_ -= bytes;
    return {};
  }

 private:
  std::size_t left_;
};

std::size_t copied_bytes(const schema::Tensor& t) noexcept {
  const auto* q = t.quantization();
  return t.name()->size() + 8 * size_of_vector(t.shape()) + (q == nullptr ? 0 : 4 * (size_of_vector(q->scales()) + size_of_vector(q->zero_points())));
}

std::size_t copied_bytes(const schema::Node& n) noexcept {
  return n.name()->size() + size_of_vector(n.float_reason()) +
         4 * (size_of_vector(n.inputs()) + size_of_vector(n.outputs()) + size_of_vector(n.sources()));
}

/// Of the parameters of any operator: as large as they are when written.
std::size_t copied_bytes(const schema::OperatorUnion& op) {
  flatbuffers::FlatBufferBuilder fbb(256);
  op.Pack(fbb, nullptr);
  return fbb.GetSize();
}

std::size_t copied_bytes(const schema::GraphInput& i) noexcept {
  const auto* p = i.preprocessing();
  return p == nullptr ? 0 : 4 * (size_of_vector(p->mean()) + size_of_vector(p->std()));
}

Result<void> decode_shape(const schema::Tensor& from, Tensor& to) {
  for (std::size_t i = 0; i < size_of_vector(from.shape()); ++i) {
    const schema::Dimension& d = *from.shape()->Get(static_cast<flatbuffers::uoffset_t>(i));
    if (d.symbol() != 0 && (d.symbol() != 1 || i != 0))
      return Error{ErrorCode::unsupported, "a size other than the leading one is free", {}};
    to.batched = to.batched || d.symbol() == 1;
    to.shape.push_back(d.factor());
  }
  return {};
}

Result<Tensor> decode_tensor(const schema::Tensor& from, const FileBytes& file) {
  Tensor to;
  to.name = from.name()->str();
  if (from.type() > schema::Type::MAX) return Error{ErrorCode::unsupported, "unknown element type", {}};
  to.type = static_cast<Type>(from.type());
  OCTET_CHECK(decode_shape(from, to));
  if (const auto* q = from.quantization()) to.quant = {copy(q->scales()), copy(q->zero_points()), q->axis()};
  if (const auto* data = from.data()) {
    if (data->size() != 0 && reinterpret_cast<std::uintptr_t>(data->data()) % kHeaderBytes != 0) return invalid("its data is not 64-byte aligned");
    to.data = Constant(file.owner, std::as_bytes(std::span(data->data(), data->size())));
  }
  return to;
}

Result<Node> decode_node(const schema::Node& from) {
  Node to;
  to.name = from.name()->str();
  const OperatorInfo* info = find_operator(from.op_type());
  if (info == nullptr) return Error{ErrorCode::unsupported, "unknown operator; the file was made by a newer version", {}};
  if (from.version() < 1 || from.version() > info->version)
    return Error{ErrorCode::unsupported, std::string(info->name) + " version " + std::to_string(from.version()) + " is unknown", {}};
  if (from.op() == nullptr) return invalid("has no parameters");
  to.attributes.type = from.op_type();
  to.attributes.value = schema::OperatorUnion::UnPack(from.op(), from.op_type(), nullptr);
  to.inputs = copy(from.inputs());
  to.outputs = copy(from.outputs());
  to.sources = copy(from.sources());
  to.float_reason = text(from.float_reason());
  return to;
}

Result<std::shared_ptr<const Preprocessing>> decode_preprocessing(const schema::Preprocessing* from) {
  if (from == nullptr) return std::shared_ptr<const Preprocessing>();
  Preprocessing to{from->scale(), copy(from->mean()), copy(from->std())};
  if (to.mean.empty() || to.mean.size() != to.std.size()) return invalid("preprocessing needs as many means as standard deviations");
  return std::shared_ptr<const Preprocessing>(std::make_shared<Preprocessing>(std::move(to)));
}

Provenance decode_provenance(const schema::Provenance* p) {
  if (p == nullptr) return {};
  return {text(p->tool_version()), text(p->source_name()), p->source_hash(), p->source_bytes(),
          text(p->calibrator()), p->calibration_samples(), p->calibration_hash(),
          text(p->calibrator_options()), text(p->weight_calibrator()), text(p->repair())};
}

/// Calls f on every element; a missing element is an error.
template <class Vector, class F>
Result<void> for_each(const Vector* vector, const char* what, const F& f) {
  for (flatbuffers::uoffset_t i = 0; i < size_of_vector(vector); ++i)
    if (auto ok = f(*vector->Get(i)); !ok) return std::move(ok).error().in(std::string(what) + " " + std::to_string(i));
  return {};
}

}  // namespace

Result<Graph> decode(const FileBytes& file) {
  OCTET_CHECK(check_header(file.bytes));
  flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(file.bytes.data()), file.bytes.size(), kMaxDepth, kMaxTables);
  if (!schema::VerifyModelBuffer(verifier)) return invalid("is damaged: the FlatBuffers structure is not valid");
  const schema::Model& from = *schema::GetModel(file.bytes.data());
  Graph graph;
  Budget budget(file.bytes.size());
  OCTET_CHECK(for_each(from.tensors(), "tensor", [&](const schema::Tensor& t) -> Result<void> {
    OCTET_CHECK(budget.take(copied_bytes(t)));
    auto tensor = decode_tensor(t, file);
    if (!tensor) return std::move(tensor).error();
    graph.tensors.push_back(*std::move(tensor));
    return {};
  }));
  OCTET_CHECK(for_each(from.nodes(), "node", [&](const schema::Node& n) -> Result<void> {
    OCTET_CHECK(budget.take(copied_bytes(n)));
    auto node = decode_node(n);
    if (node) OCTET_CHECK(budget.take(copied_bytes(node->attributes)));
    if (!node) return std::move(node).error().in("'" + n.name()->str() + "'");
    graph.nodes.push_back(*std::move(node));
    return {};
  }));
  OCTET_CHECK(for_each(from.inputs(), "input", [&](const schema::GraphInput& i) -> Result<void> {
    OCTET_CHECK(budget.take(copied_bytes(i)));
    OCTET_TRY(auto preprocessing, decode_preprocessing(i.preprocessing()));
    graph.inputs.push_back(i.tensor());
    graph.preprocessing.push_back(std::move(preprocessing));
    return {};
  }));
  OCTET_CHECK(for_each(from.source_nodes(), "source node", [&](const schema::SourceNode& s) -> Result<void> {
    OCTET_CHECK(budget.take(s.name()->size() + s.op_type()->size()));
    graph.source_nodes.push_back({s.name()->str(), s.op_type()->str()});
    return {};
  }));
  graph.outputs = copy(from.outputs());
  graph.provenance = decode_provenance(from.provenance());
  return graph;
}

}  // namespace octet
