// The command line's readers of data files: what they give for good files, and that they give an error for every other.
#include <doctest/doctest.h>
#include <png.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <turbojpeg.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/data/npy.h"
#include "cli/data/npz.h"
#include "cli/data/source.h"

namespace {

namespace fs = std::filesystem;
using namespace octet;
using namespace octet::cli;

struct TempDir {
  TempDir() : path((fs::temp_directory_path() / "octet-data-XXXXXX").string()) {
    if (mkdtemp(path.data()) == nullptr) std::abort();
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string file(const std::string& name) const { return path + "/" + name; }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
    return file(name);
  }
  std::string path;
};

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The value as it lies in memory, least significant byte first.
template <class T>
std::string le(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}
template <class T>
std::string be(T value) {
  const std::string bytes = le(value);
  return {bytes.rbegin(), bytes.rend()};
}

std::string npy_with(const std::string& header, const std::string& payload, char major = 1) {
  const auto size = static_cast<std::uint32_t>(header.size());
  return "\x93NUMPY" + std::string{major, '\0'} + le(size).substr(0, major == 1 ? 2 : 4) + header + payload;
}
std::string npy(const std::string& descr, const std::string& shape, const std::string& payload, char major = 1) {
  return npy_with("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }  \n", payload, major);
}

std::string idx(char type, const std::vector<std::uint32_t>& shape, const std::string& payload) {
  std::string bytes = {'\0', '\0', type, static_cast<char>(shape.size())};
  for (const std::uint32_t size : shape) bytes += be(size);
  return bytes + payload;
}

/// Deflate, raw or with gzip's header and trailer.
std::string compress(const std::string& bytes, bool gzip) {
  z_stream stream = {};
  if (deflateInit2(&stream, 9, Z_DEFLATED, gzip ? 31 : -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}
std::string gz(const std::string& bytes) { return compress(bytes, true); }

/// An entry of a zip archive as its headers describe it: true unless a test changes it.
struct Entry {
  Entry(const std::string& n, const std::string& content, bool deflated = true)
      : name(n),
        data(deflated ? compress(content, false) : content),
        method(deflated ? 8 : 0),
        size(static_cast<std::uint32_t>(content.size())),
        crc(static_cast<std::uint32_t>(
            crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())))) {}
  std::string name, data;
  std::uint16_t flags = 0, method;
  std::uint32_t size, crc;
  bool overlap = false;  // no data of its own: those of the entry before
};

std::string zip(const std::vector<Entry>& entries) {
  std::string out, directory;
  std::uint32_t offset = 0;
  for (const Entry& e : entries) {
    const auto name_size = static_cast<std::uint16_t>(e.name.size());
    const std::string common = le<std::uint16_t>(20) + le(e.flags) + le(e.method) + le<std::uint32_t>(0) + le(e.crc) +
                               le(static_cast<std::uint32_t>(e.data.size())) + le(e.size) + le(name_size) +
                               le<std::uint16_t>(0);
    if (!e.overlap) {
      offset = static_cast<std::uint32_t>(out.size());
      out += "PK\x03\x04" + common + e.name + e.data;
    }
    directory += "PK\x01\x02" + le<std::uint16_t>(20) + common + std::string(10, '\0') + le(offset) + e.name;
  }
  const auto count = static_cast<std::uint16_t>(entries.size());
  return out + directory + "PK\x05\x06" + le<std::uint32_t>(0) + le(count) + le(count) +
         le(static_cast<std::uint32_t>(directory.size())) + le(static_cast<std::uint32_t>(out.size())) +
         le<std::uint16_t>(0);
}

/// `format` is PNG_FORMAT_GRAY, _RGB, _RGBA ... of 8-bit components.
std::string png(unsigned width, unsigned height, unsigned format, const std::vector<std::uint8_t>& pixels) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  png_alloc_size_t size = 0;
  if (png_image_write_get_memory_size(image, size, 0, pixels.data(), 0, nullptr) == 0) std::abort();
  std::string out(size, '\0');
  if (png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), 0, nullptr) == 0) std::abort();
  return out;
}
std::string gray_png(unsigned width, unsigned height, std::uint8_t value = 7) {
  return png(width, height, PNG_FORMAT_GRAY, std::vector<std::uint8_t>(std::size_t{width} * height, value));
}

