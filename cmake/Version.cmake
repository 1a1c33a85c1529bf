# What this build is: the commit it was made from, where there is one.
execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} describe --always --dirty --abbrev=12
  OUTPUT_VARIABLE ASSAY_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  set(ASSAY_COMMIT "no commit")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/assay_version.hpp.in
  ${PROJECT_BINARY_DIR}/generated/assay_version.hpp @ONLY)
