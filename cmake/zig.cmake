# `zig cc`: Clang, LLD, and the headers and libraries of MinGW-w64 in one wheel of PyPI (ziglang), so nothing has to be
# installed. It builds for Windows on Windows and on Linux: x64, unless a preset sets CMAKE_SYSTEM_PROCESSOR to aarch64.
set(CMAKE_SYSTEM_NAME Windows)
if(NOT CMAKE_SYSTEM_PROCESSOR)
  set(CMAKE_SYSTEM_PROCESSOR x86_64)
endif()
file(GLOB ziglang ${CMAKE_CURRENT_LIST_DIR}/../build/*/lib/python*/site-packages/ziglang
  ${CMAKE_CURRENT_LIST_DIR}/../build/*/Lib/site-packages/ziglang)
find_program(IOMODELS_ZIG NAMES zig HINTS ${ziglang} REQUIRED DOC "zig, as in the wheel ziglang")
set(CMAKE_C_COMPILER ${IOMODELS_ZIG} cc)
set(CMAKE_CXX_COMPILER ${IOMODELS_ZIG} c++)
set(CMAKE_C_COMPILER_TARGET ${CMAKE_SYSTEM_PROCESSOR}-windows-gnu)
set(CMAKE_CXX_COMPILER_TARGET ${CMAKE_C_COMPILER_TARGET})
# CMake wants the archiver as a program, and zig is one with a first word.
foreach(language C CXX)
  set(CMAKE_${language}_ARCHIVE_CREATE "\"${IOMODELS_ZIG}\" ar qc <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "\"${IOMODELS_ZIG}\" ar q <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "\"${IOMODELS_ZIG}\" ranlib <TARGET>")
endforeach()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CMAKE_SYSTEM_PROCESSOR)
if(NOT CMAKE_HOST_WIN32 AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine-run)
endif()