/// Signature and header only: 8-bit gray.
std::string png_claiming(std::uint32_t width, std::uint32_t height) {
  const std::string header = "IHDR" + be(width) + be(height) + std::string("\x08\x00\x00\x00\x00", 5);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size()));
  return "\x89PNG\r\n\x1a\n" + be<std::uint32_t>(13) + header + be(static_cast<std::uint32_t>(crc)) +
         std::string("\0\0\0\0IDAT", 8);
}

std::string jpeg(int width, int height, int pixel_format, const std::vector<std::uint8_t>& pixels) {
  tjhandle handle = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const int subsampling = pixel_format == TJPF_GRAY ? TJSAMP_GRAY : TJSAMP_444;
  if (tjCompress2(handle, pixels.data(), width, 0, height, pixel_format, &data, &size, subsampling, 95, 0) != 0) {
    std::abort();
  }
  const std::string out(reinterpret_cast<char*>(data), size);
  tjFree(data);
  tjDestroy(handle);
  return out;
}

/// The one array of a file that must be good.
Array read_one(const std::string& path, const ReadOptions& options = {}) {
  auto arrays = read_data(path, options);
  if (!arrays) FAIL(arrays.error().text());
  REQUIRE(arrays->size() == 1);
  REQUIRE(arrays->begin()->first.empty());
  Array array = std::move(arrays->begin()->second);
  std::size_t elements = 1;
  for (const std::int64_t size : array.shape) elements *= static_cast<std::size_t>(size);
  REQUIRE(array.elements() == elements);
  REQUIRE(array.bytes.size() == elements * size_of(array.type));
  return array;
}

template <class T>
std::vector<T> values(const Array& array) {
  REQUIRE(array.type == type_of<T>());
  return {array.as<T>().begin(), array.as<T>().end()};
}

/// What every error must be; the message is to contain `part`.
template <class T>
void check_error(const Result<T>& result, const std::string& where, const std::string& part,
                 ErrorCode code = ErrorCode::invalid_file) {
  CAPTURE(part);
  REQUIRE(!result.has_value());
  CAPTURE(result.error().message);
  CHECK(result.error().code == code);
  CHECK(result.error().where == where);
  CHECK(result.error().message.find(part) != std::string::npos);
  CHECK(result.error().message.find('\n') == std::string::npos);
}

void check_bad(const std::string& path, const std::string& part, const ReadOptions& options = {}) {
  check_error(read_data(path, options), path, part);
}

/// Every proper prefix of `bytes` is an error.
void check_truncations(const TempDir& dir, const std::string& bytes) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    check_bad(dir.write("truncated", bytes.substr(0, size)), "");
  }
}

/// With any one byte changed, the file is read or refused; the sanitizers see to the rest.
void try_flips(const TempDir& dir, const std::string& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      const std::string path = dir.write("flipped", changed);
      if (const auto result = read_data(path); !result) CHECK(result.error().where == path);
      if (const auto result = read_labels(path); !result) CHECK(result.error().where == path);
    }
  }
}

}  // namespace

TEST_CASE("cli data: .npy of every type") {
  const TempDir dir;
  const auto read = [&](const std::string& descr, const std::string& payload) {
    CAPTURE(descr);
    return read_one(dir.write("x", npy(descr, "(2,)", payload)));
  };
  CHECK(values<float>(read("<f4", le(1.5f) + le(-2.0f))) == std::vector{1.5f, -2.0f});
  CHECK(values<float>(read("<f8", le(0.1) + le(-2.0))) == std::vector{0.1f, -2.0f});
  CHECK(values<std::uint8_t>(read("|u1", "\x01\xff")) == std::vector<std::uint8_t>{1, 255});
  CHECK(values<std::int8_t>(read("|i1", "\x01\xff")) == std::vector<std::int8_t>{1, -1});
  CHECK(values<std::int32_t>(read("<i2", le<std::int16_t>(-2) + le<std::int16_t>(300))) == std::vector{-2, 300});
  CHECK(values<std::int32_t>(read("<u2", le<std::uint16_t>(65535) + le<std::uint16_t>(1))) == std::vector{65535, 1});
  CHECK(values<std::int32_t>(read("<i4", le(-70000) + le(5))) == std::vector{-70000, 5});
  CHECK(values<std::int64_t>(read("<u4", le(0xffffffffu) + le(1u))) == std::vector<std::int64_t>{0xffffffff, 1});
  CHECK(values<std::int64_t>(read("<i8", le(std::int64_t{-1} << 40) + le(std::int64_t{2}))) ==
        std::vector<std::int64_t>{-(std::int64_t{1} << 40), 2});
  CHECK(values<bool>(read("|b1", std::string("\x00\x01", 2))) == std::vector<bool>{false, true});

  // Halves: 1, -2, largest, smallest subnormal, -0, infinity.
  std::string halves;
  for (const unsigned bits : {0x3c00u, 0xc000u, 0x7bffu, 0x0001u, 0x8000u, 0x7c00u}) {
    halves += le(static_cast<std::uint16_t>(bits));
  }
  const Array f2 = read_one(dir.write("x", npy("<f2", "(6,)", halves)));
  CHECK(values<float>(f2) == std::vector{1.0f, -2.0f, 65504.0f, 0x1p-24f, -0.0f, HUGE_VALF});
  CHECK(std::signbit(f2.as<float>()[4]));

  // Longer than the chunk that is converted at a time.
  std::string many;
  for (int i = 0; i < 100000; ++i) many += le(static_cast<double>(i));
  const Array f8 = read_one(dir.write("x", npy("<f8", "(100000,)", many)));
  for (std::size_t i = 0; i < 100000; ++i) REQUIRE(f8.as<float>()[i] == static_cast<float>(i));
}

