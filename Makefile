# SPDX-License-Identifier: MIT
# libvae - GNU make. Everything is built in build/; no list of files is kept here, a new file is found by its folder.
#
#   make [all]         build/libvae.a, build/libvae.so, build/vae          make check       every test, a few minutes
#   make install       PREFIX=/usr/local, DESTDIR=, LIBDIR=, ...           make check-asan  the C tests under ASan and UBSan
#   make soak          MODELS=1000000 SEED=1: random models                make check-reproducible  two builds, equal bytes
#   make check-ports   other systems: compiled by zig, run where they can
#   make kill-soak     KILLS=1000: runs killed and resumed                 make power-soak  VARIANTS=40 SEED=1: power losses
#   make demo          train on Fashion-MNIST, look at demo/samples.png    make bench       speed, beside the peers if installed
#   make demo-vq       train codebooks on clothes and textures             make docs        the generated documents
#   make wheels        Python wheels in build/wheels: PLATFORMS='manylinux-x86_64 musllinux-x86_64': these only
#   make wasm          the npm package and a page in build/wasm            make check-browser  the page in Chromium
#   make fuzz          the targets of fuzz/, with clang and libFuzzer      make check-fuzz  their corpus, ten seconds each
#   make tsan, msan    C tests under ThreadSanitizer, MemorySanitizer      make coverage    lines and branches by folder
#   make memcheck      C tests in valgrind: MEMCHECK_SUITES='grammar json'
#   make format        C as .clang-format has it                         make check-format  is it so?
#   make amalgamation  the library as two files, build/amalgamation/     make dist      the tarball and the two files, in build/dist
#   make sbom          what libvae is made of, as SPDX                 make nuget     the libraries of the wheels, for .NET
#   make compile_commands.json  for editors                              make clean
#   V=1                shows the commands
#   DEBUG=1            in build/debug: assertions, red zones behind every piece of memory, sanitizers; for a debugger
#
# BLAS=auto|openblas|blis|none chooses the library that multiplies matrices when a program asks for VAE_ARITH_BLAS; the default arithmetic
# never uses it. auto, the default: openblas where pkg-config finds it, else none. CC, CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS are yours: what
# libvae needs is kept in the OUR_ variables.

comma := ,
hash := \#
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

BUILD      ?= $(if $(DEBUG),build/debug,build)
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
BLAS       ?= auto
FUZZ_CC    ?= clang
CFLAGS     ?= $(if $(DEBUG),-Og -g3 $(SANITIZERS),-O2 -g)
AR         ?= ar
INSTALL    ?= install
PKG_CONFIG ?= pkg-config

# with assertions, and red zones behind every piece of memory: lib/base/debug.h
SANITIZERS := -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DVAEI_DEBUG=1

# ---- version, read from the one place that has it ---------------------------------------------------------------------
number  = $(shell sed -n 's/^.define VAE_VERSION_$(1)  *//p' include/vae/version.h)
VERSION := $(call number,MAJOR).$(call number,MINOR).$(call number,PATCH)
SOVERSION := $(call number,SONAME)

# ---- system: the one that the compiler builds for -----------------------------------------------------------------------
# REALNAME is the file, SONAME what programs ask for when they start, LINKNAME what -lvae finds when they are linked.
TARGET := $(shell $(CC) -dumpmachine 2>/dev/null)
SYSTEM := $(or $(if $(findstring mingw,$(TARGET))$(findstring windows,$(TARGET)),windows),\
  $(if $(findstring darwin,$(TARGET))$(findstring macos,$(TARGET)),macos),$(if $(findstring wasm,$(TARGET)),wasm),elf)
ifeq ($(SYSTEM),windows)
  REALNAME := libvae-$(SOVERSION).dll
  SONAME   := $(REALNAME)
  LINKNAME := libvae.dll.a
else ifeq ($(SYSTEM),macos)
  REALNAME := libvae.$(VERSION).dylib
  SONAME   := libvae.$(SOVERSION).dylib
  LINKNAME := libvae.dylib
