// consumer MODEL.octet: what a model takes and gives.
#include <octet/octet.h>
#include <octet/octet.hpp>

#include <cstdio>

namespace {

void print(const char* what, const octet::TensorInfo& info) {
  std::printf("%s %s %s", what, info.name.c_str(), octet::name_of(info.type));
  for (const std::int64_t size : info.shape) std::printf(" %lld", static_cast<long long>(size));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("octet %s\n", octet_version());
  if (argc < 2) return 0;
  const auto model = octet::Model::load(argv[1]);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text().c_str()), 1;
  const auto session = model->session();
  if (!session) return std::fprintf(stderr, "%s\n", session.error().text().c_str()), 1;
  for (const auto& info : session->inputs()) print("input ", info);
  for (const auto& info : session->outputs()) print("output", info);
}
