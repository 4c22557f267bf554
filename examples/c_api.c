/* Runs a model of any inputs and outputs once, on zeros, and prints what there is: the C API in one page. */
#include <octet/octet.h>
#include <stdio.h>
#include <stdlib.h>

enum { kMost = 8 };

static int report(octet_status status) {
  fprintf(stderr, "%s\n", octet_last_error());
  return (int)status;
}

static void print(const char* what, const octet_tensor_info* info) {
  printf("%s %s:", what, info->name);
  for (size_t i = 0; i < info->rank; ++i) printf(" %lld", (long long)info->dims[i]);
  printf(" (%zu bytes)\n", info->size_bytes);
}

static int run(octet_session* session) {
  octet_input inputs[kMost];
  octet_output outputs[kMost];
  octet_tensor_info info = {0};
  const size_t input_count = octet_session_input_count(session);
  const size_t output_count = octet_session_output_count(session);
  octet_status status = OCTET_OK;
  if (input_count > kMost || output_count > kMost) return 1;

  info.struct_size = sizeof info;
  for (size_t i = 0; i < input_count; ++i) {
    octet_session_input(session, i, &info);
    print("input ", &info);
    inputs[i] = (octet_input){calloc(1, info.size_bytes), info.size_bytes, info.type, info.name};
  }
  for (size_t i = 0; i < output_count; ++i) {
    octet_session_output(session, i, &info);
    print("output", &info);
    outputs[i] = (octet_output){calloc(1, info.size_bytes), info.size_bytes, info.type, info.name};
  }

  status = octet_session_run(session, inputs, input_count, outputs, output_count);
  if (status == OCTET_OK && outputs[0].type == OCTET_F32)
    for (size_t i = 0; i < outputs[0].size_bytes / sizeof(float); ++i) printf("%g\n", ((const float*)outputs[0].data)[i]);

  for (size_t i = 0; i < input_count; ++i) free((void*)inputs[i].data);
  for (size_t i = 0; i < output_count; ++i) free(outputs[i].data);
  return status == OCTET_OK ? 0 : report(status);
}

int main(int argc, char** argv) {
  octet_model* model = NULL;
  octet_session* session = NULL;
  octet_session_options options = OCTET_SESSION_OPTIONS_INIT;
  options.threads = 1;

  octet_status status = octet_model_load(argc > 1 ? argv[1] : "fashion_lenet.octet", &model);
  if (status == OCTET_OK) status = octet_session_create(model, &options, &session);
  if (status != OCTET_OK) return report(status);
  const int code = run(session);
  octet_session_free(session);
  octet_model_free(model);
  return code;
}
