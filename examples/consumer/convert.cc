// convert MODEL.onnx OUT.octet: a float model in Octet's format.
#include <octet/converter.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "convert MODEL.onnx OUT.octet\n"), 2;
  const auto model = octet::import_onnx(argv[1]);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text().c_str()), 1;
  const auto bytes = octet::save(*model, argv[2]);
  if (!bytes) return std::fprintf(stderr, "%s\n", bytes.error().text().c_str()), 1;
  std::printf("%s: %llu bytes\n", argv[2], static_cast<unsigned long long>(*bytes));
}
