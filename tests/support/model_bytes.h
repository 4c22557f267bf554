// .octet files taken apart and put together again, for what the converter would never write.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "engine/file_header.h"
#include "octet_generated.h"

namespace octet_test {

/// The tables of a file, all of them open to change.
inline std::unique_ptr<octet::schema::ModelT> take_apart(std::span<const std::byte> file) {
  return octet::schema::UnPackModel(file.data());
}

/// A file of these tables, with header and hash, whatever they say.
inline std::vector<std::byte> put_together(const octet::schema::ModelT& model) {
  flatbuffers::FlatBufferBuilder fbb;
  const auto root = octet::schema::CreateModel(fbb, &model);
  constexpr std::array<std::uint8_t, octet::kHeaderBytes - 8> kHeader{};
  fbb.Align(octet::kHeaderBytes);
  fbb.PushBytes(kHeader.data(), kHeader.size());
  octet::schema::FinishModelBuffer(fbb, root);
  const auto bytes = std::as_bytes(std::span(fbb.GetBufferPointer(), fbb.GetSize()));
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  octet::seal(file);
  return file;
}

}  // namespace octet_test
