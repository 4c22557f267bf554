// make_seeds FOLDER: small valid files for the corpora FOLDER/load, FOLDER/onnx and FOLDER/data.
#include <onnx/onnx-ml.pb.h>
#include <png.h>
#include <turbojpeg.h>
#include <zip.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/data/npy.h"
#include "octet/converter.hpp"

namespace {

using Sizes = std::vector<std::int64_t>;

void save_bytes(const std::string& path, const void* bytes, std::size_t size) {
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
}

// ---- ONNX

class OnnxSeed {
 public:
  explicit OnnxSeed(const Sizes& input_shape) {
    model_.set_ir_version(8);
    model_.add_opset_import()->set_version(13);
    auto* input = model_.mutable_graph()->add_input();
    input->set_name("x");
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_param("N");
    for (std::size_t i = 1; i < input_shape.size(); ++i) type->mutable_shape()->add_dim()->set_dim_value(input_shape[i]);
  }

  std::string constant(const Sizes& shape, float first) {
    auto* t = model_.mutable_graph()->add_initializer();
    t->set_name("c" + std::to_string(++names_));
    t->set_data_type(onnx::TensorProto::FLOAT);
    std::int64_t count = 1;
    for (const std::int64_t size : shape) t->add_dims(size), count *= size;
    for (std::int64_t i = 0; i < count; ++i) t->add_float_data(first + static_cast<float>(i % 7) / 8);
    return t->name();
  }

  std::string integers(const Sizes& values) {
    auto* t = model_.mutable_graph()->add_initializer();
    t->set_name("c" + std::to_string(++names_));
    t->set_data_type(onnx::TensorProto::INT64);
    t->add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t v : values) t->add_int64_data(v);
    return t->name();
  }

  /// Adds a node; integer attributes only. Its output's name.
  std::string node(const char* op, const std::vector<std::string>& inputs,
                   const std::vector<std::pair<const char*, Sizes>>& attributes = {}) {
    auto* n = model_.mutable_graph()->add_node();
    n->set_op_type(op);
    for (const std::string& i : inputs) n->add_input(i);
    for (const auto& [name, values] : attributes) {
      auto* a = n->add_attribute();
      a->set_name(name);
      const bool one = values.size() == 1;
      a->set_type(one ? onnx::AttributeProto::INT : onnx::AttributeProto::INTS);
      if (one) a->set_i(values[0]);
      if (!one) a->mutable_ints()->Assign(values.begin(), values.end());
    }
    return *n->add_output() = "t" + std::to_string(++names_);
  }

  std::string finish(const std::string& output) {
    model_.mutable_graph()->add_output()->set_name(output);
    return model_.SerializeAsString();
  }

 private:
  onnx::ModelProto model_;
  int names_ = 0;
};

/// Convolutions, normalization, pools, a classifier.
std::string image_network() {
  OnnxSeed s({1, 2, 6, 6});
  std::string t = s.node("Conv", {"x", s.constant({4, 2, 3, 3}, -0.5F), s.constant({4}, 0)}, {{"pads", {1, 1, 1, 1}}});
  t = s.node("BatchNormalization", {t, s.constant({4}, 1), s.constant({4}, 0), s.constant({4}, 0), s.constant({4}, 1)});
  t = s.node("Relu", {t});
  t = s.node("MaxPool", {t}, {{"kernel_shape", {2, 2}}, {"strides", {2, 2}}});
  t = s.node("Conv", {t, s.constant({4, 1, 3, 3}, -0.5F)}, {{"group", {4}}, {"dilations", {1, 1}}, {"pads", {1, 1, 1, 1}}});
  t = s.node("AveragePool", {t}, {{"kernel_shape", {2, 2}}, {"count_include_pad", {1}}, {"pads", {1, 1, 0, 0}}});
  t = s.node("GlobalAveragePool", {t});
  t = s.node("Flatten", {t});
  t = s.node("Gemm", {t, s.constant({3, 4}, -0.3F), s.constant({3}, 0)}, {{"transB", {1}}});
  return s.finish(s.node("Softmax", {t}));
}

/// Element-wise operators and those that move data.
std::string vector_network() {
  OnnxSeed s({1, 4, 3});
  const std::string a = s.node("Transpose", {"x"}, {{"perm", {0, 2, 1}}});
  const std::string b = s.node("Reshape", {a, s.integers({0, -1})});
  const std::string c = s.node("Add", {b, s.constant({12}, -0.2F)});
  const std::string d = s.node("Mul", {s.node("Sigmoid", {c}), c});
  const std::string e = s.node("Concat", {s.node("Tanh", {d}), s.node("LeakyRelu", {b}), s.node("HardSigmoid", {c})}, {{"axis", {1}}});
  const std::string f = s.node("Clip", {e, s.constant({}, -1), s.constant({}, 2)});
  const std::string g = s.node("Unsqueeze", {s.node("MatMul", {f, s.constant({36, 5}, -0.4F)}), s.integers({2})});
  return s.finish(s.node("Identity", {s.node("Squeeze", {g, s.integers({2})})}));
}

