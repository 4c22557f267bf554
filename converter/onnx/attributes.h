// The attributes of one ONNX node. Every access is recorded, so that an attribute nobody asked for is an error instead
// of being ignored.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph.h"

namespace onnx {
class AttributeProto;
class NodeProto;
}  // namespace onnx

namespace octet {

class Attributes {
 public:
  /// Errors: two attributes of one name (invalid_file), references to attributes of a function (unsupported).
  static Result<Attributes> of(const onnx::NodeProto& node);

  /// The value, or `fallback` where the node does not carry the attribute. Errors: it is of another type.
  [[nodiscard]] Result<std::int64_t> integer(std::string_view name, std::int64_t fallback);
  [[nodiscard]] Result<std::vector<std::int64_t>> integers(std::string_view name,
                                                           const std::vector<std::int64_t>& fallback);
  [[nodiscard]] Result<float> real(std::string_view name, float fallback);
  [[nodiscard]] Result<std::string> text(std::string_view name, const std::string& fallback);
  /// The position of a text among `choices`, the first where the node does not carry the attribute. Errors: it is none of them.
  [[nodiscard]] Result<std::size_t> choice(std::string_view name, std::initializer_list<std::string_view> choices);

  [[nodiscard]] Result<std::vector<float>> reals(std::string_view name, const std::vector<float>& fallback);
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name, const std::vector<std::string>& fallback);
  /// A tensor, or nothing.
  [[nodiscard]] Result<std::optional<Tensor>> tensor(std::string_view name);

  [[nodiscard]] bool has(std::string_view name) const { return entries_.contains(name); }
  /// The attribute itself, whatever its type; nullptr if the node does not carry it.
  [[nodiscard]] const onnx::AttributeProto* raw(std::string_view name);
  /// Counts as read: for attributes that cannot change the result; say why at the call.
  void ignore(std::string_view name) { (void)raw(name); }

  /// An unsupported error that names the first attribute nobody has read.
  [[nodiscard]] Result<void> check_all_read() const;

 private:
  struct Entry {
    const onnx::AttributeProto* proto;
    bool read = false;
  };

  std::map<std::string_view, Entry> entries_;
};

}  // namespace octet
