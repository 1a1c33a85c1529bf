# One static library a folder, all with the same warnings and include root.
include(GNUInstallDirs)

add_library(assay_options INTERFACE)
target_include_directories(assay_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(assay_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

# assay_layer(NAME [LINK targets...])
# Adds the library assay_NAME (alias assay::NAME) from every source file of this folder.
function(assay_layer name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(assay_${name} STATIC ${sources})
  add_library(assay::${name} ALIAS assay_${name})
  set_target_properties(assay_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON LINKER_LANGUAGE CXX)
  target_link_libraries(assay_${name} PUBLIC ${arg_LINK} PRIVATE $<BUILD_INTERFACE:assay_options>)
  target_include_directories(assay_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/assay>)
endfunction()

# assay_test(NAME SOURCES files... LINK targets... [LABELS labels...])
# One GoogleTest program; each of its cases is a ctest of its own. "assay_test_paths.hpp" names the
# repository and the captured hosts. A program that starts threads bears the label "threads":
# `make test-tsan` runs it under ThreadSanitizer.
configure_file(${CMAKE_CURRENT_LIST_DIR}/assay_test_paths.hpp.in
  ${PROJECT_BINARY_DIR}/generated/assay_test_paths.hpp @ONLY)
function(assay_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} assay_options GTest::gtest_main GTest::gmock)
  # A test's own code runs once: with sanitizers, optimizing it takes longer than it saves.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Debug>:-O0>)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300 LABELS "${arg_LABELS}")
  if("threads" IN_LIST arg_LABELS)
    set_property(GLOBAL APPEND PROPERTY assay_threaded_tests ${name})
  endif()
endfunction()
