// Pemba: functions for OpenSSL's function-like macros and variadic functions, which Swift cannot import.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_COPENSSL_SHIM_H
#define PEMBA_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/// Admits TLS 1.3 and nothing else; 1 on success.
static inline int pemba_ssl_ctx_require_tls13(SSL_CTX *ctx) {
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1;
}

/// Keeps no sessions: neither a cache nor tickets.
static inline int pemba_ssl_ctx_disable_resumption(SSL_CTX *ctx) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ctx, 0);
}

static inline int pemba_ssl_ctx_set_groups(SSL_CTX *ctx, const char *names) {
    return (int)SSL_CTX_set1_groups_list(ctx, names);
}

static inline int pemba_ssl_ctx_add_chain_certificate(SSL_CTX *ctx, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(ctx, certificate);
}

/// The certificates between the own one and the authority; borrowed, may be NULL.
static inline STACK_OF(X509) *pemba_ssl_ctx_chain(SSL_CTX *ctx) {
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(ctx, &chain);
    return chain;
}

/// A new P-256 key, or NULL.
static inline EVP_PKEY *pemba_generate_p256(void) {
    return EVP_EC_gen("P-256");
}

static inline int pemba_general_name_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}

static inline GENERAL_NAME *pemba_general_name_at(const GENERAL_NAMES *names, int position) {
    return sk_GENERAL_NAME_value(names, position);
}

/// The text of a URI name (not zero-terminated) and its length, or NULL if the name is of another kind.
static inline const unsigned char *pemba_general_name_uri(const GENERAL_NAME *name, int *count) {
    if (name->type != GEN_URI) {
        return NULL;
    }
    *count = ASN1_STRING_length(name->d.uniformResourceIdentifier);
    return ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
}

/// Appends a name of `type` (GEN_URI or GEN_DNS) with the text; 1 on success.
static inline int pemba_general_names_add_text(GENERAL_NAMES *names, int type, const char *text) {
    ASN1_IA5STRING *value = ASN1_IA5STRING_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (value == NULL || name == NULL || ASN1_STRING_set(value, text, -1) != 1) {
        ASN1_IA5STRING_free(value);
        GENERAL_NAME_free(name);
        return 0;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return 0;
    }
    return 1;
}

/// Appends an IPv4 or IPv6 address; 0 if the text is not one.
static inline int pemba_general_names_add_address(GENERAL_NAMES *names, const char *text) {
    ASN1_OCTET_STRING *value = a2i_IPADDRESS(text);
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (value == NULL || name == NULL) {
        ASN1_OCTET_STRING_free(value);
        GENERAL_NAME_free(name);
        return 0;
    }
    GENERAL_NAME_set0_value(name, GEN_IPADD, value);
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return 0;
    }
    return 1;
}

#endif
