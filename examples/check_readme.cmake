# cmake -D README=... -D SOURCE=... -P check_readme.cmake: the first C++ program of README is SOURCE, byte for byte.
file(READ "${README}" readme)
file(READ "${SOURCE}" source)
set(fence "```cpp\n")
string(FIND "${readme}" "${fence}${source}```\n" at)
string(FIND "${readme}" "${fence}" first)
if(at EQUAL -1 OR NOT at EQUAL first)
  message(FATAL_ERROR "The first C++ program of ${README} is not ${SOURCE}")
endif()