class Ramp final : public octet::Samples {
 public:
  [[nodiscard]] std::int64_t count() const override { return 1; }
  [[nodiscard]] octet::Result<void> read(std::size_t, std::int64_t, std::int64_t, std::span<float> values) const override {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) / 8.0F - 1.0F;
    return {};
  }
};

/// The ONNX model, and what becomes of it in float and in int8. False if one cannot be made.
bool make_models(const std::string& folder, const std::string& name, const std::string& onnx, const octet::QuantizeOptions& options) {
  const std::string source = folder + "/onnx/" + name + ".onnx";
  save_bytes(source, onnx.data(), onnx.size());
  const auto model = octet::import_onnx(source);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text().c_str()), false;
  const auto quantized = octet::quantize(*model, Ramp(), options);
  if (!quantized) return std::fprintf(stderr, "%s\n", quantized.error().text().c_str()), false;
  return octet::save(*model, folder + "/load/" + name + "_f32.octet") && octet::save(*quantized, folder + "/load/" + name + "_int8.octet");
}

// ---- Data files

void make_idx(const std::string& folder) {
  const std::vector<std::uint8_t> idx = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
  save_bytes(folder + "/bytes.idx", idx.data(), idx.size());
  const std::vector<std::uint8_t> labels = {0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4};
  save_bytes(folder + "/labels.idx", labels.data(), labels.size());
  gzFile file = gzopen((folder + "/bytes.idx.gz").c_str(), "wb");
  gzwrite(file, idx.data(), static_cast<unsigned>(idx.size()));
  gzclose(file);
}

void make_images(const std::string& folder) {
  const std::vector<std::uint8_t> pixels(4 * 4 * 3, 77);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 4;
  image.format = PNG_FORMAT_RGB;
  png_image_write_to_file(&image, (folder + "/rgb.png").c_str(), 0, pixels.data(), 0, nullptr);
  image.format = PNG_FORMAT_GRAY;
  png_image_write_to_file(&image, (folder + "/gray.png").c_str(), 0, pixels.data(), 0, nullptr);
  tjhandle jpeg = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  tjCompress2(jpeg, pixels.data(), 4, 0, 4, TJPF_RGB, &bytes, &size, TJSAMP_420, 80, 0);
  save_bytes(folder + "/rgb.jpg", bytes, size);
  tjFree(bytes);
  tjDestroy(jpeg);
}

bool make_arrays(const std::string& folder) {
  octet::cli::Array array{octet::Type::f32, {2, 3}, octet::cli::Bytes(24)};
  const std::string npy = folder + "/f32.npy";
  if (!octet::cli::write_npy(npy, array)) return false;
  array = {octet::Type::s64, {4}, octet::cli::Bytes(32)};
  if (!octet::cli::write_npy(folder + "/s64.npy", array)) return false;
  for (const zip_int32_t method : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    zip_t* archive = zip_open((folder + "/f32_" + std::to_string(method) + ".npz").c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    if (archive == nullptr) return false;
    zip_set_file_compression(archive, 0, method, 0);
    const zip_int64_t index = zip_file_add(archive, "x.npy", zip_source_file(archive, npy.c_str(), 0, -1), 0);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
    if (zip_close(archive) != 0) return false;
  }
  const std::string labels = "3\n1\n-4\n";
  save_bytes(folder + "/labels.txt", labels.data(), labels.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  for (const char* corpus : {"load", "onnx", "data"}) std::filesystem::create_directories(folder + "/" + corpus);
  octet::QuantizeOptions options;
  octet::QuantizeOptions raw;
  raw.per_channel_weights = false;
  raw.symmetric_activations = true;
  raw.normalization = std::make_shared<octet::Normalization>(octet::Normalization{1.0F / 255, {0.5F, 0.4F}, {0.2F, 0.3F}});
  bool ok = make_models(folder, "image", image_network(), options) && make_models(folder, "raw", image_network(), raw) &&
            make_models(folder, "vector", vector_network(), options);
  make_idx(folder + "/data");
  make_images(folder + "/data");
  ok = make_arrays(folder + "/data") && ok;
  return ok ? 0 : 1;
}
