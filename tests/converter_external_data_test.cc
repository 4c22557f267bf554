// Weights in files beside the model: what is read, and that nothing else is.
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "converter_models.h"
#include "support/temp_dir.h"

namespace octet_test {
namespace {

using octet::ErrorCode;
using Values = std::vector<float>;
using Keys = std::vector<std::pair<std::string, std::string>>;

std::string bytes_of(const Values& values) { return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}; }

/// An initializer of `shape` whose data is elsewhere.
onnx::TensorProto* external(ModelBuilder& m, const std::string& name, const std::vector<std::int64_t>& shape, const Keys& keys) {
  onnx::TensorProto* t = m.tensor(name, shape, onnx::TensorProto::FLOAT);
  t->set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : keys) {
    auto* entry = t->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return t;
}

/// y = x + w, w's data as the keys say.
ModelBuilder sum(const Keys& keys) {
  ModelBuilder m;
  m.input("x", {2}).output("y");
  external(m, "w", {2}, keys);
  m.node("Add", {"x", "w"}, {"y"});
  return m;
}

Result<Graph> import_file(const TempDir& dir, const ModelBuilder& m, const std::string& name = "model.onnx") {
  auto model = octet::read_onnx(dir.write(name, m.bytes()));
  if (!model) return std::move(model).error();
  return octet::import_onnx(*model);
}

void check_refused(const TempDir& dir, const ModelBuilder& m, const std::string& part, ErrorCode code = ErrorCode::invalid_file) {
  CAPTURE(part);
  const auto graph = import_file(dir, m);
  REQUIRE_FALSE(graph.has_value());
  INFO(graph.error().text());
  CHECK(graph.error().code == code);
  CHECK(graph.error().text().find(part) != std::string::npos);
  CHECK(graph.error().text().find("initializer 'w'") != std::string::npos);
}

TEST_CASE("data is read from its place in the file") {
  const TempDir dir;
  dir.write("weights.bin", bytes_of({10, 20, 30, 40}));
  const auto y = [&](const Keys& keys) { return run(must(import_file(dir, sum(keys))), {{1, 2}})[0]; };
  CHECK(y({{"location", "weights.bin"}}) == Values{11, 22});
  CHECK(y({{"location", "weights.bin"}, {"offset", "8"}, {"length", "8"}}) == Values{31, 42});
  CHECK(y({{"location", "weights.bin"}, {"offset", "4"}, {"checksum", "unchecked"}}) == Values{21, 32});
  std::filesystem::create_directory(dir.file("sub"));
  dir.write("sub/more.bin", bytes_of({5, 6}));
  CHECK(y({{"location", "sub/more.bin"}}) == Values{6, 8});
  CHECK(y({{"location", "./weights.bin"}}) == Values{11, 22});
  CHECK(y({{"location", "././sub/./more.bin"}}) == Values{6, 8});
  check_refused(dir, sum({{"location", "./."}}), "a folder");
}

TEST_CASE("size and hash of the source are those of all its files") {
  const TempDir dir;
  const ModelBuilder m = sum({{"location", "w"}});
  const auto provenance = [&] { return must(import_file(dir, m)).provenance; };
  dir.write("w", bytes_of({1, 2}));
  const auto one = provenance();
  CHECK(one.source_bytes == m.bytes().size() + 8);
  CHECK(provenance().source_hash == one.source_hash);
  dir.write("w", bytes_of({1, 3}));
  CHECK(provenance().source_hash != one.source_hash);
}

TEST_CASE("a model named without a folder finds its files, too") {
  const TempDir dir;
  dir.write("w", bytes_of({1, 2}));
  dir.write("model.onnx", sum({{"location", "w"}}).bytes());
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path);
  const auto model = octet::read_onnx("model.onnx");
  std::filesystem::current_path(before);
  REQUIRE(model.has_value());
  CHECK(model->folder() == ".");
}

