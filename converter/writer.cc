// A checked graph to the bytes of an .octet file.
#include <flatbuffers/flatbuffers.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "engine/file_header.h"
#include "engine/model.h"
#include "engine/operator.h"
#include "octet/converter.hpp"

namespace octet {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::size_t kMaxConstantBytes = std::size_t{2000} << 20U;

Offset<schema::Tensor> write_tensor(FlatBufferBuilder& fbb, const Tensor& t) {
  const auto name = fbb.CreateString(t.name);
  std::vector<schema::Dimension> dimensions;
  for (std::size_t i = 0; i < t.shape.size(); ++i) dimensions.emplace_back(static_cast<int>(t.shape[i]), t.batched && i == 0 ? 1 : 0);
  const auto shape = fbb.CreateVectorOfStructs(dimensions);
  Offset<schema::Quantization> quantization;
  if (t.quant.present()) {
    const auto scales = fbb.CreateVector(t.quant.scales);
    const auto zero_points = t.quant.zero_points.empty() ? 0 : fbb.CreateVector(t.quant.zero_points);
    quantization = schema::CreateQuantization(fbb, scales, zero_points, t.quant.axis);
  }
  Offset<flatbuffers::Vector<std::uint8_t>> data;
  if (t.constant()) {
    const auto bytes = t.data.bytes();
    fbb.ForceVectorAlignment(bytes.size(), 1, kHeaderBytes);
    data = fbb.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  return schema::CreateTensor(fbb, name, static_cast<schema::Type>(t.type), shape, quantization, data);
}

/// The oldest version of the operator that computes this node, so that older readers take what they can run. Version 2 of
/// Conv and FullyConnected: s8 weights with an f32 input. Of Lookup: s8 tensors. Of Softmax: a mask.
std::uint16_t oldest_version(const Graph& g, const Node& n) {
  const auto type = [&](int tensor) { return g.tensors[static_cast<std::size_t>(tensor)].type; };
  switch (n.op()) {
    case schema::Operator::Conv:
    case schema::Operator::FullyConnected: return type(n.inputs[0]) == Type::f32 && type(n.inputs[1]) == Type::s8 ? 2 : 1;
    case schema::Operator::Lookup: return type(n.inputs[0]) == Type::s8 || type(n.outputs[0]) == Type::s8 ? 2 : 1;
    case schema::Operator::Softmax: return n.inputs.size() > 1 ? 2 : 1;
    default: return find_operator(n.op())->version;
  }
}

Offset<schema::Node> write_node(FlatBufferBuilder& fbb, const Graph& g, const Node& n) {
  const auto name = fbb.CreateString(n.name);
  const auto op = n.attributes.Pack(fbb, nullptr);
  const auto inputs = fbb.CreateVector(n.inputs);
  const auto outputs = fbb.CreateVector(n.outputs);
  const auto sources = fbb.CreateVector(n.sources);
  const auto reason = n.float_reason.empty() ? 0 : fbb.CreateString(n.float_reason);
  return schema::CreateNode(fbb, name, n.op(), op, oldest_version(g, n), inputs, outputs, sources, reason);
}

Offset<schema::GraphInput> write_input(FlatBufferBuilder& fbb, int tensor, const Preprocessing* p) {
  Offset<schema::Preprocessing> preprocessing;
  if (p != nullptr) preprocessing = schema::CreatePreprocessing(fbb, p->scale, fbb.CreateVector(p->mean), fbb.CreateVector(p->std));
  return schema::CreateGraphInput(fbb, tensor, preprocessing);
}

Offset<schema::Provenance> write_provenance(FlatBufferBuilder& fbb, const Provenance& p) {
  const auto version = fbb.CreateString(p.tool_version);
  const auto source = fbb.CreateString(p.source_name);
  const auto calibrator = fbb.CreateString(p.calibrator);
  const auto options = fbb.CreateString(p.calibrator_options);
  const auto weight_calibrator = fbb.CreateString(p.weight_calibrator);
  const auto repair = fbb.CreateString(p.repair);
  return schema::CreateProvenance(fbb, version, source, p.source_hash, p.source_bytes, calibrator, p.calibration_samples, p.calibration_hash, options,
                                  weight_calibrator, repair);
}

/// The offsets f makes of every element.
template <class T, class F>
auto write_all(FlatBufferBuilder& fbb, const std::vector<T>& items, const F& f) {
  std::vector<decltype(f(items[0]))> offsets;
  offsets.reserve(items.size());
  for (const T& item : items) offsets.push_back(f(item));
  return fbb.CreateVector(offsets);
}

void write_graph(FlatBufferBuilder& fbb, const Graph& g) {
  const auto symbols = fbb.CreateVectorOfStrings(std::vector<std::string>{"batch"});
  const auto tensors = write_all(fbb, g.tensors, [&](const Tensor& t) { return write_tensor(fbb, t); });
  const auto nodes = write_all(fbb, g.nodes, [&](const Node& n) { return write_node(fbb, g, n); });
  std::vector<Offset<schema::GraphInput>> input_offsets;
  for (std::size_t i = 0; i < g.inputs.size(); ++i) input_offsets.push_back(write_input(fbb, g.inputs[i], g.preprocessing[i].get()));
  const auto inputs = fbb.CreateVector(input_offsets);
  const auto outputs = fbb.CreateVector(g.outputs);
  const auto sources = write_all(fbb, g.source_nodes, [&](const SourceNode& s) {
    return schema::CreateSourceNodeDirect(fbb, s.name.c_str(), s.op_type.c_str());
  });
  const auto provenance = write_provenance(fbb, g.provenance);
  const auto root = schema::CreateModel(fbb, symbols, tensors, nodes, inputs, outputs, sources, provenance);
  // FlatBuffers grow towards their front: these zeros become the header, right behind the identifier.
  constexpr std::array<std::uint8_t, kHeaderBytes - 8> kHeader{};
  fbb.Align(kHeaderBytes);
  fbb.PushBytes(kHeader.data(), kHeader.size());
  schema::FinishModelBuffer(fbb, root);
}

Result<void> write_all_bytes(int fd, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{ErrorCode::run_failed, std::strerror(errno), {}};
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(fd) != 0 && errno != EINVAL) return Error{ErrorCode::run_failed, std::strerror(errno), {}};
  return {};
}

/// Writes beside `path`, then renames.
Result<void> write_file(const std::string& path, std::span<const std::byte> bytes) {
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return Error{ErrorCode::run_failed, std::string("cannot write: ") + std::strerror(errno), {}};
  auto done = write_all_bytes(fd, bytes);
  // mkostemp makes private files; give this one what open() would have given.
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(fd, 0666 & ~mask);
  ::close(fd);
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0)
    done = Error{ErrorCode::run_failed, std::string("cannot write: ") + std::strerror(errno), {}};
  if (!done) ::unlink(temporary.c_str());
  return done;
}

