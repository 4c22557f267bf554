// The command line's readers of data files: IDX files.
#include <cstring>

#include "support/data_checks.h"

using namespace octet_test;

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
