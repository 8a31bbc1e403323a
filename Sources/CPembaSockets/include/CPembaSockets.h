// Pemba: system calls that Swift's C library module leaves out.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_SOCKETS_H
#define PEMBA_SOCKETS_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

/// Accepts a connection as accept4(2) does: programs that are started meanwhile do not inherit it, and it never blocks.
///
/// `address` has room for `*length` bytes, and gets a `struct sockaddr` of so many bytes as `*length` then says.
int pemba_accept(int listener, void *address, unsigned int *length);

/// Names the calling thread, for the system's tools (at most 15 bytes), and marks it as that of `loop`.
void pemba_begin_loop(const void *loop, const char *name);

/// The loop whose thread this is; null on every other thread.
const void *pemba_current_loop(void);

#endif
