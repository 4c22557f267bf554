#include "converter/onnx/reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx-ml.pb.h>

#include "engine/file_header.h"
#include "engine/model.h"
#include "engine/operator.h"

namespace octet {
namespace {

// Subgraphs and type declarations nest; deeper than this only in files made to exhaust the stack.
constexpr int kMaxNesting = 100;
constexpr std::size_t kMaxBytes = (std::size_t{1} << 31) - 1;

bool parse(std::span<const std::byte> bytes, onnx::ModelProto& model) {
  const google::protobuf::LogSilencer silence;  // it would write its complaints to stderr
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(kMaxNesting);
  return model.ParseFromCodedStream(&coded) && coded.ConsumedEntireMessage();
}

/// Most bytes that are not ONNX parse as a message of unknown fields: these parts tell a model from them.
const char* missing_part(const onnx::ModelProto& model) {
  if (!model.has_graph()) return "it has no graph";
  if (model.opset_import_size() == 0) return "it imports no operator set";
  if (model.graph().node_size() == 0) return "its graph has no nodes";
  return nullptr;
}

Result<OnnxModel> parse_model(std::span<const std::byte> bytes, const std::string& name, const std::string& folder) {
  if (bytes.empty()) return invalid("is empty");
  if (bytes.size() > kMaxBytes) return invalid("is larger than 2 GiB");
  auto model = std::make_shared<onnx::ModelProto>();
  if (!parse(bytes, *model)) return invalid("is not an ONNX model (protobuf parse failed)");
  if (const char* what = missing_part(*model)) return invalid(std::string("is not an ONNX model: ") + what);
  Provenance provenance;
  provenance.tool_version = version();
  provenance.source_name = name;
  provenance.source_hash = hash64(bytes);
  provenance.source_bytes = bytes.size();
  return OnnxModel(std::move(model), std::move(provenance), folder);
}

template <class F>
Result<OnnxModel> guarded(const F& f) {
  try {
    return f();
  } catch (const std::exception&) {  // bad_alloc; protobuf itself throws nothing while it parses
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace

Result<OnnxModel> read_onnx(const std::string& path) {
  return guarded([&]() -> Result<OnnxModel> {
    OCTET_TRY(const FileBytes file, read_file(path));
    const std::size_t slash = path.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    auto model = parse_model(file.bytes, path.substr(slash + 1), folder);
    if (!model) return std::move(model).error().in(path);
    return model;
  });
}

Result<OnnxModel> parse_onnx(std::span<const std::byte> bytes, const std::string& name) {
  return guarded([&] { return parse_model(bytes, name, {}); });
}

}  // namespace octet
