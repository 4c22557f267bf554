# Flags every target of the project shares.
find_package(Threads REQUIRED)
if(OCTET_OPENMP)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()

add_library(octet_flags INTERFACE)
target_compile_options(octet_flags INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wno-unknown-pragmas
  # The numerics contract: no fused multiply-add, no reordering, IEEE everything.
  -ffp-contract=off -fno-math-errno)
# GCC 12 sees overlapping copies in std::string's operator+ that are not there (GCC bug 105651).
target_compile_options(octet_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(OCTET_WERROR)
  target_compile_options(octet_flags INTERFACE -Werror)
endif()
if(OCTET_SANITIZE)
  target_compile_options(octet_flags INTERFACE -fsanitize=${OCTET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(octet_flags INTERFACE -fsanitize=${OCTET_SANITIZE})
endif()
target_include_directories(octet_flags INTERFACE ${PROJECT_SOURCE_DIR})

# octet_library(NAME [SOURCES...]): a library of the project, exported as octet::NAME.
function(octet_library name)
  add_library(octet_${name} ${ARGN})
  add_library(octet::${name} ALIAS octet_${name})
  set_target_properties(octet_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(octet_${name} PRIVATE $<BUILD_INTERFACE:octet_flags>)
endfunction()
