// Pemba: tests of network addresses.
// SPDX-License-Identifier: Apache-2.0

import PembaCore
import Testing

@Suite struct NetworkAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7001", "127.0.0.1", 7001), ("[::1]:7001", "::1", 7001),
        ("node-1.example.com:0", "node-1.example.com", 0),
        ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65_535), ("[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1", 1),
    ])
    func bothFamiliesAndNamesAreRead(text: String, host: String, port: UInt16) throws {
        let address = try NetworkAddress(parsing: text)
        #expect(address == NetworkAddress(host: host, port: port))
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "localhost", ":7001", "localhost:", "localhost:x", "localhost:65536", "localhost:-1", "localhost:+1",
        "::1:7001",
        "[::1]", "[::1]7001", "[]:7001", "[::1:7001", "[localhost]:7001", "local host:7001", "a/b:1", "[::1 ]:1",
    ])
    func anythingElseIsAnErrorThatQuotesIt(text: String) {
        #expect {
            try NetworkAddress(parsing: text)
        } throws: { error in
            (error as? NetworkAddressError)?.text == text
        }
    }
}