TEST_CASE("cli data: .npy versions, shapes, samples") {
  const TempDir dir;
  const std::string six = "\1\2\3\4\5\6";
  for (const char major : {'\1', '\2', '\3'}) {
    const Array array = read_one(dir.write("x.txt", npy("|u1", "(3, 2)", six, major)));
    CHECK(array.shape == std::vector<std::int64_t>{3, 2});
    CHECK(array.rows() == 3);
    CHECK(array.row_bytes() == 2);
  }
  CHECK(read_one(dir.write("x", npy("|u1", "(3L, 2L)", six))).shape == std::vector<std::int64_t>{3, 2});
  CHECK(read_one(dir.write("x", npy("|u1", "()", "\1"))).shape.empty());
  CHECK(read_one(dir.write("x", npy_with("{\"shape\":(6,),\"fortran_order\":False,\"descr\":\"|u1\"}", six))).rows() ==
        6);

  const std::string path = dir.write("x.npy", npy("|u1", "(3, 2)", six));
  const Array two = read_one(path, {.samples = 2});
  CHECK(two.shape == std::vector<std::int64_t>{2, 2});
  CHECK(values<std::uint8_t>(two) == std::vector<std::uint8_t>{1, 2, 3, 4});
  check_error(read_data(path, {.samples = 4}), path, "has 3 samples, not 4", ErrorCode::invalid_argument);
  check_error(read_data(path, {.samples = 0}), path, "0 samples", ErrorCode::invalid_argument);
}

