#include "engine/model.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

namespace octet {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMaxFileBytes = (std::size_t{1} << 31) - 1;

struct AlignedDelete {
  void operator()(std::byte* p) const noexcept { ::operator delete[](p, std::align_val_t{kAlignment}); }
};

/// 64-byte aligned memory, its content undefined.
std::shared_ptr<std::byte> allocate(std::size_t bytes) {
  return {static_cast<std::byte*>(::operator new[](bytes + 1, std::align_val_t{kAlignment})), AlignedDelete{}};
}

struct Descriptor {
  int fd;
  explicit Descriptor(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

Error file_error(const std::string& message) { return Error{ErrorCode::invalid_file, message, {}}; }

Result<FileBytes> read_descriptor(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return file_error(std::strerror(errno));
  if (S_ISDIR(info.st_mode)) return file_error("is a directory");
  if (!S_ISREG(info.st_mode)) return file_error("is not a regular file");
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size > kMaxFileBytes) return file_error("is larger than 2 GiB");
  auto memory = allocate(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, memory.get() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error(std::strerror(errno));
    if (n == 0) return file_error("became shorter while it was read");
    done += static_cast<std::size_t>(n);
  }
  return FileBytes{memory, {memory.get(), size}};
}

TensorInfo info_of(const Tensor& t) { return {t.name, t.type, t.shape, t.batched}; }

Result<Model> load_bytes(const FileBytes& file) {
  OCTET_TRY(Graph graph, decode(file));
  return make_model(std::move(graph));
}

/// Runs f with what may still throw (memory) turned into an error.
template <class F>
auto guarded(const F& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::exception&) {  // bad_alloc, or a container's length_error
    return Error{ErrorCode::run_failed, "out of memory", {}};
  }
}

}  // namespace

Result<FileBytes> read_file(const std::string& path) {
  const Descriptor file(path);
  if (file.fd < 0) return file_error(std::strerror(errno)).in(path);
  auto bytes = read_descriptor(file.fd);
  if (!bytes) return std::move(bytes).error().in(path);
  return bytes;
}

Result<Model> make_model(Graph graph) {
  OCTET_CHECK(check_graph(graph));
  auto impl = std::make_shared<Model::Impl>();
  for (const int i : graph.inputs) impl->inputs.push_back(info_of(graph.tensors[static_cast<std::size_t>(i)]));
  for (const int i : graph.outputs) impl->outputs.push_back(info_of(graph.tensors[static_cast<std::size_t>(i)]));
  impl->graph = std::move(graph);
  return Model(std::move(impl));
}

Model::Model(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}

Result<Model> Model::load(const std::string& path) {
  return guarded([&]() -> Result<Model> {
    OCTET_TRY(const FileBytes file, read_file(path));
    auto model = load_bytes(file);
    if (!model) return std::move(model).error().in(path);
    return model;
  });
}

Result<Model> Model::load(std::span<const std::byte> bytes) {
  return guarded([&]() -> Result<Model> {
    if (bytes.size() > kMaxFileBytes) return file_error("is larger than 2 GiB");
    auto copy = allocate(bytes.size());
    std::ranges::copy(bytes, copy.get());
    return load_bytes({copy, {copy.get(), bytes.size()}});
  });
}

const std::vector<TensorInfo>& Model::inputs() const noexcept { return impl_->inputs; }
const std::vector<TensorInfo>& Model::outputs() const noexcept { return impl_->outputs; }

}  // namespace octet
