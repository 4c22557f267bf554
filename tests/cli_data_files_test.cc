// The command line's readers of data files: labels, what is no data file, and files that cannot be written.
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "cli/data/npy.h"
#include "support/data_checks.h"

using namespace octet_test;

TEST_CASE("cli data: no more is read than the limit allows") {
  const TempDir dir;
  // A sparse file really has the bytes its header claims.
  const std::string path = dir.write("x.npy", npy("|u1", "(9437184, 1024)", ""));
  const auto header = fs::file_size(path);
  fs::resize_file(path, header + (std::uintmax_t{9} << 30));
  check_bad(path, "read fewer samples");
  CHECK(read_one(path, {.samples = 2, .max_bytes = 2048}).bytes.size() == 2048);
}

TEST_CASE("cli data: a failed write leaves the old file and nothing else") {
  const TempDir dir;
  const Array large{Type::u8, {100000}, octet::cli::Bytes(100000)};
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
