/* The C API, from C. The model is make_model.cc's. */
#include <octet/octet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      printf("%s:%d: CHECK(%s) failed; last error: %s\n", __FILE__, __LINE__, #condition, octet_last_error()); \
      ++failures;                                                                                            \
    }                                                                                                        \
  } while (0)

/* The call fails with this status and a message that has this text in it. */
#define CHECK_FAILS(call, status, text)                     \
  do {                                                      \
    CHECK((call) == (status));                              \
    CHECK(strstr(octet_last_error(), (text)) != NULL);      \
  } while (0)

static octet_tensor_info new_info(void) {
  octet_tensor_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  return info;
}

static void test_load_errors(void) {
  octet_model* model = (octet_model*)&failures;
  CHECK_FAILS(octet_model_load("no/such/file.octet", &model), OCTET_INVALID_FILE, "no/such/file.octet");
  CHECK(model == NULL);
  CHECK_FAILS(octet_model_load_bytes("nonsense", 8, &model), OCTET_INVALID_FILE, "not an Octet model");
  CHECK_FAILS(octet_model_load_bytes("", 0, &model), OCTET_INVALID_FILE, "empty");
  CHECK_FAILS(octet_model_load(NULL, &model), OCTET_INVALID_ARGUMENT, "path is NULL");
  CHECK_FAILS(octet_model_load("x", NULL), OCTET_INVALID_ARGUMENT, "model is NULL");
  CHECK_FAILS(octet_model_load_bytes(NULL, 0, &model), OCTET_INVALID_ARGUMENT, "bytes is NULL");
}

static void test_null_handles(void) {
  octet_tensor_info info = new_info();
  octet_session* session = NULL;
  octet_model_free(NULL);
  octet_session_free(NULL);
  CHECK(octet_model_input_count(NULL) == 0 && octet_model_output_count(NULL) == 0);
  CHECK(octet_session_input_count(NULL) == 0 && octet_session_output_count(NULL) == 0);
  CHECK(octet_session_arena_bytes(NULL) == 0 && octet_session_weight_bytes(NULL) == 0);
  CHECK(strcmp(octet_session_isa(NULL), "") == 0);
  CHECK(octet_model_input(NULL, 0, &info) == OCTET_INVALID_ARGUMENT);
  CHECK(octet_session_output(NULL, 0, &info) == OCTET_INVALID_ARGUMENT);
  CHECK(octet_session_create(NULL, NULL, &session) == OCTET_INVALID_ARGUMENT && session == NULL);
  CHECK(octet_session_run(NULL, NULL, 0, NULL, 0) == OCTET_INVALID_ARGUMENT);
}

static void test_model_info(const octet_model* model) {
  octet_tensor_info info = new_info();
  CHECK(octet_model_input_count(model) == 2 && octet_model_output_count(model) == 2);
  CHECK(octet_model_input(model, 1, &info) == OCTET_OK);
  CHECK(strcmp(info.name, "b") == 0 && info.type == OCTET_U8 && info.batched == 1 && info.rank == 2);
  CHECK(info.dims[0] == 1 && info.dims[1] == 4 && info.size_bytes == 4);
  CHECK(octet_model_output(model, 1, &info) == OCTET_OK);
  CHECK(strcmp(info.name, "scores") == 0 && info.type == OCTET_F32 && info.size_bytes == 8);
  CHECK_FAILS(octet_model_input(model, 2, &info), OCTET_INVALID_ARGUMENT, "out of range");
  CHECK(octet_model_input(model, 0, NULL) == OCTET_INVALID_ARGUMENT);
  info.struct_size = 3;
  CHECK_FAILS(octet_model_input(model, 0, &info), OCTET_INVALID_ARGUMENT, "struct_size");
}

/* Options of a version to come: ours, then something we do not know. */
typedef struct newer_options {
  octet_session_options known;
  size_t unknown;
} newer_options;

static void test_session_options(const octet_model* model) {
  octet_session* session = NULL;
  octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
  newer_options newer;
  octet_tensor_info info = new_info();

  options.struct_size = 1;
  CHECK_FAILS(octet_session_create(model, &options, &session), OCTET_INVALID_ARGUMENT, "struct_size");
  options.struct_size = sizeof options;
  options.batch = -1;
  CHECK_FAILS(octet_session_create(model, &options, &session), OCTET_INVALID_ARGUMENT, "batch");
  options.batch = 0;
  options.isa = "abacus";
  CHECK_FAILS(octet_session_create(model, &options, &session), OCTET_INVALID_ARGUMENT, "abacus");
  options.isa = NULL;
  options.tune = 1;
  CHECK(octet_session_create(model, &options, &session) == OCTET_OK);
  octet_session_free(session);
  options.tune = 0;
  options.struct_size = offsetof(octet_session_options, tune); /* a caller compiled before there was such an option */
  CHECK(octet_session_create(model, &options, &session) == OCTET_OK);
  octet_session_free(session);
  options.struct_size = sizeof options;
  options.memory_limit_bytes = 1;
  CHECK_FAILS(octet_session_create(model, &options, &session), OCTET_RUN_FAILED, "limit");
  CHECK(session == NULL);
  CHECK(octet_session_create(model, NULL, NULL) == OCTET_INVALID_ARGUMENT);

  memset(&newer, 0, sizeof newer);
  newer.known.struct_size = sizeof newer;
  newer.known.batch = 3;
  newer.known.isa = "reference";
  CHECK(octet_session_create(model, &newer.known, &session) == OCTET_OK);
  CHECK(strcmp(octet_session_isa(session), "reference") == 0);
  CHECK(octet_session_input(session, 0, &info) == OCTET_OK && info.dims[0] == 3 && info.size_bytes == 12);
  octet_session_free(session);
  newer.unknown = 7;
  CHECK_FAILS(octet_session_create(model, &newer.known, &session), OCTET_INVALID_ARGUMENT, "newer");
}