TEST_CASE("cli data: .npy that is refused") {
  const TempDir dir;
  const auto bad = [&](const std::string& bytes, const char* part) { check_bad(dir.write("x.npy", bytes), part); };
  const std::string four = "\1\2\3\4";
  bad(npy(">f4", "(1,)", four), "big-endian");
  bad(npy("<c8", "(1,)", four + four), "has dtype '<c8'");
  bad(npy("|O", "(1,)", four), "has dtype '|O'");
  bad(npy("<u8", "(1,)", four + four), "has dtype '<u8'");
  bad(npy("evil\nname", "(1,)", four), "has dtype 'evil?name'");
  bad(npy("|b1", "(4,)", four), "neither 0 nor 1");
  bad(npy("<f4", "(2,)", four), "is truncated: shape [2] takes 8 bytes, there are 4");
  bad(npy("|u1", "(3,)", four), "to spare");
  bad(npy("|u1", "(0, 3)", ""), "is empty: its shape is [0,3]");
  bad(npy("|u1", "(4)", four), "malformed");
  bad(npy("|u1", "(-4,)", four), "malformed");
  bad(npy("|u1", "(4,,)", four), "malformed");
  bad(npy("|u1", "(,)", four), "malformed");
  bad(npy("|u1", "(2 2)", four), "malformed");
  bad(npy("|u1", "(4.0,)", four), "malformed");
  bad(npy("|u1", "(4,), 'x': 1", four), "malformed");
  bad(npy("|u1", "(4,), 'shape': (4,)", four), "malformed");
  bad(npy("|u1", "(" + std::string(99, '1') + ",)", four), "malformed");
  bad(npy("|u1", "(" + std::string(400, '(') + ",)", four), "malformed");
  std::string ones;
  for (int i = 0; i < 33; ++i) ones += "1,";
  bad(npy("|u1", "(" + ones + ")", "\1"), "malformed");
  bad(npy_with("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}", four), "Fortran");
  bad(npy_with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", four), "structured");
  bad(npy_with("{'descr': '<f4', 'shape': (1,)}", four), "missing");
  bad(npy_with("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", four), "follows");
  bad(npy_with("", four), "malformed");
  bad(npy_with("{", four), "malformed");
  bad(npy("|u1", "(4,)", four, 4), "version 4.0");
  bad(npy("|u1", "(4,)", four, 0), "version 0.0");

  // Shapes whose products wrap, hidden behind a zero or not; sizes nobody has.
  bad(npy("<f4", "(4294967296, 4294967296)", four), "impossible");
  bad(npy("<f4", "(4611686018427387904, 4)", four), "impossible");
  bad(npy("<f4", "(4611686018427387905,)", four), "impossible");
  bad(npy("<f2", "(2305843009213693953,)", "\1\2"), "impossible");
  bad(npy("<f4", "(0, 4294967296, 4294967296)", ""), "impossible");
  bad(npy("|u1", "(1099511627776,)", four), "is truncated");
  bad(npy_with(std::string(70000, ' '), four, 2), "has a header of 70000 bytes");
  bad("\x93NUMPY" + std::string("\x02\x00\xff\xff\xff\xff", 6), "is truncated");

  check_truncations(dir, npy("<f4", "(2, 1)", four + four));
  check_truncations(dir, npy("<f2", "(2, 1)", four, 2));
  try_flips(dir, npy("<i2", "(2, 1)", four, 1));
}

TEST_CASE("cli data: no more is read than the limit allows") {
  const TempDir dir;
  // A sparse file really has the bytes its header claims.
  const std::string path = dir.write("x.npy", npy("|u1", "(9437184, 1024)", ""));
  const auto header = fs::file_size(path);
  fs::resize_file(path, header + (std::uintmax_t{9} << 30));
  check_bad(path, "read fewer samples");
  CHECK(read_one(path, {.samples = 2, .max_bytes = 2048}).bytes.size() == 2048);
}

TEST_CASE("cli data: .npy is written as numpy does") {
  const TempDir dir;
  const std::string path = dir.file("out.npy");
  const Array array{Type::f32, {2, 1}, std::vector<std::byte>(8, std::byte{0x40})};
  REQUIRE(write_npy(path, array).has_value());
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
  CHECK(slurp(path) == std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string(117 - header.size(), ' ') +
                           "\n" + std::string(8, '\x40'));

  for (const Type type : {Type::f32, Type::u8, Type::s8, Type::s32, Type::s64, Type::boolean}) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {1}, {1, 1}, {1, 1, 1}}) {
      const Array one{type, shape, std::vector<std::byte>(size_of(type), std::byte{1})};
      REQUIRE(write_npy(path, one).has_value());
      CHECK(fs::file_size(path) == 128 + size_of(type));
      const Array back = read_one(path);
      CHECK(back.type == one.type);
      CHECK(back.shape == one.shape);
      CHECK(back.bytes == one.bytes);
    }
  }

  fs::create_symlink(path, dir.file("link.npy"));
  REQUIRE(write_npy(dir.file("link.npy"), array).has_value());
  CHECK(fs::is_symlink(dir.file("link.npy")));
  CHECK(read_one(path).shape == array.shape);
  CHECK(write_npy("/dev/null", array).has_value());
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("cli data: a failed write leaves the old file and nothing else") {
  const TempDir dir;
  const Array large{Type::u8, {100000}, std::vector<std::byte>(100000)};
  check_error(write_npy(dir.file("none/x.npy"), large), dir.file("none/x.npy"), "No such file", ErrorCode::run_failed);
  check_error(write_npy(dir.path, large), dir.path, "Is a directory", ErrorCode::run_failed);
  check_error(write_npy("/dev/full", large), "/dev/full", "No space left", ErrorCode::run_failed);

  const std::string path = dir.write("x.npy", "old");
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {4096, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto result = write_npy(path, large);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  check_error(result, path, "cannot be written: File too large", ErrorCode::run_failed);
  CHECK(slurp(path) == "old");
  CHECK(std::distance(fs::directory_iterator(dir.path), fs::directory_iterator()) == 1);
}

TEST_CASE("cli data: .npz") {
  const TempDir dir;
  const std::string a = npy("<f4", "(2, 1)", le(1.0f) + le(2.0f));
  const std::string b = npy("|u1", "(3,)", "\5\6\7");
  const auto good = read_data(dir.write("x", zip({{"a.npy", a}, {"dir/b.npy", b, false}, {"README", "text"}})));
  REQUIRE(good.has_value());
  REQUIRE(good->size() == 2);
  CHECK(values<float>(good->at("a")) == std::vector{1.0f, 2.0f});
  CHECK(values<std::uint8_t>(good->at("dir/b")) == std::vector<std::uint8_t>{5, 6, 7});

  const std::string path = dir.write("x.npz", zip({{"a.npy", a}, {"b.npy", b}}));
  const auto cut = read_data(path, {.samples = 2});
  REQUIRE(cut.has_value());
  CHECK(values<std::uint8_t>(cut->at("b")) == std::vector<std::uint8_t>{5, 6});
  check_error(read_data(path, {.samples = 3}), path, "array 'a' has 2 samples, not 3", ErrorCode::invalid_argument);
  CHECK(read_npz(path, {.max_bytes = 11}).has_value());
  check_error(read_npz(path, {.max_bytes = 10}), path, "array 'b' would take 3 bytes, more than the limit of 2");
}

TEST_CASE("cli data: .npz that is refused") {
  const TempDir dir;
  const auto bad = [&](const std::vector<Entry>& entries, const char* part) {
    check_bad(dir.write("x.npz", zip(entries)), part);
  };
  const std::string payload(3000, '\1');
  const Entry good{"a.npy", npy("|u1", "(3000,)", payload)};
  bad({}, "holds no .npy");
  bad({{"x.txt", "text"}}, "holds no .npy");
  bad({good, good}, "array 'a' appears twice");
  bad({{"a\nb.npy", "text"}}, "array 'a?b'");
  bad({{"a.npy", npy("|u1", "(4,)", payload)}}, "array 'a' has bytes to spare");
  bad({{"a.npy", npy("|u1", "(0,)", "")}}, "array 'a' is empty");

  Entry entry = good;
  entry.method = 12;
  bad({entry}, "method 12");
  entry = good;
  entry.flags = 1;  // encrypted
  bad({entry}, "array 'a' cannot be read");
  entry = good;
  entry.crc ^= 1;
  bad({entry}, "array 'a' is damaged");
  entry = good;
  entry.data = std::string(100, '\xff');
  bad({entry}, "array 'a' is damaged");
  entry = good;
  entry.size = 0xfffffff0;
  bad({entry}, "array 'a' claims more bytes than its compressed data can hold");
  entry = Entry{"a.npy", npy("|u1", "(3000,)", payload.substr(1))};  // one byte less than claimed
  entry.size += 1;
  bad({entry}, "array 'a' is");
  entry = Entry{"a.npy", npy("|u1", "(3000,)", payload + "\1")};  // one byte more than claimed
  entry.size -= 1;
  bad({entry}, "array 'a'");

  // A hundred arrays that share one entry's data.
  std::vector<Entry> overlapping = {good};
  for (int i = 0; i < 100; ++i) {
    overlapping.push_back(good);
    overlapping.back().name = "b" + std::to_string(i) + ".npy";
    overlapping.back().overlap = true;
    overlapping.back().data = std::string(5000, '\0');
  }
  bad(overlapping, "more bytes than the archive has");

  const std::string bytes = zip({{"a.npy", npy("<f4", "(1,)", le(1.0f))}, {"b.npy", npy("|u1", "(1,)", "\1"), false}});
  check_truncations(dir, bytes);
  try_flips(dir, bytes);
}

TEST_CASE("cli data: IDX of every type, gzip-compressed or not") {
  const TempDir dir;
  const auto read = [&](char type, const std::string& payload) {
    CAPTURE(static_cast<int>(type));
    const std::string bytes = idx(type, {2}, payload);
    Array plain = read_one(dir.write("x", bytes));
    CHECK(read_one(dir.write("y", gz(bytes))).bytes == plain.bytes);
    return plain;
  };
  CHECK(values<std::uint8_t>(read(0x08, "\x01\xff")) == std::vector<std::uint8_t>{1, 255});
  CHECK(values<std::int8_t>(read(0x09, "\x01\xff")) == std::vector<std::int8_t>{1, -1});
  CHECK(values<std::int32_t>(read(0x0b, be<std::int16_t>(-2) + be<std::int16_t>(300))) == std::vector{-2, 300});
  CHECK(values<std::int32_t>(read(0x0c, be(-70000) + be(5))) == std::vector{-70000, 5});
  CHECK(values<float>(read(0x0d, be(1.5f) + be(-2.0f))) == std::vector{1.5f, -2.0f});
  CHECK(values<float>(read(0x0e, be(0.1) + be(-2.0))) == std::vector{0.1f, -2.0f});

  // Samples are a prefix, and what follows is not looked at: the second half of this gzip stream is gone.
  std::string noise(100000, '\0');
  unsigned state = 1;
  for (char& c : noise) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  const std::string half = gz(idx(0x08, {1000, 10, 10}, noise)).substr(0, 50000);
  const Array first = read_one(dir.write("half.gz", half), {.samples = 3});
  CHECK(first.shape == std::vector<std::int64_t>{3, 10, 10});
  CHECK(std::memcmp(first.bytes.data(), noise.data(), 300) == 0);
  check_bad(dir.file("half.gz"), "is truncated");
  check_error(read_data(dir.file("half.gz"), {.samples = 2000}), dir.file("half.gz"), "has 1000 samples, not 2000",
              ErrorCode::invalid_argument);
}

TEST_CASE("cli data: IDX that is refused") {
  const TempDir dir;
  const auto bad = [&](const std::string& bytes, const char* part) {
    check_bad(dir.write("x", bytes), part);
    check_bad(dir.write("x.gz", gz(bytes)), "");
  };
  bad(idx(0x08, {3}, "\1\2"), "is truncated");
  bad(idx(0x08, {3}, "\1\2\3\4"), "to spare");
  bad(idx(0x08, {0, 5}, ""), "is empty");
  bad(idx(0x0a, {1}, "\1"), "is not .npy, .npz, IDX, PNG or JPEG");
  bad(idx(0x08, {}, ""), "is not .npy, .npz, IDX, PNG or JPEG");
  bad(idx(0x08, std::vector<std::uint32_t>(33, 1), "\1"), "more than 32");
  bad(idx(0x08, {0xffffffff, 0xffffffff, 0xffffffff}, "\1"), "impossible");
  bad(idx(0x0e, {0xffffffff, 0x40000000}, "\1"), "impossible");
  bad(idx(0x08, {0xffffffff, 0x7fffffff}, "\1"), "is truncated");
  bad("garbage", "is not .npy, .npz, IDX, PNG or JPEG");

  check_bad(dir.write("x.gz", "\x1f\x8b" + std::string(100, '\x77')), "");
  check_bad(dir.write("x.gz", gz("garbage")), "is not IDX");
  check_bad(dir.write("x.gz", gz(npy("|u1", "(1,)", "\1"))), "is not IDX");
  std::string wrong_sum = gz(idx(0x08, {3}, "\1\2\3"));
  wrong_sum[wrong_sum.size() - 8] ^= 1;
  check_bad(dir.write("x.gz", wrong_sum), "damaged gzip data");

  check_truncations(dir, idx(0x0b, {3}, "\1\2\3\4\5\6"));
  check_truncations(dir, gz(idx(0x0b, {3}, "\1\2\3\4\5\6")));
  try_flips(dir, idx(0x0b, {3}, "\1\2\3\4\5\6"));
  try_flips(dir, gz(idx(0x08, {6}, "\1\2\3\4\5\6")));
}

TEST_CASE("cli data: PNG") {
  const TempDir dir;
  const std::vector<std::uint8_t> rgb = {255, 0, 0, 0, 255, 0};
  const std::string path = dir.write("x.bin", png(2, 1, PNG_FORMAT_RGB, rgb));
  CHECK(read_one(path).shape == std::vector<std::int64_t>{1, 3, 1, 2});
  CHECK(values<std::uint8_t>(read_one(path)) == std::vector<std::uint8_t>{255, 0, 0, 255, 0, 0});
  const Array gray = read_one(path, {.channels = 1});
  CHECK(gray.shape == std::vector<std::int64_t>{1, 1, 1, 2});
  CHECK(values<std::uint8_t>(gray) == std::vector<std::uint8_t>{76, 150});

  const std::string gray_path = dir.write("gray.png", png(2, 1, PNG_FORMAT_GRAY, {3, 200}));
  CHECK(values<std::uint8_t>(read_one(gray_path)) == std::vector<std::uint8_t>{3, 200});
  CHECK(values<std::uint8_t>(read_one(gray_path, {.channels = 3})) ==
        std::vector<std::uint8_t>{3, 200, 3, 200, 3, 200});

  // Alpha is dropped, not blended.
  dir.write("alpha.png", png(1, 1, PNG_FORMAT_RGBA, {10, 20, 30, 128}));
  CHECK(values<std::uint8_t>(read_one(dir.file("alpha.png"))) == std::vector<std::uint8_t>{10, 20, 30});
  dir.write("alpha.png", png(1, 1, PNG_FORMAT_GA, {10, 0}));
  CHECK(values<std::uint8_t>(read_one(dir.file("alpha.png"), {.channels = 3})) ==
        std::vector<std::uint8_t>{10, 10, 10});

  check_error(read_data(path, {.channels = 4}), path, "not 4", ErrorCode::invalid_argument);
  check_error(read_data(path, {.samples = 2}), path, "has 1 sample, not 2", ErrorCode::invalid_argument);
  check_bad(dir.write("x.png", png_claiming(70000, 1)), "70000x1 pixels");
  check_bad(dir.write("x.png", png_claiming(65000, 65000)), "65000x65000 pixels");
  check_bad(dir.write("x.png", png_claiming(16000, 16000)), "truncated PNG of 16000x16000");
  check_bad(dir.write("x.png", png_claiming(0, 5)), "damaged PNG");

  const std::string bytes = gray_png(5, 5);
  try_flips(dir, bytes);
  const std::size_t data_end = bytes.find("IEND") - 8;  // the last pixels; a missing checksum and end lose nothing
  check_truncations(dir, bytes.substr(0, data_end - 4));
}

TEST_CASE("cli data: JPEG") {
  const TempDir dir;
  const auto near = [](const Array& array, std::size_t i, int value) {
    CHECK(std::abs(static_cast<int>(array.as<std::uint8_t>()[i]) - value) <= 3);
  };
  std::vector<std::uint8_t> rgb;
  for (int i = 0; i < 64; ++i) rgb.insert(rgb.end(), {200, 100, 50});
  const std::string color = jpeg(8, 8, TJPF_RGB, rgb);
  const std::string path = dir.write("x.jpg", color);
  const Array array = read_one(path);
  CHECK(array.shape == std::vector<std::int64_t>{1, 3, 8, 8});
  near(array, 0, 200);
  near(array, 64, 100);
  near(array, 191, 50);
  near(read_one(path, {.channels = 1}), 0, 124);

  const std::string gray = dir.write("gray.jpg", jpeg(8, 4, TJPF_GRAY, std::vector<std::uint8_t>(32, 90)));
  CHECK(read_one(gray).shape == std::vector<std::int64_t>{1, 1, 4, 8});
  near(read_one(gray, {.channels = 3}), 95, 90);

  const std::string cmyk = jpeg(8, 8, TJPF_CMYK, std::vector<std::uint8_t>(256, 9));
  check_bad(dir.write("cmyk.jpg", cmyk), "CMYK");
  std::string huge = color;
  const std::size_t frame = huge.find("\xff\xc0");
  huge.replace(frame + 5, 4, "\xff\x00\xff\x00", 4);
  check_bad(dir.write("huge.jpg", huge), "pixels; at most");
  check_truncations(dir, color);
  try_flips(dir, color);
}

TEST_CASE("cli data: a directory of images") {
  const TempDir dir;
  dir.write("b.png", gray_png(2, 2, 2));
  dir.write("a.jpg", jpeg(2, 2, TJPF_GRAY, {0, 0, 0, 0}));
  dir.write("c", gray_png(2, 2, 3));  // the content says so
  dir.write("notes.txt", "not an image");
  dir.write("._b.png", "macOS leaves these");
  fs::create_directory(dir.file("folder.png"));
  const Array all = read_one(dir.path);
  CHECK(all.shape == std::vector<std::int64_t>{3, 1, 2, 2});
  CHECK(values<std::uint8_t>(all) == std::vector<std::uint8_t>{0, 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3});
  CHECK(read_one(dir.path, {.samples = 2, .channels = 3}).shape == std::vector<std::int64_t>{2, 3, 2, 2});
  check_error(read_data(dir.path, {.samples = 4}), dir.path, "has 3 samples, not 4", ErrorCode::invalid_argument);
  check_bad(dir.path, "read fewer samples", {.max_bytes = 11});

  dir.write("d.png", gray_png(2, 3));
  check_error(read_data(dir.path), dir.file("d.png"), "is 2x3, but 'a.jpg' is 2x2");
  CHECK(read_one(dir.path, {.samples = 3}).rows() == 3);
  dir.write("d.png", png(2, 2, PNG_FORMAT_RGB, std::vector<std::uint8_t>(12)));
  check_error(read_data(dir.path), dir.file("d.png"), "is RGB, but 'a.jpg' is not");
  CHECK(read_one(dir.path, {.channels = 1}).rows() == 4);
  dir.write("d.png", "not an image");
  check_error(read_data(dir.path), dir.file("d.png"), "is neither PNG nor JPEG");

  const TempDir empty;
  check_bad(empty.path, "without PNG or JPEG");
}

TEST_CASE("cli data: what is no data file") {
  const TempDir dir;
  check_bad(dir.file("none"), "cannot be opened: No such file or directory");
  check_bad(dir.write("empty", ""), "is not .npy, .npz, IDX, PNG or JPEG");
  check_bad(dir.write("x.npy", "text"), "is not .npy, .npz, IDX, PNG or JPEG");
  check_bad("/dev/zero", "is not a regular file");
  REQUIRE(mkfifo(dir.file("fifo").c_str(), 0600) == 0);
  check_bad(dir.file("fifo"), "is not a regular file");  // and does not wait for a writer
  check_error(read_labels(dir.file("fifo")), dir.file("fifo"), "is not a regular file");
  check_error(read_labels(dir.path), dir.path, "is a directory");
  check_error(read_labels(dir.file("none")), dir.file("none"), "No such file");
}

TEST_CASE("cli data: labels") {
  const TempDir dir;
  const auto read = [&](const std::string& bytes) {
    const auto labels = read_labels(dir.write("labels", bytes));
    if (!labels) FAIL(labels.error().text());
    return *labels;
  };
  const std::vector<std::int64_t> expected = {3, 0, 9};
  CHECK(read(std::string("3\n0\n9\n")) == expected);
  CHECK(read("3\r\n0\r\n9") == expected);
  CHECK(read("-7") == std::vector<std::int64_t>{-7});
  CHECK(read(idx(0x08, {3}, std::string("\3\0\x09", 3))) == expected);
  CHECK(read(gz(idx(0x0c, {3}, be(3) + be(0) + be(9)))) == expected);
  CHECK(read(npy("<i8", "(3,)", le(std::int64_t{3}) + le(std::int64_t{0}) + le(std::int64_t{9}))) == expected);
  CHECK(read(npy("|i1", "(3,)", std::string("\3\0\x09", 3))) == expected);

  const auto bad = [&](const std::string& bytes, const char* part) {
    const std::string path = dir.write("labels", bytes);
    check_error(read_labels(path), path, part);
  };
  bad("", "holds no labels");
  bad("1\n\n2\n", "line 2 is not an integer: ''");
  bad("1\n2x\n", "line 2 is not an integer: '2x'");
  bad("1, 2", "line 1 is not an integer");
  bad(" 1", "line 1 is not an integer");
  bad("1.5", "line 1 is not an integer");
  bad("99999999999999999999", "line 1 is not an integer");
  bad(std::string(1000000, '\x01'), "line 1 is not an integer: '???");
  bad(std::string("3\n\0\n", 4), "line 2 is not an integer");
  bad(idx(0x08, {1, 1}, "\1"), "has shape [1,1]");
  bad(idx(0x0d, {1}, be(1.0f)), "is of type f32");
  bad(idx(0x08, {0}, ""), "holds no labels");
  bad(idx(0x08, {5}, "\1"), "is truncated");
  bad(npy("|b1", "(1,)", "\1"), "is of type bool");
  bad(npy("<i8", "()", le(std::int64_t{1})), "has shape []");
  bad(zip({{"a.npy", npy("|u1", "(1,)", "\1")}}), "is not IDX, .npy or one integer a line");
  bad(gray_png(1, 1), "is not IDX, .npy or one integer a line");
}
