// Files that are missing, cut or damaged: any bytes in, a model or a typed error out.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/operator.h"
#include "tests/support/model_bytes.h"
#include "tests/support/small_model.h"
#include "tests/support/temp_dir.h"

namespace octet_test {
namespace {

using Bytes = std::vector<std::byte>;

std::string as_text(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

constexpr std::uint64_t kMostMacs = 20'000'000;
constexpr std::size_t kMostBytes = std::size_t{1} << 24U;

/// Whether a run of it ends soon.
bool affordable(const octet::Session& session) {
  const auto& impl = session.impl();
  std::uint64_t macs = 0;
  for (const auto& node : impl.graph().nodes) {
    const octet::NodeView view(impl.graph(), node, impl.shapes);
    const std::uint64_t more = octet::find_operator(node.op())->macs(view);
    if (more > kMostMacs) return false;
    macs += more;
  }
  for (const auto* infos : {&session.inputs(), &session.outputs()})
    for (const auto& info : *infos)
      if (info.size_bytes() > kMostBytes) return false;
  return macs <= kMostMacs;
}

struct Outcome {
  int loaded = 0, ran = 0, refused = 0;
};

/// Loads and, where that works, runs. Whatever happens is a status.
void try_file(const Bytes& file, const std::string& isa, Outcome& outcome) {
  const auto model = Model::load(file);
  if (!model) {
    ++outcome.refused;
    CHECK((model.error().code == ErrorCode::invalid_file || model.error().code == ErrorCode::unsupported));
    CHECK_FALSE(model.error().message.empty());
    return;
  }
  ++outcome.loaded;
  octet::SessionOptions options;
  options.isa = isa;
  options.memory_limit_bytes = std::size_t{64} << 20U;
  auto session = model->session(options);
  if (!session || !affordable(*session)) return;
  std::vector<Bytes> data;
  std::vector<octet::InputTensor> inputs;
  std::vector<octet::OutputTensor> outputs;
  for (const auto* infos : {&session->inputs(), &session->outputs()})
    for (const auto& info : *infos) data.emplace_back(info.size_bytes(), std::byte{17});
  for (const auto& info : session->inputs())
    inputs.emplace_back(data[inputs.size()].data(), info.size_bytes(), info.type);
  for (const auto& info : session->outputs())
    outputs.emplace_back(data[inputs.size() + outputs.size()].data(), info.size_bytes(), info.type);
  if (session->run(inputs, outputs)) ++outcome.ran;
}

void flip(Bytes& file, std::size_t bit) { file[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8)); }

TEST_CASE("a path that is no model file is an invalid_file error naming it") {
  const TempDir dir;
  check_invalid(Model::load(dir.file("missing.octet")), {"missing.octet", "No such file"});
  check_invalid(Model::load(dir.path), {dir.path, "directory"});
  check_invalid(Model::load(dir.write("empty.octet", "")), {"empty.octet", "is empty"});
  check_invalid(Model::load(dir.write("text.octet", std::string(100, 'x'))), {"text.octet", "not an Octet model"});
  check_invalid(Model::load(dir.write("tiny.octet", "OCT1")), {"not an Octet model"});
  check_invalid(Model::load(dir.write("header.octet", std::string("\x40\0\0\0OCT1", 8))), {"truncated"});
  REQUIRE(mkfifo(dir.file("pipe").c_str(), 0600) == 0);
  check_invalid(Model::load(dir.file("pipe")), {"not a regular file"});
  check_invalid(Model::load(std::string("/dev/zero")), {"not a regular file"});
  check_invalid(Model::load(std::string()), {});
}

TEST_CASE("bytes that are no model are an invalid_file error") {
  check_invalid(Model::load(std::span<const std::byte>()), {"is empty"});
  const Bytes eight = {std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}, std::byte{0x7F},
                       std::byte{'O'},  std::byte{'C'},  std::byte{'T'},  std::byte{'1'}};
  check_invalid(Model::load(eight), {"truncated"});  // a root offset past the end
  Bytes header(64);
  std::copy(eight.begin(), eight.end(), header.begin());
  octet::seal(header);
  check_invalid(Model::load(header), {"damaged"});
}

TEST_CASE("a file and its bytes are the same model") {
  const TempDir dir;
  const Bytes file = small_file();
  const auto from_file = must(Model::load(dir.write("small.octet", as_text(file))));
  const auto from_bytes = must(Model::load(file));
  const std::vector<float> x = Random(1).reals(32, -2.0F, 2.0F);
  CHECK(run_one<float>(from_file, x) == run_one<float>(from_bytes, x));
  CHECK(run_one<float>(from_bytes, x) == run_one<float>(must(small_graph().model()), x));
}

TEST_CASE("the bytes of a model need not be aligned") {
  const Bytes file = small_file();
  for (std::size_t shift = 1; shift < 8; ++shift) {
    Bytes moved(shift);
    moved.insert(moved.end(), file.begin(), file.end());
    CHECK(Model::load(std::span(moved).subspan(shift)).has_value());
  }
}

TEST_CASE("a file cut at any byte is refused, resealed or not") {
  for (const Bytes& file : {small_file(), other_file()}) {
    REQUIRE(file.size() < 6000);
    for (std::size_t size = 0; size < file.size(); ++size) {
      Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      check_invalid(Model::load(cut), {});
      if (size < octet::kHeaderBytes) continue;
      octet::seal(cut);
      Outcome outcome;
      try_file(cut, "", outcome);  // what is cut may be padding that nothing refers to
    }
  }
}

TEST_CASE("a file that goes on after its end is refused") {
  Bytes file = small_file();
  file.push_back({});
  check_invalid(Model::load(file), {"longer than its header says"});
}

TEST_CASE("any flipped bit is found by the content hash") {
  for (const Bytes& original : {small_file(), other_file()}) {
    Bytes file = original;
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      flip(file, bit);
      CHECK_FALSE(Model::load(file).has_value());
      flip(file, bit);
    }
    CHECK(Model::load(file).has_value());
  }
}

