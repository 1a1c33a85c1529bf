# `make package`: a .deb that holds the program, its documents and its schemas, and no build tools.
install(FILES ${PROJECT_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/profiles/ DESTINATION ${CMAKE_INSTALL_DATADIR}/assay/profiles
  FILES_MATCHING PATTERN "*.yaml" PATTERN "*.schema.json")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME assay)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_CONTACT "assay maintainers <maintainers@assay.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What is loaded at run time (core/late_library.hpp) stands in no ELF header.
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_DEPENDS "libarchive13, libnvme1")
set(CPACK_STRIP_FILES ON)
# Two packages: the program, and the engine as a library for those who build with it.
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL Unspecified engine)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME assay)
set(CPACK_DEBIAN_ENGINE_PACKAGE_NAME libassay-engine-dev)
set(CPACK_DEBIAN_ENGINE_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_ENGINE_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_ENGINE_PACKAGE_DEPENDS "liburing-dev, libfmt-dev")
set(CPACK_COMPONENT_ENGINE_DESCRIPTION
  "Buffers, io_uring queues and an adaptive depth for low-latency storage")
include(CPack)
