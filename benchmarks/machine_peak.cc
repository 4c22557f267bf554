// What this machine can at most, on one core: multiply-accumulates a second of the dot-product instructions Octet's
// kernels use, and reads from L2. Prints one JSON object, for compare.py.
#include <cstdio>

#include "benchmarks/peak.h"

int main() {
  std::printf("{");
  for (const octet_benchmarks::Dot& d : octet_benchmarks::dots())
    if (octet::kernels::cpu_has(d.isa)) std::printf("\"%s\": %.0f, ", d.name, octet_benchmarks::gmacs(d));
  std::printf("\"l2_gb_s\": %.0f}\n", octet_benchmarks::l2_gigabytes());
}
