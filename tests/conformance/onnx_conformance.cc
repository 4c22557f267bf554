// ONNX's own backend tests through import and the float reference: onnx_conformance FOLDER [--verbose] [--refused FILE].
// FOLDER holds one folder a test: model.onnx and test_data_set_0/{input,output}_<i>.pb. Ends with
// "N passed, N refused, N failed"; exits 1 if a test fails, or is refused without being listed in FILE.
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

/// "name: reason" lines, '#' starts a comment.
std::map<std::string, std::string> read_refused(const char* path) {
  std::map<std::string, std::string> refused;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with('#') || colon == std::string::npos) continue;
    refused.emplace(line.substr(0, colon), line.substr(colon + 2));
  }
  return refused;
}

/// What the list of refused tests says against an outcome: empty if nothing.
std::string disagreement(const std::map<std::string, std::string>& listed, const std::string& name, const Outcome& outcome) {
  const bool is_listed = listed.contains(name);
  if (outcome.verdict == Verdict::refused && !is_listed) return "is refused but not listed: " + outcome.reason;
  if (outcome.verdict == Verdict::passed && is_listed) return "passes: take it off the list";
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const char* folder = nullptr;
  const char* list = nullptr;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--verbose") == 0) {
      verbose = true;
    } else if (std::strcmp(argv[i], "--refused") == 0 && i + 1 < argc) {
      list = argv[++i];
    } else {
      folder = argv[i];
    }
  }
  if (folder == nullptr || !fs::is_directory(folder)) {
    std::fprintf(stderr, "usage: onnx_conformance FOLDER [--verbose] [--refused FILE]\n");
    return 2;
  }
  const auto listed = list == nullptr ? std::map<std::string, std::string>() : read_refused(list);
  std::set<fs::path> tests;
  for (const auto& entry : fs::directory_iterator(folder))
    if (fs::exists(entry.path() / "model.onnx")) tests.insert(entry.path());
  std::map<Verdict, int> count;
  bool agreed = true;
  for (const fs::path& test : tests) {
    const std::string name = test.filename().string();
    const Outcome outcome = octet::conformance::run_backend_test(test.string());
    ++count[outcome.verdict];
    if (verbose || outcome.verdict == Verdict::failed)
      std::printf("%-8s %s%s%s\n", octet::conformance::name_of(outcome.verdict), name.c_str(), outcome.reason.empty() ? "" : ": ",
                  outcome.reason.c_str());
    if (list == nullptr) continue;
    if (const std::string complaint = disagreement(listed, name, outcome); !complaint.empty()) {
      std::printf("%s %s\n", name.c_str(), complaint.c_str());
      agreed = false;
    }
  }
  std::printf("%d passed, %d refused, %d failed\n", count[Verdict::passed], count[Verdict::refused], count[Verdict::failed]);
  return count[Verdict::failed] == 0 && agreed ? 0 : 1;
}
