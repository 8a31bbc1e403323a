// Pemba: system calls that Swift's C library module leaves out.
// SPDX-License-Identifier: Apache-2.0

// accept4 and pthread_setname_np are GNU's extensions, which a C file has to ask for.
#define _GNU_SOURCE
#include "CPembaSockets.h"

#include <pthread.h>
#include <sys/socket.h>

int pemba_accept(int listener, void *address, unsigned int *length) {
    return accept4(listener, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static _Thread_local const void *current_loop;

void pemba_begin_loop(const void *loop, const char *name) {
    current_loop = loop;
    pthread_setname_np(pthread_self(), name);
}

const void *pemba_current_loop(void) { return current_loop; }
