// Pemba: tests of TLS connections with peers that do not play by the rules.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import PembaCore
import PembaTLS
import PembaTestSupport
import Testing

@Suite struct HostilePeerTests {
    private let cluster: TestCluster

    init() throws { cluster = try TestCluster() }

    private func server() throws -> TLSEngine {
        try TLSEngine(context: cluster.context(.server, cluster.node(1)), side: .server, expecting: .anyone)
    }

    /// The first message of a client made without any of our code.
    private func helloOfForeignClient(maximum: CInt, protocols: [UInt8]) throws -> [UInt8] {
        let context = try #require(SSL_CTX_new(TLS_client_method()))
        defer { SSL_CTX_free(context) }
        let limit = SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(maximum), nil)
        #expect(limit == 1)
        if !protocols.isEmpty { #expect(SSL_CTX_set_alpn_protos(context, protocols, UInt32(protocols.count)) == 0) }
        let ssl = try #require(SSL_new(context))
        defer { SSL_free(ssl) }
        let output = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(ssl, BIO_new(BIO_s_mem()), output)
        SSL_set_connect_state(ssl)
        SSL_do_handshake(ssl)
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
        #expect(BIO_read(output, &bytes, CInt(bytes.count)) == CInt(bytes.count))
        return bytes
    }

    private func error(after bytes: [UInt8], chunk: Int = .max) throws -> TLSError? {
        var engine = try server()
        var buffer = ByteQueue()
        var offset = 0
        do {
            while offset < bytes.count {
                let part = Array(bytes[offset..<min(bytes.count, offset + min(chunk, bytes.count))])
                try part.withUnsafeBytes { _ = try engine.receive($0, into: &buffer) }
                offset += part.count
            }
            return nil
        } catch let error as TLSError {
            // Whatever the error, the engine must stay usable for sending its alert and nothing else.
            _ = EnginePair.drain(&engine)
            return error
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_1_VERSION])
    func olderVersionsAreRefused(version: CInt) throws {
        let hello = try helloOfForeignClient(maximum: version, protocols: [7] + Array("pemba/1".utf8))
        guard !hello.isEmpty else { return }  // This build of the library does not know the version at all.
        #expect(try error(after: hello) == .unsupportedVersion)
    }

    @Test func theRefusalOfAnOldVersionIsSaidInAnAlert() throws {
        var engine = try server()
        var buffer = ByteQueue()
        let hello = try helloOfForeignClient(maximum: TLS1_2_VERSION, protocols: [])
        #expect(throws: TLSError.unsupportedVersion) {
            try hello.withUnsafeBytes { _ = try engine.receive($0, into: &buffer) }
        }
        let alert = EnginePair.drain(&engine)
        // Alert record, version, length 2, fatal, protocol_version (RFC 8446, section 6).
        #expect(alert.first == 21)
        #expect(alert.suffix(2) == [2, 70])
    }

    @Test func otherProtocolsAreRefused() throws {
        let foreign = try helloOfForeignClient(maximum: TLS1_3_VERSION, protocols: [2] + Array("h2".utf8))
        #expect(try error(after: foreign) == .protocolNotOffered)
    }

    @Test func aClientThatOffersNoProtocolIsRefused() throws {
        let context = try #require(SSL_CTX_new(TLS_client_method()))
        defer { SSL_CTX_free(context) }
        let ssl = try #require(SSL_new(context))
        defer { SSL_free(ssl) }
        let input = try #require(BIO_new(BIO_s_mem()))
        let output = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(ssl, input, output)
        SSL_set_connect_state(ssl)
        var engine = try server()
        var buffer = ByteQueue()
        #expect(throws: TLSError.protocolNotOffered) {
            // Two flights from the client are more than a handshake takes.
            for _ in 0..<2 {
                SSL_do_handshake(ssl)
                var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(output))
                #expect(BIO_read(output, &bytes, CInt(bytes.count)) == CInt(bytes.count))
                try bytes.withUnsafeBytes { _ = try engine.receive($0, into: &buffer) }
                let answer = EnginePair.drain(&engine)
                #expect(BIO_write(input, answer, CInt(answer.count)) == CInt(answer.count))
            }
        }
    }

    @Test func oneOfSeveralOfferedProtocolsIsEnough() throws {
        let protocols: [UInt8] = [2] + Array("h2".utf8) + [7] + Array("pemba/1".utf8)
        #expect(try error(after: helloOfForeignClient(maximum: TLS1_3_VERSION, protocols: protocols)) == nil)
    }

    @Test func randomBytesAreRefusedAndNothingElseHappens() throws {
        for seed in Seeds(short: 300, full: 20_000) {
            var random = SeededRandom(seed: seed)
            var bytes = (0..<random.below(3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Half of them begin like a handshake, so that they get past the first look.
            if random.chance(1, in: 2) { bytes = [22, 3, 1] + bytes }
            _ = try error(after: bytes, chunk: 1 + random.below(500))
        }
    }

    @Test func aDamagedStreamIsAnErrorAndNeverOtherBytes() throws {
        let client = try cluster.context(.client, cluster.client())
        let own = try cluster.context(.server, cluster.node(1))
        for seed in Seeds(short: 150, full: 5_000) {
            var random = SeededRandom(seed: seed)
            let pair = try EnginePair(client: client, server: own, chunk: 1 + random.below(2_000))
            pair.settle()
            let sent = (0..<(1 + random.below(40_000))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var sealed = try EnginePair.seal(sent, with: &pair.client)
            sealed[random.below(sealed.count)] ^= UInt8(1 << random.below(8))
            pair.deliver(toServer: sealed)
            let received = pair.serverReceived
            let prefix = Array(sent[..<received.count])
            #expect(received == prefix, "\(Seeds.replay(seed, "aDamagedStreamIsAnErrorAndNeverOtherBytes"))")
            #expect(received.count < sent.count)
        }
    }
}
