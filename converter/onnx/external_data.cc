#include "converter/onnx/external_data.h"

#include <fcntl.h>
#include <onnx/onnx-ml.pb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "converter/onnx/check_names.h"
#include "engine/file_header.h"
#include "engine/operator.h"

namespace octet {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{8} << 30U;
constexpr std::size_t kMostLocation = 1024;

struct Reference {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

Result<std::uint64_t> parse_number(const std::string& key, const std::string& text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value > kMostBytes * 1024)
    return invalid("the " + key + " of its external data is '" + text.substr(0, 40) + "'");
  return value;
}

Result<Reference> parse_reference(const onnx::TensorProto& proto) {
  Reference r;
  std::array<bool, 3> seen{};
  const auto first = [&](std::size_t key) { return !std::exchange(seen[key], true); };
  for (const auto& entry : proto.external_data()) {
    if (!is_plain_text(entry.key()) || !is_plain_text(entry.value())) return invalid("its external data is not described in plain text");
    bool fresh = true;
    if (entry.key() == "location") {
      fresh = first(0);
      r.location = entry.value();
    } else if (entry.key() == "offset") {
      fresh = first(1);
      OCTET_TRY(r.offset, parse_number("offset", entry.value()));
    } else if (entry.key() == "length") {
      fresh = first(2);
      OCTET_TRY(r.length, parse_number("length", entry.value()));
    } else if (entry.key() != "checksum") {  // of the whole file, optional: what is read is hashed by us
      return Error{ErrorCode::unsupported, "the key '" + entry.key().substr(0, 40) + "' of its external data is not supported", {}};
    }
    if (!fresh) return invalid("its external data has two values of '" + entry.key() + "'");
  }
  if (r.location.empty()) return invalid("its external data has no location");
  return r;
}

/// The parts of a path between its slashes, without the harmless ".", if it is one that stays below where it starts.
Result<std::vector<std::string>> split_path(const std::string& path) {
  const auto refuse = [&](const char* why) { return invalid("its data is in '" + path.substr(0, 200) + "', " + why); };
  if (path.size() > kMostLocation) return refuse("a name too long");
  if (path.front() == '/') return refuse("an absolute path: only files beside the model are read");
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string part = path.substr(begin, end - begin);
    if (part.empty() || part == "..") return refuse("which is not a plain relative path: only files beside the model are read");
    if (part != ".") parts.push_back(part);
    begin = end + 1;
  }
  if (parts.empty()) return refuse("which is a folder");
  return parts;
}

/// Opens part by part, so that no symbolic link is followed on the way.
Result<Descriptor> open_below(const std::string& folder, const std::vector<std::string>& parts, const std::string& location) {
  const auto failed = [&](int error) {
    const bool link = error == ELOOP || error == ENOTDIR;
    return invalid("its data is in '" + location + "', which cannot be opened: " + (link ? "a symbolic link, or no folder, on the way" : std::strerror(error)));
  };
  Descriptor at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (at.get() < 0) return failed(errno);
    const int kind = i + 1 == parts.size() ? O_NONBLOCK : O_DIRECTORY;
    at = Descriptor(::openat(at.get(), parts[i].c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
  }
  if (at.get() < 0) return failed(errno);
  return at;
}

Result<void> read_at(int fd, std::uint64_t offset, std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t n = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return invalid(std::string("its external data cannot be read: ") + std::strerror(errno));
    if (n == 0) return invalid("its external data became shorter while it was read");
    offset += static_cast<std::uint64_t>(n);
    to = to.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

Result<std::vector<std::byte>> ExternalData::read(const onnx::TensorProto& proto, std::uint64_t bytes) {
  if (folder_.empty())
    return Error{ErrorCode::unsupported, "its data is in another file, but the model is not in a file itself", {}};
  OCTET_TRY(const Reference r, parse_reference(proto));
  if (r.length && *r.length != bytes)
    return invalid("has " + std::to_string(*r.length) + " bytes of data where its shape needs " + std::to_string(bytes));
  OCTET_TRY(const auto parts, split_path(r.location));
  OCTET_TRY(const Descriptor file, open_below(folder_, parts, r.location));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return invalid("its data is in '" + r.location + "', which is not a regular file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (r.offset > size || bytes > size - r.offset)
    return invalid("its data is bytes " + std::to_string(r.offset) + " to " + std::to_string(r.offset + bytes) + " of '" + r.location +
                   "', which has " + std::to_string(size));
  if (bytes_read_ + bytes > kMostBytes) return Error{ErrorCode::unsupported, "the model has more than 8 GiB of external data", {}};
  // Tensors may share data; that all of them share all of it is a small file asking for unbounded memory.
  std::string path;  // one name of the file, however it is spelt
  for (const std::string& part : parts) path += "/" + part;
  std::uint64_t& taken = taken_[path];
  if (taken + bytes > 2 * size) return invalid("its data in '" + r.location + "' is also that of too many other tensors");
  taken += bytes;
  bytes_read_ += bytes;
  std::vector<std::byte> data(static_cast<std::size_t>(bytes));
  OCTET_CHECK(read_at(file.get(), r.offset, data));
  const std::array<std::uint64_t, 2> chain = {hash_, hash64(data)};
  hash_ = hash64(std::as_bytes(std::span(chain)));
  return data;
}

}  // namespace octet
