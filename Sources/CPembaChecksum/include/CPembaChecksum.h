// Pemba: CRC32C (Castagnoli) with hardware paths chosen at run time.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_CHECKSUM_H
#define PEMBA_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC32C (RFC 3720, appendix B.4; reflected polynomial 0x82F63B78) of `count` bytes, continued from `seed`.
///
/// Pass 0 to start. `pemba_crc32c(pemba_crc32c(0, a), b)` is the checksum of `a` followed by `b`.
uint32_t pemba_crc32c(uint32_t seed, const void *bytes, size_t count);

/// The portable path of `pemba_crc32c`, for comparing with the hardware paths in tests.
uint32_t pemba_crc32c_portable(uint32_t seed, const void *bytes, size_t count);

#endif
