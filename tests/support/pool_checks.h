// What the tests of the two pools share.
#pragma once

#include <functional>

#include "tests/support/graph_builder.h"

namespace octet_test {

template <class T>
struct PoolCase {
  T t;
  Shape x, y;

  [[nodiscard]] std::size_t elements() const { return static_cast<std::size_t>(octet::element_count(x)); }

  /// f(elements of x in the window, positions of its padded extent) for every output element in order.
  void for_each_window(const std::function<void(const std::vector<std::size_t>&, std::int64_t)>& f) const {
    for (std::int64_t n = 0; n < y[0]; ++n)
      for (std::int64_t oh = 0; oh < y[1]; ++oh)
        for (std::int64_t ow = 0; ow < y[2]; ++ow)
          for (std::int64_t c = 0; c < y[3]; ++c) {
            std::vector<std::size_t> window;
            std::int64_t extent = 0;
            for (std::int64_t kh = 0; kh < t.kernel_h; ++kh)
              for (std::int64_t kw = 0; kw < t.kernel_w; ++kw) {
                const std::int64_t h = oh * t.stride_h - t.pad_top + kh;
                const std::int64_t w = ow * t.stride_w - t.pad_left + kw;
                if (h < x[1] + t.pad_bottom && w < x[2] + t.pad_right) ++extent;
                if (h >= 0 && h < x[1] && w >= 0 && w < x[2])
                  window.push_back(static_cast<std::size_t>(((n * x[1] + h) * x[2] + w) * x[3] + c));
              }
            f(window, extent);
          }
  }
};

template <class T>
std::vector<PoolCase<T>> pool_cases() {
  std::vector<PoolCase<T>> all;
  const auto add = [&](const Shape& x, const Shape& y, const auto& set) {
    all.push_back({{}, x, y});
    set(all.back().t);
  };
  add({1, 3, 4, 2}, {1, 3, 4, 2}, [](T&) {});
  add({2, 4, 4, 3}, {2, 2, 2, 3}, [](T& t) { t.kernel_h = t.kernel_w = t.stride_h = t.stride_w = 2; });
  add({1, 5, 6, 17}, {1, 3, 3, 17}, [](T& t) {
    t.kernel_h = t.kernel_w = 3, t.stride_h = t.stride_w = 2;
    t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = 1;
  });
  add({1, 4, 3, 2}, {1, 6, 2, 2}, [](T& t) { t.kernel_h = 3, t.kernel_w = 2, t.pad_top = 2, t.pad_bottom = 2; });
  add({1, 1, 1, 5}, {1, 2, 2, 5}, [](T& t) {
    t.kernel_h = t.kernel_w = 2;
    t.pad_top = t.pad_left = t.pad_bottom = t.pad_right = 1;
  });
  add({1, 7, 7, 33}, {1, 1, 1, 33}, [](T& t) { t.kernel_h = t.kernel_w = 7; });
  // Strides longer than the window leave elements out.
  add({1, 9, 9, 1}, {1, 3, 2, 1}, [](T& t) { t.stride_h = 4, t.stride_w = 5, t.kernel_w = 2; });
  return all;
}

template <class T>
void check_pool_refusals(const std::string& op) {
  const auto refuses = [&](const Shape& x, const auto& set, const std::vector<std::string>& words) {
    T t;
    t.kernel_h = t.kernel_w = 2;
    set(t);
    GraphBuilder b;
    b.node("y", t, {b.input("x", Type::f32, x)});
    auto all = words;
    all.push_back("'y' (" + op + ")");
    check_invalid(b.model(), all);
  };
  const Shape x = {1, 3, 3, 2};
  refuses({1, 3, 3}, [](T&) {}, {"rank 4, not 3"});
  for (const int bad : {0, -1, -2147483647 - 1}) {
    refuses(x, [&](T& t) { t.kernel_h = bad; }, {});
    refuses(x, [&](T& t) { t.kernel_w = bad; }, {});
    refuses(x, [&](T& t) { t.stride_h = bad; }, {"stride"});
    refuses(x, [&](T& t) { t.stride_w = bad; }, {"stride"});
  }
  refuses(x, [](T& t) { t.kernel_h = 4; }, {"window of 4"});
  refuses(x, [](T& t) { t.kernel_w = 2147483647; }, {"window"});
  for (const int bad : {2, 3, 2147483647}) {
    refuses(x, [&](T& t) { t.pad_top = bad; }, {"smaller than the kernel"});
    refuses(x, [&](T& t) { t.pad_left = bad; }, {"smaller than the kernel"});
    refuses(x, [&](T& t) { t.pad_bottom = bad; }, {"smaller than the kernel"});
    refuses(x, [&](T& t) { t.pad_right = bad; }, {"smaller than the kernel"});
  }
  refuses(x, [](T& t) { t.pad_left = -1; }, {"negative"});
}

}  // namespace octet_test
