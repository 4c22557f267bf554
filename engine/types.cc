#include <array>

#include "engine/graph.h"

namespace octet {
namespace {

struct TypeInfo {
  const char* name;
  std::size_t size;
};
constexpr std::array<TypeInfo, 6> kTypes = {{{"f32", 4}, {"u8", 1}, {"s8", 1}, {"s32", 4}, {"s64", 8}, {"bool", 1}}};

static_assert(static_cast<int>(Type::f32) == static_cast<int>(schema::Type::F32) &&
              static_cast<int>(Type::boolean) == static_cast<int>(schema::Type::Bool));

}  // namespace

std::size_t size_of(Type type) noexcept { return kTypes[static_cast<std::size_t>(type)].size; }
const char* name_of(Type type) noexcept { return kTypes[static_cast<std::size_t>(type)].name; }

std::size_t TensorInfo::elements() const noexcept { return static_cast<std::size_t>(element_count(shape)); }

const char* version() noexcept { return OCTET_VERSION; }

}  // namespace octet