TEST_CASE("behind a fresh content hash any flipped bit gives a model that runs or a typed error") {
  for (const Bytes& original : {small_file(), other_file()}) {
    Outcome outcome;
    for (std::size_t bit = 0; bit < original.size() * 8; ++bit) {
      Bytes file = original;
      flip(file, bit);
      octet::seal(file);
      try_file(file, bit % 2 == 0 ? "reference" : "", outcome);
    }
    // Weights and names are free to be anything; sizes, indices and offsets are not.
    CHECK(outcome.ran > 1000);
    CHECK(outcome.refused > 1000);
  }
}

TEST_CASE(
    "behind a fresh content hash any four bytes overwritten by an extreme gives a model that runs or a typed error") {
  const Bytes original = small_file();
  for (const std::uint32_t value : {0U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    Outcome outcome;
    for (std::size_t i = 0; i + sizeof(value) <= original.size(); ++i) {
      Bytes file = original;
      std::memcpy(file.data() + i, &value, sizeof(value));
      octet::seal(file);
      try_file(file, "", outcome);
    }
    CHECK(outcome.refused > 100);
  }
}

TEST_CASE("a file of a newer format is unsupported") {
  Bytes file = small_file();
  file[24] = std::byte{2};
  check_error(Model::load(file), ErrorCode::unsupported, {"newer reader", "format 2"});
}

TEST_CASE("a stale or resealed header tells damage apart") {
  Bytes file = small_file();
  file[9] ^= std::byte{1};
  check_invalid(Model::load(file), {"content hash"});
  octet::seal(file);
  CHECK(Model::load(file).has_value());
}

TEST_CASE("a file of 2 GiB or more is refused before it is read") {
  const TempDir dir;
  const std::string path = dir.file("huge.octet");
  const int fd = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  REQUIRE(fd >= 0);
  const bool sparse = ::ftruncate(fd, (off_t{1} << 31) + 1) == 0;
  ::close(fd);
  if (!sparse) return;
  check_invalid(Model::load(path), {"larger than 2 GiB"});
}

}  // namespace
}  // namespace octet_test
