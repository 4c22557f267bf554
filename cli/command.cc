#include "cli/command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <span>
#include <thread>

#include "cli/data/file.h"
#include "engine/session.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  octet convert lenet.onnx -o lenet.octet --data train-images-idx3-ubyte.gz --samples 500 \\\n"
    "      --scale 0.00392156862745098 --mean 0.1307 --std 0.3081\n"
    "  octet eval lenet.octet --data t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz\n"
    "  octet bench lenet.octet --profile\n"
    "\n"
    "Exit codes: 0 done, 1 a check failed, 2 usage, 3 invalid model or data, 4 unsupported operator, 5 run-time "
    "failure.\n"
    "OCTET_ISA=reference|avx2|avxvnni|avx512|avx512vnni|amx caps the kernels.";

struct Entry {
  CLI::App* app;
  Command command;
};

int fail(const std::string& command, const Error& error) {
  to_stderr(fmt::format("octet{}: error: {}\n", command.empty() ? "" : " " + command, printable(error.text())));
  return static_cast<int>(error.code);
}

/// What was typed wrong; CLI11 only says that it misses a subcommand where there is an unknown one, or an option.
Error parse_error(const CLI::App& app, const CLI::ParseError& error, const char* first_argument) {
  const auto chosen = app.get_subcommands();
  const bool unknown = chosen.empty() && first_argument != nullptr;
  const std::string kind = unknown && *first_argument == '-' ? "option" : "command";
  const std::string what = unknown ? "there is no " + kind + " '" + std::string(first_argument) + "'" : error.what();
  return usage_error(what + " (see octet " + (chosen.empty() ? "" : chosen.front()->get_name() + " ") + "--help)");
}

int flushed(int code) {
  if (std::fflush(stdout) == 0 || code != kDone) return code;
  return fail("", Error{ErrorCode::run_failed, "cannot write to stdout", {}});
}

/// A standard stream that is closed must not become the first file that is opened: what is printed would end up in it.
void hold_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) == -1) static_cast<void>(::open("/dev/null", O_RDONLY));  // writing stays an error
}

int run(int argc, const char* const* argv) {
  hold_standard_streams();
  CLI::App app("Octet: int8 inference on CPUs. Converts ONNX models, runs, checks and times them.", "octet");
  app.set_version_flag("--version", std::string("octet ") + version());
  app.require_subcommand(1);
  app.footer(kFooter);
  std::vector<Entry> entries;
  for (const auto add : {add_convert, add_run, add_eval, add_verify, add_bench, add_explain, add_inspect, add_export, add_operators}) {
    Command command = add(app);
    entries.push_back({app.get_subcommands([](const CLI::App*) { return true; }).back(), std::move(command)});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help, --version
    return flushed(app.exit(e));
  } catch (const CLI::ParseError& e) {
    const auto chosen = app.get_subcommands();
    return fail(chosen.empty() ? "" : chosen.front()->get_name(), parse_error(app, e, argc > 1 ? argv[1] : nullptr));
  }
  for (const Entry& entry : entries) {
    if (!entry.app->parsed()) continue;
    // Wrong for one command, wrong for all, and before any file is read.
    if (const auto cap = isa_cap(""); !cap) return fail(entry.app->get_name(), cap.error());
    auto done = entry.command();
    if (std::fflush(stdout) != 0 && done) done = Error{ErrorCode::run_failed, "cannot write to stdout", {}};
    return done ? *done : fail(entry.app->get_name(), done.error());
  }
  return kUsage;
}

Result<std::pair<std::string, std::vector<std::int64_t>>> parse_shape(const std::string& text) {
  const auto bad = [&] {
    return usage_error("--shape " + text + ": expected INPUT=d0,d1,..., for example --shape x=1,3,224,224");
  };
  const auto equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return bad();
  std::vector<std::int64_t> shape;
  for (const std::string& size : CLI::detail::split(text.substr(equals + 1), ',')) {
    std::int64_t value = 0;
    if (!CLI::detail::lexical_cast(size, value) || value < 1) return bad();
    shape.push_back(value);
  }
  if (shape.empty()) return bad();
  return std::pair(text.substr(0, equals), shape);
}

