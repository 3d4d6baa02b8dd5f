/* SPDX-License-Identifier: MIT
 * atomic.h - numbers that several threads read and write at once: <stdatomic.h> of C11.
 *
 * A compiler that has none of it (__STDC_NO_ATOMICS__, as tcc) builds a library without threads, in which they are plain numbers: a host
 * then calls libvae from one thread alone. */
#ifndef VAEI_ATOMIC_H
#define VAEI_ATOMIC_H

#ifndef __STDC_NO_ATOMICS__
#include <stdatomic.h>
#elif !defined(VAE_NO_THREADS)
#error "this compiler has no atomic numbers: compile libvae with -DVAE_NO_THREADS, and call it from one thread"
#else
#include <stdint.h>

static inline int32_t vaei_plain_exchange(int32_t *a, int32_t x) {
    const int32_t was = *a;
    *a = x;
    return was;
}

static inline uint32_t vaei_plain_and(uint32_t *a, uint32_t x) {
    const uint32_t was = *a;
    *a &= x;
    return was;
}

#define _Atomic
#define atomic_init(a, x)                                           ((void)(*(a) = (x)))
#define atomic_load(a)                                              (*(a))
#define atomic_load_explicit(a, order)                              (*(a))
#define atomic_store(a, x)                                          ((void)(*(a) = (x)))
#define atomic_store_explicit(a, x, order)                          ((void)(*(a) = (x)))
#define atomic_fetch_add(a, x)                                      ((*(a) += (x)) - (x))
#define atomic_fetch_sub(a, x)                                      ((*(a) -= (x)) + (x))
#define atomic_fetch_add_explicit(a, x, order)                      atomic_fetch_add(a, x)
#define atomic_fetch_sub_explicit(a, x, order)                      atomic_fetch_sub(a, x)
#define atomic_fetch_and_explicit(a, x, order)                      vaei_plain_and(a, x)
#define atomic_exchange_explicit(a, x, order)                       vaei_plain_exchange(a, x)
#define atomic_compare_exchange_strong(a, was, x)                   (*(a) == *(was) ? (*(a) = (x), 1) : (*(was) = *(a), 0))
#define atomic_compare_exchange_weak_explicit(a, was, x, set, fail) atomic_compare_exchange_strong(a, was, x)
#endif

#endif
