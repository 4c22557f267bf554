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

TEST_CASE("cli data: images are resized: every pixel counts by the area of a triangle") {
  const TempDir dir;
  const auto row = [&](const std::vector<std::uint8_t>& pixels, const ImageOptions& image) {
    dir.write("row.png", png(static_cast<unsigned>(pixels.size()), 1, PNG_FORMAT_GRAY, pixels));
    return values<std::uint8_t>(read_one(dir.file("row.png"), {.image = image}));
  };
  // To twice the size, 4 x 2, of which a row is cut: centers at 1/4 and 3/4 between pixels.
  CHECK(row({0, 100}, {.size = {{1, 4}}}) == std::vector<std::uint8_t>{0, 25, 75, 100});

  // 4 x 2, its shorter side to 1: triangles of 1/4 3/4 3/4 1/4, cut at the ends and made to sum to 1.
  dir.write("x.png", png(4, 2, PNG_FORMAT_GRAY, {0, 0, 200, 200, 100, 100, 40, 40}));
  const Array small = read_one(dir.file("x.png"), {.image = {.resize = 1}});
  CHECK(small.shape == std::vector<std::int64_t>{1, 1, 1, 2});
  // (0 3/7 + 0 3/7 + 200 1/7, ...) = 29, 171; 91, 49; then the mean of the two rows.
  CHECK(values<std::uint8_t>(small) == std::vector<std::uint8_t>{60, 110});
}

TEST_CASE("cli data: images are cropped to their middle, in either order of channels and layout") {
  const TempDir dir;
  std::vector<std::uint8_t> pixels;
  for (std::uint8_t i = 0; i < 5 * 3; ++i)
    pixels.insert(pixels.end(), {i, static_cast<std::uint8_t>(i + 100), static_cast<std::uint8_t>(i + 200)});
  const std::string path = dir.write("x.png", png(5, 3, PNG_FORMAT_RGB, pixels));
  using Values = std::vector<std::uint8_t>;
  // An odd rest is halved to even: (5 - 2) / 2 = 1.5 is 2, (3 - 2) / 2 = 0.5 is 0.
  CHECK(values<std::uint8_t>(read_one(path, {.image = {.crop = 2}})) == Values{2, 3, 7, 8, 102, 103, 107, 108, 202, 203, 207, 208});
  CHECK(values<std::uint8_t>(read_one(path, {.image = {.crop = 1, .bgr = true}})) == Values{207, 107, 7});
  const Array last = read_one(path, {.image = {.crop = 2, .channels_last = true}});
  CHECK(last.shape == std::vector<std::int64_t>{1, 2, 2, 3});
  CHECK(values<std::uint8_t>(last) == Values{2, 102, 202, 3, 103, 203, 7, 107, 207, 8, 108, 208});
  // The size of the input, where nothing else is asked for; images of that size stay as they are.
  CHECK(read_one(path, {.image = {.size = {{6, 2}}}}).shape == std::vector<std::int64_t>{1, 3, 6, 2});
  CHECK(read_one(path, {.image = {.resize = 9, .size = {{7, 8}}}}).shape == std::vector<std::int64_t>{1, 3, 7, 8});
  CHECK(values<std::uint8_t>(read_one(path, {.channels = 1, .image = {.bgr = true, .size = {{3, 5}}}})) ==
        values<std::uint8_t>(read_one(path, {.channels = 1})));
  // One option makes images of different sizes alike.
  dir.write("y.png", gray_png(9, 40));
  CHECK(read_one(dir.path, {.channels = 3, .image = {.resize = 4, .crop = 4}}).shape == std::vector<std::int64_t>{2, 3, 4, 4});
}

TEST_CASE("cli data: images that cannot be made to fit") {
  const TempDir dir;
  const std::string path = dir.write("x.png", gray_png(5, 3));
  check_bad(path, "is 5x3, too small to cut 4x4", {.image = {.crop = 4}});
  check_bad(path, "is 3x2 after --resize, too small to cut 3x3", {.image = {.resize = 2, .crop = 3}});
  check_bad(path, "is 5x3, too small", {.image = {.crop = 65500}});
  const std::string thin = dir.write("thin.png", gray_png(1, 300));
  check_bad(thin, "65500x19650000 pixels; at most", {.image = {.resize = 65500}});
  CHECK(holds_images(path));
  CHECK(holds_images(dir.path));
  CHECK_FALSE(holds_images(dir.write("x.npy", npy("|u1", "(1, 2)", "ab"))));
  CHECK_FALSE(holds_images(dir.file("absent")));
}
