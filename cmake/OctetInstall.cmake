# Headers, static libraries, octetConfig.cmake, octet.pc. The generated schema header and FlatBuffers stay inside: the
# libraries' headers need only the C++ standard library.
include(CMakePackageConfigHelpers)

# The public headers use std::span.
target_compile_features(octet_engine PUBLIC cxx_std_20)

option(OCTET_INSTALL "Make install rules" ${PROJECT_IS_TOP_LEVEL})
if(NOT OCTET_INSTALL)
  return()
endif()

# octet_export_dependency(TARGET LINKED INSTALLED): where TARGET links LINKED, users of the installed package link
# INSTALLED instead, a target octetConfig.cmake looks for; nothing if it is empty.
function(octet_export_dependency target linked installed)
  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)
  if(NOT TARGET ${linked})  # the path of a library; targets stand in $<LINK_ONLY>
    set(entry "${linked}")
  else()
    set(entry "$<LINK_ONLY:${linked}>")
  endif()
  string(REPLACE "${entry}" "$<BUILD_INTERFACE:${entry}>$<INSTALL_INTERFACE:${installed}>" libraries "${libraries}")
  set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
endfunction()

octet_export_dependency(octet_kernels ${OCTET_DNNL_LIBRARY} "$<LINK_ONLY:octet::dnnl>")
octet_export_dependency(octet_kernels xsimd "")  # headers only

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/octet)
install(TARGETS octet_kernels octet_engine EXPORT octetEngineTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT octetEngineTargets NAMESPACE octet:: DESTINATION ${package_dir})
install(DIRECTORY engine/include/octet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

if(OCTET_BUILD_CONVERTER)
  octet_export_dependency(octet_converter ${OCTET_ONNX_PROTO} "$<LINK_ONLY:octet::onnx_proto>")
  install(TARGETS octet_converter EXPORT octetConverterTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT octetConverterTargets NAMESPACE octet:: DESTINATION ${package_dir})
  install(DIRECTORY converter/include/octet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()

configure_package_config_file(cmake/octetConfig.cmake.in octetConfig.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break what came before.
write_basic_package_version_file(octetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/octetConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/octetConfigVersion.cmake
  DESTINATION ${package_dir})

# pkg-config. Names, not paths, where the linker finds them by itself.
set(OCTET_PC_LIBS_PRIVATE "-ldnnl")
get_filename_component(dnnl_dir ${OCTET_DNNL_LIBRARY} DIRECTORY)
if(NOT dnnl_dir IN_LIST CMAKE_CXX_IMPLICIT_LINK_DIRECTORIES)
  string(PREPEND OCTET_PC_LIBS_PRIVATE "-L${dnnl_dir} ")
endif()
set(runtime ${OpenMP_CXX_LIB_NAMES} pthread ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(FILTER runtime INCLUDE REGEX "^(gomp|omp|pthread|stdc\\+\\+|c\\+\\+|m)$")
list(REMOVE_DUPLICATES runtime)
foreach(library ${runtime})
  string(APPEND OCTET_PC_LIBS_PRIVATE " -l${library}")
endforeach()
file(RELATIVE_PATH OCTET_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" OCTET_PC_PREFIX "${OCTET_PC_PREFIX}")
configure_file(cmake/octet.pc.in octet.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/octet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