enum class Filling { zeros, ones, mixed };

/// 0 or 1; mixed in the order of Thue and Morse, which no shape has in step.
std::uint8_t element(Filling filling, std::size_t i) {
  if (filling == Filling::mixed) return static_cast<std::uint8_t>(std::popcount(i) & 1);
  return filling == Filling::ones ? 1 : 0;
}

/// A run with every input filled.
Result<void> run_filled(Session& session, Filling filling) {
  std::vector<std::vector<std::byte>> storage;
  for (const auto* infos : {&session.inputs(), &session.outputs()})
    for (const TensorInfo& t : *infos) storage.emplace_back(t.size_bytes());
  std::vector<InputTensor> in;
  std::vector<OutputTensor> out;
  std::size_t k = 0;
  for (const TensorInfo& t : session.inputs()) {
    std::vector<std::byte>& bytes = storage[k++];
    if (t.type == Type::f32) {
      auto* values = reinterpret_cast<float*>(bytes.data());
      for (std::size_t i = 0; i < t.elements(); ++i) values[i] = static_cast<float>(element(filling, i));
    } else {  // little-endian: the lowest byte of each element
      for (std::size_t i = 0; i < bytes.size(); i += size_of(t.type)) bytes[i] = std::byte{element(filling, i / size_of(t.type))};
    }
    in.emplace_back(bytes.data(), bytes.size(), t.type);
  }
  for (const TensorInfo& t : session.outputs()) out.emplace_back(storage[k].data(), storage[k].size(), t.type), ++k;
  return session.run(in, out);
}

/// It prepares a session, and runs. What some values make NaN (a logarithm, a mean over an empty mask, the range of an image of one color) is
/// not the model's fault, so that it may run with any of three. What all do is.
Result<void> check_runs(const Model& model) {
  OCTET_TRY(Session session, model.session());
  auto zeros = run_filled(session, Filling::zeros);
  if (zeros || run_filled(session, Filling::ones) || run_filled(session, Filling::mixed)) return {};
  Error error = std::move(zeros).error();
  if (!error.where.empty()) error.code = ErrorCode::invalid_file;  // a node has failed
  return error;
}

Result<std::vector<std::byte>> serialize_graph(const Model& model) {
  const Graph& graph = model.impl().graph;
  std::size_t constants = 0;
  for (const Tensor& t : graph.tensors) constants += t.data.bytes().size();
  if (constants > kMaxConstantBytes) return Error{ErrorCode::unsupported, "a model file must stay below 2 GiB", {}};
  FlatBufferBuilder fbb(constants + (std::size_t{1} << 16U));
  write_graph(fbb, graph);
  std::vector<std::byte> bytes(fbb.GetSize());
  std::memcpy(bytes.data(), fbb.GetBufferPointer(), bytes.size());
  seal(bytes);
  // What was written is what will be read: a file this library refuses, or cannot run, never leaves it.
  auto read = Model::load(bytes);
  auto ran = read ? check_runs(*read) : Result<void>(std::move(read).error());
  if (!ran) return std::move(ran).error().in("the converted model is not valid");
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> serialize(const Model& model) {
  try {
    return serialize_graph(model);
  } catch (const std::exception&) {
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

Result<std::uint64_t> save(const Model& model, const std::string& path) {
  OCTET_TRY(const std::vector<std::byte> bytes, serialize(model));
  if (auto ok = write_file(path, bytes); !ok) return std::move(ok).error().in(path);
  return std::uint64_t{bytes.size()};
}

}  // namespace octet
