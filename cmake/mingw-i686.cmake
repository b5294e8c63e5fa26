# 32-bit Windows: what a process of 2 GB makes of a thread per client, and a second data model for the compiler's warnings.
set(CMAKE_SYSTEM_PROCESSOR i686)
include(${CMAKE_CURRENT_LIST_DIR}/mingw-w64.cmake)
