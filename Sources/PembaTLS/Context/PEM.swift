// Pemba: reading certificates and keys in PEM form.
// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc

/// Where certificates or a key come from.
package enum PEMSource: Equatable, Sendable {
    /// A file.
    case file(String)
    /// Bytes in memory, and what errors call them.
    case bytes([UInt8], name: String)

    /// What errors call the source.
    package var name: String {
        switch self {
        case .file(let path): path
        case .bytes(_, let name): name
        }
    }

    /// The bytes; a file is read, and refused where its mode must keep others out and does not.
    package func read(secret: Bool) throws(TLSError) -> [UInt8] {
        switch self {
        case .bytes(let bytes, _): return bytes
        case .file(let path): return try PEMFile.read(path, secret: secret)
        }
    }
}

/// Files that hold certificates and keys.
package enum PEMFile {
    /// The most bytes that such a file may have.
    static let sizeMax = 1 << 20

    /// Reads a whole file; a secret one must be readable and writable by its owner alone.
    static func read(_ path: String, secret: Bool) throws(TLSError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unreadableFile(path: path, reason: reason(errno)) }
        defer { close(descriptor) }
        // The mode of what was opened, not of what the path names by now.
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadableFile(path: path, reason: reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .unreadableFile(path: path, reason: "not a regular file")
        }
        let mode = status.st_mode & 0o7777
        if secret, mode != 0o600, mode != 0o400 { throw .exposedKeyFile(path: path, mode: mode) }
        guard status.st_size <= sizeMax else {
            throw .unreadableFile(path: path, reason: "larger than \(sizeMax) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: sizeMax + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if got < 0 {
                if errno == EINTR { continue }
                throw .unreadableFile(path: path, reason: reason(errno))
            }
            if got == 0 { break }
            count += got
        }
        return Array(bytes[..<count])
    }

    private static func reason(_ number: CInt) -> String { String(cString: strerror(number)) }
}

/// Certificates and keys out of PEM bytes.
package enum PEM {
    /// Calls `body` with each certificate, in order; there must be at least one.
    package static func certificates(
        in source: PEMSource,
        _ body: (borrowing CertificateHandle, Int) throws(TLSError) -> Void
    ) throws(TLSError) {
        let bytes = try source.read(secret: false)
        ErrorQueue.clear()
        guard let bio = BIO_new_mem_buf(bytes, CInt(bytes.count)) else { throw ErrorQueue.failure("BIO_new_mem_buf") }
        // The BIO points into `bytes`, which therefore has to live as long.
        defer { withExtendedLifetime(bytes) { _ = BIO_free(bio) } }
        var count = 0
        while let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
            let handle = CertificateHandle(certificate)
            try body(handle, count)
            count += 1
        }
        // The end of the input ends the loop with "no start line"; damage ends it with another error.
        let end = ErrorQueue.drain()
        guard count > 0, end == nil || end?.reason == PEM_R_NO_START_LINE else {
            throw .malformedPEM(source: source.name, expected: "certificates")
        }
    }

    /// The first certificate.
    package static func certificate(in source: PEMSource) throws(TLSError) -> CertificateHandle {
        let bytes = try source.read(secret: false)
        ErrorQueue.clear()
        guard let bio = BIO_new_mem_buf(bytes, CInt(bytes.count)) else { throw ErrorQueue.failure("BIO_new_mem_buf") }
        defer { withExtendedLifetime(bytes) { _ = BIO_free(bio) } }
        guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else {
            ErrorQueue.clear()
            throw .malformedPEM(source: source.name, expected: "a certificate")
        }
        return CertificateHandle(certificate)
    }

    /// The private key; it must not be protected by a passphrase.
    package static func key(in source: PEMSource) throws(TLSError) -> KeyHandle {
        var bytes = try source.read(secret: true)
        defer { bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) } }
        ErrorQueue.clear()
        guard let bio = BIO_new_mem_buf(bytes, CInt(bytes.count)) else { throw ErrorQueue.failure("BIO_new_mem_buf") }
        defer { withExtendedLifetime(bytes) { _ = BIO_free(bio) } }
        var wasAsked = false
        // Without a callback of ours OpenSSL would ask for the passphrase on the terminal.
        let key = withUnsafeMutablePointer(to: &wasAsked) { asked in
            PEM_read_bio_PrivateKey(
                bio,
                nil,
                { _, _, _, asked in
                    asked?.assumingMemoryBound(to: Bool.self).pointee = true
                    return -1
                },
                asked
            )
        }
        guard let key else {
            ErrorQueue.clear()
            if wasAsked { throw .encryptedKey(source: source.name) }
            throw .malformedPEM(source: source.name, expected: "a private key")
        }
        return KeyHandle(key)
    }
}