/// Whether a file says of itself that it is an .octet model.
bool is_octet(const std::string& path) {
  auto file = InputFile::open(path);
  if (!file) return false;  // whoever loads it says why
  std::array<char, 8> head{};
  const auto got = file->read_some(std::as_writable_bytes(std::span(head)).data(), head.size());
  return got && *got == head.size() && std::string_view(head.data() + 4, 4) == "OCT1";
}

}  // namespace

int main(int argc, const char* const* argv) noexcept {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    return fail("", Error{ErrorCode::run_failed, e.what(), {}});
  }
}

Error usage_error(std::string message) { return Error{ErrorCode::invalid_argument, std::move(message), {}}; }

void to_stderr(const std::string& text) noexcept { static_cast<void>(std::fputs(text.c_str(), stderr)); }

Result<void> check_output_name(const std::string& option, const std::string& path) {
  if (path.empty()) return usage_error(option + ": the name of the file to write is empty");
  if (path == "-") return usage_error(option + " -: expected the name of a file; this does not go to stdout (a file of that name is ./-)");
  return {};
}

void NormalizationOptions::add(CLI::App& command) {
  constexpr const char* kGroup = "Preprocessing: x = (byte * scale - mean) / std";
  command.add_option("--scale", scale, "Factor for raw bytes, for example 0.00392156862745098 (1/255)")
      ->type_name("X")
      ->group(kGroup);
  command.add_option("--mean", mean, "Mean of the data, or one for each channel")
      ->delimiter(',')
      ->type_name("A[,B..]")
      ->group(kGroup);
  command.add_option("--std", std, "Standard deviation, or one for each channel")
      ->delimiter(',')
      ->type_name("A[,B..]")
      ->group(kGroup);
}

Result<std::shared_ptr<const Normalization>> NormalizationOptions::get() const {
  if (!given()) return std::shared_ptr<const Normalization>();
  Normalization n;
  n.scale = scale.value_or(1.0F);
  n.mean = mean.empty() ? std::vector<float>(std::max<std::size_t>(std.size(), 1), 0.0F) : mean;
  n.std = std.empty() ? std::vector<float>(n.mean.size(), 1.0F) : std;
  if (n.mean.size() != n.std.size()) return usage_error("--mean and --std must have as many values as each other");
  for (std::size_t i = 0; i < n.std.size(); ++i)
    if (!std::isfinite(n.mean[i]) || !std::isnormal(n.std[i]) || n.std[i] < 0)
      return usage_error("--mean must be finite, --std positive");
  if (!std::isnormal(n.scale)) return usage_error("--scale must be finite and not 0");
  return std::shared_ptr<const Normalization>(std::make_shared<Normalization>(std::move(n)));
}

void add_shape_option(CLI::App& command, std::vector<std::string>& shapes) {
  command
      .add_option("--shape", shapes,
                  "Sizes an .onnx leaves open, for example x=1,3,224,224; a leading 1 leaves the batch free")
      ->type_name("INPUT=d0,d1,..")
      ->allow_extra_args(false);
}

void add_threads_option(CLI::App& command, int& threads, const std::string& description) {
  command.add_option("--threads", threads, description)->check(CLI::Range(1, 1024))->capture_default_str();
}

void add_batch_option(CLI::App& command, int& batch, const std::string& description) {
  command.add_option("--batch", batch, description)->check(CLI::Range(1, 65536))->capture_default_str();
}

void ModelOptions::add(CLI::App& command) {
  command.add_option("MODEL", path, "An .octet model, or an .onnx model (run in float)")->required();
  add_shape_option(command, shapes);
}

Result<Model> ModelOptions::load() const { return load_model(path, shapes); }

