# MinGW-w64: a cross-build with the distribution's compilers, whose programs run under Wine; on Windows itself MSYS2's or
# llvm-mingw's. 64-bit, unless a file that includes this one says otherwise.
set(CMAKE_SYSTEM_NAME Windows)
if(NOT CMAKE_SYSTEM_PROCESSOR)
  set(CMAKE_SYSTEM_PROCESSOR x86_64)
endif()
set(triple ${CMAKE_SYSTEM_PROCESSOR}-w64-mingw32)
set(CMAKE_C_COMPILER ${triple}-gcc)
# The variant with POSIX threads: until GCC 13 the other one had no std::thread and std::mutex.
if(CMAKE_HOST_WIN32)
  set(CMAKE_CXX_COMPILER ${triple}-g++)
else()
  find_program(mingw_cxx NAMES ${triple}-g++-posix ${triple}-g++ NO_CMAKE_FIND_ROOT_PATH)
  set(CMAKE_CXX_COMPILER ${mingw_cxx})
endif()
find_program(CMAKE_RC_COMPILER NAMES ${triple}-windres windres REQUIRED) # MSYS2 has it without the prefix
set(CMAKE_FIND_ROOT_PATH /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
if(NOT CMAKE_HOST_WIN32)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/wine-run)
endif()
