#include <fmt/format.h>

#include "cli/command.h"
#include "cli/data/source.h"
#include "cli/feed.h"
#include "cli/top1.h"
#include "engine/graph.h"
#include "engine/try.h"

namespace octet::cli {
namespace {

struct Options {
  ModelOptions model;
  DataOptions data;
  NormalizationOptions normalization;
  std::string labels;
  int threads = 1, batch = 32;
  JsonOption json;
};

/// One row of scores a sample, and labels that are classes of it.
Result<void> check_classifier(const TensorInfo& scores, const std::vector<std::int64_t>& labels,
                              const std::string& labels_path, std::int64_t samples) {
  std::vector<std::int64_t> sizes = scores.shape;
  if (scores.batched) sizes.erase(sizes.begin());
  std::erase(sizes, 1);
  if (sizes.size() > 1)
    return usage_error("output '" + scores.name + "' has shape " + to_string(scores.shape) +
                       "; top-1 accuracy is of one row of scores a sample");
  if (static_cast<std::int64_t>(labels.size()) < samples)
    return Error{ErrorCode::invalid_file,
                 "has " + std::to_string(labels.size()) + " labels for " + std::to_string(samples) + " samples",
                 labels_path};
  const std::int64_t classes = sizes.empty() ? 1 : sizes[0];
  for (std::size_t i = 0; i < static_cast<std::size_t>(samples); ++i)
    if (labels[i] < 0 || labels[i] >= classes)
      return Error{ErrorCode::invalid_file,
                   "label " + std::to_string(labels[i]) + " of sample " + std::to_string(i) + " is no class: output '" +
                       scores.name + "' has " + std::to_string(classes) + ", counted from 0",
                   labels_path};
  return {};
}

Result<int> eval(const Options& o) {
  OCTET_TRY(const Model model, o.model.load());
  OCTET_TRY(auto normalization, o.normalization.get());
  OCTET_TRY(const Feed feed, Feed::open(model.inputs(), o.data, std::move(normalization)));
  OCTET_TRY(const auto labels, read_labels(o.labels));
  OCTET_CHECK(check_classifier(model.outputs()[0], labels, o.labels, feed.count()));
  std::int64_t correct = 0;
  const auto make = [&](std::int64_t batch) {
    return model.session({.threads = o.threads, .batch = static_cast<int>(batch)});
  };
  OCTET_CHECK(
      Runner::run(feed, o.batch, "evaluating", make,
                  [&](Session& session, const auto& outputs, std::int64_t first, std::int64_t n) -> Result<void> {
                    OCTET_TRY(const auto classes, top1(session.outputs()[0], outputs[0], n));
                    for (std::size_t i = 0; i < classes.size(); ++i)
                      correct += classes[i] == labels[static_cast<std::size_t>(first) + i];
                    return {};
                  }));
  const double accuracy = static_cast<double>(correct) / static_cast<double>(feed.count());
  if (!o.json.to_stdout())
    fmt::print("top-1 accuracy {:.2f} % ({} of {})\n", 100.0 * accuracy, grouped(static_cast<std::uint64_t>(correct)),
               grouped(static_cast<std::uint64_t>(feed.count())));
  OCTET_CHECK(o.json.write({{"accuracy", accuracy}, {"correct", correct}, {"total", feed.count()}}));
  return kDone;
}

}  // namespace

Command add_eval(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand("eval", "Top-1 accuracy of a classifier on labelled data");
  o->model.add(c);
  o->data.add(c, true);
  c.add_option("--labels", o->labels, "Classes: IDX, .npy, or one integer a line")->required()->type_name("FILE");
  add_threads_option(c, o->threads);
  add_batch_option(c, o->batch, "Samples at a time; int8 results do not depend on it");
  o->normalization.add(c);
  o->json.add(c);
  c.footer(
      "Examples:\n"
      "  octet eval lenet.octet --data t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz\n"
      "  octet eval lenet.onnx --data t10k-images-idx3-ubyte.gz --labels t10k-labels-idx1-ubyte.gz \\\n"
      "      --scale 0.00392156862745098 --mean 0.1307 --std 0.3081");
  return [o] { return eval(*o); };
}

}  // namespace octet::cli