else
  REALNAME := libvae.so.$(VERSION)
  SONAME   := libvae.so.$(SOVERSION)
  LINKNAME := libvae.so
endif

# ---- BLAS -------------------------------------------------------------------------------------------------------------
ifeq ($(BLAS),auto)
  override BLAS := $(or $(shell $(PKG_CONFIG) --exists openblas 2>/dev/null && echo openblas),none)
  ifeq ($(BLAS)$(MAKELEVEL)$(filter clean uninstall print-%,$(MAKECMDGOALS)),none0)
    $(warning no VAE_ARITH_BLAS: pkg-config finds no openblas (Debian: libopenblas-dev). BLAS=none builds so without this line)
  endif
endif
ifeq ($(filter openblas blis none,$(BLAS)),)
  $(error BLAS=$(BLAS): wanted auto, openblas, blis or none)
endif
ifeq ($(BLAS),openblas)
  ifneq ($(filter-out clean uninstall print-%,$(or $(MAKECMDGOALS),all)),)
    ifneq ($(shell $(PKG_CONFIG) --exists openblas 2>/dev/null && echo yes),yes)
      $(error pkg-config does not find openblas (Debian: apt-get install libopenblas-dev); \
        or build without a BLAS: make BLAS=none)
    endif
  endif
  BLAS_CFLAGS ?= $(shell $(PKG_CONFIG) --cflags openblas)
  BLAS_LIBS   ?= $(shell $(PKG_CONFIG) --libs openblas)
else ifeq ($(BLAS),blis)
  # BLIS has no .pc file everywhere; Debian keeps its cblas.h in a folder of its own
  BLAS_CFLAGS ?= $(addprefix -I,$(firstword $(dir $(wildcard /usr/include/*/blis-*/cblas.h /usr/include/blis/cblas.h))))
  BLAS_LIBS   ?= -lblis
endif
ifneq ($(BLAS),none)
  BLAS_DEFS := -DVAEI_BLAS=1 -DVAEI_BLAS_NAME='"$(BLAS)"'
endif

# ---- flags ------------------------------------------------------------------------------------------------------------
# Ours stand after the user's where the results depend on them: contraction and fast-math would change the bits.
# a member that an initializer leaves out is 0, as C says: clang's -Wextra would want each named
OUR_WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wcast-qual -Wvla -Wpointer-arith -Wno-missing-field-initializers
OUR_CPPFLAGS := -Iinclude -D_POSIX_C_SOURCE=200809L
# no folder of the builder in what is built: equal sources give equal bytes
OUR_CFLAGS   := -std=c11 $(OUR_WARNINGS) -ffile-prefix-map=$(CURDIR)=.
OUR_FLOAT    := -fno-fast-math -fno-math-errno -ffp-contract=off -fno-trapping-math
# 32-bit x86 would compute on the x87, in 80 bits: every product and sum rounded twice
OUR_FLOAT    += $(if $(shell $(CC) $(CPPFLAGS) $(CFLAGS) -dM -E -x c /dev/null 2>/dev/null | grep -w __i386__),\
                  -msse2 -mfpmath=sse -Wno-psabi)
OUR_THREADS  := $(if $(filter elf macos,$(SYSTEM)),-pthread)
LIB_CFLAGS   := $(if $(filter windows,$(SYSTEM)),-DVAE_BUILD,-fPIC -fvisibility=hidden) -Wpedantic $(OUR_THREADS) $(OUR_FLOAT)
# the library's loops at -O3, unless the user asked for less than -O2
LOOP_CFLAGS := $(if $(filter -O0 -O1 -O -Og -Os -Oz,$(CFLAGS)),,-O3)
# The floors that read foreign bytes and the program check their stacks and copies; the kernels see nothing but sizes that were checked.
# A sanitizer does the same, and more. Marks for jumps and returns (x86: IBT and SHSTK) count only if every file has them.
accepted = $(if $(findstring -fsanitize,$(CFLAGS)),,$(foreach f,$(1),\
             $(shell mkdir -p $(BUILD); $(CC) $(f) -Werror -c -x c /dev/null -o $(BUILD)/accepted.o 2>/dev/null && echo '$(f)')))
