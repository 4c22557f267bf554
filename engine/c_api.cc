// The C API, octet.h: the C++ one with handles, status codes and no exceptions.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <utility>

#include "octet/octet.h"
#include "octet/octet.hpp"

struct octet_model {
  octet::Model model;
};

struct octet_session {
  octet::Session session;
  std::string isa;
  // run() fills these in place: they have room for every input and output.
  std::vector<octet::InputTensor> inputs;
  std::vector<octet::OutputTensor> outputs;
};

namespace {

using octet::Error;
using octet::ErrorCode;
using octet::Result;

static_assert(OCTET_INVALID_ARGUMENT == static_cast<int>(ErrorCode::invalid_argument) &&
              OCTET_INVALID_FILE == static_cast<int>(ErrorCode::invalid_file) &&
              OCTET_UNSUPPORTED == static_cast<int>(ErrorCode::unsupported) &&
              OCTET_RUN_FAILED == static_cast<int>(ErrorCode::run_failed));
static_assert(OCTET_F32 == static_cast<int>(octet::Type::f32) && OCTET_U8 == static_cast<int>(octet::Type::u8) &&
              OCTET_S8 == static_cast<int>(octet::Type::s8) && OCTET_S32 == static_cast<int>(octet::Type::s32) &&
              OCTET_S64 == static_cast<int>(octet::Type::s64) && OCTET_BOOL == static_cast<int>(octet::Type::boolean));

/// Fixed, so that saying what went wrong needs no memory; longer messages are cut.
thread_local char g_error[1024];

octet_status fail(ErrorCode code, const char* where, const char* message) noexcept {
  std::snprintf(g_error, sizeof g_error, "%s%s%s", where, *where == '\0' ? "" : ": ", message);
  return static_cast<octet_status>(code);
}

octet_status fail(const Error& e) noexcept { return fail(e.code, e.where.c_str(), e.message.c_str()); }

octet_status bad_argument(const char* function, const char* message) noexcept {
  return fail(ErrorCode::invalid_argument, function, message);
}

/// f() without what it throws: building strings and vectors can still run out of memory.
template <class F>
octet_status guarded(const char* function, const F& f) noexcept {
  try {
    return f();
  } catch (const std::exception&) {
    return fail(ErrorCode::run_failed, function, "out of memory");
  } catch (...) {
    return fail(ErrorCode::run_failed, function, "failed");
  }
}

/// Reads a caller's struct of this or another version: what it lacks stays 0, what it has beyond ours must be 0.
template <class T>
bool read_versioned(const T& from, std::size_t least, T& to) noexcept {
  if (from.struct_size < least) return false;
  std::memset(&to, 0, sizeof to);
  std::memcpy(&to, &from, std::min(from.struct_size, sizeof to));
  const auto* bytes = reinterpret_cast<const unsigned char*>(&from);
  for (std::size_t i = sizeof to; i < from.struct_size; ++i)
    if (bytes[i] != 0) return false;
  return true;
}

/// Writes as much as the caller's struct has room for.
octet_status write_info(const char* function, const std::vector<octet::TensorInfo>& infos, std::size_t index,
                        octet_tensor_info* to) noexcept {
  if (to == nullptr) return bad_argument(function, "info is NULL");
  if (to->struct_size < sizeof(octet_tensor_info)) return bad_argument(function, "struct_size is not that of octet_tensor_info");
  if (index >= infos.size()) return bad_argument(function, "index is out of range");
  const octet::TensorInfo& info = infos[index];
  to->name = info.name.c_str();
  to->type = static_cast<octet_type>(info.type);
  to->batched = info.batched ? 1 : 0;
  to->rank = info.shape.size();
  to->dims = info.shape.data();
  to->size_bytes = info.size_bytes();
  return OCTET_OK;
}

octet_status give(Result<octet::Model> loaded, octet_model** model) {
  if (!loaded) return fail(loaded.error());
  *model = new octet_model{*std::move(loaded)};
  return OCTET_OK;
}

/// The caller's tensors as the engine's.
template <class From, class To>
octet_status copy_tensors(const From* from, std::size_t count, std::vector<To>& to) {
  if (from == nullptr && count != 0) return bad_argument("octet_session_run", "an array of tensors is NULL");
  to.clear();
  for (std::size_t i = 0; i < count; ++i) {
    if (from[i].type < OCTET_F32 || from[i].type > OCTET_BOOL) return bad_argument("octet_session_run", "a type is unknown");
    to.emplace_back(from[i].data, from[i].size_bytes, static_cast<octet::Type>(from[i].type),
                    from[i].name != nullptr ? std::string_view(from[i].name) : std::string_view());
  }
  return OCTET_OK;
}

}  // namespace