static void test_run(octet_session* session) {
  const uint8_t a[4] = {0, 2, 4, 250};
  const uint8_t b[4] = {0, 1, 2, 100};
  uint8_t sum[4];
  float scores[2];
  octet_input in[2] = {{a, sizeof a, OCTET_U8, NULL}, {b, sizeof b, OCTET_U8, NULL}};
  octet_input named[2] = {{b, sizeof b, OCTET_U8, "b"}, {a, sizeof a, OCTET_U8, "a"}};
  octet_output out[2] = {{sum, sizeof sum, OCTET_U8, NULL}, {scores, sizeof scores, OCTET_F32, NULL}};
  octet_tensor_info info = new_info();

  CHECK(octet_session_input_count(session) == 2 && octet_session_output_count(session) == 2);
  CHECK(octet_session_output(session, 0, &info) == OCTET_OK && info.size_bytes == sizeof sum);
  CHECK(octet_session_weight_bytes(session) > 0);

  /* sum = {0, 2, 4, 225} saturated at (255 - 10) / 2 = 122.5; scores as in make_model.cc */
  CHECK(octet_session_run(session, in, 2, out, 2) == OCTET_OK);
  CHECK(sum[0] == 10 && sum[1] == 14 && sum[2] == 18 && sum[3] == 255);
  CHECK(scores[0] == 0 + 2 * 2 + 3 * 4 + 4 * 122.5F + 4 && scores[1] == 122.5F - 2);
  memset(sum, 0, sizeof sum);
  CHECK(octet_session_run(session, named, 2, out, 2) == OCTET_OK);
  CHECK(sum[0] == 10 && sum[1] == 14 && sum[2] == 18 && sum[3] == 255);

  CHECK_FAILS(octet_session_run(session, in, 1, out, 2), OCTET_INVALID_ARGUMENT, "inputs");
  CHECK_FAILS(octet_session_run(session, NULL, 2, out, 2), OCTET_INVALID_ARGUMENT, "NULL");
  in[1].size_bytes = 3;
  CHECK_FAILS(octet_session_run(session, in, 2, out, 2), OCTET_INVALID_ARGUMENT, "'b'");
  in[1].size_bytes = 4;
  in[1].type = OCTET_F32;
  CHECK_FAILS(octet_session_run(session, in, 2, out, 2), OCTET_INVALID_ARGUMENT, "f32");
  in[1].type = 99;
  CHECK_FAILS(octet_session_run(session, in, 2, out, 2), OCTET_INVALID_ARGUMENT, "type is unknown");
  named[0].name = "c";
  CHECK_FAILS(octet_session_run(session, named, 2, out, 2), OCTET_INVALID_ARGUMENT, "'c'");
  out[1].data = NULL;
  CHECK(octet_session_run(session, named, 2, out, 2) == OCTET_INVALID_ARGUMENT);
}

static void* read_whole(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  void* bytes = malloc(1U << 20U);
  if (file == NULL || bytes == NULL) exit(2);
  *size = fread(bytes, 1, 1U << 20U, file);
  fclose(file);
  return bytes;
}

int main(int argc, char** argv) {
  octet_model* model = NULL;
  octet_session* session = NULL;
  size_t size = 0;
  void* bytes = NULL;
  if (argc != 2) return 2;

  CHECK(strcmp(octet_last_error(), "") == 0);
  CHECK(strchr(octet_version(), '.') != NULL);
  test_load_errors();
  test_null_handles();

  CHECK(octet_model_load(argv[1], &model) == OCTET_OK);
  if (model == NULL) return 1;
  test_model_info(model);
  test_session_options(model);
  octet_model_free(model);

  bytes = read_whole(argv[1], &size);
  CHECK(octet_model_load_bytes(bytes, size, &model) == OCTET_OK);
  free(bytes);
  CHECK(octet_session_create(model, NULL, &session) == OCTET_OK);
  octet_model_free(model); /* the session keeps what it needs */
  if (session == NULL) return 1;
  test_run(session);
  octet_session_free(session);

  if (failures == 0) printf("ok\n");
  return failures == 0 ? 0 : 1;
}
