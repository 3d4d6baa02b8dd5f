/* SPDX-License-Identifier: MIT
 * abi.c - prints the size and the offset of every member of the public structs, which linked programs depend on. */
#include <stddef.h>
#include <stdio.h>
#include <vae/vae.h>

#define STRUCT(type)       printf("struct %s %zu\n", #type, sizeof(type))
#define MEMBER(type, name) printf("member %s.%s %zu %zu\n", #type, #name, offsetof(type, name), sizeof(((type *)0)->name))
#define VALUE(name)        printf("value %s %lld\n", #name, (long long)(name))

int main(void) {
#include "abi_list.h"
    return 0;
}
