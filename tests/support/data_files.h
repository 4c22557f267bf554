// The bytes of data files, good and bad, put together by hand or by the formats' own libraries.
#pragma once

#include <png.h>
#include <turbojpeg.h>
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace octet_test {

/// The value as it lies in memory, least significant byte first.
template <class T>
inline std::string le(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(T)};
}
template <class T>
inline std::string be(T value) {
  const std::string bytes = le(value);
  return {bytes.rbegin(), bytes.rend()};
}

inline std::string npy_with(const std::string& header, const std::string& payload, char major = 1) {
  const auto size = static_cast<std::uint32_t>(header.size());
  return "\x93NUMPY" + std::string{major, '\0'} + le(size).substr(0, major == 1 ? 2 : 4) + header + payload;
}
inline std::string npy(const std::string& descr, const std::string& shape, const std::string& payload, char major = 1) {
  return npy_with("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }  \n", payload, major);
}

inline std::string idx(char type, const std::vector<std::uint32_t>& shape, const std::string& payload) {
  std::string bytes = {'\0', '\0', type, static_cast<char>(shape.size())};
  for (const std::uint32_t size : shape) bytes += be(size);
  return bytes + payload;
}

/// Deflate, raw or with gzip's header and trailer.
inline std::string compress(const std::string& bytes, bool gzip) {
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
inline std::string gz(const std::string& bytes) { return compress(bytes, true); }

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

inline std::string zip(const std::vector<Entry>& entries) {
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
inline std::string png(unsigned width, unsigned height, unsigned format, const std::vector<std::uint8_t>& pixels) {
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
inline std::string gray_png(unsigned width, unsigned height, std::uint8_t value = 7) {
  return png(width, height, PNG_FORMAT_GRAY, std::vector<std::uint8_t>(std::size_t{width} * height, value));
}

/// Signature and header only: 8-bit gray.
inline std::string png_claiming(std::uint32_t width, std::uint32_t height) {
  const std::string header = "IHDR" + be(width) + be(height) + std::string("\x08\x00\x00\x00\x00", 5);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(header.data()), static_cast<uInt>(header.size()));
  return "\x89PNG\r\n\x1a\n" + be<std::uint32_t>(13) + header + be(static_cast<std::uint32_t>(crc)) +
         std::string("\0\0\0\0IDAT", 8);
}

inline std::string jpeg(int width, int height, int pixel_format, const std::vector<std::uint8_t>& pixels) {
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

}  // namespace octet_test
