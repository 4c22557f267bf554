// A small model and its data in a folder, converted once for all tests of a program.
#pragma once

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cli/data/source.h"
#include "cli_models.h"
#include "program.h"

namespace octet_test {

inline constexpr std::int64_t kSamples = 50;

/// A model of random weights, images of random bytes, and as labels what the float model answers.
struct Fixture : TempDir {
  Fixture() {
    write("net.onnx", classifier().bytes());
    octet::cli::Array images{octet::Type::u8, {kSamples, 1, 8, 8}, {}};
    std::mt19937 random(7);
    for (std::int64_t i = 0; i < kSamples * 64; ++i) images.bytes.push_back(static_cast<std::byte>(random() & 255U));
    write_array(*this, "images.npy", images);
    convert("net.octet");
    run({"run", file("net.onnx"), "--data", file("images.npy"), "--out", file("float.npy")}, true);
    labels = classes(file("float.npy"));
    write_labels(*this, "labels.txt", labels);
  }

  Args with_scale(Args args) const {
    args.insert(args.end(), {"--scale", "0.00784313725490196", "--mean", "1", "--std", "0.5"});
    return args;
  }
  std::string run(const Args& args, bool scale = false) const { return octet_output(scale ? with_scale(args) : args); }
  std::string convert(const std::string& name, const Args& more = {}) const {
    Args args = {"convert", file("net.onnx"), "-o", file(name), "--data", file("images.npy")};
    args.insert(args.end(), more.begin(), more.end());
    run(args, true);
    return slurp(file(name));
  }

  static octet::cli::Array array(const std::string& path) { return must(octet::cli::read_data(path)).at(""); }
  /// The largest score of each row.
  static std::vector<std::int64_t> classes(const std::string& path) {
    const octet::cli::Array a = array(path);
    REQUIRE(a.shape == std::vector<std::int64_t>{kSamples, 10});
    const auto values = a.as<float>();
    std::vector<std::int64_t> result;
    for (std::int64_t i = 0; i < kSamples; ++i) {
      const auto row = values.begin() + 10 * i;
      result.push_back(std::max_element(row, row + 10) - row);
    }
    return result;
  }

  std::vector<std::int64_t> labels;
};

inline const Fixture& fixture() {
  static const Fixture made;
  return made;
}

inline std::set<std::string> keys(const nlohmann::json& object) {
  std::set<std::string> result;
  for (const auto& [key, value] : object.items()) result.insert(key);
  return result;
}

/// The keys scripts read, whatever else there is.
inline void check_keys(const nlohmann::json& object, const std::set<std::string>& wanted) {
  const auto there = keys(object);
  for (const std::string& key : wanted) CHECK_MESSAGE(there.contains(key), key);
}

}  // namespace octet_test
