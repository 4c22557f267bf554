#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "cli/accounting.h"
#include "cli/command.h"
#include "cli/float_form.h"
#include "engine/session.h"

namespace octet::cli {
namespace {

struct Options {
  ModelOptions model;
  int threads = 1, batch = 1;
  double seconds = 2, warmup = 0.2;
  bool profile = false, compare_float = false, tune = false;
  NormalizationOptions normalization;
  JsonOption json;
};

struct Latency {
  double min, p50, p90, p99, mean;
};

Latency summarize(std::vector<double> us) {
  std::ranges::sort(us);
  const auto percentile = [&](double p) {
    return us[static_cast<std::size_t>(p * static_cast<double>(us.size() - 1) + 0.5)];
  };
  return {us.front(), percentile(0.5), percentile(0.9), percentile(0.99),
          std::accumulate(us.begin(), us.end(), 0.0) / static_cast<double>(us.size())};
}

/// Tensors the caller owns, in the model's types, filled with fixed pseudo-random values; token ids and masks with 1, so that a mean
/// over what a mask names is a number.
class Tensors {
 public:
  explicit Tensors(const Session& session) {
    std::mt19937 random(1);
    for (const TensorInfo& i : session.inputs()) {
      storage_.emplace_back(i.size_bytes());
      auto& bytes = storage_.back();
      if (i.type == Type::f32) {
        std::normal_distribution<float> normal;
        auto* values = reinterpret_cast<float*>(bytes.data());
        for (std::size_t k = 0; k < i.elements(); ++k) values[k] = normal(random);
      } else if (i.type == Type::u8) {
        for (std::byte& b : bytes) b = static_cast<std::byte>(random() & 255U);
      } else {
        for (std::size_t k = 0; k < bytes.size(); k += size_of(i.type)) bytes[k] = std::byte{1};  // little-endian
      }
    }
    for (const TensorInfo& o : session.outputs()) storage_.emplace_back(o.size_bytes());
    std::size_t k = 0;
    for (const TensorInfo& i : session.inputs())
      inputs_.emplace_back(storage_[k].data(), storage_[k].size(), i.type), ++k;
    for (const TensorInfo& o : session.outputs())
      outputs_.emplace_back(storage_[k].data(), storage_[k].size(), o.type), ++k;
  }

  Result<void> run(Session& session) { return session.run(inputs_, outputs_); }

  /// Brings them into the caches.
  void read_inputs() const noexcept {
    constexpr std::size_t kLine = 64;
    std::byte sum{};
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      for (std::size_t k = 0; k < storage_[i].size(); k += kLine) sum ^= storage_[i][k];
    [[maybe_unused]] const volatile std::byte used = sum;
  }

