// Pemba: tests of the credentials file.
// SPDX-License-Identifier: Apache-2.0

import PembaService
import Testing

@testable import PembaServer

struct CredentialsTests {
    /// SHA-256 of `secret` and of `other`.
    private static let secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    private static let other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

    @Test func keysAreKnownByTheirDigest() throws {
        let yaml = """
            - {name: ci, roles: read+write, sha256: \(Self.secret)}
            - {name: ops, roles: admin, sha256: \(Self.other)}
            """
        let credentials = try Credentials(yaml: yaml, fileName: "credentials.yaml")
        let holder = try #require(credentials.holder(of: "secret"))
        #expect(holder.name == "ci" && holder.roles == [.read, .write])
        #expect(credentials.holder(of: "other")?.roles == .admin)
        #expect(credentials.holder(of: "Secret") == nil)
        #expect(credentials.holder(of: "") == nil)
        #expect(credentials.holder(of: Self.secret) == nil)
    }

    @Test func anEmptyFileHasNoKeys() throws {
        #expect(try Credentials(yaml: "", fileName: "c").holder(of: "secret") == nil)
    }

    @Test(arguments: [
        ("{a: b}", "c.yaml:1: credentials must be a list"),
        ("- ci", "c.yaml:1: a credential is {name, roles, sha256}"),
        ("- {name: ci, key: secret}", "has the fields name, roles and sha256 and no other"),
        ("- {name: a b, roles: read, sha256: x}", "name must be"),
        ("- {name: ci, roles: read+fly, sha256: x}", "roles of 'ci' must be"),
        ("- {name: ci, roles: read, sha256: secret}", "sha256 of 'ci' must be 64 hexadecimal digits"),
        (
            "- {name: ci, roles: read, sha256: \(secret)}\n- {name: ci, roles: read, sha256: \(other)}",
            "c.yaml:2: the cred"
        ),
        ("- {name: ci, roles: read, sha256: \(secret)}\n- {name: d, roles: read, sha256: \(secret)}", "stands twice"),
    ])
    func mistakesAreNamedAndKeysAreNot(yaml: String, expected: String) {
        #expect {
            try Credentials(yaml: yaml, fileName: "c.yaml")
        } throws: { error in
            "\(error)".contains(expected)
        }
    }
}
