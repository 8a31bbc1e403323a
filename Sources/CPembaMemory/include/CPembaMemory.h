// Pemba: hints about memory that Swift has no words for.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_MEMORY_H
#define PEMBA_MEMORY_H

/// Tells the processor that the memory at `address` will be read soon.
///
/// It goes on without waiting, so that many such reads are under way at once. The address need not be valid.
static inline void pemba_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
