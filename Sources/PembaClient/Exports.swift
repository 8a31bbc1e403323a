// Pemba: what an importer of the client library sees with it.
// SPDX-License-Identifier: Apache-2.0

@_exported public import PembaCore
@_exported public import PembaService
