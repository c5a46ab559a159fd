# Programs and tests that are no room's: what crosses rooms (tests/), and the two small servers that stand behind a gateway.
#   tests/sim/*.cc         -> weir_sim, the proxy on the simulated network (./dev sim); tests/sim/*_test.cc -> sim_test, a
#                             fixed set of its seeds and what was found by it
#   tests/judge/*.cc       -> weir_judge, changes brought out before the judge; tests/judge/*_test.cc -> judge_test, a fixed
#                             set of them
#   tests/mutants/*.cc     -> weir_mutants, a day of traffic and mutants of a configuration, for tests/mutants/test_mutants.py

add_executable(sample_upstream examples/quickstart/sample_upstream.cc)
target_link_libraries(sample_upstream PRIVATE Threads::Threads)

if(EXISTS ${CMAKE_SOURCE_DIR}/bench/backend.cc)
  add_executable(bench_backend EXCLUDE_FROM_ALL bench/backend.cc)
  add_executable(bench_copier EXCLUDE_FROM_ALL bench/copier.cc)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/bench/replay.cc)
  add_executable(bench_replay EXCLUDE_FROM_ALL bench/replay.cc)
  target_link_libraries(bench_replay PRIVATE weir_control)
endif()

if(WEIR_TESTS)
  file(GLOB sim_sources CONFIGURE_DEPENDS tests/sim/*.cc)
  if(sim_sources)
    set(sim_tests ${sim_sources})
    list(FILTER sim_tests INCLUDE REGEX "_test\\.cc$")
    list(FILTER sim_sources EXCLUDE REGEX "(_test|/main)\\.cc$")
    add_library(sim_world STATIC ${sim_sources})
    target_link_libraries(sim_world PUBLIC weir_control judge_traffic)
    add_executable(weir_sim tests/sim/main.cc)
    target_link_libraries(weir_sim PRIVATE sim_world)
    if(sim_tests)
      add_executable(sim_test ${sim_tests})
      target_link_libraries(sim_test PRIVATE sim_world GTest::gtest_main)
      add_test(NAME sim COMMAND sim_test)
      set_tests_properties(sim PROPERTIES TIMEOUT 300)
    endif()
  endif()

  file(GLOB judge_sources CONFIGURE_DEPENDS tests/judge/*.cc)
  set(judge_tests ${judge_sources})
  list(FILTER judge_tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER judge_sources EXCLUDE REGEX "(_test|/main|/world|/changes)\\.cc$")
  add_library(judge_traffic STATIC tests/judge/world.cc tests/judge/changes.cc)   # of which the simulation of the whole proxy draws too
  target_compile_options(judge_traffic PRIVATE -O2)
  target_link_libraries(judge_traffic PUBLIC weir_model)
  add_library(judge_world STATIC ${judge_sources} $<TARGET_PROPERTY:weir_rollout,SOURCES>)
  target_compile_options(judge_world PRIVATE -O2)   # a million requests a change, the judge's own code included
  target_link_libraries(judge_world PUBLIC judge_traffic)
  add_executable(weir_judge tests/judge/main.cc)
  target_link_libraries(weir_judge PRIVATE judge_world)
  if(judge_tests)
    add_executable(judge_test ${judge_tests})
    target_link_libraries(judge_test PRIVATE judge_world GTest::gtest_main)
    add_test(NAME judge COMMAND judge_test)
    set_tests_properties(judge PROPERTIES TIMEOUT 300)
  endif()

  file(GLOB mutant_sources CONFIGURE_DEPENDS tests/mutants/*.cc)
  add_executable(weir_mutants ${mutant_sources})
  target_compile_options(weir_mutants PRIVATE -O2)   # its simulation runs over a million requests some hundred times
  target_link_libraries(weir_mutants PRIVATE weir_control)

  # The longest begin first: at the end no core waits for them.
  set_tests_properties(sim replay PROPERTIES COST 2)
  set_tests_properties(judge rollout decide PROPERTIES COST 1)
endif()
