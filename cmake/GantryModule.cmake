# How gantry's modules, programs and tests are declared; every folder's CMakeLists.txt uses only these.
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON) # TRY is a statement expression
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

option(GANTRY_COVERAGE "Instrument for gcov" OFF)
option(GANTRY_FUZZ "With tests/fuzz, which needs clang" OFF)
set(GANTRY_SANITIZE "" CACHE STRING "Value for -fsanitize, such as address,undefined")

find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the source folder are hashed relative to it, so that every build folder shares one cache.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

# For whole builds: sources are compiled several at a time, so that a header's templates are compiled once for
# all of them. A change then rebuilds its whole batch: develop with the debug preset.
option(GANTRY_UNITY "Compile sources in batches: the whole tree builds in a quarter of the time" OFF)
set(batch_size 32) # sources; a compiler takes up to 1.5 GB for one

find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

# Warnings are errors for our own code; libraries come in as SYSTEM includes.
add_library(gantry_options INTERFACE)
target_include_directories(gantry_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(gantry_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wcast-qual
                                                -Wno-missing-field-initializers -Werror)
target_compile_definitions(gantry_options INTERFACE GANTRY_VERSION="${PROJECT_VERSION}" _GNU_SOURCE)
# gcc 12's optimiser sees flaws that aren't there, in the standard library's variants and strings (gcc bugs 105562,
# 105329, 105651); the sanitizers watch over the same code. And a batch's files share one anonymous namespace.
if(GANTRY_UNITY)
  target_compile_options(gantry_options INTERFACE
    -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict
    -Wno-shadow -Wno-subobject-linkage)
endif()
# A section for each function: what no program calls is left out, and link_order.txt can put the rest in order.
target_compile_options(gantry_options INTERFACE "$<$<CONFIG:Release>:-ffunction-sections;-fdata-sections>")
add_link_options(-Wl,--gc-sections)
# What is tested is instrumented, the tests needn't be; but the thread sanitizer has to see all.
add_library(gantry_sanitizers INTERFACE)
if(GANTRY_SANITIZE)
  target_compile_options(gantry_sanitizers INTERFACE -fsanitize=${GANTRY_SANITIZE} -fno-omit-frame-pointer
                                                     -fno-sanitize-recover=undefined)
  target_link_options(gantry_options INTERFACE -fsanitize=${GANTRY_SANITIZE})
endif()
# clang has words of its own about what gcc takes; gcc's are errors in every other preset.
if(GANTRY_FUZZ)
  target_compile_options(gantry_options INTERFACE -Wno-error -Wno-unknown-warning-option)
  target_compile_options(gantry_sanitizers INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(GANTRY_COVERAGE)
  target_compile_options(gantry_options INTERFACE --coverage)
  target_link_options(gantry_options INTERFACE --coverage)
endif()

function(gantry_batch target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${GANTRY_UNITY} UNITY_BUILD_BATCH_SIZE ${batch_size})
endfunction()

# gantry_module(NAME [WAITS] SOURCES file… [MODULES module…] [LIBRARIES target…])
# One static library, gantry_NAME. MODULES are the modules it may use: exactly its row in docs/architecture.md.
# WAITS: it waits for disks, networks and people, not for the processor: -O1, which compiles in two thirds of the time,
# and -O0 under the sanitizers, whose checks the optimiser takes long for.
function(gantry_module name)
  cmake_parse_arguments(ARG "WAITS" "" "SOURCES;MODULES;LIBRARIES" ${ARGN})
  add_library(gantry_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(gantry_${name} PUBLIC gantry_options PRIVATE gantry_sanitizers)
  foreach(module IN LISTS ARG_MODULES)
    target_link_libraries(gantry_${name} PUBLIC gantry_${module})
  endforeach()
  target_link_libraries(gantry_${name} PUBLIC ${ARG_LIBRARIES})
  if(ARG_WAITS)
    target_compile_options(gantry_${name} PRIVATE $<IF:$<CONFIG:Release>,-O1,-O0>)
  endif()
  gantry_batch(gantry_${name})
endfunction()

add_custom_target(programs) # what is installed, without the tests

# gantry_program(NAME [STATIC] SOURCES file… [MODULES module…] [LIBRARIES target…])
# Installed in bin. STATIC: no dynamic linking at all (the runtime and the monitor).
function(gantry_program name)
  cmake_parse_arguments(ARG "STATIC" "" "SOURCES;MODULES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  foreach(module IN LISTS ARG_MODULES)
    target_link_libraries(${name} PRIVATE gantry_${module})
  endforeach()
  target_link_libraries(${name} PRIVATE gantry_options gantry_sanitizers ${ARG_LIBRARIES})
  if(ARG_STATIC AND NOT GANTRY_SANITIZE)
    target_link_libraries(${name} PRIVATE gantry_fmt_static)
    target_link_options(${name} PRIVATE -static)
  elseif(ARG_STATIC)
    target_link_libraries(${name} PRIVATE gantry_fmt_static)
  else()
    target_link_libraries(${name} PRIVATE fmt spdlog Threads::Threads)
  endif()
  add_dependencies(programs ${name})
  install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endfunction()

function(gantry_test_definitions name)
  target_compile_definitions(${name} PRIVATE GANTRY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
endfunction()

# What is tested is optimised, tests needn't be.
function(gantry_test_options name)
  target_compile_options(${name} PRIVATE -O0)
  if(GANTRY_SANITIZE MATCHES thread)
    target_link_libraries(${name} PRIVATE gantry_sanitizers)
  endif()
endfunction()

# gantry_test(NAME SOURCES file… [MODULES module…] [LIBRARIES target…] [PROGRAMS target…] [GUEST | SYSTEMD])
# One GoogleTest program. GUEST: its tests need enforced cgroup v2 limits, so `scripts/test` runs it in the guest
# wherever the host can't enforce them. SYSTEMD: and systemd, in a guest that systemd runs. PROGRAMS are built before
# it; it finds them by tests/support/programs.h.
function(gantry_test name)
  cmake_parse_arguments(ARG "GUEST;SYSTEMD" "" "SOURCES;MODULES;LIBRARIES;PROGRAMS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  foreach(module IN LISTS ARG_MODULES)
    target_link_libraries(${name} PRIVATE gantry_${module})
  endforeach()
  target_link_libraries(${name} PRIVATE gantry_options gantry_test_support ${ARG_LIBRARIES} GTest::gmock
                                        GTest::gtest_main fmt spdlog Threads::Threads)
  gantry_test_definitions(${name})
  gantry_test_options(${name})
  if(GANTRY_UNITY) # GoogleTest's headers are read once for all; clang-tidy, which can't, reads the debug preset
    target_precompile_headers(${name} REUSE_FROM gantry_test_headers)
  endif()
  gantry_batch(${name})
  if(ARG_PROGRAMS)
    add_dependencies(${name} ${ARG_PROGRAMS})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(ARG_GUEST)
    set_property(GLOBAL APPEND PROPERTY GANTRY_GUEST_TESTS ${name})
  elseif(ARG_SYSTEMD)
    set_property(GLOBAL APPEND PROPERTY GANTRY_SYSTEMD_TESTS ${name})
  else()
    set_property(GLOBAL APPEND PROPERTY GANTRY_NATIVE_TESTS ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
endfunction()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
