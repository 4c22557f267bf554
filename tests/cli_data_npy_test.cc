// The command line's readers of data files: .npy files, read and written.
#include <cmath>

#include "cli/data/npy.h"
#include "support/data_checks.h"

using namespace octet_test;

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

TEST_CASE("cli data: .npy is written as numpy does") {
  const TempDir dir;
  const std::string path = dir.file("out.npy");
  const Array array{Type::f32, {2, 1}, octet::cli::Bytes(8, std::byte{0x40})};
  REQUIRE(write_npy(path, array).has_value());
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }";
  CHECK(slurp(path) == std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + std::string(117 - header.size(), ' ') +
                           "\n" + std::string(8, '\x40'));

  for (const Type type : {Type::f32, Type::u8, Type::s8, Type::s32, Type::s64, Type::boolean}) {
    for (const std::vector<std::int64_t>& shape : {std::vector<std::int64_t>{}, {1}, {1, 1}, {1, 1, 1}}) {
      const Array one{type, shape, octet::cli::Bytes(size_of(type), std::byte{1})};
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
