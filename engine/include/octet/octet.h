/* The Octet engine for C and for whatever calls C: load a model, make a session, run it.
 *
 *   octet_model* model;
 *   octet_session* session;
 *   if (octet_model_load("lenet.octet", &model) != OCTET_OK) return report(octet_last_error());
 *   if (octet_session_create(model, NULL, &session) != OCTET_OK) return report(octet_last_error());
 *   octet_input in = {image, sizeof image, OCTET_U8, NULL};
 *   octet_output out = {logits, sizeof logits, OCTET_F32, NULL};
 *   if (octet_session_run(session, &in, 1, &out, 1) != OCTET_OK) return report(octet_last_error());
 *   octet_session_free(session);
 *   octet_model_free(model);
 *
 * Models are immutable and may be used by several threads. A session is used by one thread at a time; a session keeps its
 * model alive. Structs that begin with struct_size may grow at their end in later versions: set it to sizeof the struct.
 * No function prints, aborts or lets a C++ exception out. */
#ifndef OCTET_OCTET_H
#define OCTET_OCTET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What went wrong. The values are those of octet::ErrorCode and the program's exit codes. */
typedef enum octet_status {
  OCTET_OK = 0,
  OCTET_INVALID_ARGUMENT = 2, /* the caller's arguments do not fit */
  OCTET_INVALID_FILE = 3,     /* a model is missing, damaged or inconsistent */
  OCTET_UNSUPPORTED = 4,      /* valid, but beyond what this version can do */
  OCTET_RUN_FAILED = 5        /* something failed while running: memory, a library, a NaN where none may be */
} octet_status;

/* Element types. OCTET_BOOL is one byte, 0 or 1. */
enum { OCTET_F32 = 0, OCTET_U8 = 1, OCTET_S8 = 2, OCTET_S32 = 3, OCTET_S64 = 4, OCTET_BOOL = 5 };
typedef int32_t octet_type; /* not the enum: a value from outside may be any */

typedef struct octet_model octet_model;
typedef struct octet_session octet_session;

/* "0.1.0". */
const char* octet_version(void);

/* What the last call that failed on this thread has to say, in one line; "" if none has. Valid until the next call that
 * fails on this thread. */
const char* octet_last_error(void);

/* ---- Models */

/* Reads and checks an .octet file; *model is NULL after an error. The bytes are untrusted: any content gives a model or an
 * error, in bounded time and memory. */
octet_status octet_model_load(const char* path, octet_model** model);

/* The same from memory; the bytes are copied. */
octet_status octet_model_load_bytes(const void* bytes, size_t size, octet_model** model);

/* NULL is allowed. Sessions of the model stay valid. */
void octet_model_free(octet_model* model);

/* An input or output. The caller sets struct_size; name and dims live as long as the model or session asked. */
typedef struct octet_tensor_info {
  size_t struct_size;
  const char* name;
  octet_type type;
  int batched; /* 1: dims[0] is a multiple of the session's batch */
  size_t rank;
  const int64_t* dims; /* rank of them, row-major */
  size_t size_bytes;
} octet_tensor_info;

size_t octet_model_input_count(const octet_model* model);
size_t octet_model_output_count(const octet_model* model);

/* Shapes at batch 1. */
octet_status octet_model_input(const octet_model* model, size_t index, octet_tensor_info* info);
octet_status octet_model_output(const octet_model* model, size_t index, octet_tensor_info* info);

/* ---- Sessions */

/* A 0 or NULL means the default. */
typedef struct octet_session_options {
  size_t struct_size;
  int threads;               /* threads a run may use, the caller's among them; default 1 */
  int batch;                 /* the leading dimension; default 1 */
  const char* isa;           /* caps the kernels, spelt as in OCTET_ISA; default: OCTET_ISA, or the best this CPU has */
  size_t memory_limit_bytes; /* refuses models whose arena and packed weights take more; default 8 GiB */
  int tune;                  /* 1: times the kernels of each layer and takes the fastest; the bytes are the same. Default: rules choose */
} octet_session_options;

/* octet_session_options options = OCTET_SESSION_OPTIONS_INIT; */
#define OCTET_SESSION_OPTIONS_INIT {sizeof(octet_session_options), 0, 0, NULL, 0, 0}

/* Plans memory and packs weights for one batch size; options may be NULL. *session is NULL after an error. */
octet_status octet_session_create(const octet_model* model, const octet_session_options* options, octet_session** session);

/* NULL is allowed. */
void octet_session_free(octet_session* session);

/* As for models, with the shapes at this session's batch. */
size_t octet_session_input_count(const octet_session* session);
size_t octet_session_output_count(const octet_session* session);
octet_status octet_session_input(const octet_session* session, size_t index, octet_tensor_info* info);
octet_status octet_session_output(const octet_session* session, size_t index, octet_tensor_info* info);

/* Bytes of the arena that holds every intermediate tensor, and of the weights as packed for this CPU's kernels. */
size_t octet_session_arena_bytes(const octet_session* session);
size_t octet_session_weight_bytes(const octet_session* session);

/* The cap in force, spelt as in OCTET_ISA; lives as long as the session. */
const char* octet_session_isa(const octet_session* session);

/* Tensors the caller owns: row-major, no padding, exactly the size the session's info says. With a name a tensor is matched
 * by name, without one (NULL) by its position in the array. */
typedef struct octet_input {
  const void* data;
  size_t size_bytes;
  octet_type type;
  const char* name;
} octet_input;

typedef struct octet_output {
  void* data;
  size_t size_bytes;
  octet_type type;
  const char* name;
} octet_output;

/* Reads every input and writes every output; after an error outputs are unspecified. */
octet_status octet_session_run(octet_session* session, const octet_input* inputs, size_t input_count,
                               const octet_output* outputs, size_t output_count);

#ifdef __cplusplus
}
#endif

#endif