extern "C" {

const char* octet_version(void) { return octet::version(); }
const char* octet_last_error(void) { return g_error; }

octet_status octet_model_load(const char* path, octet_model** model) {
  if (model == nullptr) return bad_argument(__func__, "model is NULL");
  *model = nullptr;
  if (path == nullptr) return bad_argument(__func__, "path is NULL");
  return guarded(__func__, [&] { return give(octet::Model::load(std::string(path)), model); });
}

octet_status octet_model_load_bytes(const void* bytes, size_t size, octet_model** model) {
  if (model == nullptr) return bad_argument(__func__, "model is NULL");
  *model = nullptr;
  if (bytes == nullptr) return bad_argument(__func__, "bytes is NULL");
  return guarded(__func__, [&] { return give(octet::Model::load(std::span(static_cast<const std::byte*>(bytes), size)), model); });
}

void octet_model_free(octet_model* model) { delete model; }

size_t octet_model_input_count(const octet_model* model) { return model == nullptr ? 0 : model->model.inputs().size(); }
size_t octet_model_output_count(const octet_model* model) { return model == nullptr ? 0 : model->model.outputs().size(); }

octet_status octet_model_input(const octet_model* model, size_t index, octet_tensor_info* info) {
  if (model == nullptr) return bad_argument(__func__, "model is NULL");
  return write_info(__func__, model->model.inputs(), index, info);
}

octet_status octet_model_output(const octet_model* model, size_t index, octet_tensor_info* info) {
  if (model == nullptr) return bad_argument(__func__, "model is NULL");
  return write_info(__func__, model->model.outputs(), index, info);
}

octet_status octet_session_create(const octet_model* model, const octet_session_options* options, octet_session** session) {
  if (session == nullptr) return bad_argument(__func__, "session is NULL");
  *session = nullptr;
  if (model == nullptr) return bad_argument(__func__, "model is NULL");
  octet_session_options given = OCTET_SESSION_OPTIONS_INIT;
  if (options != nullptr && !read_versioned(*options, offsetof(octet_session_options, tune), given))
    return bad_argument(__func__, "struct_size is not that of octet_session_options, or a newer version's option is set");
  return guarded(__func__, [&] {
    octet::SessionOptions o;
    if (given.threads != 0) o.threads = given.threads;
    if (given.batch != 0) o.batch = given.batch;
    if (given.isa != nullptr) o.isa = given.isa;
    o.tune = given.tune != 0;
    if (given.memory_limit_bytes != 0) o.memory_limit_bytes = given.memory_limit_bytes;
    auto made = model->model.session(o);
    if (!made) return fail(made.error());
    auto owned = std::make_unique<octet_session>(octet_session{*std::move(made), {}, {}, {}});
    owned->isa = owned->session.isa();
    owned->inputs.reserve(owned->session.inputs().size());
    owned->outputs.reserve(owned->session.outputs().size());
    *session = owned.release();
    return OCTET_OK;
  });
}

void octet_session_free(octet_session* session) { delete session; }

size_t octet_session_input_count(const octet_session* session) { return session == nullptr ? 0 : session->session.inputs().size(); }
size_t octet_session_output_count(const octet_session* session) { return session == nullptr ? 0 : session->session.outputs().size(); }

octet_status octet_session_input(const octet_session* session, size_t index, octet_tensor_info* info) {
  if (session == nullptr) return bad_argument(__func__, "session is NULL");
  return write_info(__func__, session->session.inputs(), index, info);
}

octet_status octet_session_output(const octet_session* session, size_t index, octet_tensor_info* info) {
  if (session == nullptr) return bad_argument(__func__, "session is NULL");
  return write_info(__func__, session->session.outputs(), index, info);
}

size_t octet_session_arena_bytes(const octet_session* session) { return session == nullptr ? 0 : session->session.arena_bytes(); }
size_t octet_session_weight_bytes(const octet_session* session) { return session == nullptr ? 0 : session->session.weight_bytes(); }
const char* octet_session_isa(const octet_session* session) { return session == nullptr ? "" : session->isa.c_str(); }

octet_status octet_session_run(octet_session* session, const octet_input* inputs, size_t input_count,
                               const octet_output* outputs, size_t output_count) {
  if (session == nullptr) return bad_argument(__func__, "session is NULL");
  return guarded(__func__, [&] {
    if (const octet_status s = copy_tensors(inputs, input_count, session->inputs); s != OCTET_OK) return s;
    if (const octet_status s = copy_tensors(outputs, output_count, session->outputs); s != OCTET_OK) return s;
    const auto done = session->session.run(session->inputs, session->outputs);
    return done ? OCTET_OK : fail(done.error());
  });
}

}  // extern "C"