Result<Model> load_model(const std::string& path, const std::vector<std::string>& shapes, bool undo_dynamic_quantization) {
  const bool octet = is_octet(path) || path.ends_with(".octet");
  if (octet && !shapes.empty()) return usage_error("--shape is for .onnx models; " + path + " has its shapes");
  if (octet) return Model::load(path);
  ImportOptions options;
  options.undo_dynamic_quantization = undo_dynamic_quantization;
  for (const std::string& text : shapes) {
    OCTET_TRY(auto shape, parse_shape(text));
    options.shapes[shape.first] = shape.second;
  }
  return import_onnx(path, options);
}

void JsonOption::add(CLI::App& command) {
  command.add_option("--json", path, "Write the results as JSON; - is stdout")->type_name("FILE|-");
}

Result<void> JsonOption::write(nlohmann::json object) const {
  OCTET_TRY(StagedFile file, stage(std::move(object)));
  return file.commit();
}

Result<StagedFile> JsonOption::stage(nlohmann::json object) const {
  if (!wanted()) return StagedFile();
  object["schema_version"] = 1;
  // Names come from untrusted files and may not be UTF-8.
  const std::string text = object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (to_stdout()) {
    fmt::print("{}", text);
    return StagedFile();
  }
  return StagedFile::write(path, {std::as_bytes(std::span(text))});
}

std::pair<std::string, std::string> split_name(const std::string& text, const std::vector<std::string>& names) {
  const auto split = [&](std::size_t at) { return std::pair(text.substr(0, at), text.substr(at + 1)); };
  for (std::size_t at = text.find('='); at != std::string::npos; at = text.find('=', at + 1))
    if (std::ranges::find(names, text.substr(0, at)) != names.end()) return split(at);
  const std::size_t first = text.find('=');
  return first == std::string::npos ? std::pair(std::string(), text) : split(first);
}

std::vector<std::string> names_of(const std::vector<TensorInfo>& tensors) {
  std::vector<std::string> names;
  for (const TensorInfo& t : tensors) names.push_back(t.name);
  return names;
}

std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
  }
  return text;
}

int default_threads() noexcept { return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8); }

double seconds_now() noexcept {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(std::string what, std::int64_t total)
    : what_(std::move(what)), total_(total), started_(seconds_now()), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) to_stderr("\r\033[K");
}

void Progress::at(std::int64_t done) {
  if (!terminal_ || total_ < 1 || seconds_now() - started_ < 1.0) return;
  constexpr std::int64_t kWidth = 30;
  const auto filled = static_cast<std::size_t>(kWidth * done / total_);
  to_stderr(fmt::format("\r{} [{:<30}] {}/{}", what_, std::string(filled, '#'), done, total_));
  shown_ = true;
}

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {}

void Table::add(std::vector<std::string> row) {
  for (std::string& cell : row) cell = printable(std::move(cell));
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::size_t> width(header_.size());
  for (std::size_t c = 0; c < header_.size(); ++c) {
    width[c] = header_[c].size() - 1;
    for (const auto& row : rows_) width[c] = std::max(width[c], row[c].size());
  }
  std::string out;
  const auto line = [&](const auto& cell) {
    std::string row;
    for (std::size_t c = 0; c < header_.size(); ++c)
      row += header_[c][0] == '<' ? fmt::format("{:<{}}  ", cell(c), width[c])
                                  : fmt::format("{:>{}}  ", cell(c), width[c]);
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  };
  line([&](std::size_t c) { return header_[c].substr(1); });
  for (const auto& row : rows_) line([&](std::size_t c) { return row[c]; });
  return out;
}

/// ru_maxrss survives exec: started by a large process, it tells that one's size. VmHWM is of this program alone.
std::uint64_t peak_rss_bytes() noexcept {
  if (std::FILE* status = std::fopen("/proc/self/status", "r"); status != nullptr) {
    std::array<char, 256> line{};
    unsigned long long kib = 0;
    bool found = false;
    while (!found && std::fgets(line.data(), static_cast<int>(line.size()), status) != nullptr) found = std::sscanf(line.data(), "VmHWM: %llu kB", &kib) == 1;
    static_cast<void>(std::fclose(status));
    if (found) return std::uint64_t{kib} * 1024;
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

}  // namespace octet::cli
