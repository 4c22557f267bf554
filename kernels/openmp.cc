#include "kernels/openmp.h"

#ifdef _OPENMP
#include <omp.h>
#else
#include <dlfcn.h>
#endif

namespace octet::kernels {
namespace {

#ifdef _OPENMP
OpenMp find() noexcept { return {omp_get_max_threads, omp_set_num_threads, omp_get_max_active_levels, omp_set_max_active_levels}; }
#else
template <class F>
bool find(const char* name, F& function) noexcept {
  function = reinterpret_cast<F>(dlsym(RTLD_DEFAULT, name));
  return function != nullptr;
}

OpenMp find() noexcept {
  OpenMp found;
  const bool all = find("omp_get_max_threads", found.get_max_threads) && find("omp_get_max_active_levels", found.get_max_active_levels) &&
                   find("omp_set_max_active_levels", found.set_max_active_levels) && find("omp_set_num_threads", found.set_num_threads);
  return all ? found : OpenMp{};
}
#endif

}  // namespace

const OpenMp& openmp() noexcept {
  static const OpenMp found = find();
  return found;
}

}  // namespace octet::kernels
