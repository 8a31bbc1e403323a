// Pemba: CRC32C (Castagnoli) with hardware paths chosen at run time.
// SPDX-License-Identifier: Apache-2.0
#include "CPembaChecksum.h"

#include <string.h>

// Eight tables for slicing by eight; built on first use from the reflected polynomial.
static uint32_t tables[8][256];

static void build_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int slice = 1; slice < 8; slice++) {
            uint32_t previous = tables[slice - 1][byte];
            tables[slice][byte] = (previous >> 8) ^ tables[0][previous & 0xFF];
        }
    }
}

// A constructor runs before any thread exists, so that the tables need no lock.
__attribute__((constructor)) static void initialise(void) { build_tables(); }

static uint64_t load_little_endian(const unsigned char *bytes) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) {
        word = (word << 8) | bytes[i];
    }
    return word;
}

uint32_t pemba_crc32c_portable(uint32_t seed, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    uint32_t crc = ~seed;
    while (count >= 8) {
        uint64_t word = load_little_endian(next) ^ crc;
        crc = tables[7][word & 0xFF] ^ tables[6][(word >> 8) & 0xFF] ^ tables[5][(word >> 16) & 0xFF] ^
              tables[4][(word >> 24) & 0xFF] ^ tables[3][(word >> 32) & 0xFF] ^ tables[2][(word >> 40) & 0xFF] ^
              tables[1][(word >> 48) & 0xFF] ^ tables[0][word >> 56];
        next += 8;
        count -= 8;
    }
    while (count > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *next) & 0xFF];
        next++;
        count--;
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t seed, const unsigned char *next,
                                                                  size_t count) {
    uint64_t crc = (uint32_t)~seed;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = _mm_crc32_u64(crc, word);
        next += 8;
        count -= 8;
    }
    uint32_t tail = (uint32_t)crc;
    while (count > 0) {
        tail = _mm_crc32_u8(tail, *next);
        next++;
        count--;
    }
    return ~tail;
}

uint32_t pemba_crc32c(uint32_t seed, const void *bytes, size_t count) {
    if (__builtin_cpu_supports("sse4.2")) {
        return crc32c_hardware(seed, bytes, count);
    }
    return pemba_crc32c_portable(seed, bytes, count);
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t pemba_crc32c(uint32_t seed, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    uint32_t crc = ~seed;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __crc32cd(crc, word);
        next += 8;
        count -= 8;
    }
    while (count > 0) {
        crc = __crc32cb(crc, *next);
        next++;
        count--;
    }
    return ~crc;
}
#else
uint32_t pemba_crc32c(uint32_t seed, const void *bytes, size_t count) {
    return pemba_crc32c_portable(seed, bytes, count);
}
#endif