 private:
  std::vector<std::vector<std::byte>> storage_;
  std::vector<InputTensor> inputs_;
  std::vector<OutputTensor> outputs_;
};

Result<std::vector<double>> measure(Session& session, Tensors& tensors, double seconds) {
  std::vector<double> us;
  const double stop = seconds_now() + seconds;
  do {
    const double start = seconds_now();
    OCTET_CHECK(tensors.run(session));
    us.push_back((seconds_now() - start) * 1e6);
  } while (seconds_now() < stop);
  return us;
}

double median(std::vector<double> us) {
  const auto middle = us.begin() + static_cast<std::ptrdiff_t>(us.size() / 2);
  std::ranges::nth_element(us, middle);
  return *middle;
}

/// A layer alone, and whose step it belongs to.
struct FloatForm {
  std::size_t step;
  Session session;
  Tensors tensors;
  std::vector<double> us = {};
};

/// Median microseconds of the float form of each step, its tail's included; 0 where it has none. They take turns, so that weights come
/// from where they would come from in a whole network; inputs are read first, as if a layer before had just written them.
Result<std::vector<double>> float_profile(const Session& session, const Options& o) {
  const Session::Impl& impl = session.impl();
  std::vector<FloatForm> forms;
  for (std::size_t i = 0; i < impl.steps.size(); ++i) {
    for (const std::optional<std::size_t> node : {std::optional(impl.steps[i].node), impl.steps[i].tail}) {
      const auto model = node ? float_form(impl.graph(), impl.shapes, *node) : std::nullopt;
      if (!model) continue;
      OCTET_TRY(Session alone, model->session({.threads = impl.lanes.size() > 1 ? 1 : o.threads}));
      Tensors tensors(alone);
      forms.push_back({i, std::move(alone), std::move(tensors)});
    }
  }
  std::vector<double> medians(impl.steps.size(), 0.0);
  if (forms.empty()) return medians;
  constexpr std::size_t kLeastRounds = 3;
  const double stop = seconds_now() + o.seconds;
  for (std::size_t round = 0; round <= kLeastRounds || seconds_now() < stop; ++round) {
    for (FloatForm& form : forms) {
      form.tensors.read_inputs();
      const double start = seconds_now();
      OCTET_CHECK(form.tensors.run(form.session));
      if (round != 0) form.us.push_back((seconds_now() - start) * 1e6);  // the first one finds nothing in the caches
    }
  }
  for (FloatForm& form : forms) medians[form.step] += median(std::move(form.us));
  return medians;
}

/// Median microseconds of each step: a mean would carry every interruption of the machine.
Result<std::vector<double>> profile(Session& session, Tensors& tensors, double seconds) {
  constexpr std::size_t kMostRuns = 100'000;
  Session::Impl& impl = session.impl();
  std::vector<std::vector<float>> us(impl.steps.size());
  double last = 0;
  impl.after_step = [&](std::size_t i) {
    const double now = seconds_now();
    us[i].push_back(static_cast<float>((now - last) * 1e6));
    last = seconds_now();
  };
  const double stop = seconds_now() + seconds;
  Result<void> done;
  do {
    last = seconds_now();
    done = tensors.run(session);
  } while (done && last < stop && !us.empty() && us[0].size() < kMostRuns);
  impl.after_step = nullptr;
  OCTET_CHECK(std::move(done));
  std::vector<double> medians;
  for (auto& samples : us) {
    const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
    std::nth_element(samples.begin(), middle, samples.end());
    medians.push_back(static_cast<double>(*middle));
  }
  return medians;
}

nlohmann::json ops_json(const Session& session, const std::vector<double>& us, const std::vector<double>& float_us) {
  const Session::Impl& impl = session.impl();
  nlohmann::json ops = nlohmann::json::array();
  const auto add = [&](const Node& node, const std::string& kernel, const std::string& why, double time) {
    const std::uint64_t macs = find_operator(node.op())->macs(NodeView(impl.graph(), node, impl.shapes));
    ops.push_back({{"name", node.name}, {"op", name_of(node.op())}, {"kernel", kernel}, {"why", why}, {"us", time}, {"macs", macs}});
  };
  for (std::size_t i = 0; i < us.size(); ++i) {
    const auto& [step, n, tail, scratch] = impl.steps[i];
    const Node& node = impl.graph().nodes[n];
    add(node, step.kernel, why_of(step), us[i]);
    if (!float_us.empty() && float_us[i] > 0) ops.back()["float_us"] = float_us[i];
    if (tail) add(impl.graph().nodes[*tail], "fused into " + node.name, "its producer's kernel does it before it stores anything", 0);
  }
  return ops;
}

std::string ops_table(const nlohmann::json& ops) {
  Table table({"<layer", "<op", "<kernel", ">us", ">%", ">float us", ">MACs", ">GMAC/s"});
  double total = 0;
  for (const auto& op : ops) total += op["us"].get<double>();
  for (const auto& op : ops) {
    const auto us = op["us"].get<double>();
    const auto macs = op["macs"].get<std::uint64_t>();
    table.add({op["name"].get<std::string>(), op["op"].get<std::string>(), op["kernel"].get<std::string>(),
               fmt::format("{:.2f}", us), fmt::format("{:.1f}", 100 * us / total),
               op.contains("float_us") ? fmt::format("{:.2f}", op["float_us"].get<double>()) : "", grouped(macs),
               macs == 0 ? "" : fmt::format("{:.1f}", static_cast<double>(macs) / us / 1e3)});
  }
  return table.text();
}

/// Which part of a run the table shows, if not all of it.
std::string one_of(std::int64_t passes, std::int64_t batch) {
  return passes == 1 ? "" : fmt::format("one of {} passes of {} sample{}:\n", passes, batch / passes, batch == passes ? "" : "s");
}

/// The layers whose int8 form is slower than their float form here; and of how many there is one to compare with.
std::string slower_than_float(const nlohmann::json& ops) {
  std::string lines;
  std::size_t compared = 0;
  std::size_t slower = 0;
  for (const auto& op : ops) {
    if (!op.contains("float_us")) continue;
    ++compared;
    const auto us = op["us"].get<double>();
    const auto float_us = op["float_us"].get<double>();
    if (us <= float_us) continue;
    ++slower;
    lines += fmt::format("  {} ({}): {:.2f} us in int8, {:.2f} in float\n", op["name"].get<std::string>(), op["kernel"].get<std::string>(), us, float_us);
  }
  return fmt::format("{} of {} int8 layers with a float form are slower than it{}\n{}", slower, compared, slower == 0 ? "" : ":", lines);
}

Result<int> bench(const Options& o) {
  OCTET_CHECK(o.normalization.get());
  if (o.compare_float && !o.profile) return Error{ErrorCode::invalid_argument, "--compare-float needs --profile", {}};
  const double start = seconds_now();
  OCTET_TRY(const Model model, o.model.load());
  OCTET_TRY(Session session, model.session({.threads = o.threads, .batch = o.batch, .tune = o.tune}));
  const double load_ms = (seconds_now() - start) * 1e3;
  Tensors tensors(session);
  OCTET_TRY(const auto warm, measure(session, tensors, o.warmup));
  OCTET_TRY(const auto us, measure(session, tensors, o.seconds));
  const Latency l = summarize(us);
  nlohmann::json ops = nlohmann::json::array();
  if (o.profile) {
    OCTET_TRY(const auto steps, profile(session, tensors, o.seconds));
    std::vector<double> floats;
    if (o.compare_float) {
      OCTET_TRY(floats, float_profile(session, o));
    }
    ops = ops_json(session, steps, floats);
  }
  if (!o.json.to_stdout()) {
    fmt::print("{}: ISA {}, {} thread{}, batch {}\n", o.model.path, session.isa(), o.threads, o.threads == 1 ? "" : "s",
               o.batch);
    fmt::print("load {:.2f} ms, arena {} bytes, weights {} bytes\n", load_ms, grouped(session.arena_bytes()),
               grouped(session.weight_bytes()));
    fmt::print("latency us: min {:.2f}  p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  mean {:.2f}  ({} runs)\n", l.min, l.p50,
               l.p90, l.p99, l.mean, us.size());
    if (o.profile) fmt::print("\n{}{}", one_of(session.impl().passes, o.batch), ops_table(ops));
    if (o.compare_float) fmt::print("\n{}", slower_than_float(ops));
  }
  OCTET_CHECK(
      o.json.write({{"model", o.model.path},
                    {"isa", session.isa()},
                    {"threads", o.threads},
                    {"batch", o.batch},
                    {"passes", session.impl().passes},
                    {"load_ms", load_ms},
                    {"arena_bytes", session.arena_bytes()},
                    {"weight_bytes", session.weight_bytes()},
                    {"latency_us", {{"min", l.min}, {"p50", l.p50}, {"p90", l.p90}, {"p99", l.p99}, {"mean", l.mean}}},
                    {"ops", ops}}));
  return kDone;
}

/// CLI::Range lets NaN through.
std::string is_number(const std::string& text) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) && std::isnan(value) ? "'" + text + "' is not a number" : "";
}

}  // namespace

