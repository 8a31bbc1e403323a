// Pemba: the LZ4 block functions.
// SPDX-License-Identifier: Apache-2.0
#ifndef PEMBA_CLZ4_SHIM_H
#define PEMBA_CLZ4_SHIM_H

#include <lz4.h>

#endif
