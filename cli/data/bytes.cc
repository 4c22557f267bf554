#include "cli/data/bytes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace octet::cli {
namespace {

/// In front of every large block, a page that says where it lives.
struct Header {
  bool in_file = false;
};
constexpr std::size_t kHeaderBytes = 4096;

/// An open file of this size without a name, its blocks allocated so that writing to it cannot fail; -1 where there is none.
int make_file(std::size_t size) noexcept {
  std::error_code error;
  std::string name = std::filesystem::temp_directory_path(error) / "octet-XXXXXX";
  if (error) return -1;
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return -1;
  ::unlink(name.c_str());
  if (::fallocate(file, 0, 0, static_cast<off_t>(size)) == 0) return file;
  ::close(file);
  return -1;
}

void* map_file(std::size_t size) noexcept {
  const int file = make_file(size);
  if (file < 0) return nullptr;
  void* block = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  return block == MAP_FAILED ? nullptr : block;
}

const Header& header_of(const std::byte* bytes) noexcept { return *reinterpret_cast<const Header*>(bytes - kHeaderBytes); }

}  // namespace

std::byte* allocate_bytes(std::size_t size) {
  if (size < kSpooledBytes) return static_cast<std::byte*>(::operator new(size));
  if (size > PTRDIFF_MAX - kHeaderBytes) throw std::bad_alloc();
  void* block = map_file(size + kHeaderBytes);
  const bool in_file = block != nullptr;
  if (!in_file) block = ::operator new(size + kHeaderBytes);
  new (block) Header{in_file};
  return static_cast<std::byte*>(block) + kHeaderBytes;
}

void deallocate_bytes(std::byte* bytes, std::size_t size) noexcept {
  if (size < kSpooledBytes) {
    ::operator delete(bytes);
  } else if (header_of(bytes).in_file) {
    ::munmap(bytes - kHeaderBytes, size + kHeaderBytes);
  } else {
    ::operator delete(bytes - kHeaderBytes);
  }
}

void forget(const Bytes& bytes) noexcept {
  if (bytes.capacity() < kSpooledBytes || !header_of(bytes.data()).in_file) return;
  ::madvise(const_cast<std::byte*>(bytes.data()) - kHeaderBytes, bytes.capacity() + kHeaderBytes, MADV_DONTNEED);
}

}  // namespace octet::cli
