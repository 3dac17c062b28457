# joined.mk — how rooms of src are compiled as one source each: for the Makefile (JOINED=1, as scripts/quickstart does) and for programs of tests, which
# take objects_of ROOM... and, of *_test.cpp, TEST_OBJECTS.  Wants TOP, OUT and, of tests that join no others, APART.
#
# One object a source; with JOINED=1 one a room, and four for the tests: the compiler then reads the libraries' headers once for each of them, and
# takes a third of the time for all, but more for a change. So no two sources of a room, and no two tests, may give one name to two things.

CORE_ROOMS := $(patsubst $(TOP)/src/%,%,$(wildcard $(TOP)/src/core/*))
JOINED_ROOMS := $(CORE_ROOMS) net/client net/server
JOINED_TESTS := 1 2 3 4
ifdef JOINED
objects_of = $(1:%=$(OUT)/joined/%.o)
TEST_OBJECTS := $(JOINED_TESTS:%=$(OUT)/joined/tests_%.o) $(APART:%.cpp=$(OUT)/%.o)
else
objects_of = $(foreach room,$1,$(patsubst $(TOP)/%.cpp,$(OUT)/%.o,$(wildcard $(TOP)/src/$(room)/*.cpp)))
TEST_OBJECTS := $(patsubst %.cpp,$(OUT)/%.o,$(wildcard *_test.cpp))
endif

# Its rules come before those of the Makefile that includes it.
.DEFAULT_GOAL := check
.SECONDEXPANSION:
# GCC takes a joined source for a header, and warns of what another file could see.
$(JOINED_ROOMS:%=$(OUT)/joined/%.cpp): $(OUT)/joined/%.cpp: $$(wildcard $(TOP)/src/$$*/*.cpp) $(TOP)/test/joined.mk
	@mkdir -p $(@D)
	@{ printf '%s\n' '#ifndef __clang__' '#pragma GCC diagnostic ignored "-Wsubobject-linkage"' '#endif'; \
		printf '#include "%s"\n' $(patsubst $(TOP)/src/%,%,$(filter %.cpp,$^)); } >$@
# Every fourth test by size, so that one object takes as long as the other. What a test calls its own may be a local name of another.
$(JOINED_TESTS:%=$(OUT)/joined/tests_%.cpp): $(OUT)/joined/tests_%.cpp: $(filter-out $(APART),$(wildcard *_test.cpp)) $(TOP)/test/joined.mk
	@mkdir -p $(@D)
	@{ echo '#pragma GCC diagnostic ignored "-Wshadow"'; \
		ls -S $(filter %_test.cpp,$^) | awk 'NR % $(words $(JOINED_TESTS)) + 1 == $* { print "#include \"" $$0 "\"" }'; } >$@
