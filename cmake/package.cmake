# What an installation or an archive holds: the programs. The harness is a Python package (pip install .), which finds them
# where IOMODELS_BUILD points. A component of its own, because a dependency that is built along installs its headers otherwise.
#
#   cmake --install build/msvc --config RelWithDebInfo --component programs --prefix DIR
#   cpack --preset msvc
function(install_programs folder)
  foreach(program ${ARGN})
    get_target_property(type ${program} TYPE)
    if(type STREQUAL EXECUTABLE)
      install(TARGETS ${program} RUNTIME DESTINATION ${folder} COMPONENT programs)
    endif()
  endforeach()
endfunction()
get_property(models DIRECTORY servers PROPERTY BUILDSYSTEM_TARGETS)
get_property(laws DIRECTORY laws PROPERTY BUILDSYSTEM_TARGETS)
install_programs(bin ${models} loadgen)
install_programs(bin/laws ${laws})
install(FILES LICENSE README.md CHANGELOG.md docs/interface.md DESTINATION . COMPONENT programs)

set(CPACK_GENERATOR ZIP)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL programs)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_VERBATIM_VARIABLES ON)
string(TOLOWER "${CMAKE_SYSTEM_NAME}-${CMAKE_C_COMPILER_ID}-${CMAKE_C_COMPILER_ARCHITECTURE_ID}${CMAKE_SYSTEM_PROCESSOR}" where)
set(CPACK_PACKAGE_FILE_NAME iomodels-${PROJECT_VERSION}-${where})
include(CPack)
