# HdrHistogram_c: an installed package if there is one, else the release pinned by its hash. Where the network does not
# reach its home, set-up provides the sources and passes FETCHCONTENT_SOURCE_DIR_HDRHISTOGRAM (docs/decisions/0002).
find_package(hdr_histogram CONFIG QUIET)

if(NOT TARGET hdr_histogram::hdr_histogram_static)
  include(FetchContent)
  set(HDR_LOG_REQUIRED DISABLED CACHE STRING "The log writer needs zlib; interchange files are written elsewhere")
  set(HDR_HISTOGRAM_BUILD_PROGRAMS OFF CACHE BOOL "")
  set(HDR_HISTOGRAM_BUILD_SHARED OFF CACHE BOOL "")
  set(HDR_HISTOGRAM_INSTALL_SHARED OFF CACHE BOOL "")
  set(HDR_HISTOGRAM_INSTALL_STATIC OFF CACHE BOOL "")
  FetchContent_Declare(hdrhistogram
    URL https://github.com/HdrHistogram/HdrHistogram_c/archive/refs/tags/0.11.8.tar.gz
    URL_HASH SHA256=bb95351a6a8b242dc9be1f28562761a84d4cf0a874ffc90a9b630770a6468e94
    DOWNLOAD_EXTRACT_TIMESTAMP ON SYSTEM)
  FetchContent_MakeAvailable(hdrhistogram)
  add_library(hdr_histogram::hdr_histogram_static ALIAS hdr_histogram_static)
endif()
