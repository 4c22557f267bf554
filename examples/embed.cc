#include <octet/octet.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  auto model = octet::Model::load(argc > 1 ? argv[1] : "fashion_lenet.octet");
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text().c_str()), 1;
  auto session = model->session({.threads = 1, .batch = 1});
  if (!session) return std::fprintf(stderr, "%s\n", session.error().text().c_str()), 1;
  std::vector<std::uint8_t> image(28 * 28);  // raw bytes: the preprocessing is in the model
  std::vector<float> logits(10);
  auto done = session->run({image}, {logits});
  if (!done) return std::fprintf(stderr, "%s\n", done.error().text().c_str()), 1;
  for (float logit : logits) std::printf("%g\n", static_cast<double>(logit));
}
