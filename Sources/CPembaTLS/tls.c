// Pemba: what OpenSSL calls back: a BIO over memory that the caller lends, and the choice of ALPN protocol.
// SPDX-License-Identifier: Apache-2.0
#include "CPembaTLS.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int pipe_read(BIO *bio, char *destination, size_t capacity, size_t *count) {
    pemba_tls_pipe *pipe = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (pipe->input_count == 0) {
        BIO_set_retry_read(bio);
        *count = 0;
        return 0;
    }
    size_t taken = capacity < pipe->input_count ? capacity : pipe->input_count;
    memcpy(destination, pipe->input, taken);
    pipe->input += taken;
    pipe->input_count -= taken;
    *count = taken;
    return 1;
}

static int spill(pemba_tls_pipe *pipe, const char *source, size_t count) {
    size_t needed = pipe->spill_count + count;
    if (needed > pipe->spill_capacity) {
        size_t capacity = pipe->spill_capacity < 4096 ? 4096 : pipe->spill_capacity;
        while (capacity < needed) {
            capacity *= 2;
        }
        uint8_t *grown = realloc(pipe->spill, capacity);
        if (grown == NULL) {
            return 0;
        }
        pipe->spill = grown;
        pipe->spill_capacity = capacity;
    }
    memcpy(pipe->spill + pipe->spill_count, source, count);
    pipe->spill_count = needed;
    return 1;
}

static int pipe_write(BIO *bio, const char *source, size_t count, size_t *written) {
    pemba_tls_pipe *pipe = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    // Once something has spilled, all that follows spills too, or it would overtake.
    if (pipe->spill_count == 0 && count <= pipe->output_capacity - pipe->output_count) {
        memcpy(pipe->output + pipe->output_count, source, count);
        pipe->output_count += count;
    } else if (!spill(pipe, source, count)) {
        *written = 0;
        return 0;
    }
    *written = count;
    return 1;
}

static long pipe_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)number;
    (void)pointer;
    pemba_tls_pipe *pipe = BIO_get_data(bio);
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_PENDING:
        return pipe->input_count > LONG_MAX ? LONG_MAX : (long)pipe->input_count;
    default:
        return 0;
    }
}

static BIO_METHOD *method = NULL;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pemba pipe");
    if (made == NULL || BIO_meth_set_read_ex(made, pipe_read) != 1 || BIO_meth_set_write_ex(made, pipe_write) != 1
        || BIO_meth_set_ctrl(made, pipe_ctrl) != 1) {
        BIO_meth_free(made);
        return;
    }
    method = made;
}

struct bio_st *pemba_tls_bio_new(pemba_tls_pipe *pipe) {
    pthread_once(&method_once, make_method);
    if (method == NULL) {
        return NULL;
    }
    BIO *bio = BIO_new(method);
    if (bio == NULL) {
        return NULL;
    }
    BIO_set_data(bio, pipe);
    BIO_set_init(bio, 1);
    return bio;
}

size_t pemba_tls_pipe_take_spill(pemba_tls_pipe *pipe, uint8_t *destination, size_t capacity) {
    size_t taken = capacity < pipe->spill_count ? capacity : pipe->spill_count;
    if (taken == 0) {
        return 0;
    }
    memcpy(destination, pipe->spill, taken);
    pipe->spill_count -= taken;
    if (pipe->spill_count == 0) {
        // Handshakes and alerts spill, traffic does not: an open connection keeps no memory for it.
        pemba_tls_pipe_release(pipe);
    } else {
        memmove(pipe->spill, pipe->spill + taken, pipe->spill_count);
    }
    return taken;
}

void pemba_tls_pipe_release(pemba_tls_pipe *pipe) {
    free(pipe->spill);
    pipe->spill = NULL;
    pipe->spill_count = 0;
    pipe->spill_capacity = 0;
}

const unsigned char pemba_tls_protocol[8] = {7, 'p', 'e', 'm', 'b', 'a', '/', '1'};

static int select_protocol(
    SSL *ssl, const unsigned char **out, unsigned char *out_count, const unsigned char *in, unsigned int in_count,
    void *unused
) {
    (void)ssl;
    (void)unused;
    const unsigned int wanted = sizeof pemba_tls_protocol;
    for (unsigned int offset = 0; offset < in_count; offset += (unsigned int)in[offset] + 1) {
        if (wanted <= in_count - offset && memcmp(in + offset, pemba_tls_protocol, wanted) == 0) {
            *out = pemba_tls_protocol + 1;
            *out_count = pemba_tls_protocol[0];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int pemba_tls_require_protocol(struct ssl_ctx_st *context) {
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    // Unlike its neighbours this function returns 0 on success.
    return SSL_CTX_set_alpn_protos(context, pemba_tls_protocol, sizeof pemba_tls_protocol) == 0;
}
