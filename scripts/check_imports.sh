#!/bin/sh
# SPDX-License-Identifier: MIT
# check_imports.sh - compares the functions that libvae calls outside of the library with a list of allowed functions. The list contains no
# function that prints, exits, aborts, reads the environment, depends on the locale or keeps hidden state.
# (tests/check_install.sh checks that a library without a BLAS needs only libc and libm.)
. scripts/report.sh

# memory and strings; numbers as integers only, through vsnprintf
allowed='malloc free posix_memalign madvise memcpy memmove memset memcmp memchr strlen strcmp strncmp strchr strrchr
strstr strspn strcspn strpbrk strcpy strncpy snprintf vsnprintf __errno_location strerror_r __xpg_strerror_r
bsearch qsort'
# files, in lib/io
allowed="$allowed open open64 close read write pread pread64 pwrite lseek lseek64 fstat fstat64 stat stat64 fsync fdatasync
rename unlink fcntl fcntl64 ftruncate ftruncate64 getpid fchmod"
# threads that were asked for
allowed="$allowed pthread_create pthread_join pthread_mutex_init pthread_mutex_destroy pthread_mutex_lock
pthread_mutex_unlock pthread_cond_init pthread_cond_destroy pthread_cond_wait pthread_cond_signal pthread_cond_broadcast
pthread_attr_init pthread_attr_destroy pthread_attr_setstacksize pthread_sigmask sigfillset sched_yield __tls_get_addr"
# libm: exact everywhere by IEEE 754
allowed="$allowed sqrt sqrtf floor floorf ceil ceilf rint rintf nearbyint nearbyintf trunc truncf round roundf lrint lrintf
llrint lround llround fma fmaf fabs fabsf fmin fminf fmax fmaxf ldexp ldexpf frexp frexpf scalbn scalbnf copysign copysignf"
# the rounding mode: the library's own in a call, the host's again behind it
allowed="$allowed fegetenv fesetenv fegetround fesetround"
# libm: scalars of schedules, objectives and quantizers, in double
allowed="$allowed exp log log1p expm1 cos sin tan atanh pow"
# what gcc and the linker add
allowed="$allowed _GLOBAL_OFFSET_TABLE_ __stack_chk_fail __cxa_finalize __gmon_start__ _ITM_deregisterTMCloneTable
_ITM_registerTMCloneTable __memcpy_chk __memset_chk __memmove_chk __snprintf_chk __vsnprintf_chk __strcpy_chk"

never='abort exit _exit printf fprintf vprintf vfprintf puts putchar fputs fwrite perror getenv secure_getenv rand srand
random setlocale strtod strtof strtol atof atoi sscanf fscanf scanf strtok signal sigaction raise __assert_fail system popen
time clock gettimeofday sprintf strcat gets longjmp setjmp _setjmp __printf_chk __fprintf_chk stderr stdout'

# imports FILES: undefined names that the files do not define themselves
imports() {
    nm -g "$@" 2>/dev/null | awk '$1 == "U" { u[$2] } NF == 3 { d[$3] } END { for (s in u) if (!(s in d)) print s }' |
        sed 's/@.*//' | sort -u
}
used=$(imports "$BUILD/libvae.a" | grep -v '^cblas_' | grep -vE '^(openblas|bli)_')
[ -n "$used" ] && ok "$(echo "$used" | wc -l) imports" || not_ok "no imports found in $BUILD/libvae.a"

unknown=
bad=
for symbol in $used; do
    case " $(echo $allowed) " in
    *" $symbol "*) ;;
    *) unknown="$unknown $symbol" ;;
    esac
    case " $(echo $never) " in
    *" $symbol "*) bad="$bad $symbol" ;;
    esac
done
expect_empty 'nothing that prints, exits, or reads the environment or the locale' "$bad"
expect_empty 'imports are on the allow-list' "$unknown"

blas=$(nm -gA "$BUILD"/obj/lib/*/*.o "$BUILD"/obj/lib/vae/*/*.o 2>/dev/null | grep -E ' U (cblas|openblas|bli)_' | grep -v '/lib/kernel/')
expect_empty 'BLAS is called by lib/kernel only' "$blas"

# constructors and writable data: hidden state in the host
state=$(nm -f sysv "$BUILD/libvae.a" 2>/dev/null | awk -F '|' '
    $4 ~ /OBJECT/ && $7 ~ /^ *\.(bss|data)(\.|$)/ && $7 !~ /rel\.ro/ { print $1 }' | sort -u)
expect_empty 'no mutable globals' "$state"
ctors=$(objdump -h "$BUILD/libvae.a" 2>/dev/null | awk '$2 ~ /^\.(init_array|ctors|fini_array|dtors)/ { print $2 }' | sort -u)
expect_empty 'no constructors or destructors' "$ctors"

finish
