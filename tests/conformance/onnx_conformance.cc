// ONNX's own backend tests through import and the float reference:
//   onnx_conformance FOLDER [--verbose] [--refused FILE] [--write-refused FILE]
// FOLDER holds one folder a test: model.onnx and test_data_set_0/{input,output}_<i>.pb. Ends with
// "N passed, N refused, N failed"; exits 1 if a test fails, or if the list of refused tests given by --refused is not exactly
// those that are: it names the lines to remove and to add. --write-refused writes the list as it should be, keeping the reasons
// that --refused gives.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>

#include "tests/conformance/backend_test.h"

namespace {

namespace fs = std::filesystem;
using octet::conformance::Outcome;
using octet::conformance::Verdict;

using Refused = std::map<std::string, std::string>;  // reasons by the test's name

/// "name: reason" lines, '#' starts a comment.
Refused read_refused(const char* path) {
  Refused refused;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with('#') || colon == std::string::npos) continue;
    refused.emplace(line.substr(0, colon), line.substr(colon + 2));
  }
  return refused;
}

bool write_refused(const char* path, const Refused& refused) {
  std::ofstream file(path);
  file << "# Backend tests of ONNX that Octet refuses, and why. It can only shrink: a test that is refused and not listed, or\n"
          "# listed and not refused, fails. onnx_conformance FOLDER --refused THIS --write-refused THIS brings it up to date.\n";
  for (const auto& [name, reason] : refused) file << name << ": " << reason << '\n';
  file.close();
  return !file.fail();
}

/// Prints the lines of `listed` that have to go and those that have to come for it to become `refused`; whether there are none.
bool agree(const Refused& listed, const Refused& refused, const char* path) {
  bool same = true;
  for (const auto& [name, reason] : listed) {
    if (refused.contains(name)) continue;
    std::printf("no longer refused; remove from %s: %s: %s\n", path, name.c_str(), reason.c_str());
    same = false;
  }
  for (const auto& [name, reason] : refused) {
    if (listed.contains(name)) continue;
    std::printf("refused and not listed; support it or add to %s: %s: %s\n", path, name.c_str(), reason.c_str());
    same = false;
  }
  return same;
}

struct Options {
  const char* folder = nullptr;
  const char* refused = nullptr;
  const char* write_refused = nullptr;
  bool verbose = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const bool more = i + 1 < argc;
    if (std::strcmp(argv[i], "--verbose") == 0) options.verbose = true;
    else if (std::strcmp(argv[i], "--refused") == 0 && more) options.refused = argv[++i];
    else if (std::strcmp(argv[i], "--write-refused") == 0 && more) options.write_refused = argv[++i];
    else options.folder = argv[i];
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.folder == nullptr || !fs::is_directory(options.folder)) {
    std::fprintf(stderr, "usage: onnx_conformance FOLDER [--verbose] [--refused FILE] [--write-refused FILE]\n");
    return 2;
  }
  std::set<fs::path> tests;
  for (const auto& entry : fs::directory_iterator(options.folder))
    if (fs::exists(entry.path() / "model.onnx")) tests.insert(entry.path());
  const Refused listed = options.refused == nullptr ? Refused() : read_refused(options.refused);
  Refused refused;
  std::map<Verdict, int> count;
  for (const fs::path& test : tests) {
    const std::string name = test.filename().string();
    const Outcome outcome = octet::conformance::run_backend_test(test.string());
    ++count[outcome.verdict];
    if (outcome.verdict == Verdict::refused) refused[name] = listed.contains(name) ? listed.at(name) : outcome.reason;
    if (options.verbose || outcome.verdict == Verdict::failed)
      std::printf("%-8s %s%s%s\n", octet::conformance::name_of(outcome.verdict), name.c_str(), outcome.reason.empty() ? "" : ": ",
                  outcome.reason.c_str());
  }
  bool ok = count[Verdict::failed] == 0;
  if (options.write_refused != nullptr && !write_refused(options.write_refused, refused)) {
    std::fprintf(stderr, "cannot write %s\n", options.write_refused);
    ok = false;
  } else if (options.refused != nullptr && options.write_refused == nullptr) {
    ok = agree(listed, refused, options.refused) && ok;
  }
  std::printf("%d passed, %d refused, %d failed\n", count[Verdict::passed], count[Verdict::refused], count[Verdict::failed]);
  return ok ? 0 : 1;
}
