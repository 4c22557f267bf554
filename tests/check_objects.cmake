# cmake -D OBJECTS=a.o;b.o -P check_objects.cmake: what object files must not contain.
#  - Files for one instruction set (<isa>.cc): a weak symbol. The linker would keep one copy of it for the whole program,
#    perhaps the wide one for baseline code.
#  - Any kernel: a fused multiply-add. The contract rounds products and sums separately.
foreach(object IN LISTS OBJECTS)
  if(object MATCHES "/(avx[^/]*|amx[^/]*)\\.cc\\.o$")
    execute_process(COMMAND nm --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "[^\n]* [WVu] [^\n]*" weak "${symbols}")
    if(weak)
      message(SEND_ERROR "${object} defines weak symbols: ${weak}")
    endif()
    math(EXPR checked "${checked} + 1")
  endif()
  execute_process(COMMAND objdump -d --no-show-raw-insn ${object} OUTPUT_VARIABLE code COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "vfn?m(add|sub)[0-9a-z]+" fused "${code}")
  if(fused)
    message(SEND_ERROR "${object} has a fused multiply-add: ${fused}")
  endif()
endforeach()
if(NOT checked)
  message(SEND_ERROR "no object of an instruction set was among those checked")
endif()