TEST_CASE("only plain files below the model's folder are opened") {
  const TempDir dir;
  const TempDir outside;
  outside.write("secret", bytes_of({1, 2}));
  const auto location = [](const std::string& path) { return sum({{"location", path}}); };
  check_refused(dir, location(outside.file("secret")), "absolute path");
  for (const char* path : {"../secret", "..", "a/../../secret", "./../secret", "a//w", "w/"})
    check_refused(dir, location(path), "not a plain relative path");
  check_refused(dir, location("absent"), "cannot be opened");
  check_refused(dir, location(std::string(2000, 'a')), "too long");
  check_refused(dir, location("evil\nname"), "plain text");
  check_refused(dir, location(std::string("w\0x", 3)), "plain text");

  REQUIRE(::symlink(outside.file("secret").c_str(), dir.file("link").c_str()) == 0);
  check_refused(dir, location("link"), "symbolic link");
  REQUIRE(::symlink(outside.path.c_str(), dir.file("folder").c_str()) == 0);
  check_refused(dir, location("folder/secret"), "symbolic link");
  REQUIRE(::mkfifo(dir.file("pipe").c_str(), 0600) == 0);
  check_refused(dir, location("pipe"), "not a regular file");
  std::filesystem::create_directory(dir.file("sub"));
  check_refused(dir, location("sub"), "not a regular file");
}

TEST_CASE("offsets and lengths are checked") {
  const TempDir dir;
  dir.write("w.bin", bytes_of({1, 2, 3}));
  const auto with = [](const std::string& key, const std::string& value) { return sum({{"location", "w.bin"}, {key, value}}); };
  check_refused(dir, with("offset", "5"), "bytes 5 to 13 of 'w.bin', which has 12");
  check_refused(dir, with("offset", "13"), "which has 12");
  check_refused(dir, with("offset", "9223372036854775807"), "offset");
  check_refused(dir, with("offset", "18446744073709551615"), "offset");
  check_refused(dir, with("offset", "99999999999999999999999"), "offset");
  for (const char* number : {"-1", "", "4x", "0x4", " 4", "4.0"}) check_refused(dir, with("offset", number), "the offset of its external data is '" + std::string(number));
  check_refused(dir, with("length", "4"), "has 4 bytes of data where its shape needs 8");
  check_refused(dir, with("length", "12"), "has 12 bytes");
  check_refused(dir, with("location", "w.bin"), "two values of 'location'");
  check_refused(dir, with("nonce", "1"), "key 'nonce'", ErrorCode::unsupported);
  check_refused(dir, sum({}), "no location");
  check_refused(dir, sum({{"location", ""}}), "no location");
}

TEST_CASE("data may be in one place only") {
  const TempDir dir;
  dir.write("w.bin", bytes_of({1, 2}));
  ModelBuilder twice = sum({{"location", "w.bin"}});
  twice.proto.mutable_graph()->mutable_initializer(0)->set_raw_data(bytes_of({1, 2}));
  check_refused(dir, twice, "both here and in another file");
  ModelBuilder neither = sum({{"location", "w.bin"}});
  neither.proto.mutable_graph()->mutable_initializer(0)->clear_data_location();
  check_refused(dir, neither, "not external");
  ModelBuilder constant;
  constant.input("x", {2}).output("y");
  onnx::TensorProto* t = constant.node("Constant", {}, {"c"}).add("value", onnx::AttributeProto::TENSOR)->mutable_t();
  ModelBuilder donor = sum({{"location", "w.bin"}});
  *t = donor.proto.graph().initializer(0);
  constant.node("Add", {"x", "c"}, {"y"});
  const auto graph = import_file(dir, constant);
  REQUIRE_FALSE(graph.has_value());
  CHECK(graph.error().code == ErrorCode::unsupported);
  CHECK(graph.error().message.find("only initializers") != std::string::npos);
}

TEST_CASE("many tensors of one place are a small file that asks for unbounded memory") {
  const TempDir dir;
  dir.write("w.bin", bytes_of({1, 2}));
  ModelBuilder m;
  m.input("x", {2}).output("y");
  for (const char* name : {"a", "b", "w"}) external(m, name, {2}, {{"location", "w.bin"}});
  m.node("Add", {"x", "w"}, {"y"});
  check_refused(dir, m, "too many other tensors");
  ModelBuilder large;
  large.input("x", {2}).output("y");
  external(large, "w", {std::int64_t{1} << 40}, {{"location", "w.bin"}});
  large.node("Add", {"x", "w"}, {"y"});
  check_refused(dir, large, "which has 8");
}

}  // namespace
}  // namespace octet_test