OUR_JUMPS := $(call accepted,-fcf-protection)
HARDEN    := $(call accepted,-fstack-protector-strong -fstack-clash-protection) \
               $(if $(findstring -fsanitize,$(CFLAGS)),,\
                 $(if $(filter -O -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))
PROGRAM_LDFLAGS := $(if $(filter elf,$(SYSTEM)),-pie -Wl$(comma)-z$(comma)relro$(comma)-z$(comma)now$(comma)-z$(comma)noexecstack)
OUR_LDLIBS   := $(BLAS_LIBS) -lm $(OUR_THREADS)
SO_LDFLAGS_elf     := -shared -Wl,-soname,$(SONAME) -Wl,--version-script=libvae.map -Wl,-z,defs,-z,relro,-z,now,-z,noexecstack \
                        -Wl,--as-needed
SO_LDFLAGS_macos   := -dynamiclib -install_name @rpath/$(SONAME) -compatibility_version $(VERSION) -current_version $(VERSION)
SO_LDFLAGS_windows  = -shared -Wl,--out-implib,$(BUILD)/$(LINKNAME) $(BUILD)/vae.def
SO_LDFLAGS          = $(SO_LDFLAGS_$(SYSTEM))

SILENT := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q = $(if $(V),,@$(if $(SILENT),:,echo "  $(1)  $(2)");)
compile = $(call Q,CC,$<)$(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(OUR_JUMPS) $(1) $(CFLAGS) $(2) $(HARDENED) -MMD -MP -c -o $@ $<
one_file = $(call Q,CC,$<)$(CC) $(OUR_CPPFLAGS) $(1) $(CPPFLAGS) $(OUR_CFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -o $@ $< \
           $(STATIC) $(OUR_LDLIBS) $(LDLIBS)
link = $(call Q,LD,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(1) $(OUR_LDLIBS) $(LDLIBS)

# ---- files ------------------------------------------------------------------------------------------------------------
LIB_SRC     := $(wildcard lib/*/*.c lib/vae/*/*.c)
PROGRAM_SRC := $(wildcard src/*.c)
CHECK_SRC   := $(wildcard tests/check_*.c tests/likelihood_*.c)
RANDOM_SRC  := $(wildcard tests/random_*.c tests/reference*.c tests/tape.c)
EXAMPLE_SRC := $(wildcard examples/*.c)
BENCH_SRC   := $(wildcard bench/*.c)
HEADERS     := $(wildcard include/vae/*.h)

objects     = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
KERNEL_SRC  := $(filter lib/kernel/%,$(LIB_SRC))
KERNELS     ?= $(BUILD)
ISA_OBJ     := $(call objects,$(wildcard lib/kernel/isa_*.c))
KERNEL_OBJ  := $(patsubst %.c,$(KERNELS)/obj/%.o,$(KERNEL_SRC))
LIB_OBJ     := $(call objects,$(filter-out lib/kernel/%,$(LIB_SRC))) $(KERNEL_OBJ)
PROGRAM_OBJ := $(call objects,$(PROGRAM_SRC))
CHECK_OBJ   := $(call objects,$(CHECK_SRC))
RANDOM_OBJ  := $(call objects,$(RANDOM_SRC))
EXAMPLES    := $(patsubst examples/%.c,$(BUILD)/examples/%,$(EXAMPLE_SRC))
BENCHES     := $(patsubst bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))

STATIC  := $(BUILD)/libvae.a
SHARED  := $(BUILD)/$(REALNAME)
PROGRAM := $(if $(PROGRAM_SRC),$(BUILD)/vae)
CHECK   := $(if $(CHECK_SRC),$(BUILD)/check_vae)
RANDOM  := $(if $(RANDOM_SRC),$(BUILD)/random_models)

.PHONY: all static shared program examples check check-asan check-reproducible check-ports check-browser asan check-build soak \
        kill-soak power-soak bench-build bench demo demo-vq \
        fuzz fuzz-build fuzz-if-clang check-fuzz tsan msan memcheck coverage \
        compile_commands.json format check-format docs amalgamation dist sbom wheels nuget wasm install install-library uninstall clean \
        need-check need-program FORCE
all: static shared program
static: $(STATIC)
shared: $(SHARED)
program: $(PROGRAM)
examples: $(EXAMPLES)
check-build: $(CHECK) $(RANDOM)
bench-build: $(BENCHES)

# ---- objects: rebuilt when a flag changes -----------------------------------------------------------------------------
FLAGS_NOW = $(CC) $(OUR_CPPFLAGS) $(CPPFLAGS) $(OUR_CFLAGS) $(LIB_CFLAGS) $(CFLAGS) $(LOOP_CFLAGS) $(OUR_JUMPS) $(HARDEN) \
              $(BLAS) $(BLAS_CFLAGS)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || printf '%s\n' '$(subst ','\'',$(FLAGS_NOW))' > $@

$(BUILD)/obj/lib/kernel/%.o: lib/kernel/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call compile,-Ilib $(BLAS_DEFS) $(BLAS_CFLAGS),$(LOOP_CFLAGS) $(LIB_CFLAGS) $(ONE_FILE))

$(BUILD)/obj/lib/%.o: lib/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call compile,-Ilib $(BLAS_DEFS),$(LOOP_CFLAGS) $(LIB_CFLAGS))

# gcc takes half of a table's time to follow its variables through inlined vectors; lines, which profilers want, stay
$(ISA_OBJ): LOOP_CFLAGS += $(call accepted,-fno-var-tracking-assignments)

HARDENED_OBJ := $(filter $(BUILD)/obj/lib/base/% $(BUILD)/obj/lib/io/% $(BUILD)/obj/lib/import/% \
                  $(BUILD)/obj/lib/api/%,$(LIB_OBJ)) $(PROGRAM_OBJ)
$(HARDENED_OBJ): HARDENED = $(HARDEN)
$(PROGRAM_OBJ): HARDENED += -fPIE

# the program sees the public headers only
$(BUILD)/obj/src/%.o: src/%.c $(BUILD)/flags | need-program
	@mkdir -p $(@D)
	$(call compile,-Isrc $(PROGRAM_CFLAGS),-pthread)

$(BUILD)/obj/tests/%.o: tests/%.c $(BUILD)/flags | need-check
	@mkdir -p $(@D)
	$(call compile,-Ilib -Itests $(CHECK_CFLAGS),-pthread $(OUR_FLOAT) $(TEST_CFLAGS))

# ---- libraries and programs -------------------------------------------------------------------------------------------
$(STATIC): $(LIB_OBJ)
	@rm -f $@
	$(call Q,AR,$@)$(AR) rcsD $@ $(LIB_OBJ)

# libvae.map lists what is exported; Windows wants the list as a .def, macOS goes by the visibility of the symbols
$(BUILD)/vae.def: libvae.map
	@mkdir -p $(@D)
	@{ echo 'LIBRARY $(SONAME)'; echo EXPORTS; sed -n 's/^ *\(vae_[a-z0-9_]*\);.*/    \1/p' $<; } > $@

$(SHARED): $(LIB_OBJ) libvae.map $(if $(filter windows,$(SYSTEM)),$(BUILD)/vae.def)
	$(if $(filter wasm,$(SYSTEM)),$(error WebAssembly has no shared libraries: make static))
	$(call link,$(SO_LDFLAGS) $(LIB_OBJ))
ifneq ($(SYSTEM),windows)
	@ln -sf $(REALNAME) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/$(LINKNAME)
endif

# PICTURES names the formats that are read through a library; PNG, BMP and PNM always are. What is missing here, the program says.
# giflib has no .pc file everywhere, so it is tried.
PROGRAM_PKGS   := libpng zlib
package_jpeg   := libjpeg
package_webp   := libwebp libwebpdemux
package_tiff   := libtiff-4 >= 4.5
with_package   := $(foreach f,jpeg webp tiff,$(if $(shell $(PKG_CONFIG) --exists '$(package_$(f))' 2>/dev/null && echo yes),$(f)))
gif_program    := '$(hash)include <stddef.h>' '$(hash)include <gif_lib.h>' 'int main(void) { return !DGifOpen; }'
with_gif       := $(shell printf '%s\n' $(gif_program) | $(CC) $(CPPFLAGS) $(LDFLAGS) -x c -o /dev/null - -lgif 2>/dev/null && echo gif)
PICTURES       ?= $(strip $(with_package) $(with_gif))
PICTURE_PKGS    = $(foreach f,$(PICTURES),$(package_$(f)))
PROGRAM_CFLAGS  = $(shell $(PKG_CONFIG) --cflags '$(PROGRAM_PKGS) $(PICTURE_PKGS)' 2>/dev/null) $(PICTURES:%=-DVAE_READS_%)
PROGRAM_LIBS    = $(shell $(PKG_CONFIG) --libs '$(PROGRAM_PKGS) $(PICTURE_PKGS)' 2>/dev/null) $(if $(filter gif,$(PICTURES)),-lgif)
need-program:
	@$(PKG_CONFIG) --exists $(PROGRAM_PKGS) || { echo >&2 "the vae program needs $(PROGRAM_PKGS)" \
	  "(Debian: apt-get install libpng-dev zlib1g-dev); 'make static shared' does not"; exit 1; }

$(BUILD)/vae: $(PROGRAM_OBJ) $(STATIC)
	$(call link,$(PROGRAM_LDFLAGS) $(PROGRAM_OBJ) $(STATIC) $(PROGRAM_LIBS))

# the program writes its own man page and completion, from the tables that parse its options
$(BUILD)/vae.1: $(PROGRAM)
	@$(PROGRAM) help --man > $@
$(BUILD)/vae.bash $(BUILD)/vae.zsh $(BUILD)/vae.fish: $(BUILD)/vae.%: $(PROGRAM)
	@$(PROGRAM) completion $* > $@

CHECK_CFLAGS = $(shell $(PKG_CONFIG) --cflags check 2>/dev/null)
CHECK_LIBS   = $(shell $(PKG_CONFIG) --libs check 2>/dev/null)
need-check:
	@$(PKG_CONFIG) --exists check || { echo >&2 "the tests need Check (Debian: apt-get install check)"; exit 1; }

$(BUILD)/check_vae: $(CHECK_OBJ) $(STATIC)
	$(call link,$(CHECK_OBJ) $(STATIC) $(CHECK_LIBS))

$(BUILD)/random_models: $(RANDOM_OBJ) $(STATIC)
	$(call link,$(RANDOM_OBJ) $(STATIC))

# ---- fuzzing: each fuzz/target_NAME.c becomes fuzz_NAME, with the program's files but for its console and main ---------
TARGETS  := $(patsubst fuzz/target_%.c,%,$(wildcard fuzz/target_*.c))
FUZZERS  := $(TARGETS:%=$(BUILD)/fuzz_%)
WRAPPED  := fopen fdopen fclose atexit vae_ctx_create vae_model_create vae_model_load train_loop_run data_load_shapes plot_write \
            interrupt_catch
FUZZ_OBJ := $(call objects,$(filter-out fuzz/target_% $(if $(FUZZ_LINK),fuzz/driver.c),$(wildcard fuzz/*.c)) \
              $(filter-out src/console.c src/main.c,$(PROGRAM_SRC)))
fuzz-build: $(FUZZERS)

$(BUILD)/obj/fuzz/%.o: fuzz/%.c $(BUILD)/flags | need-program
	@mkdir -p $(@D)
	$(call compile,-Ilib -Isrc -Ifuzz $(PROGRAM_CFLAGS),-pthread)

$(FUZZERS): $(BUILD)/fuzz_%: $(BUILD)/obj/fuzz/target_%.o $(FUZZ_OBJ) $(STATIC)
	$(call link,$(FUZZ_LINK) $(WRAPPED:%=-Wl$(comma)--wrap=%) $< $(FUZZ_OBJ) $(STATIC) $(PROGRAM_LIBS))

$(BUILD)/examples/%: examples/%.c $(STATIC) $(BUILD)/flags
	@mkdir -p $(@D)
	$(one_file)

$(BUILD)/bench/%: bench/%.c $(STATIC) $(BUILD)/flags
	@mkdir -p $(@D)
	$(call one_file,-Ilib)

# ---- tests ------------------------------------------------------------------------------------------------------------
SANITIZE := -O1 -g $(SANITIZERS)
asan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan CFLAGS='$(SANITIZE)' check-build fuzz-build

check-asan: asan
	CK_FORK=no $(BUILD)/asan/check_vae

check-reproducible:
	@CC='$(CC)' CFLAGS='$(CFLAGS)' BLAS='$(BLAS)' MAKE='$(MAKE)' scripts/reproducible.sh

# Without a BLAS: OpenBLAS's own threads are not instrumented, and would be reported. Suites that fork are left out, since the
# sanitizer follows no child.
TSAN_SUITES := threads same_bits pool memory cancel
tsan:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/tsan BLAS=none CFLAGS='-O1 -g -fsanitize=thread' check-build
	@for suite in $(TSAN_SUITES); do CK_FORK=no TSAN_OPTIONS=halt_on_error=1 $(BUILD)/tsan/check_vae $$suite || exit 1; done

# Uninitialised values: every byte of the process must come from instrumented code, so Check stays outside of fork and BLAS is off. Two
# calls that the sanitizer cannot follow are told to it by tests/msan_known.c, which has the reasons.
MSAN := -O1 -g -fsanitize=memory -fno-omit-frame-pointer
msan:
	@mkdir -p $(BUILD)/msan
	@$(FUZZ_CC) -std=c11 $(MSAN) -c -o $(BUILD)/msan/known.o tests/msan_known.c
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/msan CC='$(FUZZ_CC)' BLAS=none CFLAGS='$(MSAN)' \
	  LDFLAGS='-Wl,--wrap=fwrite,--wrap=fstat64 $(BUILD)/msan/known.o' check-build
	@CK_FORK=no $(BUILD)/msan/check_vae

# valgrind is thirty times slower than the tests themselves, so that a run takes the suites that it is given.
MEMCHECK_SUITES ?= grammar json
memcheck: check-build
	@for suite in $(MEMCHECK_SUITES); do CK_FORK=no valgrind -q --error-exitcode=9 --leak-check=full $(BUILD)/check_vae $$suite || exit 1; done

# Branches are counted as they are written, without optimisation; but the arithmetic of the instruction sets and the tests' own are
# optimised, or the tests would take an hour.
$(ISA_OBJ): ONE_FILE = $(ISA_CFLAGS)
coverage:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic' \
	  ISA_CFLAGS='-O2 -fprofile-update=single' TEST_CFLAGS='-O2 -fno-profile-arcs -fno-test-coverage' program check-build fuzz-build
	@BUILD='$(BUILD)' scripts/coverage.sh

# The kernels are those of BUILD, without sanitizers: they read no bytes of files, and take minutes and gigabytes to compile with both
# sanitizers and coverage.
fuzz: $(KERNEL_OBJ)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz KERNELS=$(BUILD) CC='$(FUZZ_CC)' \
	  CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' FUZZ_LINK=-fsanitize=fuzzer fuzz-build

# the corpus through the same targets, and where there is a clang ten seconds of changes for each
check-fuzz: static check-build asan fuzz-if-clang
	@BUILD='$(BUILD)' scripts/check_fuzz.sh

fuzz-if-clang:
	@if echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return !p && n < 0; }' | \
	  $(FUZZ_CC) -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null; then $(MAKE) --no-print-directory fuzz; fi

check: all examples check-build asan fuzz-if-clang
	@MAKE='$(MAKE)' CC='$(CC)' BUILD='$(BUILD)' BLAS='$(BLAS)' scripts/run_checks.sh

check-ports: static
	@MAKE='$(MAKE)' CC='$(CC)' BUILD='$(BUILD)' BLAS='$(BLAS)' scripts/check_ports.sh --all

check-browser: program
	@MAKE='$(MAKE)' BUILD='$(BUILD)' scripts/browser.sh

MODELS ?= 20000
SEED   ?= 1
KILLS ?= 1000
kill-soak: program
	@BUILD='$(BUILD)' KILLS='$(KILLS)' scripts/kill_soak.sh

VARIANTS ?= 40
power-soak: program shared
	@CC='$(CC)' BUILD='$(BUILD)' VARIANTS='$(VARIANTS)' RECOVERIES=0 SEED='$(SEED)' tests/check_power_loss.sh

soak: $(RANDOM)
	$(RANDOM) --models $(MODELS) --seed $(SEED)

demo: program
	@BUILD='$(BUILD)' scripts/demo.sh

demo-vq: program
	@BUILD='$(BUILD)' scripts/demo_vq.sh

bench: all bench-build
	@VAE='$(BUILD)/vae' BUILD='$(BUILD)' bench/run.sh

# ---- for editors ------------------------------------------------------------------------------------------------------
# The commands are those that the rules above would run, so that no tool is needed to find them.
WHOLE := all examples check-build fuzz-build bench-build
compile_commands.json:
	@$(MAKE) --no-print-directory --always-make --dry-run V=1 $(WHOLE) | sed 's/[\\"]/\\&/g' | \
	  awk -v folder='$(CURDIR)' '/ -MMD -MP .*-o [^ ]+ [^ ]+\.c( |$$)/ { \
	    source = $$0; sub(/.* -o [^ ]+ /, "", source); sub(/ .*/, "", source); \
	    printf "%s{\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\"}", count++ ? ",\n" : "[\n", folder, source, $$0 } \
	    END { print count ? "\n]" : "[]" }' > $@

# by .clang-format; another version of clang-format breaks some lines otherwise
CLANG_FORMAT ?= clang-format-14
FORMATTED    := $(wildcard $(addsuffix /*.c,lib/* lib/vae/* src tests tests/golden fuzz bench examples scripts) \
                  $(addsuffix /*.h,include/vae lib/* lib/vae/* src tests fuzz bench scripts) bindings/cpp/*.hpp)
format:
	@$(CLANG_FORMAT) -i $(FORMATTED)
check-format:
	@$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)

docs: $(STATIC)
	@CC='$(CC)' BUILD='$(BUILD)' LIBS='$(OUR_LDLIBS)' scripts/make_spec_doc.sh > docs/spec.md.new
	@mv docs/spec.md.new docs/spec.md

# ---- releases: equal trees give equal bytes -----------------------------------------------------------------------------
amalgamation:
	@scripts/amalgamate.py $(BUILD)/amalgamation

sbom:
	@scripts/sbom.py $(BUILD)/dist/libvae-$(VERSION).spdx.json

dist: amalgamation
	@BUILD='$(BUILD)' VERSION='$(VERSION)' scripts/dist.sh

wheels:
	@BUILD='$(BUILD)' scripts/make_wheels.sh $(PLATFORMS)

nuget:
	@scripts/make_nuget.py $(BUILD)/wheels $(BUILD)/dist

wasm:
	@MAKE='$(MAKE)' BUILD='$(BUILD)' CFLAGS='$(CFLAGS)' scripts/make_wasm.sh

# ---- install ----------------------------------------------------------------------------------------------------------
# a folder below PREFIX is written relative to it, so that pkg-config can move the whole tree
below_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))
$(BUILD)/vae.pc $(BUILD)/vaeConfig.cmake $(BUILD)/vaeConfigVersion.cmake: $(BUILD)/%: %.in include/vae/version.h FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call below_prefix,$(LIBDIR))|' \
	     -e 's|@INCLUDEDIR@|$(call below_prefix,$(INCLUDEDIR))|' -e 's|@ABSOLUTE_INCLUDEDIR@|$(INCLUDEDIR)|' \
	     -e 's|@VERSION@|$(VERSION)|' \
	     -e 's|@LIBS_PRIVATE@|$(strip $(OUR_LDLIBS))|' $< > $@

COMPLETIONS := $(DATADIR)/bash-completion/completions
COMPLETIONS_ZSH := $(DATADIR)/zsh/site-functions
COMPLETIONS_FISH := $(DATADIR)/fish/vendor_completions.d
install-library: static shared $(BUILD)/vae.pc $(BUILD)/vaeConfig.cmake $(BUILD)/vaeConfigVersion.cmake
	$(INSTALL) -d '$(DESTDIR)$(INCLUDEDIR)/vae' '$(DESTDIR)$(LIBDIR)/pkgconfig'
	$(INSTALL) -m 644 $(HEADERS) bindings/cpp/vae.hpp '$(DESTDIR)$(INCLUDEDIR)/vae/'
	$(INSTALL) -m 644 $(STATIC) '$(DESTDIR)$(LIBDIR)/'
	$(INSTALL) -m 644 $(BUILD)/vae.pc '$(DESTDIR)$(LIBDIR)/pkgconfig/'
	$(INSTALL) -d '$(DESTDIR)$(LIBDIR)/cmake/vae'
	$(INSTALL) -m 644 $(BUILD)/vaeConfig.cmake $(BUILD)/vaeConfigVersion.cmake '$(DESTDIR)$(LIBDIR)/cmake/vae/'
ifeq ($(SYSTEM),windows)
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)'
	$(INSTALL) -m 755 $(SHARED) '$(DESTDIR)$(BINDIR)/'
	$(INSTALL) -m 644 $(BUILD)/$(LINKNAME) '$(DESTDIR)$(LIBDIR)/'
else
	$(INSTALL) -m 755 $(SHARED) '$(DESTDIR)$(LIBDIR)/'
	ln -sf $(REALNAME) '$(DESTDIR)$(LIBDIR)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/$(LINKNAME)'
	@# the loader looks up what is in its folders in a cache
	@if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ] && ldconfig -N -v 2>/dev/null | grep -q '^$(LIBDIR):'; then ldconfig; fi
endif

install: install-library program $(BUILD)/vae.1 $(BUILD)/vae.bash $(BUILD)/vae.zsh $(BUILD)/vae.fish
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(MANDIR)/man1' '$(DESTDIR)$(COMPLETIONS)' \
	  '$(DESTDIR)$(COMPLETIONS_ZSH)' '$(DESTDIR)$(COMPLETIONS_FISH)'
	$(INSTALL) -m 755 $(PROGRAM) '$(DESTDIR)$(BINDIR)/'
	$(INSTALL) -m 644 $(BUILD)/vae.1 '$(DESTDIR)$(MANDIR)/man1/'
	$(INSTALL) -m 644 $(BUILD)/vae.bash '$(DESTDIR)$(COMPLETIONS)/vae'
	$(INSTALL) -m 644 $(BUILD)/vae.zsh '$(DESTDIR)$(COMPLETIONS_ZSH)/_vae'
	$(INSTALL) -m 644 $(BUILD)/vae.fish '$(DESTDIR)$(COMPLETIONS_FISH)/vae.fish'

uninstall:
	rm -rf '$(DESTDIR)$(INCLUDEDIR)/vae' '$(DESTDIR)$(LIBDIR)/cmake/vae'
	cd '$(DESTDIR)$(LIBDIR)' && rm -f libvae.a $(LINKNAME) $(SONAME) $(REALNAME) pkgconfig/vae.pc
	rm -f '$(DESTDIR)$(BINDIR)/vae' $(if $(filter windows,$(SYSTEM)),'$(DESTDIR)$(BINDIR)/$(REALNAME)')
	rm -f '$(DESTDIR)$(MANDIR)/man1/vae.1' '$(DESTDIR)$(COMPLETIONS)/vae' \
	  '$(DESTDIR)$(COMPLETIONS_ZSH)/_vae' '$(DESTDIR)$(COMPLETIONS_FISH)/vae.fish'

clean:
	rm -rf $(BUILD)

print-%:
	@echo '$($*)'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
