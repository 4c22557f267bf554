// What the subcommands share: how they are registered, options several of them take, output.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/data/staged_file.h"
#include "octet/converter.hpp"

namespace octet::cli {

/// Exit codes besides the error codes of octet::ErrorCode.
enum Exit : int { kDone = 0, kCheckFailed = 1, kUsage = 2 };

/// Does a subcommand's work once its options are parsed; the exit code, or what failed.
using Command = std::function<Result<int>()>;

/// Each registers one subcommand with its options and help, and returns what it does.
Command add_convert(CLI::App& app);
Command add_run(CLI::App& app);
Command add_eval(CLI::App& app);
Command add_verify(CLI::App& app);
Command add_bench(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_inspect(CLI::App& app);
Command add_export(CLI::App& app);
Command add_operators(CLI::App& app);

/// Parses a command line and runs it: the exit code. Never throws.
int main(int argc, const char* const* argv) noexcept;

/// --scale, --mean, --std.
struct NormalizationOptions {
  std::optional<float> scale;
  std::vector<float> mean, std;

  void add(CLI::App& command);
  [[nodiscard]] bool given() const noexcept { return scale || !mean.empty() || !std.empty(); }
  /// Null if none was given.
  [[nodiscard]] Result<std::shared_ptr<const Normalization>> get() const;
};

/// MODEL and --shape.
struct ModelOptions {
  std::string path;
  std::vector<std::string> shapes;

  void add(CLI::App& command);
  /// An .octet file, or an .onnx file as a float model; its content decides.
  [[nodiscard]] Result<Model> load() const;
};
void add_shape_option(CLI::App& command, std::vector<std::string>& shapes);
/// --threads and --batch, with the value there as the default.
void add_threads_option(CLI::App& command, int& threads, const std::string& description = "Threads of one run");
void add_batch_option(CLI::App& command, int& batch, const std::string& description);
[[nodiscard]] Result<Model> load_model(const std::string& path, const std::vector<std::string>& shapes, bool undo_dynamic_quantization = false);

/// --json FILE|-: where an object goes.
struct JsonOption {
  std::string path;

  void add(CLI::App& command);
  [[nodiscard]] bool wanted() const noexcept { return !path.empty(); }
  /// The object replaces the text on stdout.
  [[nodiscard]] bool to_stdout() const noexcept { return path == "-" || is_stdout(path); }
  /// Writes the object with "schema_version" added.
  [[nodiscard]] Result<void> write(nlohmann::json object) const;
  /// The same, up to the file's name: for commands that have several files to commit together.
  [[nodiscard]] Result<StagedFile> stage(nlohmann::json object) const;
};

/// A bar on stderr, on a terminal only, from the first second on.
class Progress {
 public:
  Progress(std::string what, std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void at(std::int64_t done);

 private:
  std::string what_;
  std::int64_t total_;
  double started_;
  bool terminal_;
  bool shown_ = false;
};

/// Columns of text. A header starts with how its column is aligned: "<name" or ">us".
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void add(std::vector<std::string> row);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

[[nodiscard]] Error usage_error(std::string message);
/// To stderr. Where that is closed or full, what is said is lost, and nothing else changes.
void to_stderr(const std::string& text) noexcept;
/// An error where the name of a file to write is empty, or "-": models and arrays do not go to stdout.
[[nodiscard]] Result<void> check_output_name(const std::string& option, const std::string& path);
/// "NAME=REST" split at the first '=' in front of which stands one of `names`; without such, at the first of all.
/// Without any '=', the name is empty.
[[nodiscard]] std::pair<std::string, std::string> split_name(const std::string& text,
                                                             const std::vector<std::string>& names);
[[nodiscard]] std::vector<std::string> names_of(const std::vector<TensorInfo>& tensors);
/// Names come from untrusted files: without line breaks and whatever else steers a terminal.
[[nodiscard]] std::string printable(std::string text);
/// Worker threads where no one says: every one has a session of its own, so not all of a large machine.
[[nodiscard]] int default_threads() noexcept;
[[nodiscard]] double seconds_now() noexcept;
/// Highest resident memory of this process so far.
[[nodiscard]] std::uint64_t peak_rss_bytes() noexcept;
/// "1,725,737".
[[nodiscard]] std::string grouped(std::uint64_t value);

}  // namespace octet::cli