Command add_bench(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("bench", "Time a model: load, latency, and with --profile each layer");
  o->model.add(c);
  add_threads_option(c, o->threads);
  add_batch_option(c, o->batch, "Samples of one run");
  c.add_option("--seconds", o->seconds, "How long to measure")->check(CLI::Range(0.001, 3600.0))->check(is_number)->capture_default_str();
  c.add_option("--warmup", o->warmup, "Seconds to run before measuring")
      ->check(CLI::Range(0.0, 3600.0))
      ->check(is_number)
      ->capture_default_str();
  c.add_flag("--profile", o->profile, "A row for each layer, with its median time");
  c.add_flag("--compare-float", o->compare_float, "With --profile: time each int8 layer's float form, too, and name those that are slower");
  c.add_flag("--tune", o->tune, "Time the kernels that could run each layer while loading, and take the fastest; results are the same");
  o->normalization.add(c);
  o->json.add(c);
  c.footer(
      "Examples:\n"
      "  octet bench lenet.octet --profile --compare-float\n"
      "  octet bench lenet.octet --tune\n"
      "  octet bench lenet.onnx --batch 8 --json -\n"
      "\n"
      "Times session.run() alone, on tensors the caller owns. An .onnx runs in float. --scale, --mean and\n"
      "--std are accepted as by the other commands and make no difference.");
  return [o] { return bench(*o); };
}

}  // namespace octet::cli
