// The command line's readers of data files: PNG and JPEG files.
#include <cstdlib>

#include "support/data_checks.h"

using namespace octet_test;

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
