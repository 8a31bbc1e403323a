// Pemba: what OpenSSL calls back: a BIO over memory that the caller lends, and the choice of ALPN protocol.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_TLS_H
#define PEMBA_TLS_H

#include <stddef.h>
#include <stdint.h>

struct bio_st;
struct ssl_ctx_st;

/// The ciphertext on both sides of one TLS connection.
///
/// `input` is lent for the length of one call and read without a copy of its own. Output goes to the lent `output`
/// window while it has room and nothing has spilled; after that to `spill`, which grows and is owned by the pipe.
typedef struct pemba_tls_pipe {
    const uint8_t *input;
    size_t input_count;
    uint8_t *output;
    size_t output_count;
    size_t output_capacity;
    uint8_t *spill;
    size_t spill_count;
    size_t spill_capacity;
} pemba_tls_pipe;

/// A BIO that reads and writes `pipe`, which must outlive it; NULL when memory is out.
struct bio_st *pemba_tls_bio_new(pemba_tls_pipe *pipe);

/// Moves up to `capacity` spilled bytes to `destination` and returns how many.
size_t pemba_tls_pipe_take_spill(pemba_tls_pipe *pipe, uint8_t *destination, size_t capacity);

/// Frees what the pipe owns.
void pemba_tls_pipe_release(pemba_tls_pipe *pipe);

/// The ALPN protocol of this version as OpenSSL takes it: a length byte and the name.
extern const unsigned char pemba_tls_protocol[8];

/// Makes a server context select exactly `pemba_tls_protocol` and refuse clients that offer only others, and a client
/// context offer it; 1 on success.
int pemba_tls_require_protocol(struct ssl_ctx_st *context);

#endif
