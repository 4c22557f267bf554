// The command line's readers of data files: .npz archives.
#include "cli/data/npz.h"
#include "support/data_checks.h"

using namespace octet_test;

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
