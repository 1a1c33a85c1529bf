# The engine as a library of its own: what trading and storage programs link, without the rest.
#
# One archive made of the objects that the library's headers need, from the layers that build them
# anyway; so it needs the packages of those objects and no others. tests/library builds a program
# against the installed result, and links every object of it.
set(engine_library_core error units cpuset fd host file_io file_host)
set(engine_library_stats histogram)
set(engine_library_engine adaptive_depth breach_recorder buffer_pool clock core_queues io_calls
  io_queue io_queue_state recorder ring scheduling shared_ring slab)
# What a user includes, and what these include: a consumer is built against them (tests/library).
set(engine_library_headers
  core/cpuset.hpp core/error.hpp core/fd.hpp core/file_host.hpp core/host.hpp core/units.hpp
  stats/histogram.hpp
  engine/adaptive_depth.hpp engine/breach_recorder.hpp engine/broadcast_ring.hpp
  engine/buffer_pool.hpp engine/clock.hpp engine/core_queues.hpp engine/io_queue.hpp
  engine/outside_fence.hpp engine/recorder.hpp engine/ring.hpp engine/seqlock.hpp
  engine/shared_ring.hpp engine/spin_lock.hpp engine/spsc_ring.hpp)

set(objects "")
foreach(layer IN ITEMS core stats engine)
  # Sources that a sanitized build would compile in a group have objects of their own here.
  list(TRANSFORM engine_library_${layer} REPLACE "(.+)"
    "${PROJECT_SOURCE_DIR}/${layer}/\\1.cpp" OUTPUT_VARIABLE sources)
  set_source_files_properties(${sources} TARGET_DIRECTORY assay_${layer}
    PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  list(JOIN engine_library_${layer} "|" names)
  list(APPEND objects
    $<FILTER:$<TARGET_OBJECTS:assay_${layer}>,INCLUDE,/\(${names}\)\\.cpp\\.o$>)
endforeach()
add_library(assay_engine_library STATIC ${objects})
set_target_properties(assay_engine_library PROPERTIES
  LINKER_LANGUAGE CXX EXPORT_NAME engine OUTPUT_NAME assay_engine
  ARCHIVE_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/library)
# Headers are included as <assay/engine/io_queue.hpp>, and include each other as "engine/...".
target_include_directories(assay_engine_library INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/assay>)
target_compile_features(assay_engine_library INTERFACE cxx_std_23)
target_link_libraries(assay_engine_library INTERFACE fmt::fmt Threads::Threads
  $<BUILD_INTERFACE:PkgConfig::liburing> $<INSTALL_INTERFACE:uring>)
# An archive that was built with a sanitizer can only be linked with it.
string(REGEX MATCHALL "-fsanitize=[^ ]+" engine_library_sanitizers "${CMAKE_CXX_FLAGS}")
target_compile_options(assay_engine_library INTERFACE ${engine_library_sanitizers})
target_link_options(assay_engine_library INTERFACE ${engine_library_sanitizers})
add_library(assay::engine_library ALIAS assay_engine_library)

include(CMakePackageConfigHelpers)
set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/assay)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/assayConfig.cmake.in
  ${PROJECT_BINARY_DIR}/library/assayConfig.cmake INSTALL_DESTINATION ${config_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/library/assayConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
list(JOIN engine_library_sanitizers " " ASSAY_SANITIZERS)
file(RELATIVE_PATH ASSAY_PREFIX_FROM_PC /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
configure_file(${CMAKE_CURRENT_LIST_DIR}/assay-engine.pc.in
  ${PROJECT_BINARY_DIR}/library/assay-engine.pc @ONLY)

# Its own component, so that the program's package brings no headers: `make package` makes two.
install(TARGETS assay_engine_library EXPORT assay-engine COMPONENT engine
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT assay-engine NAMESPACE assay:: FILE assay-engine.cmake COMPONENT engine
  DESTINATION ${config_folder})
install(FILES ${PROJECT_BINARY_DIR}/library/assayConfig.cmake
  ${PROJECT_BINARY_DIR}/library/assayConfigVersion.cmake COMPONENT engine
  DESTINATION ${config_folder})
install(FILES ${PROJECT_BINARY_DIR}/library/assay-engine.pc COMPONENT engine
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
foreach(header IN LISTS engine_library_headers)
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} COMPONENT engine DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/assay/${folder})
endforeach()
