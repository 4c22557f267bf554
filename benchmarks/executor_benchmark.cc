// What a session's run() costs by itself: chains of N layers that do next to nothing, and the straight line through their times.
// Prints one JSON object.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "engine/model.h"
#include "engine/session.h"

namespace {

using octet::Type;

/// N look-ups of four bytes, one after the other.
octet::Graph chain(int layers) {
  octet::Graph graph;
  octet::schema::LookupT lookup;
  for (int i = 0; i < 256; ++i) lookup.tables.push_back(static_cast<std::uint8_t>(255 - i));
  for (int i = 0; i <= layers; ++i) graph.tensors.push_back({"t" + std::to_string(i), Type::u8, {1, 4}, true, {{1.0F}, {0}, -1}, {}});
  for (int i = 0; i < layers; ++i) {
    octet::Node node;
    node.name = "layer" + std::to_string(i);
    node.attributes.Set(lookup);
    node.inputs = {i};
    node.outputs = {i + 1};
    graph.nodes.push_back(std::move(node));
  }
  graph.inputs = {0};
  graph.outputs = {layers};
  graph.preprocessing.emplace_back();
  return graph;
}

[[noreturn]] void fail(const octet::Error& e) {
  std::fprintf(stderr, "%s: %s\n", e.where.c_str(), e.message.c_str());
  std::exit(1);
}

/// Nanoseconds of the fastest hundred runs in a row.
double nanoseconds(int layers, int threads) {
  constexpr int kRuns = 100;
  constexpr int kTries = 2000;
  auto model = octet::make_model(chain(layers));
  if (!model) fail(model.error());
  auto session = model->session({.threads = threads});
  if (!session) fail(session.error());
  const std::vector<std::uint8_t> x(4);
  std::vector<std::uint8_t> y(4);
  const octet::InputTensor in[] = {x};
  const octet::OutputTensor out[] = {y};
  double best = std::numeric_limits<double>::infinity();
  for (int t = 0; t < kTries; ++t) {
    const auto start = std::chrono::steady_clock::now();
    for (int r = 0; r < kRuns; ++r)
      if (auto done = session->run(in, out); !done) fail(done.error());
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / kRuns);
  }
  return best;
}

}  // namespace

int main() {
  std::printf("{");
  for (const int threads : {1, 2}) {
    const double one = nanoseconds(1, threads);
    const double ten = nanoseconds(10, threads);
    const double hundred = nanoseconds(100, threads);
    const double a_layer = (hundred - one) / 99;
    std::printf("%s\"threads_%d\": {\"ns_of_1\": %.1f, \"ns_of_10\": %.1f, \"ns_of_100\": %.1f, \"ns_a_run\": %.1f, \"ns_a_layer\": %.1f}", threads == 1 ? "" : ", ",
                threads, one, ten, hundred, one - a_layer, a_layer);
  }
  std::printf("}\n");
}
