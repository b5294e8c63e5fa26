# What every target of this project is compiled with: C11 as MSVC, GCC and Clang all know it.
add_library(iomodels_flags INTERFACE)

set(IOMODELS_SANITIZE OFF CACHE STRING "ON: AddressSanitizer and UndefinedBehaviorSanitizer; thread: ThreadSanitizer; OFF")
option(IOMODELS_FUZZ "Build the libFuzzer targets of tests/fuzz (Clang only)" OFF)

# Off for users: a new warning of a newer compiler must not end their first build. The tests switch it on.
option(IOMODELS_WERROR "Warnings are errors" $ENV{IOMODELS_WERROR})

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)

if(MSVC)
  # /permissive- is about C++. Three warnings are about C99 that MSVC still calls an extension of its own: 4200 a last member
  # `x[]`, 4204 and 4221 an initializer that is known only at run time, or is the address of a local variable. 4459 is about a
  # local name that a global one has too: Microsoft does not say whether a function of the system counts (`socket`, `time`), and
  # what is ours -Wshadow of the other compilers finds. 5105: winbase.h of the SDK 10.0.19041 under /std:c11.
  target_compile_options(iomodels_flags INTERFACE /W4 $<$<BOOL:${IOMODELS_WERROR}>:/WX> /utf-8 /wd4459 /wd5105 $<$<COMPILE_LANGUAGE:CXX>:/permissive->
    $<$<COMPILE_LANGUAGE:C>:/wd4200 /wd4204 /wd4221>)
  target_compile_definitions(iomodels_flags INTERFACE _CRT_SECURE_NO_WARNINGS)
  # CMake's RelWithDebInfo is /Ob1 and /INCREMENTAL: no static function inlined, calls through thunks. GCC does neither.
  target_compile_options(iomodels_flags INTERFACE $<$<CONFIG:RelWithDebInfo>:/Ob2>)
  target_link_options(iomodels_flags INTERFACE $<$<CONFIG:RelWithDebInfo>:/INCREMENTAL:NO /OPT:REF,ICF>)
else()
  target_compile_options(iomodels_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<BOOL:${IOMODELS_WERROR}>:-Werror>)
endif()

if(WIN32)
  # Windows 8 is the oldest system whose calls the sources use. zig defines a newer one itself.
  set(windows _WIN32_WINNT=0x0602)
  target_compile_options(iomodels_flags INTERFACE $<IF:$<BOOL:${MSVC}>,/D${windows},-U_WIN32_WINNT;-D${windows}>)
  target_compile_definitions(iomodels_flags INTERFACE WIN32_LEAN_AND_MEAN NOMINMAX UNICODE _UNICODE)
  if(MINGW)
    # C99 printf formats also with the old msvcrt.dll; no run-time DLLs to carry along.
    target_compile_definitions(iomodels_flags INTERFACE __USE_MINGW_ANSI_STDIO=1)
    target_link_options(iomodels_flags INTERFACE -static)
    if(CMAKE_C_COMPILER_ID STREQUAL GNU) # a new build of the same sources is the same file, which --resume asks for
      target_link_options(iomodels_flags INTERFACE -Wl,--no-insert-timestamp)
    endif()
  endif()
else()
  target_compile_definitions(iomodels_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
endif()

if(IOMODELS_SANITIZE AND MSVC)
  add_compile_options(/fsanitize=address) # there is no UndefinedBehaviorSanitizer
  add_link_options(/INCREMENTAL:NO)
  # Its library lies beside the compiler, where a program does not look for it.
  cmake_path(GET CMAKE_C_COMPILER PARENT_PATH compilers)
  file(GLOB runtimes ${compilers}/clang_rt.asan_dynamic-*.dll)
  file(COPY ${runtimes} DESTINATION ${CMAKE_BINARY_DIR}/bin)
elseif(IOMODELS_SANITIZE STREQUAL thread)
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(IOMODELS_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

if(IOMODELS_FUZZ)
  # So that the fuzzer sees which branches of the libraries it reaches, several times as often as without optimization.
  add_compile_options(-fsanitize=fuzzer-no-link -O1)
endif()

# A build for the conformance suite: every lock is checked while the program runs (tests/fixtures/checked).
option(IOMODELS_CHECK_LOCKS "Note who holds each lock, and end at a broken rule (MinGW-w64 only)" OFF)
if(IOMODELS_CHECK_LOCKS)
  add_library(checked_locks STATIC tests/fixtures/checked/locks.c)
  link_libraries(checked_locks)
  foreach(function AcquireSRWLockExclusive ReleaseSRWLockExclusive SleepConditionVariableSRW)
    add_link_options(-Wl,--wrap=${function} -Wl,--wrap=__imp_${function})
  endforeach()
endif()
