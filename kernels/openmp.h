// The OpenMP that oneDNN runs on. Where Octet is built without OpenMP, oneDNN may still bring it into the process: a session's number of
// threads, and what holds after a fork, are then told to it all the same.
#pragma once

namespace octet::kernels {

/// Functions of OpenMP's run-time library; all of them nullptr where the process has none.
struct OpenMp {
  int (*get_max_threads)() = nullptr;
  void (*set_num_threads)(int) = nullptr;
  int (*get_max_active_levels)() = nullptr;
  void (*set_max_active_levels)(int) = nullptr;

  [[nodiscard]] bool present() const noexcept { return set_num_threads != nullptr; }
};

[[nodiscard]] const OpenMp& openmp() noexcept;

}  // namespace octet::kernels
