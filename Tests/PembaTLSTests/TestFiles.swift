// Pemba: files for tests of certificates.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A folder that goes away with its owner.
final class TemporaryFolder {
    private let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("pemba-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.path + "/" + name }
}

/// A key made for these tests and used nowhere else, protected by the passphrase `secret`.
enum EncryptedKey {
    static let pem = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgrNBsc91W5QgICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBZbWailP8j/rWROls9zB40EgZA3
        ZE1hhNXAh6rCmSmQxq5JbUqRe3l57WU0+WvoLxGRi4ryY/Op+Sw8/vn+MkUY6mzv
        nwApRI+vU1BgJxZjYCHU8tsxF6ONXkUbY65ZIjwkVCfRjJcdnlghA82AKfB+9tgV
        0SLHkmKkInil5PfuWXNueQ5QY98BInhY66HfiEgk9j9Qik2ntYjQfBqHcIDDBQs=
        -----END ENCRYPTED PRIVATE KEY-----

        """
}
