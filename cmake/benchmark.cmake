# Google Benchmark, like HdrHistogram: an installed package if there is one, else the sources that set-up provides
# (FETCHCONTENT_SOURCE_DIR_GOOGLEBENCHMARK), else the release pinned by its hash.
find_package(benchmark CONFIG QUIET)

if(NOT TARGET benchmark::benchmark)
  include(FetchContent)
  foreach(part TESTING INSTALL WERROR)
    set(BENCHMARK_ENABLE_${part} OFF CACHE BOOL "")
  endforeach()
  FetchContent_Declare(googlebenchmark
    URL https://github.com/google/benchmark/archive/refs/tags/v1.7.1.tar.gz
    URL_HASH SHA256=6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7
    DOWNLOAD_EXTRACT_TIMESTAMP ON SYSTEM)
  FetchContent_MakeAvailable(googlebenchmark)
endif()
