// Pemba: functions for OpenSSL's function-like macros, which Swift cannot import.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_COPENSSL_SHIM_H
#define PEMBA_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#endif
