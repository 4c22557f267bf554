// The Octet engine: load a model, make a session, run it.
//
//   auto model = octet::Model::load("lenet.octet");
//   if (!model) return report(model.error());
//   auto session = model->session({.threads = 1, .batch = 1});
//   if (!session) return report(session.error());
//   std::vector<std::uint8_t> image(28 * 28);
//   std::vector<float> logits(10);
//   auto done = session->run({image}, {logits});
//
// Models are immutable and may be shared between threads. A session is used by one thread at a time; make as many as
// you like. The same model gives the same int8 results on every CPU, thread count and batch size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "octet/result.hpp"

namespace octet {

/// Element types. `boolean` is one byte, 0 or 1.
enum class Type : std::uint8_t { f32, u8, s8, s32, s64, boolean };

/// Bytes of one element.
[[nodiscard]] std::size_t size_of(Type type) noexcept;

/// "f32", "u8", "s8", "s32", "s64", "bool".
[[nodiscard]] const char* name_of(Type type) noexcept;

/// A C++ element type's Type.
template <class T>
constexpr Type type_of() {
  if constexpr (std::is_same_v<T, float>) return Type::f32;
  else if constexpr (std::is_same_v<T, std::uint8_t>) return Type::u8;
  else if constexpr (std::is_same_v<T, std::int8_t>) return Type::s8;
  else if constexpr (std::is_same_v<T, std::int32_t>) return Type::s32;
  else if constexpr (std::is_same_v<T, std::int64_t>) return Type::s64;
  else {
    static_assert(std::is_same_v<T, bool>, "not an element type of Octet");
    return Type::boolean;
  }
}

/// A tensor the caller owns and the session reads. Row-major, no padding. With a name it is matched by name, without
/// one by its position among the inputs.
struct InputTensor {
  const void* data = nullptr;
  std::size_t size_bytes = 0;
  Type type = Type::f32;
  std::string_view name = {};

  InputTensor() = default;
  InputTensor(const void* d, std::size_t bytes, Type t, std::string_view n = {}) : data(d), size_bytes(bytes), type(t), name(n) {}
  template <class T>
  InputTensor(const std::vector<T>& v, std::string_view n = {}) : InputTensor(v.data(), v.size() * sizeof(T), type_of<T>(), n) {}
  template <class T>
  InputTensor(std::span<T> v, std::string_view n = {})
      : InputTensor(v.data(), v.size_bytes(), type_of<std::remove_const_t<T>>(), n) {}
};

/// A tensor the caller owns and the session writes.
struct OutputTensor {
  void* data = nullptr;
  std::size_t size_bytes = 0;
  Type type = Type::f32;
  std::string_view name = {};

  OutputTensor() = default;
  OutputTensor(void* d, std::size_t bytes, Type t, std::string_view n = {}) : data(d), size_bytes(bytes), type(t), name(n) {}
  template <class T>
  OutputTensor(std::vector<T>& v, std::string_view n = {}) : OutputTensor(v.data(), v.size() * sizeof(T), type_of<T>(), n) {}
  template <class T>
  OutputTensor(std::span<T> v, std::string_view n = {}) : OutputTensor(v.data(), v.size_bytes(), type_of<T>(), n) {}
};

/// Name, type and shape of an input or output. `batched`: the leading size is a multiple of the session's batch.
struct TensorInfo {
  std::string name;
  Type type = Type::f32;
  std::vector<std::int64_t> shape;
  bool batched = false;

  [[nodiscard]] std::size_t elements() const noexcept;
  [[nodiscard]] std::size_t size_bytes() const noexcept { return elements() * size_of(type); }
};

struct SessionOptions {
  /// Threads run() may use, the caller's among them; at least 1.
  int threads = 1;
  /// The leading dimension; at least 1, and 1 where the model fixes it.
  int batch = 1;
  /// Caps the kernels, spelt as in OCTET_ISA ("reference", "avx2", ...). Empty: OCTET_ISA, or the best this CPU has.
  std::string isa = {};
  /// Times the kernels that could run each layer, some milliseconds a layer and a few seconds at most, and takes the fastest. All
  /// give the same bytes; without it rules choose.
  bool tune = false;
  /// Refuses a model whose arena and packed weights would take more.
  std::size_t memory_limit_bytes = std::size_t{8} << 30;
};

/// Runs one model for one batch size. Move-only; one thread at a time.
class Session {
 public:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl) noexcept;
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Reads every input, writes every output. Each must be given once, with the model's type and exact byte size for this
  /// session's batch. Errors: invalid_argument (a tensor missing, unknown, or of wrong type or size), run_failed (a NaN
  /// to quantize, or a library failed); outputs are then unspecified.
  Result<void> run(std::span<const InputTensor> inputs, std::span<const OutputTensor> outputs);
  Result<void> run(std::initializer_list<InputTensor> inputs, std::initializer_list<OutputTensor> outputs) {
    return run(std::span(inputs.begin(), inputs.size()), std::span(outputs.begin(), outputs.size()));
  }

  /// Shapes at this session's batch.
  [[nodiscard]] const std::vector<TensorInfo>& inputs() const noexcept;
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const noexcept;

  /// Bytes of the arena that holds every intermediate tensor and scratch.
  [[nodiscard]] std::size_t arena_bytes() const noexcept;
  /// Bytes of weights as packed for this CPU's kernels.
  [[nodiscard]] std::size_t weight_bytes() const noexcept;
  /// The cap in force, spelt as in OCTET_ISA.
  [[nodiscard]] std::string isa() const;

  [[nodiscard]] Impl& impl() noexcept { return *impl_; }
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// A checked model, immutable and cheap to copy.
class Model {
 public:
  struct Impl;
  explicit Model(std::shared_ptr<const Impl> impl) noexcept;

  /// Reads and checks an .octet file. Errors: invalid_file (missing, damaged, inconsistent), unsupported (made by a newer
  /// version). The bytes are untrusted: any content gives a model or an error, in bounded time and memory.
  static Result<Model> load(const std::string& path);
  /// The same from memory; the bytes are copied.
  static Result<Model> load(std::span<const std::byte> bytes);

  /// Plans memory and packs weights for one batch size.
  [[nodiscard]] Result<Session> session(const SessionOptions& options = {}) const;

  /// Shapes at batch 1.
  [[nodiscard]] const std::vector<TensorInfo>& inputs() const noexcept;
  [[nodiscard]] const std::vector<TensorInfo>& outputs() const noexcept;

  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }
  [[nodiscard]] const std::shared_ptr<const Impl>& shared_impl() const noexcept { return impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// "0.1.0".
[[nodiscard]] const char* version() noexcept;

}  // namespace octet
